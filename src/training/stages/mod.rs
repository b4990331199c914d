//! Stages of training. Each type owns the networks that it trains and their optimizers.
//!
//! - [`paper_stage_one`], [`paper_stage_two`]: the paper's (section 5);
//! - [`supervised`], [`supervised_adversarial`]: HRINet-Motion, alone and against D2;
//! - [`error_head`]: the error head of an HRINet-Motion whose generator is frozen;
//! - [`discriminators`]: what the stages with D1 and D2 share.
//!
//! A discriminator's step sees images detached from the generator; the generator's step finds the
//! discriminators frozen. Each optimizer moves its own network only.

pub(crate) mod discriminators;
pub(crate) mod error_head;
pub(crate) mod paper_stage_one;
pub(crate) mod paper_stage_two;
pub(crate) mod supervised;
pub(crate) mod supervised_adversarial;

use tch::{Device, Tensor};

use crate::error::{Error, Result};
use crate::network::{Architecture, Generator, Parameters, Precision, Record};
use crate::training::data::batch::Batch;
use crate::training::logging::step_losses::StepLosses;
use crate::training::optim::trainable::Trainable;
use crate::training::settings::Settings;
use crate::training::settings::schedule::StageKind;
use crate::training::state_dict::StateDict;
use crate::training::validation::{Batches, Validation, psnr};
use error_head::ErrorHeadStage;
use paper_stage_one::PaperStageOne;
use paper_stage_two::PaperStageTwo;
use supervised::Supervised;
use supervised_adversarial::SupervisedAdversarial;

/// Groups of a checkpoint: weights of the generator and the state of its optimizer.
pub(crate) const GENERATOR: &str = "generator";
const OPTIMIZER: &str = "optimizer";

/// Weights and gradients explode before a loss exceeds this: grey values are on [0, 1].
const MAX_LOSS: f64 = 1e6;

/// A stage of training.
pub(crate) trait Stage: Send {
    /// Trains one iteration; gives the losses before its optimizer steps.
    fn step(&mut self, batch: &Batch, learning_rate: f64) -> Result<StepLosses>;

    /// The generator, trained or frozen.
    fn generator(&self) -> &dyn Generator;

    /// The weights of all networks.
    fn weights(&self) -> StateDict;

    /// Adds the states of all optimizers to those weights.
    fn save_optimizers(&self, state: &mut StateDict);

    /// Restores the states of all optimizers after so many iterations of this stage.
    fn load_optimizers(&mut self, state: &StateDict, iterations: u64) -> Result<()>;

    /// Measures held-out batches.
    fn validate(&self, batches: Batches, precision: Precision) -> Result<Validation> {
        psnr(self.generator(), precision, batches)
    }

    /// The record of a checkpoint in this stage of a run.
    fn record(&self, run: Record) -> Record {
        run
    }

    /// Divides batches among so many threads from now on; `false` where the stage cannot.
    fn set_data_parallel(&mut self, _threads: usize) -> Result<bool> {
        Ok(false)
    }
}

/// Everything that a stage begins with.
pub(crate) struct StageStart<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) architecture: &'a Architecture,
    pub(crate) device: Device,
    /// The weights of the generator.
    pub(crate) generator: Parameters,
    /// Weights of other networks; what is missing is drawn from the seed.
    pub(crate) given: StateDict,
    /// The record of the generator, for an error head that is trained beside it.
    pub(crate) generator_record: Record,
}

impl StageStart<'_> {
    /// Builds the stage.
    pub(crate) fn build(self, kind: StageKind) -> Result<Box<dyn Stage>> {
        Ok(match kind {
            StageKind::One => Box::new(PaperStageOne::new(self)?),
            StageKind::Two => Box::new(PaperStageTwo::new(self)?),
            StageKind::Supervised if self.settings.has_patch_gan() => {
                Box::new(SupervisedAdversarial::new(self)?)
            }
            StageKind::Supervised => Box::new(Supervised::new(self)?),
            StageKind::ErrorHead => Box::new(ErrorHeadStage::new(self)?),
        })
    }
}

/// The generator with its optimizer.
fn trainable_generator(
    parameters: Parameters,
    architecture: &Architecture,
    settings: &Settings,
) -> Result<Trainable<Box<dyn Generator>>> {
    let prefix = settings.trainable_prefix.as_deref();
    let build = |parameters: &mut Parameters| architecture.build(parameters);
    Trainable::with_prefix(parameters, settings.optimizer, prefix, build)
}

/// The value of a loss that can be trained on.
///
/// # Errors
/// [`Error::Training`] for one that is non-finite or exploded.
fn check_loss(name: &str, loss: &Tensor) -> Result<f64> {
    check_value(name, loss.f_double_value(&[])?)
}

fn check_value(name: &str, value: f64) -> Result<f64> {
    if !value.is_finite() {
        return Err(Error::Training(format!("{name} is {value}")));
    }
    if value.abs() > MAX_LOSS {
        return Err(Error::Training(format!("{name} exploded to {value:.3e}")));
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
