//! Feature maps and the paper's mixture of them.

use tch::Tensor;

use super::above::Raised;
use super::aligned::Halfway;
use crate::error::Result;

/// What an encoder makes of a batch of slices: feature maps `[N, C, H, W]`, the finest first.
/// HRINet-Motion keeps the slice itself as the first of them.
pub struct Features {
    /// The maps, finest first.
    pub maps: Vec<Tensor>,
    /// What of the slices lies above the grey window (metal, teeth) and is carried past the network; `None` where
    /// nothing does.
    pub above: Option<Raised>,
}

impl Features {
    /// The features of `count` slices of the batch from `start` on; nothing is copied.
    pub fn narrow(&self, start: i64, count: i64) -> Result<Features> {
        self.each(|map| Ok(map.f_narrow(0, start, count)?))
    }

    /// The features of one slice, seen as a batch of `count` equal ones; nothing is copied.
    pub fn repeat(&self, count: i64) -> Result<Features> {
        self.each(|map| Ok(map.f_expand([count, -1, -1, -1], false)?))
    }

    /// Each slice's features `count` times in a row.
    pub fn repeat_each(&self, count: i64) -> Result<Features> {
        self.each(|map| Ok(map.f_repeat_interleave_self_int(count, 0, None::<i64>)?))
    }

    /// Bytes that the maps take.
    pub fn bytes(&self) -> u64 {
        self.maps.iter().map(|map| map.numel() as u64 * 4).sum()
    }

    fn each(&self, change: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Features> {
        Ok(Features {
            maps: self.maps.iter().map(&change).collect::<Result<_>>()?,
            above: self.above.as_ref().map(|above| above.each(&change)).transpose()?,
        })
    }
}

/// The known slices beyond pairs of slices: the one before the first, the one after the second.
pub struct Around {
    /// Their features. Where one is not there, those of the pair's own slice next to it.
    pub slices: [Features; 2],
    /// 1 where it is there, 0 where it is not: `[N, 1, 1, 1]`.
    pub there: [Tensor; 2],
}

/// A batch of pairs of encoded slices, and the known slices beyond them where there are any.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// The slices between which new ones lie.
    pub slices: [&'a Features; 2],
    /// Those beyond, for a generator that has use for them.
    pub around: Option<&'a Around>,
    /// What [`Motion::halfway`](super::motion::Motion::halfway) found of the pair, where it was asked before;
    /// of one pair, whatever the batch.
    pub halfway: Option<&'a Halfway>,
}

impl<'a> Pair<'a> {
    /// Two slices, and nothing beyond them.
    pub fn alone(first: &'a Features, second: &'a Features) -> Pair<'a> {
        Pair { slices: [first, second], around: None, halfway: None }
    }

    /// What of its slices lies above the window.
    pub fn above(&self) -> [Option<&'a Raised>; 2] {
        self.slices.map(|slice| slice.above.as_ref())
    }
}

impl Around {
    /// The same seen from the other end of the stack.
    pub fn reversed(self) -> Around {
        let ([before, after], [there_before, there_after]) = (self.slices, self.there);
        Around { slices: [after, before], there: [there_after, there_before] }
    }
}

/// z(alpha) = alpha * En(x1) + (1 - alpha) * En(x2), map by map (section 3.1 of the paper).
/// `alpha`: `[N]`, one for each pair of the batch.
pub fn mix(first: &Features, second: &Features, alpha: &Tensor) -> Result<Features> {
    let alpha = alpha.f_view([-1, 1, 1, 1])?;
    let mixed = first.maps.iter().zip(&second.maps).map(|(x1, x2)| {
        // x2 + alpha (x1 - x2): the same, and exactly x2 at alpha 0.
        Ok(x2.f_add(&x1.f_sub(x2)?.f_mul(&alpha)?)?)
    });
    Ok(Features { maps: mixed.collect::<Result<_>>()?, above: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixing_is_the_blend_and_passes_gradients_to_both_slices() {
        let [x1, x2] = [3.0f32, 5.0].map(|value| {
            Tensor::from_slice(&[value; 8]).view([2, 1, 2, 2]).set_requires_grad(true)
        });
        let features = |x: &Tensor| Features { maps: vec![x.shallow_clone()], above: None };
        let alpha = Tensor::from_slice(&[0.25f32, 1.0]);
        let mixed = mix(&features(&x1), &features(&x2), &alpha).unwrap();
        assert_eq!(mixed.maps[0].double_value(&[0, 0, 1, 1]), 4.5);
        assert_eq!(mixed.maps[0].double_value(&[1, 0, 0, 0]), 3.0);
        mixed.maps[0].sum(tch::Kind::Float).backward();
        assert_eq!(x1.grad().double_value(&[0, 0, 0, 0]), 0.25);
        assert_eq!(x2.grad().double_value(&[0, 0, 0, 0]), 0.75);
        assert_eq!(x2.grad().double_value(&[1, 0, 0, 0]), 0.0);
    }
}
