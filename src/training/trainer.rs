//! One training step, one checkpoint, and going on from it.

use std::collections::BTreeMap;

use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};
use crate::network::{
    Architecture, Checkpoint, Critic, Generator, Parameters, PatchGan, Record, System,
};
use crate::training::data::batch::Batch;
use crate::training::data_parallel::DataParallel;
use crate::training::logging::step_losses::StepLosses;
use crate::training::losses::paper::squared_errors;
use crate::training::losses::perceptual::Perceptual;
use crate::training::optim::trainable::Trainable;
use crate::training::settings::schedule::Stage;
use crate::training::settings::{OptimizerKind, Settings};
use crate::training::stages::head::{GROUP, Head};

/// First weights of G, D1 and D2 are drawn from the seed with one of these.
const CRITIC_SEED: u64 = 0x6372_6974_6963;
const PATCH_GAN_SEED: u64 = 0x7061_7463_6867;

/// A generator in training, and the discriminators that train along. It belongs to one thread at a
/// time.
pub struct Trainer {
    pub(crate) settings: Settings,
    pub(crate) architecture: Architecture,
    pub(crate) generator: Trainable<Box<dyn Generator>>,
    pub(crate) critic: Option<Trainable<Critic>>,
    /// From the beginning of Stage II on, as is `perceptual`; HRINet-Motion's from the first step.
    pub(crate) patch_gan: Option<Trainable<PatchGan>>,
    pub(crate) perceptual: Option<Perceptual>,
    /// Where the confidence alone trains.
    pub(crate) head: Option<Head>,
    /// Where several threads share the batches.
    pub(crate) workers: Option<DataParallel>,
    /// The P of a checkpoint of Stage II that training began from.
    pub(crate) given_perceptual: BTreeMap<String, Tensor>,
    pub(crate) in_stage_two: bool,
    pub(crate) record: Record,
    pub(crate) device: Device,
}

impl Trainer {
    /// A new generator, its weights drawn from the settings' seed.
    ///
    /// # Errors
    /// [`Error::Argument`] for settings that make no sense, and for a confidence: it belongs to a
    /// generator that has learnt.
    pub fn new(settings: Settings, device: Device) -> Result<Trainer> {
        settings.check()?;
        if settings.error_head {
            return Err(Error::Argument(
                "a confidence without the model that it belongs to: begin --from that model".into(),
            ));
        }
        let architecture = settings.architecture()?;
        let parameters = Parameters::random(settings.seed, device);
        let record = Record { seed: settings.seed, ..Record::default() };
        Self::build(settings, architecture, parameters, None, record, device)
    }

    /// A new run that begins with the weights of a checkpoint: G's, and D1's and P where it holds
    /// them and the system uses them. Any checkpoint will do whose generator has as many maps as
    /// the system's: that of Stage I of another system, a finished model.
    ///
    /// A confidence that the checkpoint holds is left behind: it belongs to its generator, which
    /// changes now. Where the settings are those of a confidence, the generator stays and a new one
    /// learns.
    ///
    /// # Errors
    /// [`Error::Argument`] for settings that make no sense, and for a checkpoint with another kind
    /// of generator.
    pub fn begin_from(
        checkpoint: &Checkpoint,
        settings: Settings,
        device: Device,
    ) -> Result<Trainer> {
        settings.check()?;
        let default_for = settings.architecture()?;
        let header = &checkpoint.header;
        if header.architecture.kind() != default_for.kind() {
            return Err(Error::Argument(format!(
                "a checkpoint of {}, whose generator {}; that of {} {}",
                header.system,
                header.architecture.kind(),
                settings.system,
                default_for.kind()
            )));
        }
        let weights = checkpoint.group("generator");
        let (architecture, parameters) = match &settings.motion {
            Some(_) => (default_for, Parameters::extended(weights, settings.seed, device)),
            None => (header.architecture.clone(), Parameters::from_tensors(weights, device)),
        };
        let record = Record {
            seed: settings.seed,
            began_from: Some(checkpoint.file_sha256.clone()),
            ..Record::default()
        };
        let mut trainer =
            Self::build(settings, architecture, parameters, Some(checkpoint), record, device)?;
        trainer.given_perceptual = checkpoint.group("perceptual");
        if trainer.settings.error_head {
            let of_generator = Record { error_head: None, ..header.record.clone() };
            let (architecture, settings) = (&trainer.architecture, &trainer.settings);
            trainer.head = Some(Head::new(architecture, settings, of_generator, device)?);
        } else if !checkpoint.group(GROUP).is_empty() {
            log::warn!(
                "the confidence of the weights that training begins from is left behind: it belongs \
                 to them; train one for the new weights by --confidence"
            );
        }
        Ok(trainer)
    }

    pub(crate) fn build(
        settings: Settings,
        architecture: Architecture,
        parameters: Parameters,
        checkpoint: Option<&Checkpoint>,
        record: Record,
        device: Device,
    ) -> Result<Trainer> {
        let build = |parameters: &mut Parameters| architecture.build(parameters);
        let generator = Trainable::in_part(
            parameters,
            settings.optimizer,
            settings.trainable_prefix.as_deref(),
            build,
        )?;
        let critic = if settings.has_critic() {
            let kept = checkpoint.map(|checkpoint| checkpoint.group("critic")).unwrap_or_default();
            let parameters = match kept.is_empty() {
                true => Parameters::random(settings.seed ^ CRITIC_SEED, device),
                false => Parameters::from_tensors(kept, device),
            };
            Some(Trainable::new(parameters, OptimizerKind::AdamW, Critic::new)?)
        } else {
            None
        };
        let patch_gan = match settings.system == System::HrinetMotion && settings.has_patch_gan() {
            true => Some(new_patch_gan(&settings, device)?),
            false => None,
        };
        Ok(Trainer {
            settings,
            architecture,
            generator,
            critic,
            patch_gan,
            perceptual: None,
            head: None,
            workers: None,
            given_perceptual: BTreeMap::new(),
            in_stage_two: false,
            record,
            device,
        })
    }

    /// Stage II begins: optimisers anew, D2 drawn, P kept as the encoder is now.
    pub(crate) fn enter_stage_two(&mut self) -> Result<()> {
        self.in_stage_two = true;
        self.generator.reset_state()?;
        if let Some(critic) = &mut self.critic {
            critic.reset_state()?;
        }
        if self.settings.has_patch_gan() {
            self.patch_gan = Some(new_patch_gan(&self.settings, self.device)?);
        }
        if self.settings.is_perceptual() {
            let own = self.generator.weights().iter().map(|(name, tensor)| (name, tensor));
            let (architecture, device) = (&self.architecture, self.device);
            self.perceptual = Some(match self.given_perceptual.is_empty() {
                true => Perceptual::new(architecture, own, device)?,
                false => Perceptual::new(architecture, self.given_perceptual.iter(), device)?,
            });
        }
        Ok(())
    }

    /// Iterations done, over all stages and resumed runs.
    pub fn steps(&self) -> u64 {
        self.record.steps
    }

    /// Where it trains.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The generator's shape.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// How it trains.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// From now on `count` threads take a part of each batch each, on a CPU and for HRINet-Motion's
    /// generator alone; anything else goes on as before, which is told by `false`. Parts are added in
    /// their order: the same count gives the same weights.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn set_data_parallel(&mut self, count: usize) -> Result<bool> {
        let motion = self.settings.system == System::HrinetMotion;
        let supervised = motion && self.head.is_none() && self.patch_gan.is_none();
        self.workers = match count > 1 && supervised && self.device == Device::Cpu {
            true => Some(DataParallel::of(self.generator.weights(), &self.architecture, count)?),
            false => None,
        };
        Ok(self.workers.is_some())
    }

    /// Checks that planes of these sides (rows, columns) go through the generator.
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

    /// How the weights came about so far; to be completed by who runs the training.
    pub fn record_mut(&mut self) -> &mut Record {
        &mut self.record
    }

    /// One iteration on a batch; gives the losses before its optimiser steps.
    ///
    /// In Stage I, a step of D1 and one of G. In Stage II, Step I (D1, D2, G), then Step II (G).
    /// HRINet-Motion has Step II alone.
    ///
    /// # Errors
    /// [`Error::Training`] where a loss or a gradient is no number or exploded; the trainer is of no
    /// use then, its last checkpoint is.
    pub fn step(&mut self, batch: &Batch) -> Result<StepLosses> {
        let (stage, within, length) = self.settings.stage_at(self.steps());
        if stage == Stage::Two && !self.in_stage_two {
            self.enter_stage_two()?;
        }
        let learning_rate = self.settings.learning_rate_at(within, length);
        let losses = match stage {
            Stage::ErrorHead => self.confident(batch, learning_rate),
            Stage::Supervised => self.supervised(batch, learning_rate),
            Stage::One => self.step_one(batch, stage, learning_rate),
            Stage::Two => self.both_steps(batch, learning_rate),
        };
        let iteration = self.steps() + 1;
        let losses = losses.map_err(|error| match error {
            Error::Training(what) => Error::Training(format!(
                "training diverged at step {iteration}: {what}; the last checkpoint is kept, begin \
                 --from it in another folder with a lower --learning-rate"
            )),
            other => other,
        })?;
        self.record.steps = iteration;
        Ok(losses)
    }

    fn both_steps(&mut self, batch: &Batch, learning_rate: f64) -> Result<StepLosses> {
        let mut losses = self.step_one(batch, Stage::Two, learning_rate)?;
        if self.settings.has_step_two() {
            let (loss, norm) = self.step_two(batch, learning_rate)?;
            (losses.step_two, losses.gradient_norm) = (Some(loss), norm);
        }
        Ok(losses)
    }

    /// Mean PSNR in dB over the crops of some batches, of the generator and of the linear blend.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn validate(&self, batches: impl Iterator<Item = Result<Batch>>) -> Result<[f64; 2]> {
        let mut sums = [0.0; 2];
        let mut crops = 0;
        for batch in batches {
            let batch = batch?;
            let count = batch.alpha.size1()?;
            let made = tch::no_grad(|| self.between(&batch))?.f_clamp(0.0, 1.0)?;
            let linear = batch.linear_blend()?;
            for (sum, image) in sums.iter_mut().zip([made, linear]) {
                let error = squared_errors(&batch.truth, &image)?;
                let psnr = error.f_clamp_min(1e-10)?.f_log10()?.f_mul_scalar(-10.0)?;
                *sum += psnr.f_sum(Kind::Double)?.f_double_value(&[])?;
            }
            crops += count;
        }
        Ok(sums.map(|sum| sum / crops.max(1) as f64))
    }

    /// Checks that every weight of every network is a finite number, before a checkpoint replaces
    /// the one before.
    ///
    /// # Errors
    /// [`Error::Training`].
    pub fn check_weights(&self) -> Result<()> {
        let mut sound = self.generator.is_finite()?;
        if let Some(critic) = &self.critic {
            sound &= critic.is_finite()?;
        }
        if let Some(head) = &self.head {
            sound &= head.trained.is_finite()?;
        }
        if let Some(patch_gan) = &self.patch_gan {
            sound &= patch_gan.is_finite()?;
        }
        match sound {
            true => Ok(()),
            false => Err(Error::Training(format!(
                "training diverged at step {}: non-finite weights; the last \
                 checkpoint is kept",
                self.steps()
            ))),
        }
    }

    /// The slices between the ends of each group of a batch, `[N * inner, 1, H, W]`, for a picture.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn picture(&self, batch: &Batch) -> Result<Tensor> {
        tch::no_grad(|| self.between(batch))
    }
}

fn new_patch_gan(settings: &Settings, device: Device) -> Result<Trainable<PatchGan>> {
    let random = Parameters::random(settings.seed ^ PATCH_GAN_SEED, device);
    Trainable::new(random, OptimizerKind::AdamW, PatchGan::new)
}
