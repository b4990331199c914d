//! Distillation: a trained teacher whose slices are part of the targets.
//!
//! A real slice has unpredictable noise; each step follows that of its crops, and many steps are
//! needed until it cancels. The slices of a larger model have hardly any. So the targets are a
//! blend of both, which for a squared error has the gradient of the blended losses.

use tch::Device;

use crate::error::{Error, Result};
use crate::network::{Model, Precision, System};
use crate::training::data::batch::Batch;
use crate::training::forward::slices_between;

/// The teacher and its weight.
pub(crate) struct Teacher {
    model: Model,
    /// Share of its slices in the targets, in (0, 1]; the rest is that of the real ones.
    distillation_weight: f64,
}

impl Teacher {
    /// Loads a shipped model by its name, or a checkpoint file, of HRINet-Motion.
    ///
    /// # Errors
    /// Those of [`Model::load`]; [`Error::Argument`] for a model of another system.
    pub(crate) fn load(
        name_or_file: &str,
        distillation_weight: f64,
        device: Device,
    ) -> Result<Teacher> {
        let model = Model::load(name_or_file, device)?;
        if model.system() != System::HrinetMotion {
            return Err(Error::Argument(format!(
                "the teacher {name_or_file:?} is {}; it must be hrinet-motion",
                model.system()
            )));
        }
        Ok(Teacher { model, distillation_weight })
    }

    /// SHA-256 of its checkpoint file.
    pub(crate) fn checksum(&self) -> &str {
        self.model.checksum()
    }

    /// Copies a batch to the teacher's device and blends its targets with the teacher's slices.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub(crate) fn blend(&self, batch: &Batch) -> Result<Batch> {
        let batch = batch.to_device(self.model.device())?;
        let generator = self.model.generator();
        let taught = tch::no_grad(|| slices_between(generator, &batch, Precision::Float32))?;
        let truth = batch.truth.f_lerp(&taught.f_clamp(0.0, 1.0)?, self.distillation_weight)?;
        Ok(Batch { truth, ..batch })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Neighbours, SliceNetwork};
    use ndarray::{Array4, Axis};

    #[test]
    fn targets_blend_teacher_and_real_slices_by_the_weight() {
        // A disc that moves from slice to slice, two of them in between.
        let hu = Array4::from_shape_fn((1, 4, 32, 32), |(_, k, j, i)| {
            let (row, column) = (j as f32 - 16.0, i as f32 - 10.0 - 3.0 * k as f32);
            60.0 - 900.0 * ((row * row + column * column).sqrt() - 7.0).clamp(0.0, 1.0)
        });
        let batch = Batch::from_hu(hu.view(), 0, 0, Device::Cpu).unwrap();
        let teacher = Teacher::load("hrinet-motion-small", 0.25, Device::Cpu).unwrap();
        let taught = teacher.blend(&batch).unwrap();

        let model = Model::load("hrinet-motion-small", Device::Cpu).unwrap();
        let grey = hu.mapv(|hu| (hu + 1000.0) / 2000.0);
        let slice =
            |k| model.encode(&grey.index_axis(Axis(0), 0).index_axis(Axis(0), k).to_owned());
        let (first, last) = (slice(0).unwrap(), slice(3).unwrap());
        let pair = Neighbours::of_pair(&first, &last);
        let made = model.decode(&pair, &[1.0 / 3.0, 2.0 / 3.0]).unwrap();
        let expected: Vec<f32> = made
            .iter()
            .zip(grey.iter().skip(32 * 32))
            .map(|(made, real)| 0.25 * made + 0.75 * real)
            .collect();
        let found: Vec<f32> = taught.truth.flatten(0, -1).try_into().unwrap();
        let error = |values: &[f32]| {
            values.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        };
        assert!(error(&found) < 1e-5, "{}", error(&found));
        let real: Vec<f32> = batch.truth.flatten(0, -1).try_into().unwrap();
        assert!(error(&real) > 0.01);
        assert_eq!((taught.first, taught.alpha), (batch.first, batch.alpha));
    }
}
