//! A confidence in training, beside a generator that stays as it is.

use crate::error::Result;
use crate::network::{Architecture, ErrorHead, Parameters, Record};
use crate::training::optim::trainable::Trainable;
use crate::training::settings::{OptimizerKind, Settings};

/// The group of a checkpoint that holds its weights.
pub(crate) const GROUP: &str = "confidence";

/// The group that holds its optimiser's state.
pub(crate) const OPTIMIZER: &str = "confidence_optimizer";

/// First weights are drawn from the seed with this.
const SEED: u64 = 0x636f_6e66_6964;

/// The head in training, and how the generator came about to which it belongs.
pub(crate) struct Head {
    pub(crate) trained: Trainable<ErrorHead>,
    pub(crate) of_generator: Record,
}

impl Head {
    /// A new head for a generator.
    pub(crate) fn new(
        architecture: &Architecture,
        settings: &Settings,
        of_generator: Record,
        device: tch::Device,
    ) -> Result<Head> {
        let random = Parameters::random(settings.seed ^ SEED, device);
        Head::of(random, architecture, of_generator)
    }

    /// A head of these weights.
    pub(crate) fn of(
        parameters: Parameters,
        architecture: &Architecture,
        of_generator: Record,
    ) -> Result<Head> {
        let build = |parameters: &mut Parameters| architecture.build_error_head(parameters);
        Ok(Head { trained: Trainable::new(parameters, OptimizerKind::AdamW, build)?, of_generator })
    }
}
