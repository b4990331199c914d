//! Scores of interpolated slices against the true ones (Table 2 of the paper).
//!
//! PSNR, SSIM and RMSE are computed on grey levels: HU mapped by a [`Window`] to 0..255, clipped
//! but **not** rounded to whole levels, so that an error below half a level still counts. Bias and
//! mean absolute error are in HU and not clipped: PSNR hides a bias, they do not.

mod bicubic;
pub mod calibration;
pub mod grain;
pub mod ma;
mod neighbourhood;
pub mod niqe;
pub mod sharpness;
pub(crate) mod ssim;
pub mod tissue;

use ndarray::{Array2, ArrayView2, Zip};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::volume::Window;

/// Grey level of the window's upper end: the peak of PSNR and SSIM.
pub const PEAK: f64 = 255.0;

/// Upper limit of the PSNR, dB: equal slices have an infinite PSNR, and one of them would make
/// every mean infinite. 100 dB is an RMSE of 0.0026 grey levels, 0.02 HU in a window of 2000 HU.
pub const MAX_PSNR: f64 = 100.0;

/// Scores of a slice, or their mean over several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SliceScores {
    /// Peak signal-to-noise ratio, dB, at most [`MAX_PSNR`]; higher is better.
    pub psnr: f64,
    /// Structural similarity, at most 1; higher is better.
    pub ssim: f64,
    /// Root mean square error in grey levels, 0..255; lower is better.
    pub rmse: f64,
    /// Mean of prediction - truth, HU; 0 is best.
    pub bias_hu: f64,
    /// Mean of |prediction - truth|, HU; lower is better.
    pub mean_absolute_hu: f64,
}

impl SliceScores {
    /// Scores a predicted slice against the true one, both in HU and of the same shape.
    ///
    /// # Errors
    /// [`Error::Argument`] where the shapes differ, a side is shorter than the 11 pixels of SSIM's
    /// window, or a value is non-finite.
    pub fn of<T, P>(
        truth: ArrayView2<T>,
        prediction: ArrayView2<P>,
        window: Window,
    ) -> Result<SliceScores>
    where
        T: Copy + Into<f64>,
        P: Copy + Into<f64>,
    {
        if truth.dim() != prediction.dim() {
            return Err(Error::Argument(format!(
                "a predicted slice of shape {:?} cannot be compared with a true one of shape {:?}",
                prediction.shape(),
                truth.shape()
            )));
        }
        let truth = finite("true", truth)?;
        let prediction = finite("predicted", prediction)?;
        let pixels = truth.len() as f64;
        let (mut bias, mut absolute) = (0.0, 0.0);
        Zip::from(&truth).and(&prediction).for_each(|&truth, &prediction| {
            bias += prediction - truth;
            absolute += (prediction - truth).abs();
        });

        let grey = |hu: f64| window.to_unit(hu) * PEAK;
        let (truth, prediction) = (truth.mapv_into(grey), prediction.mapv_into(grey));
        let mut squares = 0.0;
        Zip::from(&truth).and(&prediction).for_each(|a, b| squares += (a - b) * (a - b));
        let rmse = (squares / pixels).sqrt();
        Ok(SliceScores {
            psnr: (20.0 * (PEAK / rmse).log10()).min(MAX_PSNR),
            ssim: ssim::ssim(truth.view(), prediction.view())?,
            rmse,
            bias_hu: bias / pixels,
            mean_absolute_hu: absolute / pixels,
        })
    }

    /// Scores in the order of the fields.
    fn values(&mut self) -> [&mut f64; 5] {
        [
            &mut self.psnr,
            &mut self.ssim,
            &mut self.rmse,
            &mut self.bias_hu,
            &mut self.mean_absolute_hu,
        ]
    }
}

/// Mean of scores, over the slices of a volume or over the means of several volumes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mean {
    sum: SliceScores,
    count: usize,
}

impl Mean {
    /// Adds scores to the mean.
    pub fn add(&mut self, mut scores: SliceScores) {
        for (sum, score) in self.sum.values().into_iter().zip(scores.values()) {
            *sum += *score;
        }
        self.count += 1;
    }

    /// Number of scores added.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Mean of each score; `None` before the first is added.
    pub fn scores(&self) -> Option<SliceScores> {
        if self.count == 0 {
            return None;
        }
        let mut mean = self.sum;
        mean.values().into_iter().for_each(|value| *value /= self.count as f64);
        Some(mean)
    }
}

/// Slice in HU as an 8-bit image: grey levels of the window rounded to whole ones, half to even.
///
/// # Errors
/// [`Error::Argument`] for a non-finite value.
pub fn grey_levels(slice: ArrayView2<f64>, window: Window) -> Result<Array2<u8>> {
    let grey = |hu: f64| (window.to_unit(hu) * PEAK).round_ties_even() as u8;
    Ok(finite("scored", slice)?.mapv(grey))
}

/// Slice as doubles, in row order; an error for a non-finite value.
fn finite<T: Copy + Into<f64>>(which: &str, slice: ArrayView2<T>) -> Result<Array2<f64>> {
    let values: Vec<f64> = slice.iter().map(|&value| value.into()).collect();
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        let (row, column) = (index / slice.ncols(), index % slice.ncols());
        return Err(Error::Argument(format!(
            "non-finite value {} at row {row}, column {column} of the {which} slice; replace it to \
             score the slice",
            values[index]
        )));
    }
    Array2::from_shape_vec(slice.dim(), values).map_err(|error| Error::Argument(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tissue with a gradient, 32 x 40, HU.
    fn slice() -> Array2<f64> {
        Array2::from_shape_fn((32, 40), |(row, column)| 10.0 * row as f64 - 5.0 * column as f64)
    }

    fn of(truth: &Array2<f64>, prediction: &Array2<f64>) -> Result<SliceScores> {
        SliceScores::of(truth.view(), prediction.view(), Window::CT)
    }

    #[test]
    fn constant_error_gives_the_closed_form() {
        // 20 of 2000 HU are 2.55 of 255 levels, and 40 dB.
        let scores = of(&slice(), &(slice() + 20.0)).unwrap();
        assert!((scores.psnr - 40.0).abs() < 1e-10, "{scores:?}");
        assert!((scores.rmse - 2.55).abs() < 1e-10, "{scores:?}");
        assert!((scores.bias_hu - 20.0).abs() < 1e-10, "{scores:?}");
        let scores = of(&slice(), &(slice() - 20.0)).unwrap();
        assert!((scores.bias_hu + 20.0).abs() < 1e-10, "{scores:?}");
        assert!((scores.mean_absolute_hu - 20.0).abs() < 1e-10, "{scores:?}");
    }

    #[test]
    fn grey_levels_are_clipped_and_hounsfield_units_are_not() {
        let metal = Array2::from_elem((16, 16), 1500.0);
        let more = Array2::from_elem((16, 16), 3000.0);
        let scores = of(&metal, &more).unwrap();
        assert_eq!((scores.rmse, scores.ssim, scores.bias_hu), (0.0, 1.0, 1500.0));
    }

    #[test]
    fn psnr_of_equal_slices_is_limited() {
        let same = of(&slice(), &slice()).unwrap();
        assert_eq!((same.psnr, same.rmse), (MAX_PSNR, 0.0));
        assert!((same.ssim - 1.0).abs() < 1e-12);
        let mut mean = Mean::default();
        assert_eq!(mean.scores(), None);
        mean.add(same);
        mean.add(of(&slice(), &(slice() + 20.0)).unwrap());
        let scores = mean.scores().unwrap();
        assert_eq!(mean.count(), 2);
        assert!((scores.psnr - 70.0).abs() < 1e-9 && (scores.bias_hu - 10.0).abs() < 1e-9);
    }

    #[test]
    fn invalid_slices_are_rejected_with_the_value() {
        let text = of(&slice(), &Array2::zeros((32, 41))).unwrap_err().to_string();
        assert!(text.contains("[32, 41]") && text.contains("[32, 40]"), "{text}");
        let text = of(&Array2::zeros((10, 40)), &Array2::zeros((10, 40))).unwrap_err().to_string();
        assert!(text.contains("10 x 40") && text.contains("11"), "{text}");
        let mut broken = slice();
        broken[(3, 7)] = f64::NAN;
        let text = of(&slice(), &broken).unwrap_err().to_string();
        assert!(text.contains("predicted") && text.contains("row 3, column 7"), "{text}");
    }
}
