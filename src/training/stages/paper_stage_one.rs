//! Stage I of the paper: reconstruction, and the critic D1 where the system has it.

use std::collections::BTreeMap;

use tch::Tensor;

use crate::error::Result;
use crate::network::{Critic, Generator};
use crate::training::data::batch::Batch;
use crate::training::logging::step_losses::StepLosses;
use crate::training::losses::paper::{eq3_stage_one, eq5_mse_content};
use crate::training::losses::perceptual;
use crate::training::optim::trainable::Trainable;
use crate::training::settings::Settings;
use crate::training::stages::discriminators::{
    CRITIC, CRITIC_OPTIMIZER, Reconstruction, against_critic, critic_step, trainable_critic,
};
use crate::training::stages::{
    GENERATOR, OPTIMIZER, Stage, StageStart, check_loss, trainable_generator,
};
use crate::training::state_dict::StateDict;

/// G and D1.
pub(crate) struct PaperStageOne {
    settings: Settings,
    pub(super) generator: Trainable<Box<dyn Generator>>,
    critic: Option<Trainable<Critic>>,
    /// Weights of P that the run began from, kept for Stage II.
    perceptual: BTreeMap<String, Tensor>,
}

impl PaperStageOne {
    pub(super) fn new(start: StageStart) -> Result<PaperStageOne> {
        let StageStart { settings, architecture, device, generator, given, .. } = start;
        Ok(PaperStageOne {
            settings: settings.clone(),
            generator: trainable_generator(generator, architecture, settings)?,
            critic: trainable_critic(settings, &given, device)?,
            perceptual: given.group(perceptual::GROUP),
        })
    }

    /// G's optimizer step on equation 3.
    fn generator_step(&mut self, images: &Reconstruction, losses: &mut StepLosses) -> Result<()> {
        let mut loss = eq5_mse_content(&images.slices, &images.reconstructed)?;
        losses.content = Some(check_loss("the content loss", &loss)?);
        if let Some(critic) = &self.critic {
            let precision = self.settings.precision;
            let against = against_critic(&critic.network, images, precision, losses)?;
            loss = eq3_stage_one(&loss, &against, self.settings.lambda)?;
        }
        losses.gradient_norm = self.generator.step(&loss, losses.learning_rate, &self.settings)?;
        Ok(())
    }

    fn set_critic_requires_grad(&self, requires_grad: bool) -> Result<()> {
        self.critic.as_ref().map_or(Ok(()), |critic| critic.set_requires_grad(requires_grad))
    }
}

impl Stage for PaperStageOne {
    fn step(&mut self, batch: &Batch, learning_rate: f64) -> Result<StepLosses> {
        let mut losses = StepLosses { learning_rate, ..StepLosses::default() };
        let settings = &self.settings;
        let images = Reconstruction::new(self.generator(), batch, settings.precision)?;
        if let Some(critic) = &mut self.critic {
            let alpha = &batch.random_alpha;
            losses.critic = Some(critic_step(critic, &images, alpha, learning_rate, settings)?);
        }
        self.set_critic_requires_grad(false)?;
        let stepped = self.generator_step(&images, &mut losses);
        self.set_critic_requires_grad(true)?;
        stepped.map(|()| losses)
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
        for (name, tensor) in &self.perceptual {
            weights.insert(perceptual::GROUP, name, tensor);
        }
        weights
    }

    fn save_optimizers(&self, state: &mut StateDict) {
        self.generator.save_optimizer(OPTIMIZER, state);
        if let Some(critic) = &self.critic {
            critic.save_optimizer(CRITIC_OPTIMIZER, state);
        }
    }

    fn load_optimizers(&mut self, state: &StateDict, iterations: u64) -> Result<()> {
        self.generator.load_optimizer(OPTIMIZER, state, iterations)?;
        if let Some(critic) = &mut self.critic {
            critic.load_optimizer(CRITIC_OPTIMIZER, state, iterations)?;
        }
        Ok(())
    }
}
