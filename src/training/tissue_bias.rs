//! Bias by tissue as a loss: what is shown as lung, fat, muscle or bone shall be right in the mean.
//!
//! A loss that forgives large errors, as [`super::losses::psnr_content`] does, makes what is likely rather than
//! what is right in the mean: fat and lung come out too dark and bone too bright, because of what they are mistaken
//! for.
//!
//! The crops of one step are off by what was by chance in them. Their own square would count that too, and would be
//! least where all tissues fade. So they count by the mean of the steps before: what was by chance in those has
//! nothing to do with them, and over ten steps little of it is left.

use std::collections::BTreeMap;

use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};
use crate::metrics::tissue::{SIDE, TISSUES};
use crate::network::Checkpoint;
use crate::volume::Window;

/// What is left of a step after the next one: ten steps count.
const KEPT: f64 = 0.9;

/// Its group in a checkpoint.
const GROUP: &str = "tissue_bias";

/// How far each tissue was off in the steps before, of each gap for itself.
#[derive(Debug)]
pub(super) struct TissueBias {
    weight: f64,
    before: Shown,
}

/// What slices show of each tissue, `[G, 4]` by gap (0 to the widest) and tissue.
#[derive(Debug)]
pub(super) struct Shown {
    /// Sum of errors, grey values on [0, 1] of the window -1000..1000 HU.
    errors: Tensor,
    /// Number of pixels.
    pixels: Tensor,
    /// Number of pixels of all slices together, whether they show a tissue or not.
    all: f64,
}

impl Shown {
    /// The same without what a gradient needs.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub(super) fn detached(self) -> Result<Shown> {
        Ok(Shown { errors: self.errors.f_detach()?, ..self })
    }
}

impl TissueBias {
    /// Nothing seen yet. `weight` is that of the loss, `widest` the widest gap that there will be.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub(super) fn new(weight: f64, widest: usize, device: Device) -> Result<TissueBias> {
        let nothing = || {
            let shape = [widest as i64 + 1, TISSUES.len() as i64];
            Tensor::f_zeros(shape, (Kind::Float, device))
        };
        Ok(TissueBias {
            weight,
            before: Shown { errors: nothing()?, pixels: nothing()?, all: 0.0 },
        })
    }

    /// The same for another thread, as tensors belong to one at a time; it sees nothing of later steps.
    pub(super) fn view(&self) -> TissueBias {
        let Shown { errors, pixels, all } = &self.before;
        let before =
            Shown { errors: errors.shallow_clone(), pixels: pixels.shallow_clone(), all: *all };
        TissueBias { weight: self.weight, before }
    }

    /// `weight * 2/P * (sum over gaps g and tissues t of b_gt E_gt)`, where `b_gt` is the mean error of the steps
    /// before, `E_gt` the sum of the errors in `shown`, and `P` its number of pixels: its gradient is on average that
    /// of the squared error that is left where each tissue is off by its mean. Below 0 where chance has it.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub(super) fn loss(&self, shown: &Shown) -> Result<Tensor> {
        let mean = self.before.errors.f_div(&self.before.pixels.f_clamp_min(1.0)?)?;
        let sum = shown.errors.f_mul(&mean)?.f_sum(None::<Kind>)?;
        Ok(sum.f_mul_scalar(2.0 * self.weight / shown.all)?)
    }

    /// A step was taken whose parts showed this; parts are added in their order.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub(super) fn remember<'a>(
        &mut self,
        parts: impl IntoIterator<Item = &'a Shown>,
    ) -> Result<()> {
        let before = &mut self.before;
        before.errors = before.errors.f_mul_scalar(KEPT)?;
        before.pixels = before.pixels.f_mul_scalar(KEPT)?;
        for part in parts {
            before.errors = before.errors.f_add(&part.errors.f_detach()?)?;
            before.pixels = before.pixels.f_add(&part.pixels)?;
        }
        Ok(())
    }

    /// Puts what was seen into a checkpoint.
    pub(super) fn keep(&self, into: &mut BTreeMap<String, Tensor>) {
        for (name, tensor) in [("errors", &self.before.errors), ("pixels", &self.before.pixels)] {
            into.insert(format!("{GROUP}.{name}"), tensor.shallow_clone());
        }
    }

    /// Takes what was seen from a checkpoint.
    ///
    /// # Errors
    /// [`Error::Argument`] where it is missing or of other gaps.
    pub(super) fn restore(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let mut kept = checkpoint.group(GROUP);
        for (name, into) in
            [("errors", &mut self.before.errors), ("pixels", &mut self.before.pixels)]
        {
            let tensor = kept.remove(name).filter(|tensor| tensor.size() == into.size());
            let tensor = tensor.ok_or_else(|| {
                Error::Argument(format!(
                    "holds no {GROUP}.{name} of these gaps, so that training can't go on as it was; \
                     begin from it in another folder"
                ))
            })?;
            *into = tensor.f_to_device(into.device())?;
        }
        Ok(())
    }

    /// What slices show. `truth` and `made` are `[N, 1, H, W]` with grey values on [0, 1] of the window
    /// -1000..1000 HU, sides at least that of the neighbourhood; `gap` `[N]`. A pixel shows a tissue as
    /// [`crate::metrics::tissue`] says; which one takes no gradient.
    ///
    /// # Errors
    /// [`Error::Torch`] for images smaller than the neighbourhood and gaps beyond the widest.
    pub(super) fn shown(&self, truth: &Tensor, made: &Tensor, gap: &Tensor) -> Result<Shown> {
        let side = SIDE as i64;
        let around = made.f_detach()?.f_avg_pool2d(side, 1, 0, false, false, None)?;
        let (_, _, rows, columns) = around.size4()?;
        let edge = side / 2;
        let inner = |x: &Tensor| x.f_narrow(2, edge, rows)?.f_narrow(3, edge, columns);
        let error = inner(made)?.f_sub(&inner(truth)?)?;
        let of_image =
            |x: &Tensor| x.f_sum_dim_intlist([1i64, 2, 3].as_slice(), false, None::<Kind>);
        let (mut errors, mut pixels) = (Vec::new(), Vec::new());
        for tissue in TISSUES {
            let [low, high] = [tissue.low_hu, tissue.high_hu].map(|hu| Window::CT.to_unit(hu));
            let here = around.f_ge(low)?.f_logical_and(&around.f_le(high)?)?;
            let here = here.f_to_kind(error.kind())?;
            errors.push(of_image(&error.f_mul(&here)?)?);
            pixels.push(of_image(&here)?);
        }
        let by_gap = |of_images: &[Tensor]| -> Result<Tensor> {
            let none = self.before.errors.f_zeros_like()?;
            Ok(none.f_index_add(0, gap, &Tensor::f_stack(of_images, 1)?)?)
        };
        Ok(Shown { errors: by_gap(&errors)?, pixels: by_gap(&pixels)?, all: error.numel() as f64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::tissue::{TissueSums, add};
    use ndarray::Array2;
    use std::path::Path;

    fn hounsfield(unit: &Tensor) -> Array2<f64> {
        let (_, _, rows, columns) = unit.size4().unwrap();
        let hu = Vec::<f32>::try_from(unit.flatten(0, -1)).unwrap();
        let hu = hu.into_iter().map(|unit| 2000.0 * f64::from(unit) - 1000.0).collect();
        Array2::from_shape_vec((rows as usize, columns as usize), hu).unwrap()
    }

    /// Fat on the left, muscle on the right, each with noise and off by some HU.
    fn image(fat: f64, muscle: f64) -> Tensor {
        let options = (Kind::Float, Device::Cpu);
        let half = |hu: f64| Tensor::full([1, 1, 24, 20], (hu + 1000.0) / 2000.0, options);
        let noise = Tensor::randn([1, 1, 24, 40], options) * 0.004;
        Tensor::cat(&[half(fat), half(muscle)], 3) + noise
    }

    fn bias() -> TissueBias {
        TissueBias::new(1.0, 6, Device::Cpu).unwrap()
    }

    fn shown(bias: &TissueBias, truth: &[Tensor], made: &[Tensor], gap: &[i64]) -> Shown {
        let [truth, made] = [truth, made].map(|images| Tensor::cat(images, 0));
        bias.shown(&truth, &made, &Tensor::from_slice(gap)).unwrap()
    }

    /// Sums of errors and numbers of pixels by tissue, as the scores tell them.
    fn told(truth: &[Tensor], made: &[Tensor]) -> [[f64; 2]; 4] {
        let mut sums = [TissueSums::default(); 4];
        for (truth, made) in truth.iter().zip(made) {
            add(&mut sums, hounsfield(truth).view(), hounsfield(made).view());
        }
        sums.map(|sums| {
            sums.scores().map_or([0.0; 2], |it| {
                let count = it.shown_voxels as f64;
                [count * it.shown_bias_hu / 2000.0, count]
            })
        })
    }

    #[test]
    fn it_counts_the_bias_that_the_scores_tell() {
        tch::manual_seed(4);
        let truth =
            [image(-95.0, 50.0), image(-90.0, 700.0), image(-95.0, 50.0), image(900.0, 40.0)];
        let made =
            [image(-98.0, 56.0), image(-94.0, 720.0), image(-97.0, 53.0), image(915.0, 44.0)];
        let (mut bias, gaps) = (bias(), [2, 6]);
        // Nothing is known before the first step.
        let first = shown(&bias, &truth[..2], &made[..2], &gaps);
        assert_eq!(bias.loss(&first).unwrap().double_value(&[]), 0.0);
        bias.remember([&first]).unwrap();
        let second = shown(&bias, &truth[2..], &made[2..], &gaps);
        let found = bias.loss(&second).unwrap().double_value(&[]);
        // Images of different gaps have nothing to do with each other.
        let of_gap = |at: usize| -> f64 {
            let before = told(&truth[at..=at], &made[at..=at]);
            let now = told(&truth[at + 2..at + 3], &made[at + 2..at + 3]);
            let of_tissue =
                |([error, count], [now, _]): (&[f64; 2], &[f64; 2])| error / count.max(1.0) * now;
            before.iter().zip(&now).map(of_tissue).sum()
        };
        let told = 2.0 * (of_gap(0) + of_gap(1)) / (2.0 * 20.0 * 36.0);
        assert!((found / told - 1.0).abs() < 1e-3, "{found} instead of {told}");
    }

    #[test]
    fn the_mean_is_that_of_many_steps_and_the_late_ones_count_most() {
        tch::manual_seed(7);
        let mut bias = bias();
        let one = |off: f64| [image(-95.0, 50.0 + off)];
        let (truth, mut errors, mut pixels) = (one(0.0), 0.0, 0.0);
        for step in 0..30 {
            let made = one(f64::from(step));
            bias.remember([&shown(&bias, &truth, &made, &[3])]).unwrap();
            let [error, count] = told(&truth, &made)[2];
            (errors, pixels) = (KEPT * errors + error, KEPT * pixels + count);
        }
        let mean = &bias.before.errors / &bias.before.pixels;
        let (found, told) = (mean.double_value(&[3, 2]), errors / pixels);
        assert!((found / told - 1.0).abs() < 1e-3, "{found} instead of {told}");
    }

    /// What is off by chance, now brighter, now darker, is no bias: on average nothing is left of it.
    #[test]
    fn chance_does_not_count() {
        tch::manual_seed(6);
        let options = (Kind::Float, Device::Cpu);
        let (mut bias, truth) = (bias(), [image(-95.0, 50.0)]);
        let mean: f64 = (0..200)
            .map(|_| {
                let off = Tensor::randn([1], options).double_value(&[0]) * 5.0;
                let seen = shown(&bias, &truth, &[image(-95.0, 50.0 + off)], &[4]);
                let loss = bias.loss(&seen).unwrap().double_value(&[]);
                bias.remember([&seen]).unwrap();
                loss
            })
            .sum::<f64>()
            / 200.0;
        // Each image for itself would count twice the square of 5 HU in the half that is muscle.
        let square = (5.0f64 / 2000.0).powi(2);
        assert!(mean.abs() < 0.1 * square, "{mean} of {square}");
    }

    #[test]
    fn its_gradient_moves_each_tissue_as_a_whole() {
        tch::manual_seed(5);
        let (mut bias, truth) = (bias(), [image(-95.0, 50.0)]);
        bias.remember([&shown(&bias, &truth, &[image(-98.0, 56.0)], &[2])]).unwrap();
        let made = [image(-95.0, 50.0).set_requires_grad(true)];
        bias.loss(&shown(&bias, &truth, &made, &[2])).unwrap().backward();
        let gradient = made[0].grad();
        let at = |row: i64, column: i64| gradient.double_value(&[0, 0, row, column]);
        // Fat was too dark, muscle too bright; between them lies neither, and the border is left out.
        assert!(at(5, 5) < 0.0 && at(20, 12) == at(5, 5));
        assert!(at(5, 30) > 0.0 && at(5, 20) == 0.0 && at(0, 5) == 0.0);
        // Of another gap nothing is known.
        let made = [image(-95.0, 50.0)];
        let of_other = bias.loss(&shown(&bias, &truth, &made, &[3])).unwrap();
        assert_eq!(of_other.double_value(&[]), 0.0);
    }

    #[test]
    fn a_checkpoint_without_it_is_refused() {
        let trainer = crate::training::Trainer::new(
            crate::training::Settings::usual(crate::network::System::HrinetMotion),
            Device::Cpu,
        );
        let bytes = trainer.unwrap().checkpoint().unwrap();
        let checkpoint = Checkpoint::from_bytes(Path::new("state"), &bytes).unwrap();
        let error = bias().restore(&checkpoint).unwrap_err().to_string();
        assert!(error.contains("tissue_bias.errors"), "{error}");
    }
}
