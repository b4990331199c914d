//! The loop around the steps: batches, validation, checkpoints, resume, cancel.

use std::path::{Path, PathBuf};
use std::time::Instant;

use tch::Device;

use super::data::{Dataset, Stack};
use super::sampler::Sampler;
use super::settings::Settings;
use super::trainer::Trainer;
use crate::error::{Error, Result};
use crate::io::replace::write_atomically;
use crate::network::{Checkpoint, Record};

/// Batches of held-out crops that a validation looks at: the same every time.
const VALIDATION_BATCHES: u64 = 32;

/// The checkpoint in the output folder that training goes on from.
pub const CHECKPOINT: &str = "checkpoint.safetensors";

/// Where and how often.
pub struct RunOptions<'a> {
    /// Folder of the checkpoints.
    pub folder: &'a Path,
    /// Go on from the folder's checkpoint, where there is one.
    pub resume: bool,
    /// Steps from one checkpoint, and one validation, to the next.
    pub every: u64,
    /// The command line, for the record.
    pub command: String,
    /// Where to train.
    pub device: Device,
}

/// What happened in a run.
#[derive(Debug)]
pub enum Event {
    /// Training goes on after this many steps.
    Resumed(u64),
    /// A step was taken: its number from 1, its loss.
    Step(u64, f64),
    /// Mean PSNR in dB over held-out crops, of the generator and of the linear blend.
    Validated(u64, [f64; 2]),
    /// The checkpoint was written.
    Saved(PathBuf),
}

/// Trains to the end of the settings' iterations. Gives the path of the model, which is written beside
/// every checkpoint and can be used from the first one on.
///
/// `on_event` may return an error, [`Error::Cancelled`] say, to stop after a checkpoint.
///
/// # Errors
/// [`Error::Training`] where it went astray (the last good checkpoint stays), [`Error::Io`].
pub fn run(
    dataset: &Dataset,
    settings: &Settings,
    options: &RunOptions,
    on_event: &mut dyn FnMut(Event) -> Result<()>,
) -> Result<PathBuf> {
    std::fs::create_dir_all(options.folder).map_err(|error| Error::io(options.folder, error))?;
    let path = options.folder.join(CHECKPOINT);
    let model = options.folder.join(format!("{}.safetensors", settings.system));
    let mut trainer = begin(&path, settings, options)?;
    if trainer.steps() > 0 {
        on_event(Event::Resumed(trainer.steps()))?;
    }
    let names = |stacks: &[Stack]| stacks.iter().map(|stack| stack.name.clone()).collect();
    let earlier = trainer.record_mut().seconds;
    *trainer.record_mut() = Record {
        command: options.command.clone(),
        trained_on: names(&dataset.train),
        held_out: names(&dataset.held_out),
        ..trainer.record_mut().clone()
    };

    let crops = (settings.size as usize, settings.batch);
    let sampler = Sampler::new(&dataset.train, crops, &settings.gaps, settings.seed)?;
    let held_out = match dataset.held_out.len() {
        0 => None,
        _ => Some(Sampler::new(&dataset.held_out, crops, &settings.gaps, settings.seed)?),
    };
    let start = Instant::now();
    while trainer.steps() < settings.iterations {
        let batch = sampler.batch(trainer.steps(), options.device)?;
        let loss = trainer.step(&batch)?;
        let step = trainer.steps();
        let going_on = on_event(Event::Step(step, loss));
        let due = step % options.every == 0 || step == settings.iterations;
        if due || going_on.is_err() {
            trainer.record_mut().seconds = earlier + start.elapsed().as_secs_f64();
            if due && let Some(held_out) = &held_out {
                let batches = (0..VALIDATION_BATCHES).map(|n| held_out.batch(n, options.device));
                let psnr = trainer.validate(batches)?;
                trainer.record_mut().held_out_psnr = Some(psnr);
                on_event(Event::Validated(step, psnr))?;
            }
            save(&path, &trainer.checkpoint()?)?;
            save(&model, &trainer.model()?)?;
            going_on?;
            on_event(Event::Saved(path.clone()))?;
        }
    }
    Ok(model)
}

fn begin(path: &Path, settings: &Settings, options: &RunOptions) -> Result<Trainer> {
    let there = path.exists();
    if there && !options.resume {
        return Err(Error::Argument(format!(
            "{}: a checkpoint is there already; --resume goes on with it, or choose another folder",
            path.display()
        )));
    }
    if !there {
        return Trainer::new(settings.clone(), options.device);
    }
    let checkpoint = Checkpoint::read(path)?;
    Trainer::resume(checkpoint, settings.clone(), options.device)
        .map_err(|error| error.in_file(path))
}

fn save(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomically(path, true, |file| {
        file.write_all(bytes).map_err(|error| Error::io(path, error))
    })
}
