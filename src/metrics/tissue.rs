//! Bias and noise by tissue, which PSNR hides.
//!
//! A voxel belongs to a tissue where the mean of the **true** slice over the 5 x 5 pixels around it
//! is in the tissue's range: the noise of a single voxel does not decide, and borders between
//! tissues belong to neither. Voxels within two pixels of the plane's border are omitted.
//!
//! Where structures move from slice to slice, a tissue chosen by the truth takes in values of its
//! neighbours, with every method. The bias is therefore also given for the voxels that the
//! **interpolated** slice shows as a tissue, as measured without knowing the truth.

use ndarray::{Array2, ArrayView2, Zip, s};
use serde::Serialize;

use crate::metrics::neighbourhood::weighted_sum;

/// Side of the neighbourhood, pixels.
pub(crate) const SIDE: usize = 5;

/// A tissue, defined by a range of HU.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tissue {
    /// Name of the tissue.
    pub name: &'static str,
    /// Lowest local mean, HU.
    pub low_hu: f64,
    /// Highest local mean, HU.
    pub high_hu: f64,
}

/// Tissues that are scored.
pub const TISSUES: [Tissue; 4] = [
    Tissue { name: "lung", low_hu: -950.0, high_hu: -700.0 },
    Tissue { name: "fat", low_hu: -130.0, high_hu: -60.0 },
    Tissue { name: "muscle", low_hu: 10.0, high_hu: 90.0 },
    Tissue { name: "bone", low_hu: 250.0, high_hu: 2000.0 },
];

/// Sums over the voxels of one tissue, of all slices added.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TissueSums {
    voxels: u64,
    error: f64,
    true_deviation: f64,
    interpolated_deviation: f64,
    shown_voxels: u64,
    shown_error: f64,
}

/// Bias and noise in one tissue.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TissueScores {
    /// Number of voxels of the tissue in the true slices.
    pub voxels: u64,
    /// Mean of prediction - truth over these voxels, HU; 0 is best.
    pub bias_hu: f64,
    /// Mean standard deviation over 5 x 5 pixels in interpolated slices, divided by that in true
    /// slices: 1 is the noise of the scan, below 1 is smoother.
    pub noise_ratio: f64,
    /// Number of voxels of the tissue in the interpolated slices.
    pub shown_voxels: u64,
    /// Mean of prediction - truth over these voxels, HU; 0 is best; 0 if there are none.
    pub shown_bias_hu: f64,
}

impl TissueSums {
    /// Adds other sums, such as those of another volume.
    pub fn merge(&mut self, other: &TissueSums) {
        self.voxels += other.voxels;
        self.error += other.error;
        self.true_deviation += other.true_deviation;
        self.interpolated_deviation += other.interpolated_deviation;
        self.shown_voxels += other.shown_voxels;
        self.shown_error += other.shown_error;
    }

    /// Scores; `None` without voxels of the tissue or without noise in the true slices.
    pub fn scores(&self) -> Option<TissueScores> {
        (self.voxels > 0 && self.true_deviation > 0.0).then(|| TissueScores {
            voxels: self.voxels,
            bias_hu: self.error / self.voxels as f64,
            noise_ratio: self.interpolated_deviation / self.true_deviation,
            shown_voxels: self.shown_voxels,
            shown_bias_hu: self.shown_error / self.shown_voxels.max(1) as f64,
        })
    }
}

/// Standard error over volumes of the bias of shown voxels, HU.
///
/// Standard error of the ratio of sums `b = sum e_i / sum n_i`,
/// `sqrt(N / (N - 1) sum (e_i - b n_i)^2) / sum n_i` (Cochran, Sampling Techniques, section 6.4),
/// where `n_i` is the number of voxels of the tissue that volume i shows and `e_i` the sum of their
/// errors. `None` for fewer than two volumes that show the tissue.
pub fn shown_bias_standard_error_hu(volumes: &[TissueSums]) -> Option<f64> {
    let shown: Vec<_> = volumes.iter().filter(|sums| sums.shown_voxels > 0).collect();
    if shown.len() < 2 {
        return None;
    }
    let voxels: f64 = shown.iter().map(|sums| sums.shown_voxels as f64).sum();
    let bias = shown.iter().map(|sums| sums.shown_error).sum::<f64>() / voxels;
    let squared = |sums: &&TissueSums| (sums.shown_error - bias * sums.shown_voxels as f64).powi(2);
    let count = shown.len() as f64;
    let squares: f64 = shown.iter().map(squared).sum();
    Some((count / (count - 1.0) * squares).sqrt() / voxels)
}

/// Adds a true slice and the interpolated one, HU, to the sums of each of [`TISSUES`]. Slices
/// smaller than the neighbourhood add nothing.
pub fn add(sums: &mut [TissueSums; 4], truth: ArrayView2<f64>, interpolated: ArrayView2<f64>) {
    let (rows, columns) = truth.dim();
    if interpolated.dim() != truth.dim() || rows < SIDE || columns < SIDE {
        return;
    }
    let (true_mean, true_deviation) = local(truth);
    let (interpolated_mean, interpolated_deviation) = local(interpolated);
    let border = SIDE / 2;
    let inner = s![border..rows - border, border..columns - border];
    let error = &interpolated.slice(inner) - &truth.slice(inner);
    Zip::from(&true_mean).and(&error).and(&true_deviation).and(&interpolated_deviation).for_each(
        |mean, error, true_deviation, interpolated_deviation| {
            if let Some(tissue) = tissue_of(*mean) {
                sums[tissue].merge(&TissueSums {
                    voxels: 1,
                    error: *error,
                    true_deviation: *true_deviation,
                    interpolated_deviation: *interpolated_deviation,
                    ..TissueSums::default()
                });
            }
        },
    );
    Zip::from(&interpolated_mean).and(&error).for_each(|mean, error| {
        if let Some(tissue) = tissue_of(*mean) {
            sums[tissue].shown_voxels += 1;
            sums[tissue].shown_error += *error;
        }
    });
}

fn tissue_of(mean_hu: f64) -> Option<usize> {
    TISSUES.iter().position(|tissue| (tissue.low_hu..=tissue.high_hu).contains(&mean_hu))
}

/// Mean and standard deviation over the neighbourhoods within the plane.
fn local(plane: ArrayView2<f64>) -> (Array2<f64>, Array2<f64>) {
    let count = (SIDE * SIDE) as f64;
    // Weights of 1: sums of whole HU are exact, and so are the ends of the ranges.
    let mean_of = |plane| weighted_sum(plane, &[1.0; SIDE / 2 + 1]) / count;
    let mean = mean_of(plane);
    let squares = mean_of((&plane * &plane).view());
    let deviation = (squares - &mean * &mean).mapv_into(|variance| variance.max(0.0).sqrt());
    (mean, deviation)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stripes of `height` around a level: for 40 HU, the mean over 5 columns is 8 HU off the level
    /// and the variance is 40^2 - 8^2.
    fn stripes(level: f64, height: f64) -> Array2<f64> {
        Array2::from_shape_fn((20, 30), |(_, column)| {
            level + if column % 2 == 0 { height } else { -height }
        })
    }

    #[test]
    fn bias_and_noise_match_the_closed_form() {
        let mut sums = [TissueSums::default(); 4];
        let (truth, interpolated) = (stripes(50.0, 40.0), stripes(53.0, 10.0));
        add(&mut sums, truth.view(), interpolated.view());
        let muscle = sums[2].scores().unwrap();
        assert_eq!(muscle.voxels, 16 * 26);
        // The stripes average out over an even number of columns.
        assert!((muscle.bias_hu - 3.0).abs() < 1e-9, "{muscle:?}");
        assert!((muscle.noise_ratio - 0.25).abs() < 1e-9, "{muscle:?}");
        assert!([0, 1, 3].iter().all(|&other| sums[other].scores().is_none()));
    }

    #[test]
    fn tissue_is_chosen_by_truth_and_shown_by_interpolation() {
        let mut sums = [TissueSums::default(); 4];
        let (lung, fat) = (stripes(-800.0, 20.0), stripes(-100.0, 20.0));
        add(&mut sums, lung.view(), fat.view());
        // No fat in truth, no lung in the interpolated slice.
        assert_eq!(sums[1].scores(), None);
        let of_lung = sums[0].scores().unwrap();
        assert!((of_lung.bias_hu - 700.0).abs() < 1e-9);
        assert_eq!(of_lung.shown_voxels, 0);
        add(&mut sums, fat.view(), stripes(-102.0, 20.0).view());
        let of_fat = sums[1].scores().unwrap();
        assert!((of_fat.bias_hu + 2.0).abs() < 1e-9);
        assert_eq!(of_fat.shown_voxels, 2 * of_fat.voxels);
        // Half of the voxels shown are lung, 700 HU off; half are 2 HU off the other way.
        assert!((of_fat.shown_bias_hu - (700.0 - 2.0) / 2.0).abs() < 1e-9);
        // Adding the same sums changes the count only.
        let once = sums[0];
        sums[0].merge(&once);
        assert_eq!(sums[0].scores().unwrap().voxels, 2 * once.voxels);
        assert!((sums[0].scores().unwrap().noise_ratio - 1.0).abs() < 1e-9);
    }

    fn volume(bias: f64, shown_voxels: u64) -> TissueSums {
        let shown_error = bias * shown_voxels as f64;
        TissueSums { shown_voxels, shown_error, ..TissueSums::default() }
    }

    #[test]
    fn standard_error_of_equal_volumes_is_that_of_a_mean() {
        // Mean 2, standard deviation 5: of four, 5 / 2.
        let four = [-3.0, 7.0, 2.0 - 12.5f64.sqrt(), 2.0 + 12.5f64.sqrt()];
        let volumes = four.map(|bias| volume(bias, 300));
        let found = shown_bias_standard_error_hu(&volumes).unwrap();
        assert!((found - 5.0 / 2.0).abs() < 1e-9, "{found}");
        // A volume without the tissue does not count; one volume gives no standard error.
        let with_none = [volumes[0], volumes[1], volumes[2], volumes[3], volume(0.0, 0)];
        assert_eq!(shown_bias_standard_error_hu(&with_none), Some(found));
        assert_eq!(shown_bias_standard_error_hu(&volumes[..1]), None);
        // A small volume has little weight: 1 / 1001 of the voxels, off by 10 HU.
        let uneven = shown_bias_standard_error_hu(&[volume(0.0, 1000), volume(10.0, 1)]).unwrap();
        let difference = 10.0 * 1000.0 / 1001.0;
        assert!((uneven - 2.0 * difference / 1001.0).abs() < 1e-9, "{uneven}");
    }

    #[test]
    fn planes_smaller_than_the_neighbourhood_add_nothing() {
        let mut sums = [TissueSums::default(); 4];
        add(&mut sums, Array2::zeros((4, 9)).view(), Array2::zeros((4, 9)).view());
        assert_eq!(sums, [TissueSums::default(); 4]);
    }
}
