//! Bias and noise by tissue: what PSNR hides.
//!
//! A voxel belongs to a tissue where the mean of the **true** slice over the 5 x 5 pixels around it
//! lies in the tissue's range: a single noisy voxel does not choose its own class, and borders
//! between tissues fall to neither. Voxels within two pixels of the plane's border are left out.
//!
//! What is chosen by the truth shows its neighbours' values wherever it moved, with every method. The
//! bias is therefore told a second time for the voxels that the **made** slice shows as a tissue: what
//! somebody measures who has the made slice alone.

use ndarray::{Array2, ArrayView2, Zip, s};
use serde::Serialize;

use crate::metrics::neighbourhood::weighted_sum;

/// Side of the neighbourhood, pixels.
pub(crate) const SIDE: usize = 5;

/// A range of HU that stands for a tissue.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tissue {
    /// Its name.
    pub name: &'static str,
    /// Lowest local mean, HU.
    pub low_hu: f64,
    /// Highest local mean, HU.
    pub high_hu: f64,
}

/// The tissues that are looked at.
pub const TISSUES: [Tissue; 4] = [
    Tissue { name: "lung", low_hu: -950.0, high_hu: -700.0 },
    Tissue { name: "fat", low_hu: -130.0, high_hu: -60.0 },
    Tissue { name: "muscle", low_hu: 10.0, high_hu: 90.0 },
    Tissue { name: "bone", low_hu: 250.0, high_hu: 2000.0 },
];

/// What was seen of one tissue, over all slices added.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TissueSums {
    voxels: u64,
    error: f64,
    true_deviation: f64,
    made_deviation: f64,
    shown_voxels: u64,
    shown_error: f64,
}

/// Bias and noise in one tissue.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TissueScores {
    /// Voxels that belong to it.
    pub voxels: u64,
    /// Mean of prediction - truth in HU; 0 is best.
    pub bias_hu: f64,
    /// Mean standard deviation over 5 x 5 pixels in made slices, over that in true ones: 1 is as
    /// noisy as what was scanned, below 1 is smoother.
    pub noise_ratio: f64,
    /// Voxels that the made slice shows as this tissue.
    pub shown_voxels: u64,
    /// Mean of prediction - truth in HU over those; 0 is best, and where there are none.
    pub shown_bias_hu: f64,
}

impl TissueSums {
    /// Takes others, of another volume say, into these.
    pub fn merge(&mut self, other: &TissueSums) {
        self.voxels += other.voxels;
        self.error += other.error;
        self.true_deviation += other.true_deviation;
        self.made_deviation += other.made_deviation;
        self.shown_voxels += other.shown_voxels;
        self.shown_error += other.shown_error;
    }

    /// The scores; `None` where no voxel belongs to the tissue or the true slices hold no noise.
    pub fn scores(&self) -> Option<TissueScores> {
        (self.voxels > 0 && self.true_deviation > 0.0).then(|| TissueScores {
            voxels: self.voxels,
            bias_hu: self.error / self.voxels as f64,
            noise_ratio: self.made_deviation / self.true_deviation,
            shown_voxels: self.shown_voxels,
            shown_bias_hu: self.shown_error / self.shown_voxels.max(1) as f64,
        })
    }
}

/// How far the bias shown over all of these volumes is off by which ones they are, HU: the standard error of the
/// quotient of sums `b = sum e_i / sum n_i`, `sqrt(N / (N - 1) sum (e_i - b n_i)^2) / sum n_i` (Cochran, Sampling
/// Techniques, section 6.4), where volume i shows the tissue in `n_i` voxels that are off by `e_i` together.
/// `None` for fewer than two volumes that show it.
pub fn shown_bias_standard_error_hu(volumes: &[TissueSums]) -> Option<f64> {
    let shown: Vec<_> = volumes.iter().filter(|sums| sums.shown_voxels > 0).collect();
    if shown.len() < 2 {
        return None;
    }
    let voxels: f64 = shown.iter().map(|sums| sums.shown_voxels as f64).sum();
    let bias = shown.iter().map(|sums| sums.shown_error).sum::<f64>() / voxels;
    let apart = |sums: &&TissueSums| (sums.shown_error - bias * sums.shown_voxels as f64).powi(2);
    let count = shown.len() as f64;
    let squares: f64 = shown.iter().map(apart).sum();
    Some((count / (count - 1.0) * squares).sqrt() / voxels)
}

/// Adds a true slice and what was made in its place, HU, to the sums of each of [`TISSUES`]. Slices
/// smaller than the neighbourhood add nothing.
pub fn add(sums: &mut [TissueSums; 4], truth: ArrayView2<f64>, made: ArrayView2<f64>) {
    let (rows, columns) = truth.dim();
    if made.dim() != truth.dim() || rows < SIDE || columns < SIDE {
        return;
    }
    let (true_mean, true_deviation) = local(truth);
    let (made_mean, made_deviation) = local(made);
    let edge = SIDE / 2;
    let inner = s![edge..rows - edge, edge..columns - edge];
    let error = &made.slice(inner) - &truth.slice(inner);
    Zip::from(&true_mean).and(&error).and(&true_deviation).and(&made_deviation).for_each(
        |mean, error, true_deviation, made_deviation| {
            if let Some(tissue) = tissue_of(*mean) {
                sums[tissue].merge(&TissueSums {
                    voxels: 1,
                    error: *error,
                    true_deviation: *true_deviation,
                    made_deviation: *made_deviation,
                    ..TissueSums::default()
                });
            }
        },
    );
    Zip::from(&made_mean).and(&error).for_each(|mean, error| {
        if let Some(tissue) = tissue_of(*mean) {
            sums[tissue].shown_voxels += 1;
            sums[tissue].shown_error += *error;
        }
    });
}

fn tissue_of(mean_hu: f64) -> Option<usize> {
    TISSUES.iter().position(|it| (it.low_hu..=it.high_hu).contains(&mean_hu))
}

/// Mean and standard deviation over each whole neighbourhood.
fn local(plane: ArrayView2<f64>) -> (Array2<f64>, Array2<f64>) {
    let count = (SIDE * SIDE) as f64;
    // Weights of 1: sums of whole HU stay exact, so that ranges end where they say.
    let mean_of = |plane| weighted_sum(plane, &[1.0; SIDE / 2 + 1]) / count;
    let mean = mean_of(plane);
    let squares = mean_of((&plane * &plane).view());
    let deviation = (squares - &mean * &mean).mapv_into(|variance| variance.max(0.0).sqrt());
    (mean, deviation)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stripes of 40 HU up and down around a level: over 5 columns, the mean is off it by 8 HU and
    /// the variance is 40^2 - 8^2.
    fn stripes(level: f64, height: f64) -> Array2<f64> {
        Array2::from_shape_fn((20, 30), |(_, column)| {
            level + if column % 2 == 0 { height } else { -height }
        })
    }

    #[test]
    fn bias_and_noise_have_their_closed_form() {
        let mut sums = [TissueSums::default(); 4];
        let (truth, made) = (stripes(50.0, 40.0), stripes(53.0, 10.0));
        add(&mut sums, truth.view(), made.view());
        let muscle = sums[2].scores().unwrap();
        assert_eq!(muscle.voxels, 16 * 26);
        // The stripes average out over an even number of columns.
        assert!((muscle.bias_hu - 3.0).abs() < 1e-9, "{muscle:?}");
        assert!((muscle.noise_ratio - 0.25).abs() < 1e-9, "{muscle:?}");
        assert!([0, 1, 3].iter().all(|&other| sums[other].scores().is_none()));
    }

    #[test]
    fn the_truth_says_what_a_voxel_is_and_the_made_slice_what_it_shows() {
        let mut sums = [TissueSums::default(); 4];
        let (lung, fat) = (stripes(-800.0, 20.0), stripes(-100.0, 20.0));
        add(&mut sums, lung.view(), fat.view());
        // No fat in truth, no lung in what was made.
        assert_eq!(sums[1].scores(), None);
        let of_lung = sums[0].scores().unwrap();
        assert!((of_lung.bias_hu - 700.0).abs() < 1e-9);
        assert_eq!(of_lung.shown_voxels, 0);
        add(&mut sums, fat.view(), stripes(-102.0, 20.0).view());
        let of_fat = sums[1].scores().unwrap();
        assert!((of_fat.bias_hu + 2.0).abs() < 1e-9);
        assert_eq!(of_fat.shown_voxels, 2 * of_fat.voxels);
        // Half of what is shown is lung, 700 HU off, half is 2 HU off the other way.
        assert!((of_fat.shown_bias_hu - (700.0 - 2.0) / 2.0).abs() < 1e-9);
        // Twice the same changes nothing but the count.
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
    fn of_volumes_as_large_as_each_other_it_is_the_standard_error_of_a_mean() {
        // Mean 2, standard deviation 5: of four, 5 / 2.
        let four = [-3.0, 7.0, 2.0 - 12.5f64.sqrt(), 2.0 + 12.5f64.sqrt()];
        let volumes = four.map(|bias| volume(bias, 300));
        let found = shown_bias_standard_error_hu(&volumes).unwrap();
        assert!((found - 5.0 / 2.0).abs() < 1e-9, "{found}");
        // One that shows none of the tissue tells nothing; one alone cannot tell.
        let with_none = [volumes[0], volumes[1], volumes[2], volumes[3], volume(0.0, 0)];
        assert_eq!(shown_bias_standard_error_hu(&with_none), Some(found));
        assert_eq!(shown_bias_standard_error_hu(&volumes[..1]), None);
        // A small one counts little: 1 / 1001 of the voxels, off by 10 HU.
        let uneven = shown_bias_standard_error_hu(&[volume(0.0, 1000), volume(10.0, 1)]).unwrap();
        let apart = 10.0 * 1000.0 / 1001.0;
        assert!((uneven - 2.0 * apart / 1001.0).abs() < 1e-9, "{uneven}");
    }

    #[test]
    fn planes_smaller_than_the_neighbourhood_add_nothing() {
        let mut sums = [TissueSums::default(); 4];
        add(&mut sums, Array2::zeros((4, 9)).view(), Array2::zeros((4, 9)).view());
        assert_eq!(sums, [TissueSums::default(); 4]);
    }
}
