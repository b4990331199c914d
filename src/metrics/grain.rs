//! Grain of a volume: the noise of flat tissue, and how alike it is from slice to slice.
//!
//! Slices that overlap share photons, and so their grain: two slices of thickness `t`, a distance
//! `d < t` apart, correlate by about `1 - d / t`. A network that is trained on slices that share
//! none has learnt to remove grain that can be known here.

use ndarray::{Array2, ArrayView2, Zip, s};

use crate::metrics::neighbourhood::weighted_sum;

/// Side of the neighbourhood whose mean is no grain, pixels.
const SIDE: usize = 7;

/// Range of local means of soft tissue, HU.
const SOFT_TISSUE_HU: std::ops::RangeInclusive<f64> = -150.0..=150.0;

/// Largest difference of the local means of one tissue in both slices, HU.
const SAME_TISSUE_HU: f64 = 30.0;

/// Share of the soft tissue, that of the least deviation, which counts as flat.
const FLAT_SHARE: f64 = 0.25;

/// Fewest pixels of soft tissue in a pair of slices.
const MIN_PIXELS: usize = 200;

/// Sums over flat tissue of pairs of neighbouring slices.
#[derive(Clone, Copy, Debug, Default)]
pub struct Grain {
    pixels: usize,
    first_squared: f64,
    second_squared: f64,
    product: f64,
}

impl Grain {
    /// Adds two neighbouring slices in HU, of one shape. Slices with little soft tissue, or smaller
    /// than the neighbourhood, add nothing.
    pub fn add(&mut self, first: ArrayView2<f64>, second: ArrayView2<f64>) {
        let (rows, columns) = first.dim();
        if second.dim() != first.dim() || rows < SIDE || columns < SIDE {
            return;
        }
        let (first, second) = (Local::of(first), Local::of(second));
        let mut soft = Vec::new();
        Zip::from(&first.mean)
            .and(&second.mean)
            .and(&first.variance)
            .and(&second.variance)
            .for_each(|&mean, &other, variance, other_variance| {
                let both = SOFT_TISSUE_HU.contains(&mean) && SOFT_TISSUE_HU.contains(&other);
                if both && (mean - other).abs() < SAME_TISSUE_HU {
                    soft.push(variance.max(*other_variance));
                }
            });
        if soft.len() < MIN_PIXELS {
            return;
        }
        let at = (soft.len() as f64 * FLAT_SHARE) as usize;
        let (_, &mut limit, _) = soft.select_nth_unstable_by(at, f64::total_cmp);
        for (index, &mean) in first.mean.indexed_iter() {
            let other = second.mean[index];
            let both = SOFT_TISSUE_HU.contains(&mean) && SOFT_TISSUE_HU.contains(&other);
            let flat = first.variance[index].max(second.variance[index]) <= limit;
            if both && flat && (mean - other).abs() < SAME_TISSUE_HU {
                let (a, b) = (first.grain[index], second.grain[index]);
                self.pixels += 1;
                self.first_squared += a * a;
                self.second_squared += b * b;
                self.product += a * b;
            }
        }
    }

    /// Standard deviation of the grain, HU; `None` where there was no flat tissue.
    pub fn deviation_hu(&self) -> Option<f64> {
        (self.pixels > 0).then(|| (self.first_squared / self.pixels as f64).sqrt())
    }

    /// Correlation of the grain of neighbouring slices, -1 to 1; `None` where there was none.
    pub fn correlation(&self) -> Option<f64> {
        let squared = self.first_squared * self.second_squared;
        (squared > 0.0).then(|| self.product / squared.sqrt())
    }
}

/// Mean and variance over the neighbourhood of each pixel of a slice, and its difference from that
/// mean.
struct Local {
    mean: Array2<f64>,
    variance: Array2<f64>,
    grain: Array2<f64>,
}

impl Local {
    fn of(plane: ArrayView2<f64>) -> Local {
        let mean_of = |plane| weighted_sum(plane, &[1.0; SIDE / 2 + 1]) / (SIDE * SIDE) as f64;
        let mean = mean_of(plane);
        let variance = mean_of((&plane * &plane).view()) - &mean * &mean;
        let border = SIDE / 2;
        let (rows, columns) = plane.dim();
        let inner = plane.slice(s![border..rows - border, border..columns - border]);
        Local { grain: &inner - &mean, mean, variance }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rand_distr::StandardNormal;

    /// Slices of soft tissue whose grain shares `share` of its variance with the slice before.
    fn grain(share: f64) -> Grain {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut noise =
            || Array2::from_shape_fn((120, 90), |_| random.sample::<f64, _>(StandardNormal));
        let common = noise();
        let mut slice = || 40.0 + 20.0 * ((1.0 - share).sqrt() * noise() + share.sqrt() * &common);
        let (first, second) = (slice(), slice());
        let mut grain = Grain::default();
        grain.add(first.view(), second.view());
        grain
    }

    #[test]
    fn correlation_is_the_share_that_both_slices_have() {
        for share in [0.0, 0.5, 0.9] {
            let correlation = grain(share).correlation().unwrap();
            assert!((correlation - share).abs() < 0.06, "{share}: {correlation}");
        }
        let deviation = grain(0.0).deviation_hu().unwrap();
        // The quarter of the least deviation.
        assert!((15.0..20.0).contains(&deviation), "{deviation}");
    }

    #[test]
    fn air_and_small_planes_have_no_grain() {
        let mut grain = Grain::default();
        for (side, hu) in [(40, -1000.0), (5, 40.0)] {
            let plane = Array2::from_elem((side, side), hu);
            grain.add(plane.view(), plane.view());
        }
        assert_eq!((grain.correlation(), grain.deviation_hu()), (None, None));
    }
}
