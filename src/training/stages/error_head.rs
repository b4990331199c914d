//! The step of the confidence alone: the generator stays as it is.

use tch::{Kind, Tensor};

use crate::error::{Error, Result};
use crate::training::data::batch::Batch;
use crate::training::logging::step_losses::StepLosses;
use crate::training::losses::paper::laplace;
use crate::training::trainer::Trainer;
use crate::volume::Window;

impl Trainer {
    /// One step of the head on the absolute errors of the slices as they would be written, in HU.
    pub(crate) fn confident(&mut self, batch: &Batch, learning_rate: f64) -> Result<StepLosses> {
        let [error, expected] = self.errors_hu(batch)?;
        let loss = laplace(&error, &expected)?;
        let value = self.sound("the loss", &loss)?;
        let norm = match &mut self.head {
            Some(head) => head.trained.step(&loss, learning_rate, &self.settings)?,
            None => return Err(without_head()),
        };
        Ok(StepLosses {
            step_two: Some(value),
            gradient_norm: norm,
            learning_rate,
            ..StepLosses::default()
        })
    }

    /// Mean absolute error in HU over the crops of some batches: as the head expects it, and as it is.
    ///
    /// # Errors
    /// [`Error::Argument`] for a trainer that trains no confidence; [`Error::Torch`].
    pub fn validate_error_head(
        &self,
        batches: impl Iterator<Item = Result<Batch>>,
    ) -> Result<[f64; 2]> {
        let mut sums = [0.0; 2];
        let mut count = 0;
        for batch in batches {
            let [error, expected] = tch::no_grad(|| self.errors_hu(&batch?))?;
            for (sum, values) in sums.iter_mut().zip([&expected, &error]) {
                *sum += values.f_sum(Kind::Double)?.f_double_value(&[])?;
            }
            count += error.numel();
        }
        Ok(sums.map(|sum| sum / count.max(1) as f64))
    }

    /// The absolute errors of the slices of a batch and what the head expects of them, both in HU.
    /// Gradients flow to the head alone.
    fn errors_hu(&self, batch: &Batch) -> Result<[Tensor; 2]> {
        let head = self.head.as_ref().ok_or_else(without_head)?;
        let evidence = tch::no_grad(|| {
            self.between_by(batch, |pair, alpha| {
                self.generator.network.decode_with_outputs(pair, None, alpha)
            })
        })?;
        let evidence = evidence.ok_or_else(without_head)?;
        let made = evidence.slices.f_clamp(0.0, 1.0)?;
        let error = made.f_sub(&batch.truth)?.f_abs()?;
        let expected = head.trained.network.forward(&evidence)?;
        let width = Window::CT.width();
        Ok([error.f_mul_scalar(width)?, expected.f_mul_scalar(width)?])
    }
}

fn without_head() -> Error {
    Error::Argument("no confidence trains in these settings".into())
}
