//! Stage II of the paper: Step I (D1, D2, G) and Step II (G) in turn.

use tch::Tensor;

use crate::error::Result;
use crate::network::{Critic, Generator, PatchGan};
use crate::training::data::batch::Batch;
use crate::training::forward::{cast, slices_between};
use crate::training::logging::step_losses::StepLosses;
use crate::training::losses::paper::{eq4_step_one, eq5_mse_content, eq8_against_patch_gan};
use crate::training::losses::perceptual::{GROUP, Perceptual};
use crate::training::optim::trainable::Trainable;
use crate::training::settings::Settings;
use crate::training::stages::discriminators::{
    CRITIC, CRITIC_OPTIMIZER, PATCH_GAN, PATCH_GAN_OPTIMIZER, Reconstruction, against_critic,
    critic_step, logits, patch_gan_step, trainable_critic, trainable_patch_gan,
};
use crate::training::stages::{
    GENERATOR, OPTIMIZER, Stage, StageStart, check_loss, trainable_generator,
};
use crate::training::state_dict::StateDict;

/// G, D1, D2 and the frozen P of the perceptual content loss; each where the system has it.
pub(crate) struct PaperStageTwo {
    pub(super) settings: Settings,
    pub(super) generator: Trainable<Box<dyn Generator>>,
    pub(super) critic: Option<Trainable<Critic>>,
    pub(super) patch_gan: Option<Trainable<PatchGan>>,
    perceptual: Option<Perceptual>,
}

impl PaperStageTwo {
    pub(super) fn new(start: StageStart) -> Result<PaperStageTwo> {
        let StageStart { settings, architecture, device, generator, given, .. } = start;
        let generator = trainable_generator(generator, architecture, settings)?;
        let patch_gan = match settings.has_patch_gan() {
            true => Some(trainable_patch_gan(settings, &given, device)?),
            false => None,
        };
        let perceptual = match (settings.is_perceptual(), given.group(GROUP)) {
            (false, _) => None,
            // P is the encoder as Stage I left it.
            (true, weights) if weights.is_empty() => {
                let weights = generator.weights().iter().map(|(name, tensor)| (name, tensor));
                Some(Perceptual::new(architecture, weights, device)?)
            }
            (true, weights) => Some(Perceptual::new(architecture, weights.iter(), device)?),
        };
        Ok(PaperStageTwo {
            settings: settings.clone(),
            generator,
            critic: trainable_critic(settings, &given, device)?,
            patch_gan,
            perceptual,
        })
    }

    /// Step I: D1, D2, then G, on images of one pass of G.
    fn step_one(&mut self, batch: &Batch, learning_rate: f64) -> Result<StepLosses> {
        let mut losses = StepLosses { learning_rate, ..StepLosses::default() };
        let settings = &self.settings;
        let images = Reconstruction::new(self.generator(), batch, settings.precision)?;
        if let Some(critic) = &mut self.critic {
            let alpha = &batch.random_alpha;
            losses.critic = Some(critic_step(critic, &images, alpha, learning_rate, settings)?);
        }
        if let Some(patch_gan) = &mut self.patch_gan {
            let real = cast(&images.slices, settings.precision)?;
            let blended = cast(&images.blended, settings.precision)?;
            let loss = patch_gan_step(patch_gan, &real, &blended, learning_rate, settings)?;
            losses.patch_gan = Some(loss);
        }
        self.set_discriminators_require_grad(false)?;
        let stepped = self.generator_step(&images, &mut losses);
        self.set_discriminators_require_grad(true)?;
        stepped.map(|()| losses)
    }

    /// G's optimizer step on equation 4.
    pub(super) fn generator_step(
        &mut self,
        images: &Reconstruction,
        losses: &mut StepLosses,
    ) -> Result<()> {
        let settings = &self.settings;
        let content = self.content(&images.slices, &images.reconstructed)?;
        losses.content = Some(check_loss("the content loss", &content)?);
        let mut of_critic = content.f_zeros_like()?;
        if let Some(critic) = &self.critic {
            of_critic = against_critic(&critic.network, images, settings.precision, losses)?;
        }
        let mut of_patch_gan = content.f_zeros_like()?;
        if let Some(patch_gan) = &self.patch_gan {
            let blended = cast(&images.blended, settings.precision)?;
            let of_blended = logits(&patch_gan.network, &blended)?;
            of_patch_gan = eq8_against_patch_gan(&of_blended, settings.adversarial)?;
            losses.against_patch_gan =
                Some(check_loss("the loss against the PatchGAN", &of_patch_gan)?);
        }
        let (lambda, beta) = (settings.lambda, settings.beta);
        let loss = eq4_step_one(&content, &of_critic, &of_patch_gan, lambda, beta)?;
        losses.gradient_norm = self.generator.step(&loss, losses.learning_rate, &self.settings)?;
        Ok(())
    }

    /// Step II: G's optimizer step on equation 9, 1/(n - 2) times the sum over the n - 2 inner
    /// slices of the content loss between x-hat(alpha_k) and the real slice. The content loss is a
    /// mean, so that one over all inner slices is that sum.
    pub(super) fn step_two(&mut self, batch: &Batch, losses: &mut StepLosses) -> Result<()> {
        let precision = self.settings.precision;
        let interpolated = slices_between(self.generator(), batch, precision)?;
        let loss = self.content(&batch.truth, &interpolated)?;
        losses.step_two = Some(check_loss("the loss", &loss)?);
        losses.gradient_norm = self.generator.step(&loss, losses.learning_rate, &self.settings)?;
        Ok(())
    }

    /// The content loss: equation 6 where the system has P, else equation 5.
    fn content(&self, truth: &Tensor, generated: &Tensor) -> Result<Tensor> {
        match &self.perceptual {
            None => eq5_mse_content(truth, generated),
            Some(perceptual) => perceptual.content(truth, generated, self.settings.precision),
        }
    }

    pub(super) fn set_discriminators_require_grad(&self, requires_grad: bool) -> Result<()> {
        if let Some(critic) = &self.critic {
            critic.set_requires_grad(requires_grad)?;
        }
        if let Some(patch_gan) = &self.patch_gan {
            patch_gan.set_requires_grad(requires_grad)?;
        }
        Ok(())
    }
}

impl Stage for PaperStageTwo {
    fn step(&mut self, batch: &Batch, learning_rate: f64) -> Result<StepLosses> {
        let mut losses = self.step_one(batch, learning_rate)?;
        if self.settings.has_step_two() {
            self.step_two(batch, &mut losses)?;
        }
        Ok(losses)
    }

    fn generator(&self) -> &dyn Generator {
        self.generator.network.as_ref()
    }

    fn weights(&self) -> StateDict {
        let mut weights = StateDict::default();
        self.generator.save_weights(GENERATOR, &mut weights);
        if let Some(critic) = &self.critic {
            critic.save_weights(CRITIC, &mut weights);
        }
        if let Some(patch_gan) = &self.patch_gan {
            patch_gan.save_weights(PATCH_GAN, &mut weights);
        }
        if let Some(perceptual) = &self.perceptual {
            perceptual.save_weights(&mut weights);
        }
        weights
    }

    fn save_optimizers(&self, state: &mut StateDict) {
        self.generator.save_optimizer(OPTIMIZER, state);
        if let Some(critic) = &self.critic {
            critic.save_optimizer(CRITIC_OPTIMIZER, state);
        }
        if let Some(patch_gan) = &self.patch_gan {
            patch_gan.save_optimizer(PATCH_GAN_OPTIMIZER, state);
        }
    }

    fn load_optimizers(&mut self, state: &StateDict, iterations: u64) -> Result<()> {
        let steps_of_generator = match self.settings.has_step_two() {
            true => 2 * iterations,
            false => iterations,
        };
        self.generator.load_optimizer(OPTIMIZER, state, steps_of_generator)?;
        if let Some(critic) = &mut self.critic {
            critic.load_optimizer(CRITIC_OPTIMIZER, state, iterations)?;
        }
        if let Some(patch_gan) = &mut self.patch_gan {
            patch_gan.load_optimizer(PATCH_GAN_OPTIMIZER, state, iterations)?;
        }
        Ok(())
    }
}
