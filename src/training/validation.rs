//! Measures over held-out batches.

use tch::Kind;

use crate::error::Result;
use crate::network::{Generator, Precision};
use crate::training::data::batch::Batch;
use crate::training::forward::slices_between;
use crate::training::losses::paper::squared_errors;

/// Means over held-out crops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Validation {
    /// PSNR in dB of interpolated slices.
    Psnr {
        /// That of the generator.
        generator: f64,
        /// That of the linear blend.
        linear: f64,
    },
    /// Absolute error in HU of interpolated slices.
    ErrorHead {
        /// As the error head predicts it.
        expected: f64,
        /// As it is.
        actual: f64,
    },
}

impl Validation {
    /// Both numbers, in the order of their fields.
    pub fn values(&self) -> [f64; 2] {
        match *self {
            Validation::Psnr { generator, linear } => [generator, linear],
            Validation::ErrorHead { expected, actual } => [expected, actual],
        }
    }
}

/// Batches that are drawn one by one.
pub(crate) type Batches<'a> = &'a mut dyn Iterator<Item = Result<Batch>>;

/// Mean PSNR of a generator and of the linear blend.
///
/// # Errors
/// [`crate::Error::Torch`].
pub(crate) fn psnr(
    generator: &dyn Generator,
    precision: Precision,
    batches: Batches,
) -> Result<Validation> {
    let mut sums = [0.0; 2];
    let mut crops = 0;
    for batch in batches {
        let batch = batch?;
        let interpolated = tch::no_grad(|| slices_between(generator, &batch, precision))?;
        let images = [interpolated.f_clamp(0.0, 1.0)?, batch.linear_blend()?];
        for (sum, image) in sums.iter_mut().zip(images) {
            let error = squared_errors(&batch.truth, &image)?;
            let psnr = error.f_clamp_min(1e-10)?.f_log10()?.f_mul_scalar(-10.0)?;
            *sum += psnr.f_sum(Kind::Double)?.f_double_value(&[])?;
        }
        crops += batch.alpha.size1()?;
    }
    let [generator, linear] = sums.map(|sum| sum / crops.max(1) as f64);
    Ok(Validation::Psnr { generator, linear })
}
