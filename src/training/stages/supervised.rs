//! The only stage of HRINet-Motion: the content loss of interpolated slices.

use crate::error::Result;
use crate::network::{Architecture, Generator};
use crate::training::data::batch::Batch;
use crate::training::data_parallel::DataParallel;
use crate::training::logging::step_losses::StepLosses;
use crate::training::losses::supervised::supervised_loss;
use crate::training::optim::trainable::Trainable;
use crate::training::settings::Settings;
use crate::training::stages::{
    GENERATOR, OPTIMIZER, Stage, StageStart, check_loss, check_value, trainable_generator,
};
use crate::training::state_dict::StateDict;

/// G, and its replicas where several threads divide a batch.
pub(crate) struct Supervised {
    settings: Settings,
    architecture: Architecture,
    generator: Trainable<Box<dyn Generator>>,
    data_parallel: Option<DataParallel>,
}

impl Supervised {
    pub(super) fn new(start: StageStart) -> Result<Supervised> {
        let StageStart { settings, architecture, generator, .. } = start;
        Ok(Supervised {
            settings: settings.clone(),
            architecture: architecture.clone(),
            generator: trainable_generator(generator, architecture, settings)?,
            data_parallel: None,
        })
    }
}

impl Stage for Supervised {
    fn step(&mut self, batch: &Batch, learning_rate: f64) -> Result<StepLosses> {
        let settings = &self.settings;
        let (value, gradient_norm) = match &mut self.data_parallel {
            None => {
                let loss = supervised_loss(self.generator(), batch, settings)?;
                let value = check_loss("the loss", &loss)?;
                (value, self.generator.step(&loss, learning_rate, settings)?)
            }
            Some(data_parallel) => {
                let (loss, gradient) = data_parallel.gradient(batch, settings)?;
                let value = check_value("the loss", loss)?;
                (value, self.generator.step_with_gradient(gradient, learning_rate, settings)?)
            }
        };
        let losses = StepLosses { learning_rate, gradient_norm, ..StepLosses::default() };
        Ok(StepLosses { step_two: Some(value), ..losses })
    }

    fn generator(&self) -> &dyn Generator {
        self.generator.network.as_ref()
    }

    fn weights(&self) -> StateDict {
        let mut weights = StateDict::default();
        self.generator.save_weights(GENERATOR, &mut weights);
        weights
    }

    fn save_optimizers(&self, state: &mut StateDict) {
        self.generator.save_optimizer(OPTIMIZER, state);
    }

    fn load_optimizers(&mut self, state: &StateDict, iterations: u64) -> Result<()> {
        self.generator.load_optimizer(OPTIMIZER, state, iterations)
    }

    fn set_data_parallel(&mut self, threads: usize) -> Result<bool> {
        let weights = self.generator.weights();
        let on_cpu = weights.iter().all(|(_, weight)| weight.device() == tch::Device::Cpu);
        self.data_parallel = match threads > 1 && on_cpu {
            true => Some(DataParallel::new(weights, &self.architecture, threads)?),
            false => None,
        };
        Ok(self.data_parallel.is_some())
    }
}
