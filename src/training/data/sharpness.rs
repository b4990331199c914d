//! Crops as other reconstruction kernels give them: sharper, or smoother.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tch::{Device, Tensor};

use crate::error::Result;

/// A share of its fine detail for each group of a batch, by which all its slices are changed.
pub(super) struct Sharpness {
    /// `[N, 1, 1, 1]`; 0 leaves a group as it is.
    shares: Tensor,
}

impl Sharpness {
    /// Draws a share for each of `groups` from -`jitter` to `jitter`; `None` for a jitter of 0.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub(super) fn random(
        jitter: f64,
        groups: usize,
        random: &mut ChaCha8Rng,
        device: Device,
    ) -> Result<Option<Sharpness>> {
        if jitter == 0.0 {
            return Ok(None);
        }
        let drawn: Vec<f32> =
            (0..groups).map(|_| (jitter * random.random_range(-1.0..=1.0)) as f32).collect();
        let shares = Tensor::f_from_slice(&drawn)?.f_view([-1, 1, 1, 1])?.f_to_device(device)?;
        Ok(Some(Sharpness { shares }))
    }

    /// Adds its group's share of the difference to the mean of 3 x 3 pixels to each plane of
    /// `[N * each, 1, H, W]`, grey values on [0, 1], and clips to them.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub(super) fn apply(&self, planes: &Tensor, each: i64) -> Result<Tensor> {
        let around = planes.f_replication_pad2d([1, 1, 1, 1])?;
        let smooth = around.f_avg_pool2d([3, 3], [1, 1], [0, 0], false, true, None)?;
        let shares = self.shares.f_repeat_interleave_self_int(each, 0, None::<i64>)?;
        let detail = planes.f_sub(&smooth)?.f_mul(&shares)?;
        Ok(planes.f_add(&detail)?.f_clamp(0.0, 1.0)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use tch::Kind;

    #[test]
    fn detail_grows_and_shrinks_by_its_share() {
        // A dot of 0.9 on 0: the mean around it is 0.1, its detail 0.8.
        let planes = Tensor::zeros([4, 1, 5, 5], (Kind::Float, Device::Cpu));
        let _ = planes.narrow(2, 2, 1).narrow(3, 2, 1).fill_(0.9);
        let shares = Tensor::from_slice(&[0.1f32, -0.5]).view([-1, 1, 1, 1]);
        let changed = Sharpness { shares }.apply(&planes, 2).unwrap();
        for (plane, expected) in [(0, 0.98), (1, 0.98), (2, 0.5), (3, 0.5)] {
            assert!((changed.double_value(&[plane, 0, 2, 2]) - expected).abs() < 1e-6);
        }
        // Beside the dot: 0 - (0 - 0.1) x -0.5 = 0.05; below 0 it is clipped.
        assert!((changed.double_value(&[2, 0, 1, 2]) - 0.05).abs() < 1e-6);
        assert_eq!(changed.double_value(&[0, 0, 1, 2]), 0.0);
        assert_eq!(changed.double_value(&[2, 0, 0, 0]), 0.0);
    }

    #[test]
    fn shares_are_within_the_jitter() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        assert!(Sharpness::random(0.0, 8, &mut random, Device::Cpu).unwrap().is_none());
        let drawn = Sharpness::random(0.3, 500, &mut random, Device::Cpu).unwrap().unwrap();
        let [least, most] = [drawn.shares.min(), drawn.shares.max()].map(|x| x.double_value(&[]));
        assert!((-0.3..-0.25).contains(&least) && (0.25..=0.3).contains(&most), "{least} {most}");
    }
}
