//! What one iteration of each stage does (section 5 of the paper).
//!
//! A discriminator's step sees images cut off from the generator; the generator's step finds the
//! discriminators frozen. Each optimiser moves its own network only.

use tch::{Kind, Tensor};

use crate::error::{Error, Result};
use crate::network::{Pair, System};
use crate::training::data::batch::Batch;
use crate::training::forward::{between, slices_between};
use crate::training::logging::step_losses::StepLosses;
use crate::training::losses::paper::{
    eq1_patch_gan, eq2_anchor, eq2_critic, eq3_stage_one, eq4_step_one, eq5_mse_content,
    eq6_perceptual_content, eq7_against_critic, eq8_against_patch_gan, eq9_step_two,
};
use crate::training::losses::supervised::{and_bias, plain_content, plain_loss};
use crate::training::settings::schedule::Stage;
use crate::training::trainer::Trainer;
use crate::volume::Window;

/// A loss beyond this is no training any more: grey values are on [0, 1].
const EXPLODED: f64 = 1e6;

impl Trainer {
    /// HRINet-Motion: the content loss between two slices, and D2's where it trains along.
    pub(crate) fn supervised(&mut self, batch: &Batch, learning_rate: f64) -> Result<StepLosses> {
        if self.patch_gan.is_some() {
            return self.sharp(batch, learning_rate);
        }
        let (loss, norm) = match &mut self.workers {
            None => self.step_two(batch, learning_rate)?,
            Some(workers) => {
                let (loss, gradient) = workers.gradient(batch, &self.settings)?;
                let value = sound("the loss", loss)?;
                (value, self.generator.step_with_gradient(gradient, learning_rate, &self.settings)?)
            }
        };
        Ok(StepLosses {
            step_two: Some(loss),
            gradient_norm: norm,
            learning_rate,
            ..StepLosses::default()
        })
    }

    /// D2 on real slices and those that G makes in their place (equation 1), then G on equations 8
    /// and 9 together.
    fn sharp(&mut self, batch: &Batch, learning_rate: f64) -> Result<StepLosses> {
        let mut losses = StepLosses { learning_rate, ..StepLosses::default() };
        let made = self.between(batch)?;
        losses.patch_gan = Some(self.patch_gan_step(&batch.truth, &made, learning_rate)?);
        self.freeze_discriminators(true)?;
        let stepped = self.generator_sharp(batch, &made, losses);
        self.freeze_discriminators(false)?;
        stepped
    }

    fn generator_sharp(
        &mut self,
        batch: &Batch,
        made: &Tensor,
        mut losses: StepLosses,
    ) -> Result<StepLosses> {
        let content = plain_loss(batch, made, &self.settings)?;
        losses.step_two = Some(self.sound("the loss", &content)?);
        let against = eq8_against_patch_gan(&self.logits(made)?, self.settings.adversarial)?;
        losses.against_patch_gan = Some(self.sound("the loss against the PatchGAN", &against)?);
        let loss = content.f_add(&against.f_mul_scalar(self.settings.beta)?)?;
        losses.gradient_norm = self.generator.step(&loss, losses.learning_rate, &self.settings)?;
        Ok(losses)
    }

    /// Stage I, or Step I of Stage II: D1, D2, then G, from one pass of G.
    pub(crate) fn step_one(
        &mut self,
        batch: &Batch,
        stage: Stage,
        learning_rate: f64,
    ) -> Result<StepLosses> {
        let mut losses = StepLosses { learning_rate, ..StepLosses::default() };
        let slices = batch.endpoints()?;
        let groups = batch.groups()?;
        let features = self.generator.network.encode(&self.cast(&slices)?)?;
        let any_alpha =
            self.cast(&Tensor::f_cat(&[&batch.random_alpha, &batch.random_alpha], 0)?)?;
        let decoded = self.generator.network.decode(Pair::new(&features, &features), &any_alpha)?;
        let reconstructed = decoded.f_to_kind(Kind::Float)?;
        let (first, second) = (features.narrow(0, groups)?, features.narrow(groups, groups)?);
        let mixed = self
            .generator
            .network
            .decode(Pair::new(&first, &second), &self.cast(&batch.random_alpha)?)?;
        let mixed = mixed.f_to_kind(Kind::Float)?;

        if self.critic.is_some() {
            let images = (&slices, &reconstructed, &mixed);
            losses.critic = Some(self.critic_step(images, &batch.random_alpha, learning_rate)?);
        }
        if self.patch_gan.is_some() && stage == Stage::Two {
            losses.patch_gan = Some(self.patch_gan_step(&slices, &mixed, learning_rate)?);
        }
        self.freeze_discriminators(true)?;
        let stepped = self.generator_step_one((&slices, &reconstructed, &mixed), stage, losses);
        self.freeze_discriminators(false)?;
        stepped
    }

    /// D1's step on equation 2; gives the loss.
    fn critic_step(
        &mut self,
        (slices, reconstructed, mixed): (&Tensor, &Tensor, &Tensor),
        alpha: &Tensor,
        learning_rate: f64,
    ) -> Result<f64> {
        let anchor = eq2_anchor(slices, &reconstructed.f_detach()?, self.settings.gamma)?;
        let of_mixed = self.guess(&mixed.f_detach()?)?;
        let of_anchor = self.guess(&anchor)?;
        let loss = eq2_critic(&of_mixed, alpha, &of_anchor, self.settings.critic_target)?;
        let value = self.sound("the critic's loss", &loss)?;
        if let Some(critic) = &mut self.critic {
            critic.step(&loss, learning_rate, &self.settings)?;
        }
        Ok(value)
    }

    /// D2's step on equation 1; gives the loss.
    fn patch_gan_step(
        &mut self,
        slices: &Tensor,
        mixed: &Tensor,
        learning_rate: f64,
    ) -> Result<f64> {
        let real = self.logits(slices)?;
        let made = self.logits(&mixed.f_detach()?)?;
        let loss = eq1_patch_gan(&real, &made, self.settings.adversarial)?;
        let value = self.sound("the PatchGAN's loss", &loss)?;
        if let Some(patch_gan) = &mut self.patch_gan {
            patch_gan.step(&loss, learning_rate, &self.settings)?;
        }
        Ok(value)
    }

    /// G's part of Stage I (equation 3) or of Step I (equation 4).
    fn generator_step_one(
        &mut self,
        (slices, reconstructed, mixed): (&Tensor, &Tensor, &Tensor),
        stage: Stage,
        mut losses: StepLosses,
    ) -> Result<StepLosses> {
        let content = match stage {
            Stage::Two => self.content(slices, reconstructed)?,
            _ => eq5_mse_content(slices, reconstructed)?,
        };
        losses.content = Some(self.sound("the content loss", &content)?);
        let nothing = content.f_zeros_like()?;
        let mut against_critic = nothing.shallow_clone();
        if self.critic.is_some() {
            against_critic = eq7_against_critic(&self.guess(mixed)?)?;
            losses.against_critic =
                Some(self.sound("the loss against the critic", &against_critic)?);
        }
        let mut against_patch_gan = nothing;
        if self.patch_gan.is_some() && stage == Stage::Two {
            let logits = self.logits(mixed)?;
            against_patch_gan = eq8_against_patch_gan(&logits, self.settings.adversarial)?;
            losses.against_patch_gan =
                Some(self.sound("the loss against the PatchGAN", &against_patch_gan)?);
        }
        let (lambda, beta) = (self.settings.lambda, self.settings.beta);
        let loss = match stage {
            Stage::Two => {
                eq4_step_one(&content, &against_critic, &against_patch_gan, (lambda, beta))?
            }
            _ => eq3_stage_one(&content, &against_critic, lambda)?,
        };
        losses.gradient_norm = self.generator.step(&loss, losses.learning_rate, &self.settings)?;
        Ok(losses)
    }

    /// Step II: equation 9 over the inner slices of the batch. Gives loss and gradient norm.
    pub(crate) fn step_two(&mut self, batch: &Batch, learning_rate: f64) -> Result<(f64, f64)> {
        let made = self.between(batch)?;
        let loss = eq9_step_two(&batch.truth, &made, |truth, made| self.content(truth, made))?;
        let loss = and_bias(loss, batch, &made, &self.settings)?;
        let value = self.sound("the loss", &loss)?;
        Ok((value, self.generator.step(&loss, learning_rate, &self.settings)?))
    }

    /// What the generator makes between the ends of each group, `[N * inner, 1, H, W]`: both ends
    /// encoded in one pass, once.
    pub(crate) fn between(&self, batch: &Batch) -> Result<Tensor> {
        slices_between(self.generator.network.as_ref(), batch, self.settings.precision)
    }

    /// What `decode` makes of the ends of each group.
    pub(crate) fn between_by<T>(
        &self,
        batch: &Batch,
        decode: impl Fn(Pair, &Tensor) -> Result<T>,
    ) -> Result<T> {
        between(self.generator.network.as_ref(), batch, self.settings.precision, decode)
    }

    /// Equation 6 where the system has P, else what the settings' content and similarity say.
    fn content(&self, truth: &Tensor, made: &Tensor) -> Result<Tensor> {
        let Some(perceptual) = &self.perceptual else {
            return plain_content(truth, made, &self.settings);
        };
        let truth = tch::no_grad(|| perceptual.maps(&self.cast(truth)?))?;
        eq6_perceptual_content(&truth, &perceptual.maps(&self.cast(made)?)?)
    }

    fn guess(&self, images: &Tensor) -> Result<Tensor> {
        let critic = self.critic.as_ref().ok_or_else(|| missing("D1"))?;
        Ok(critic.network.guess(&self.cast(images)?)?.f_to_kind(Kind::Float)?)
    }

    fn logits(&self, images: &Tensor) -> Result<Tensor> {
        let patch_gan = self.patch_gan.as_ref().ok_or_else(|| missing("D2"))?;
        let seen = match self.settings.system {
            System::HrinetMotion => fine_detail(images)?,
            _ => self.cast(images)?,
        };
        Ok(patch_gan.network.logits(&seen)?.f_to_kind(Kind::Float)?)
    }

    fn freeze_discriminators(&self, frozen: bool) -> Result<()> {
        if let Some(critic) = &self.critic {
            critic.set_requires_grad(!frozen)?;
        }
        if let Some(patch_gan) = &self.patch_gan {
            patch_gan.set_requires_grad(!frozen)?;
        }
        Ok(())
    }

    /// In the precision of the passes; float32 is left as it is.
    fn cast(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.f_to_kind(self.settings.precision.kind())?)
    }

    /// The value of a loss that can still be trained on.
    pub(crate) fn sound(&self, name: &str, loss: &Tensor) -> Result<f64> {
        sound(name, loss.f_double_value(&[])?)
    }
}

fn sound(name: &str, value: f64) -> Result<f64> {
    if !value.is_finite() {
        return Err(Error::Training(format!("{name} is {value}")));
    }
    if value.abs() > EXPLODED {
        return Err(Error::Training(format!("{name} exploded to {value:.3e}")));
    }
    Ok(value)
}

/// What is finer than a few pixels in grey values on [0, 1]: the difference to the mean over 5 x 5 pixels, of
/// which 40 HU become 1 and more is clipped. Beside bone and air, noise is too small for D2 to learn from.
fn fine_detail(images: &Tensor) -> Result<Tensor> {
    let around = images.f_avg_pool2d([5, 5], [1, 1], [2, 2], false, false, None::<i64>)?;
    let (from, to) = (Window::CT.to_unit(0.0), Window::CT.to_unit(40.0));
    Ok(images.f_sub(&around)?.f_mul_scalar(1.0 / (to - from))?.f_clamp(-1.0, 1.0)?)
}

fn missing(network: &str) -> Error {
    Error::Argument(format!("{network} does not train in these settings"))
}

#[cfg(test)]
mod tests;
