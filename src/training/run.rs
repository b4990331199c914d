//! A whole training run: batches, validation, checkpoints, resuming, cancelling.

use std::path::{Path, PathBuf};
use std::time::Instant;

use tch::Device;

use crate::error::{Error, Result};
use crate::io::atomic_write::write_atomically;
use crate::training::data::batch::Batch;
use crate::training::data::dataset::Dataset;
use crate::training::data::index;
use crate::training::data::prefetch::Prefetch;
use crate::training::data::sampler::Sampler;
use crate::training::logging::csv::{self, Curves, Row};
use crate::training::logging::{plot, samples};
use crate::training::output_folder::{CONFIG, CURVES, OutputFolder, PICTURES};
use crate::training::preparation::Preparation;
use crate::training::settings::Settings;
use crate::training::trainer::Trainer;
use crate::training::validation::Validation;

/// Batches of held-out crops of a validation, the same in each.
const VALIDATION_BATCHES: u64 = 32;

/// The sampler's batch of the pictures, one that is not trained on.
const PICTURE_BATCH: u64 = u64::MAX;

/// Options of a run beside its settings.
pub struct RunOptions<'a> {
    /// Output folder; the run resumes from its checkpoint where there is one.
    pub folder: &'a OutputFolder,
    /// Checkpoint to begin from: a file, or the name of a shipped model.
    pub from: Option<&'a Path>,
    /// Teacher, a model's name or checkpoint file, where the settings have a distillation weight.
    pub teacher: Option<&'a str>,
    /// Steps between two checkpoints, each after a validation.
    pub every: u64,
    /// Steps between two pictures of interpolated slices; 0: none.
    pub pictures: u64,
    /// Stop after this step of the run, to be resumed; schedules are those of the whole run.
    pub until: Option<u64>,
    /// Command line, for the record.
    pub command: String,
    /// Device of the weights.
    pub device: Device,
}

/// An event of a run.
#[derive(Debug)]
pub enum Event {
    /// The run resumes after this many steps.
    Resumed(u64),
    /// A step was taken: its number from 1, its primary loss.
    Step(u64, f64),
    /// Held-out crops were measured after this step.
    Validated(u64, Validation),
    /// The checkpoint was written.
    Saved(PathBuf),
}

/// Receives events; an error, [`Error::Cancelled`] for example, stops the run after a checkpoint.
type OnEvent<'a> = &'a mut dyn FnMut(Event) -> Result<()>;

/// Trains to the end of the settings' iterations. Gives the path of the model, which is written
/// beside every checkpoint.
///
/// # Errors
/// [`Error::Training`] where training diverged (the last checkpoint is kept), [`Error::Io`],
/// [`Error::Argument`] for options that contradict the settings, and errors of `on_event`.
pub fn run(
    dataset: &Dataset,
    settings: &Settings,
    options: &RunOptions,
    on_event: OnEvent,
) -> Result<PathBuf> {
    let Preparation { trainer, teacher, sampler, held_out, last, .. } =
        Preparation::new(dataset, settings, options)?;
    let done = trainer.steps();
    if done > 0 {
        on_event(Event::Resumed(done))?;
    }
    index::write(&options.folder.file(index::DATA), dataset, done > 0)?;
    save(&options.folder.file(CONFIG), settings.to_toml()?.as_bytes())?;
    let sample = held_out.as_ref().unwrap_or(&sampler).batch(PICTURE_BATCH, options.device)?;
    let mut run = Run {
        options,
        last,
        held_out,
        sample,
        curves: Curves::open(options.folder.path(), done)?,
        earlier_seconds: trainer.record().seconds,
        start: Instant::now(),
        trainer,
    };
    Prefetch::run(&sampler, teacher, settings, done..last, |batches| -> Result<()> {
        while run.trainer.steps() < last {
            run.step(&batches.next(options.device)?, on_event)?;
        }
        Ok(())
    })?;
    let rows = csv::read(&options.folder.file(csv::CSV), run.trainer.steps())?;
    plot::draw(&rows, &options.folder.file(CURVES))?;
    Ok(run.model_path())
}

/// A run under way.
struct Run<'a> {
    options: &'a RunOptions<'a>,
    /// The last step.
    last: u64,
    held_out: Option<Sampler<'a>>,
    /// Batch of the pictures.
    sample: Batch,
    curves: Curves,
    /// Seconds of training before this run was resumed.
    earlier_seconds: f64,
    start: Instant,
    trainer: Trainer,
}

impl Run<'_> {
    /// One step with its curves; a validation and a checkpoint where they are due or `on_event`
    /// stops the run.
    fn step(&mut self, batch: &Batch, on_event: OnEvent) -> Result<()> {
        let start = Instant::now();
        let (stage, _, _) = self.trainer.settings().stage_at(self.trainer.steps());
        let losses = self.trainer.step(batch).inspect_err(|_| {
            // The curves before training diverged; the first error is the one to report.
            let _ = self.curves.flush();
        })?;
        let step = self.trainer.steps();
        let (loss, seconds) = (losses.primary(), start.elapsed().as_secs_f64());
        log::trace!("step {step} of stage {}: loss {loss:.3e} in {seconds:.3} s", stage.name());
        let stopped = on_event(Event::Step(step, losses.primary()));
        let due = step.is_multiple_of(self.options.every) || step == self.last;
        let validation = if due { self.validate()? } else { None };
        let psnr = match validation {
            Some(Validation::Psnr { generator, linear }) => Some([generator, linear]),
            _ => None,
        };
        self.curves.add(&Row::new(step, stage, &losses, psnr))?;
        if self.options.pictures > 0 && step.is_multiple_of(self.options.pictures) {
            self.draw_sample()?;
        }
        if due || stopped.is_err() {
            self.save()?;
            if let Some(validation) = validation {
                on_event(Event::Validated(step, validation))?;
            }
            stopped?;
            on_event(Event::Saved(self.options.folder.checkpoint()))?;
        }
        Ok(())
    }

    /// Measures the held-out crops, for the record too; `None` where none are held out.
    fn validate(&mut self) -> Result<Option<Validation>> {
        let Some(held_out) = &self.held_out else { return Ok(None) };
        let device = self.options.device;
        let batches = (0..VALIDATION_BATCHES).map(|number| held_out.batch(number, device));
        let start = Instant::now();
        let validation = self.trainer.validate(batches)?;
        log::debug!("validated in {:.3} s", start.elapsed().as_secs_f64());
        let values = validation.values();
        if values.iter().any(|value| !value.is_finite()) {
            return Err(Error::Training(format!(
                "training diverged at step {}: non-finite held-out slices; the last checkpoint is \
                 kept",
                self.trainer.steps()
            )));
        }
        let record = self.trainer.record_mut();
        match validation {
            Validation::Psnr { .. } => record.held_out_psnr = Some(values),
            Validation::ErrorHead { .. } => record.held_out_error_hu = Some(values),
        }
        Ok(Some(validation))
    }

    fn draw_sample(&self) -> Result<()> {
        let folder = self.options.folder.file(PICTURES);
        std::fs::create_dir_all(&folder).map_err(|error| Error::io(&folder, error))?;
        let path = folder.join(format!("step-{:06}.png", self.trainer.steps()));
        samples::draw(&self.sample, &self.trainer.interpolate(&self.sample)?, &path)
    }

    /// Writes curves, checkpoint and model.
    fn save(&mut self) -> Result<()> {
        log::debug!("saving step {}", self.trainer.steps());
        let seconds = self.earlier_seconds + self.start.elapsed().as_secs_f64();
        self.trainer.record_mut().seconds = seconds;
        self.curves.flush()?;
        self.trainer.check_weights()?;
        save(&self.options.folder.checkpoint(), &self.trainer.checkpoint()?)?;
        save(&self.model_path(), &self.trainer.model()?)
    }

    fn model_path(&self) -> PathBuf {
        self.options.folder.model(self.trainer.settings().system)
    }
}

fn save(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomically(path, true, |file| {
        file.write_all(bytes).map_err(|error| Error::io(path, error))
    })
}
