//! A trained model that another learns from beside the real slices.
//!
//! A real slice has noise that nobody can foresee; each step follows that of its crops, and many steps are needed
//! until it cancels. What a larger model makes in its place has hardly any. So the slices that a network is to make
//! are a blend of both: by a squared error, following the blend is following each of the two by its share.

use tch::Device;

use crate::error::{Error, Result};
use crate::network::{Model, Precision, System};
use crate::training::data::batch::Batch;
use crate::training::forward::slices_between;

/// The teacher, and how much it has to say.
pub(crate) struct Teacher {
    model: Model,
    /// Of its slices in the blend, in (0, 1]; the rest is that of the real ones.
    share: f64,
}

impl Teacher {
    /// A shipped model by its name, or that of a checkpoint file, as HRINet-Motion can learn from it.
    ///
    /// # Errors
    /// As [`Model::load`]; [`Error::Argument`] for a model of another system.
    pub(crate) fn load(name_or_file: &str, share: f64, device: Device) -> Result<Teacher> {
        let model = Model::load(name_or_file, device)?;
        if model.system() != System::HrinetMotion {
            return Err(Error::Argument(format!(
                "the teacher {name_or_file:?} is {}; hrinet-motion learns from hrinet-motion alone",
                model.system()
            )));
        }
        Ok(Teacher { model, share })
    }

    /// SHA-256 of its checkpoint file.
    pub(crate) fn checksum(&self) -> &str {
        self.model.checksum()
    }

    /// The batch on the teacher's device, with the blend in place of the real slices. The teacher sees what the
    /// network sees that learns.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub(crate) fn blend(&self, batch: &Batch) -> Result<Batch> {
        let batch = batch.to_device(self.model.device())?;
        let generator = self.model.generator();
        let made = tch::no_grad(|| slices_between(generator, &batch, Precision::Float32))?;
        let truth = batch.truth.f_lerp(&made.f_clamp(0.0, 1.0)?, self.share)?;
        Ok(Batch { truth, ..batch })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Neighbours, SliceNetwork};
    use ndarray::{Array4, Axis};

    #[test]
    fn the_blend_has_so_much_of_what_the_teacher_makes() {
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
        let apart = |values: &[f32]| {
            values.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        };
        assert!(apart(&found) < 1e-5, "{}", apart(&found));
        let real: Vec<f32> = batch.truth.flatten(0, -1).try_into().unwrap();
        assert!(apart(&real) > 0.01);
        assert_eq!((taught.first, taught.alpha), (batch.first, batch.alpha));
    }
}
