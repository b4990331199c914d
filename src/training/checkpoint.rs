//! Checkpoints of a training run, and resuming from them.

use tch::Device;

use crate::error::{Error, Result};
use crate::network::checkpoint::{FORMAT, Header, to_bytes};
use crate::network::{Checkpoint, Parameters, Record};
use crate::runtime::device;
use crate::training::settings::Settings;
use crate::training::stages::error_head::ERROR_HEAD;
use crate::training::stages::{GENERATOR, StageStart};
use crate::training::state_dict::StateDict;
use crate::training::trainer::Trainer;
use crate::volume::Window;

impl Trainer {
    /// Resumes from a checkpoint of a run with the same settings.
    ///
    /// # Errors
    /// [`Error::Argument`] for a checkpoint without training state, or of other settings.
    pub fn resume(checkpoint: Checkpoint, settings: Settings, device: Device) -> Result<Trainer> {
        settings.check()?;
        let earlier = Settings::of_checkpoint(&checkpoint)?;
        let differences = settings.differences(&earlier)?;
        if !differences.is_empty() {
            return Err(Error::Argument(format!(
                "was trained with other settings: {}; resume with the same, or begin in another \
                 folder",
                differences.join(", ")
            )));
        }
        let state = StateDict::of_checkpoint(&checkpoint);
        let (architecture, generator_record) =
            (checkpoint.header.architecture, checkpoint.header.record);
        let record = match &generator_record.error_head {
            Some(error_head) if settings.error_head => (**error_head).clone(),
            _ => Record { error_head: None, ..generator_record.clone() },
        };
        // The stage of the last iteration: the next one may begin Stage II.
        let (kind, within, _) = settings.stage_at(record.steps.saturating_sub(1));
        let start = StageStart {
            settings: &settings,
            architecture: &architecture,
            device,
            generator: Parameters::from_tensors(state.group(GENERATOR), device),
            given: state.shallow_clone(),
            generator_record: Record { error_head: None, ..generator_record },
        };
        let mut stage = start.build(kind)?;
        stage.load_optimizers(&state, within + record.steps.min(1))?;
        Ok(Trainer { settings, architecture, kind, stage, record, device })
    }

    /// The bytes of a checkpoint that can be resumed.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn checkpoint(&self) -> Result<Vec<u8>> {
        let mut state = self.stage.weights();
        self.stage.save_optimizers(&mut state);
        let settings = serde_json::to_value(&self.settings)
            .map_err(|error| Error::Argument(format!("settings: {error}")))?;
        to_bytes(self.header(Some(settings)), state.tensors())
    }

    /// The bytes of a model: the weights that interpolate, a fraction of a checkpoint.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn model(&self) -> Result<Vec<u8>> {
        let weights = self.stage.weights().only(&[GENERATOR, ERROR_HEAD]);
        to_bytes(self.header(None), weights.tensors())
    }

    fn header(&self, training: Option<serde_json::Value>) -> Header {
        let run = Record {
            device: device::name(self.device),
            version: env!("CARGO_PKG_VERSION").to_string(),
            ..self.record.clone()
        };
        Header {
            format: FORMAT,
            system: self.settings.system,
            architecture: self.architecture.clone(),
            window_hu: [Window::CT.low, Window::CT.high],
            record: self.stage.record(run),
            training,
            weights_sha256: String::new(),
        }
    }
}
