//! HRINet-Motion against the PatchGAN D2, which sees fine detail alone.

use tch::Tensor;

use crate::error::Result;
use crate::network::{Generator, PatchGan};
use crate::training::data::batch::Batch;
use crate::training::forward::slices_between;
use crate::training::logging::step_losses::StepLosses;
use crate::training::losses::paper::eq8_against_patch_gan;
use crate::training::losses::supervised::content_loss;
use crate::training::optim::trainable::Trainable;
use crate::training::settings::Settings;
use crate::training::stages::discriminators::{
    PATCH_GAN, PATCH_GAN_OPTIMIZER, logits, patch_gan_step, trainable_patch_gan,
};
use crate::training::stages::{
    GENERATOR, OPTIMIZER, Stage, StageStart, check_loss, trainable_generator,
};
use crate::training::state_dict::StateDict;
use crate::volume::Window;

/// G and D2.
pub(crate) struct SupervisedAdversarial {
    settings: Settings,
    generator: Trainable<Box<dyn Generator>>,
    patch_gan: Trainable<PatchGan>,
}

impl SupervisedAdversarial {
    pub(super) fn new(start: StageStart) -> Result<SupervisedAdversarial> {
        let StageStart { settings, architecture, device, generator, given, .. } = start;
        Ok(SupervisedAdversarial {
            settings: settings.clone(),
            generator: trainable_generator(generator, architecture, settings)?,
            patch_gan: trainable_patch_gan(settings, &given, device)?,
        })
    }

    /// G's optimizer step on equations 8 and 9 together.
    fn generator_step(
        &mut self,
        batch: &Batch,
        interpolated: &Tensor,
        losses: &mut StepLosses,
    ) -> Result<()> {
        let settings = &self.settings;
        let content = content_loss(batch, interpolated, settings)?;
        losses.step_two = Some(check_loss("the loss", &content)?);
        let of_interpolated = logits(&self.patch_gan.network, &fine_detail(interpolated)?)?;
        let against = eq8_against_patch_gan(&of_interpolated, settings.adversarial)?;
        losses.against_patch_gan = Some(check_loss("the loss against the PatchGAN", &against)?);
        let loss = content.f_add(&against.f_mul_scalar(settings.beta)?)?;
        losses.gradient_norm = self.generator.step(&loss, losses.learning_rate, settings)?;
        Ok(())
    }
}

impl Stage for SupervisedAdversarial {
    /// D2 on real and interpolated slices (equation 1), then G.
    fn step(&mut self, batch: &Batch, learning_rate: f64) -> Result<StepLosses> {
        let mut losses = StepLosses { learning_rate, ..StepLosses::default() };
        let settings = &self.settings;
        let interpolated = slices_between(self.generator(), batch, settings.precision)?;
        let real = fine_detail(&batch.truth)?;
        let generated = fine_detail(&interpolated.f_detach()?)?;
        let patch_gan = &mut self.patch_gan;
        let loss = patch_gan_step(patch_gan, &real, &generated, learning_rate, settings)?;
        losses.patch_gan = Some(loss);
        self.patch_gan.set_requires_grad(false)?;
        let stepped = self.generator_step(batch, &interpolated, &mut losses);
        self.patch_gan.set_requires_grad(true)?;
        stepped.map(|()| losses)
    }

    fn generator(&self) -> &dyn Generator {
        self.generator.network.as_ref()
    }

    fn weights(&self) -> StateDict {
        let mut weights = StateDict::default();
        self.generator.save_weights(GENERATOR, &mut weights);
        self.patch_gan.save_weights(PATCH_GAN, &mut weights);
        weights
    }

    fn save_optimizers(&self, state: &mut StateDict) {
        self.generator.save_optimizer(OPTIMIZER, state);
        self.patch_gan.save_optimizer(PATCH_GAN_OPTIMIZER, state);
    }

    fn load_optimizers(&mut self, state: &StateDict, iterations: u64) -> Result<()> {
        self.generator.load_optimizer(OPTIMIZER, state, iterations)?;
        self.patch_gan.load_optimizer(PATCH_GAN_OPTIMIZER, state, iterations)
    }
}

/// The difference of grey values to their mean over 5 x 5 pixels, 40 HU to 1, clipped there: beside
/// bone and air, noise is too small for D2 to learn from.
fn fine_detail(images: &Tensor) -> Result<Tensor> {
    let mean = images.f_avg_pool2d([5, 5], [1, 1], [2, 2], false, false, None::<i64>)?;
    let (from, to) = (Window::CT.to_unit(0.0), Window::CT.to_unit(40.0));
    Ok(images.f_sub(&mean)?.f_mul_scalar(1.0 / (to - from))?.f_clamp(-1.0, 1.0)?)
}
