//! What a training run keeps, and how it goes on from there.

use std::collections::BTreeMap;

use tch::{Device, Tensor};

use crate::error::{Error, Result};
use crate::network::checkpoint::{FORMAT, Header, to_bytes};
use crate::network::{Checkpoint, Parameters, PatchGan, Record};
use crate::runtime::device;
use crate::training::losses::perceptual::Perceptual;
use crate::training::optim::trainable::Trainable;
use crate::training::settings::schedule::Stage;
use crate::training::settings::{OptimizerKind, Settings};
use crate::training::stages::head::{GROUP, Head, OPTIMIZER};
use crate::training::trainer::Trainer;
use crate::volume::Window;

impl Trainer {
    /// Goes on from a checkpoint of a run with the same settings.
    ///
    /// # Errors
    /// [`Error::Argument`] for a checkpoint without training state, or of other settings.
    pub fn resume(checkpoint: Checkpoint, settings: Settings, device: Device) -> Result<Trainer> {
        settings.check()?;
        let kept = Settings::of_checkpoint(&checkpoint)?;
        if kept != settings {
            return Err(Error::Argument(format!(
                "was trained with other settings, {kept:?} instead of {settings:?}; resume with \
                 the same, or begin anew in another folder"
            )));
        }
        let parameters = Parameters::from_tensors(checkpoint.group("generator"), device);
        let header = checkpoint.header.clone();
        let (architecture, mut record) = (header.architecture, header.record);
        let of_head = record.error_head.take();
        let (record, of_generator) = match of_head {
            Some(of_head) if settings.error_head => (*of_head, Some(record)),
            _ => (record, None),
        };
        let steps = record.steps;
        let mut trainer =
            Self::build(settings, architecture, parameters, Some(&checkpoint), record, device)?;
        if let Some(of_generator) = of_generator {
            let weights = Parameters::from_tensors(checkpoint.group(GROUP), device);
            trainer.head = Some(Head::of(weights, &trainer.architecture, of_generator)?);
        }
        trainer.restore(&checkpoint, steps)?;
        Ok(trainer)
    }

    /// Everything of a resumed run but the weights of G and D1.
    fn restore(&mut self, checkpoint: &Checkpoint, iterations: u64) -> Result<()> {
        if let Some(head) = &mut self.head {
            return head.trained.restore(checkpoint, OPTIMIZER, iterations);
        }
        // The stage of the last iteration: the next one may begin Stage II.
        let (stage, within, _) = self.settings.stage_at(iterations.saturating_sub(1));
        let done = within + iterations.min(1);
        let mut of_generator = done;
        if self.settings.has_patch_gan() && stage != Stage::One {
            let weights = Parameters::from_tensors(checkpoint.group("patch_gan"), self.device);
            let mut patch_gan = Trainable::new(weights, OptimizerKind::AdamW, PatchGan::new)?;
            patch_gan.restore(checkpoint, "patch_gan_optimizer", done)?;
            self.patch_gan = Some(patch_gan);
        }
        if stage == Stage::Two {
            self.in_stage_two = true;
            if self.settings.has_step_two() {
                of_generator = 2 * done;
            }
            if self.settings.is_perceptual() {
                let kept = checkpoint.group("perceptual");
                self.perceptual =
                    Some(Perceptual::new(&self.architecture, kept.iter(), self.device)?);
            }
        } else {
            self.given_perceptual = checkpoint.group("perceptual");
        }
        self.generator.restore(checkpoint, "optimizer", of_generator)?;
        if let Some(critic) = &mut self.critic {
            critic.restore(checkpoint, "critic_optimizer", done)?;
        }
        Ok(())
    }

    /// The bytes of a checkpoint that training can go on from.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn checkpoint(&self) -> Result<Vec<u8>> {
        let mut tensors = self.weights();
        match &self.head {
            Some(head) => head.trained.keep_optimizer(OPTIMIZER, &mut tensors),
            None => self.generator.keep_optimizer("optimizer", &mut tensors),
        }
        if let Some(critic) = &self.critic {
            critic.keep_weights("critic", &mut tensors);
            critic.keep_optimizer("critic_optimizer", &mut tensors);
        }
        if let Some(patch_gan) = &self.patch_gan {
            patch_gan.keep_weights("patch_gan", &mut tensors);
            patch_gan.keep_optimizer("patch_gan_optimizer", &mut tensors);
        }
        match &self.perceptual {
            Some(perceptual) => perceptual.keep(&mut tensors),
            None => {
                for (name, tensor) in &self.given_perceptual {
                    tensors.insert(format!("perceptual.{name}"), tensor.shallow_clone());
                }
            }
        }
        let settings = serde_json::to_value(&self.settings)
            .map_err(|error| Error::Argument(format!("settings: {error}")))?;
        to_bytes(self.header(Some(settings)), &tensors)
    }

    /// The bytes of a checkpoint that only interpolates: a fraction of the size.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn model(&self) -> Result<Vec<u8>> {
        to_bytes(self.header(None), &self.weights())
    }

    /// Those that interpolate.
    fn weights(&self) -> BTreeMap<String, Tensor> {
        let mut tensors = BTreeMap::new();
        self.generator.keep_weights("generator", &mut tensors);
        if let Some(head) = &self.head {
            head.trained.keep_weights(GROUP, &mut tensors);
        }
        tensors
    }

    fn header(&self, training: Option<serde_json::Value>) -> Header {
        let record = Record {
            device: device::name(self.device),
            version: env!("CARGO_PKG_VERSION").to_string(),
            ..self.record.clone()
        };
        let record = match &self.head {
            Some(head) => {
                Record { error_head: Some(Box::new(record)), ..head.of_generator.clone() }
            }
            None => record,
        };
        Header {
            format: FORMAT,
            system: self.settings.system,
            architecture: self.architecture.clone(),
            window_hu: [Window::CT.low, Window::CT.high],
            record,
            training,
            weights_sha256: String::new(),
        }
    }
}
