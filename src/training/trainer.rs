//! One training step, one checkpoint, and going on from it.

use std::collections::BTreeMap;

use tch::{Device, Kind, Tensor};

use super::losses::mse_content;
use super::optimizer::AdamW;
use super::sampler::Batch;
use super::settings::Settings;
use crate::error::{Error, Result};
use crate::network::checkpoint::{FORMAT, Header, to_bytes};
use crate::network::{Architecture, Checkpoint, Generator, Parameters, Record, System, device};
use crate::volume::Window;

/// A generator in training. It belongs to one thread at a time.
pub struct Trainer {
    settings: Settings,
    architecture: Architecture,
    generator: Generator,
    weights: Vec<(String, Tensor)>,
    optimizer: AdamW,
    record: Record,
    device: Device,
}

impl Trainer {
    /// A new generator, its weights drawn from the settings' seed.
    ///
    /// # Errors
    /// [`Error::Argument`] for settings that make no sense.
    pub fn new(settings: Settings, device: Device) -> Result<Trainer> {
        settings.check()?;
        let architecture = settings.system.architecture(settings.size)?;
        let parameters = Parameters::drawn(settings.seed, device);
        let record = Record { seed: settings.seed, ..Record::default() };
        Self::build(settings, architecture, parameters, record, device)
    }

    /// Goes on from a checkpoint of a run with the same settings.
    ///
    /// # Errors
    /// [`Error::Argument`] for a checkpoint without training state, or of other settings.
    pub fn resume(checkpoint: Checkpoint, settings: Settings, device: Device) -> Result<Trainer> {
        settings.check()?;
        let kept = checkpoint.header.training.clone().ok_or_else(|| {
            Error::Argument("holds weights but no training state to go on from".into())
        })?;
        let kept: Settings = serde_json::from_value(kept)
            .map_err(|error| Error::Argument(format!("its training settings: {error}")))?;
        if kept != settings {
            return Err(Error::Argument(format!(
                "was trained with other settings, {kept:?} instead of {settings:?}; resume with \
                 the same, or begin anew in another folder"
            )));
        }
        let parameters = Parameters::stored(checkpoint.group("generator"), device);
        let state = checkpoint.group("optimizer");
        let header = checkpoint.header;
        let steps = header.record.steps;
        let mut trainer =
            Self::build(settings, header.architecture, parameters, header.record, device)?;
        trainer.optimizer.restore(&state, steps)?;
        Ok(trainer)
    }

    fn build(
        settings: Settings,
        architecture: Architecture,
        mut parameters: Parameters,
        record: Record,
        device: Device,
    ) -> Result<Trainer> {
        let generator = architecture.build(&mut parameters)?;
        let weights = parameters.finish()?;
        let views = weights.iter().map(|(_, weight)| weight.shallow_clone()).collect();
        let optimizer = AdamW::new(views)?;
        Ok(Trainer { settings, architecture, generator, weights, optimizer, record, device })
    }

    /// Optimiser steps taken, over all resumed runs.
    pub fn steps(&self) -> u64 {
        self.optimizer.steps()
    }

    /// Where it trains.
    pub fn device(&self) -> Device {
        self.device
    }

    /// How the weights came about so far; to be completed by who runs the training.
    pub fn record_mut(&mut self) -> &mut Record {
        &mut self.record
    }

    /// One optimiser step on a batch; gives the loss before it.
    ///
    /// Step II of the paper (equation 9): the content loss between what the generator makes between
    /// two slices and the real slice there. `ae` has no Step II; it reconstructs one slice.
    ///
    /// # Errors
    /// [`Error::Training`] where the loss or its gradient is no number; the weights stay as they
    /// were.
    pub fn step(&mut self, batch: &Batch) -> Result<f64> {
        let count = batch.alpha.size1()?;
        let loss = if self.settings.system == System::Ae {
            let features = self.generator.encode(&batch.truth)?;
            let made = self.generator.decode(&features, &features, &batch.alpha)?;
            mse_content(&batch.truth, &made)?
        } else {
            mse_content(&batch.truth, &self.between(batch, count)?)?
        };
        let value = loss.f_double_value(&[])?;
        let astray = |what: String| {
            Error::Training(format!("training went astray at step {}: {what}", self.steps() + 1))
        };
        if !value.is_finite() {
            return Err(astray(format!("the loss is {value}")));
        }
        let settings = &self.settings;
        let learning_rate = settings.learning_rate_at(self.optimizer.steps());
        let (decay, norm) = (settings.weight_decay, settings.gradient_norm);
        let step = self.steps() + 1;
        self.optimizer.step(&loss, learning_rate, decay, norm).map_err(|error| match error {
            Error::Training(what) => {
                Error::Training(format!("training went astray at step {step}: {what}"))
            }
            other => other,
        })?;
        Ok(value)
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
            let made = tch::no_grad(|| self.between(&batch, count))?.f_clamp(0.0, 1.0)?;
            let alpha = batch.alpha.f_view([-1, 1, 1, 1])?;
            let apart = batch.first.f_sub(&batch.second)?;
            let linear = batch.second.f_add(&apart.f_mul(&alpha)?)?;
            for (sum, image) in sums.iter_mut().zip([made, linear]) {
                let error = image.f_sub(&batch.truth)?.f_square()?;
                let error = error.f_mean_dim([1i64, 2, 3].as_slice(), false, Kind::Float)?;
                let psnr = error.f_clamp_min(1e-10)?.f_log10()?.f_mul_scalar(-10.0)?;
                *sum += psnr.f_sum(Kind::Double)?.f_double_value(&[])?;
            }
            crops += count;
        }
        Ok(sums.map(|sum| sum / crops.max(1) as f64))
    }

    /// The bytes of a checkpoint that training can go on from.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn checkpoint(&self) -> Result<Vec<u8>> {
        let mut tensors = self.generator_tensors();
        for (name, tensor) in self.optimizer.state() {
            tensors.insert(format!("optimizer.{name}"), tensor);
        }
        let settings = serde_json::to_value(&self.settings)
            .map_err(|error| Error::Argument(format!("settings: {error}")))?;
        to_bytes(self.header(Some(settings)), &tensors)
    }

    /// The bytes of a checkpoint that only interpolates: a third of the size.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn model(&self) -> Result<Vec<u8>> {
        to_bytes(self.header(None), &self.generator_tensors())
    }

    /// What the generator makes between the slices of a batch: both ends encoded in one pass.
    fn between(&self, batch: &Batch, count: i64) -> Result<Tensor> {
        let ends = Tensor::f_cat(&[&batch.first, &batch.second], 0)?;
        let features = self.generator.encode(&ends)?;
        let (first, second) = (features.narrow(0, count)?, features.narrow(count, count)?);
        self.generator.decode(&first, &second, &batch.alpha)
    }

    fn generator_tensors(&self) -> BTreeMap<String, Tensor> {
        let named = self.weights.iter();
        named.map(|(name, tensor)| (format!("generator.{name}"), tensor.shallow_clone())).collect()
    }

    fn header(&self, training: Option<serde_json::Value>) -> Header {
        let record = Record {
            steps: self.steps(),
            device: device::name(self.device),
            version: env!("CARGO_PKG_VERSION").to_string(),
            ..self.record.clone()
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
