//! A training run step by step: its stage, its settings, its record.

use tch::{Device, Tensor};

use crate::error::{Error, Result};
use crate::network::{Architecture, Checkpoint, Parameters, Record};
use crate::training::data::batch::Batch;
use crate::training::forward::slices_between;
use crate::training::logging::step_losses::StepLosses;
use crate::training::losses::perceptual;
use crate::training::optim::optimizer::all_finite;
use crate::training::settings::Settings;
use crate::training::settings::schedule::StageKind;
use crate::training::stages::discriminators::CRITIC;
use crate::training::stages::error_head::ERROR_HEAD;
use crate::training::stages::{GENERATOR, Stage, StageStart};
use crate::training::state_dict::StateDict;
use crate::training::validation::Validation;

/// A generator in training, with its discriminators and optimizers. One thread at a time uses it.
pub struct Trainer {
    pub(crate) settings: Settings,
    pub(crate) architecture: Architecture,
    pub(crate) kind: StageKind,
    pub(crate) stage: Box<dyn Stage>,
    pub(crate) record: Record,
    pub(crate) device: Device,
}

impl Trainer {
    /// Creates a trainer with random weights by the settings' seed.
    ///
    /// # Errors
    /// [`Error::Argument`] for contradictory settings, and for those of an error head: it belongs
    /// to a trained generator.
    pub fn new(settings: Settings, device: Device) -> Result<Trainer> {
        settings.check()?;
        if settings.error_head {
            return Err(Error::Argument(
                "an error head without its generator; begin --from a trained model".into(),
            ));
        }
        let architecture = settings.architecture()?;
        let start = StageStart {
            settings: &settings,
            architecture: &architecture,
            device,
            generator: Parameters::random(settings.seed, device),
            given: StateDict::default(),
            generator_record: Record::default(),
        };
        let (kind, _, _) = settings.stage_at(0);
        let stage = start.build(kind)?;
        let record = Record { seed: settings.seed, ..Record::default() };
        Ok(Trainer { settings, architecture, kind, stage, record, device })
    }

    /// Creates a trainer with the weights of a checkpoint: G's, and D1's and P's where it holds
    /// them and the system has them. The checkpoint may be of another system with the same kind of
    /// generator, of Stage I, or a model.
    ///
    /// An error head in the checkpoint is dropped, as it belongs to the generator before this
    /// training. With the settings of an error head, the generator is frozen and a new head
    /// trained.
    ///
    /// # Errors
    /// [`Error::Argument`] for contradictory settings, and for another kind of generator.
    pub fn begin_from(
        checkpoint: &Checkpoint,
        settings: Settings,
        device: Device,
    ) -> Result<Trainer> {
        settings.check()?;
        let own = settings.architecture()?;
        let header = &checkpoint.header;
        if header.architecture.kind() != own.kind() {
            return Err(Error::Argument(format!(
                "a checkpoint of {}, a generator {}; {} needs one {}",
                header.system,
                header.architecture.kind(),
                settings.system,
                own.kind()
            )));
        }
        check_thin(header.architecture.is_thin(), &settings)?;
        let weights = checkpoint.group(GENERATOR);
        let (architecture, generator) = match (&settings.motion, &settings.map_channels) {
            (Some(_), _) => (own, Parameters::extended(weights, settings.seed, device)),
            (None, Some(_)) => (own, Parameters::from_tensors(weights, device)),
            (None, None) => {
                let architecture = header.architecture.clone().with_thin(settings.thin);
                (architecture, Parameters::from_tensors(weights, device))
            }
        };
        if !settings.error_head && !checkpoint.group(ERROR_HEAD).is_empty() {
            log::warn!(
                "the error head of the weights that training begins from is dropped: it belongs to \
                 them; train one for the new weights by --error-head"
            );
        }
        let start = StageStart {
            settings: &settings,
            architecture: &architecture,
            device,
            generator,
            given: StateDict::of_checkpoint(checkpoint).only(&[CRITIC, perceptual::GROUP]),
            generator_record: Record { error_head: None, ..header.record.clone() },
        };
        let (kind, _, _) = settings.stage_at(0);
        let stage = start.build(kind)?;
        let record = Record {
            seed: settings.seed,
            began_from: Some(checkpoint.file_sha256.clone()),
            ..Record::default()
        };
        Ok(Trainer { settings, architecture, kind, stage, record, device })
    }

    /// Begins Stage II with the weights that Stage I left, as a run from its checkpoint does: new
    /// optimizers, a new D2, P from the encoder.
    fn enter(&mut self, kind: StageKind) -> Result<()> {
        let given = self.stage.weights();
        let start = StageStart {
            settings: &self.settings,
            architecture: &self.architecture,
            device: self.device,
            generator: Parameters::from_tensors(given.group(GENERATOR), self.device),
            given,
            generator_record: Record::default(),
        };
        self.stage = start.build(kind)?;
        self.kind = kind;
        Ok(())
    }

    /// Trains one iteration on a batch; gives the losses before its optimizer steps.
    ///
    /// Stage I has a step of D1 and one of G; Stage II Step I (D1, D2, G), then Step II (G).
    /// HRINet-Motion has Step II alone.
    ///
    /// # Errors
    /// [`Error::Training`] where training diverged: a loss or a gradient is non-finite or exploded.
    /// The trainer is of no use then, its last checkpoint is.
    pub fn step(&mut self, batch: &Batch) -> Result<StepLosses> {
        let (kind, within, length) = self.settings.stage_at(self.steps());
        if kind != self.kind {
            self.enter(kind)?;
        }
        let learning_rate = self.settings.learning_rate_at(within, length);
        let iteration = self.steps() + 1;
        let losses = self.stage.step(batch, learning_rate).map_err(|error| match error {
            Error::Training(reason) => Error::Training(format!(
                "training diverged at step {iteration}: {reason}; the last checkpoint is kept, \
                 begin --from it in another folder with a lower --learning-rate"
            )),
            other => other,
        })?;
        self.record.steps = iteration;
        Ok(losses)
    }

    /// Iterations so far, over all stages and resumed runs.
    pub fn steps(&self) -> u64 {
        self.record.steps
    }

    /// The device of the weights.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The architecture of the generator.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The settings of the run.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The record of the run so far.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The record of the run, to be completed by the caller.
    pub fn record_mut(&mut self) -> &mut Record {
        &mut self.record
    }

    /// Divides each batch among `threads` threads from now on, for HRINet-Motion without D2 on a
    /// CPU; `false` for others. Gradients are added in the order of the parts: the same number of
    /// threads gives the same weights.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn set_data_parallel(&mut self, threads: usize) -> Result<bool> {
        self.stage.set_data_parallel(threads)
    }

    /// Checks that the generator takes planes of these sides (rows, columns).
    ///
    /// # Errors
    /// [`Error::Argument`].
    pub fn check_sides(&self, sides: [usize; 2]) -> Result<()> {
        let multiple = self.architecture.side_multiple() as usize;
        if sides.iter().any(|&side| side == 0 || side % multiple != 0) {
            return Err(Error::Argument(format!(
                "planes of {} x {} pixels; {} trains on sides that are multiples of {multiple}",
                sides[0], sides[1], self.settings.system
            )));
        }
        Ok(())
    }

    /// Measures batches: PSNR of a generator, expected and actual errors of an error head.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn validate(&self, mut batches: impl Iterator<Item = Result<Batch>>) -> Result<Validation> {
        self.stage.validate(&mut batches, self.settings.precision)
    }

    /// Checks that every weight of every network is finite, before a checkpoint replaces the last.
    ///
    /// # Errors
    /// [`Error::Training`].
    pub fn check_weights(&self) -> Result<()> {
        for tensor in self.stage.weights().tensors().values() {
            if !all_finite(tensor)? {
                return Err(Error::Training(format!(
                    "training diverged at step {}: non-finite weights; the last checkpoint is kept",
                    self.steps()
                )));
            }
        }
        Ok(())
    }

    /// Interpolates the inner slices of each group of a batch, `[N * inner, 1, H, W]`.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn interpolate(&self, batch: &Batch) -> Result<Tensor> {
        let (generator, precision) = (self.stage.generator(), self.settings.precision);
        tch::no_grad(|| slices_between(generator, batch, precision))
    }
}

/// Refuses to train a model of thin slices on others.
fn check_thin(is_thin: bool, settings: &Settings) -> Result<()> {
    match is_thin && !settings.thin {
        true => Err(Error::Argument(
            "it makes thin slices from thick ones, which `hrinet train --thin` alone teaches"
                .into(),
        )),
        false => Ok(()),
    }
}
