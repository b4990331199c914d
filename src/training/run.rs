//! The loop around the steps: batches, validation, checkpoints, resume, cancel.

use std::path::{Path, PathBuf};
use std::time::Instant;

use tch::Device;

use crate::error::{Error, Result};
use crate::io::atomic_write::write_atomically;
use crate::network::{Checkpoint, Record};
use crate::training::data::dataset::Dataset;
use crate::training::data::prefetch::Prefetch;
use crate::training::data::sampler::Sampler;
use crate::training::distillation::Teacher;
use crate::training::logging::csv;
use crate::training::logging::csv::{Curves, Row};
use crate::training::logging::plot;
use crate::training::logging::samples;
use crate::training::settings::Settings;
use crate::training::trainer::Trainer;
use crate::volume::slice_stack::SliceStack;

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
    /// Begin with the weights of this checkpoint.
    pub from: Option<&'a Path>,
    /// The model to learn from beside the real slices, by its name or that of a checkpoint file, where the settings
    /// have a teaching.
    pub teacher: Option<&'a str>,
    /// Steps from one checkpoint, and one validation, to the next.
    pub every: u64,
    /// The effective settings as text, written beside the checkpoint.
    pub config: String,
    /// Steps from one picture of slices made between known ones to the next; 0: none.
    pub pictures: u64,
    /// Stop after this many steps in all, to go on another time; the schedule is that of the whole run.
    pub until: Option<u64>,
    /// The command line, for the record.
    pub command: String,
    /// Where to train.
    pub device: Device,
}

/// The effective settings in the output folder.
pub const CONFIG: &str = "config.toml";

/// The index of the data in the output folder: every volume, its size, and what it is for.
pub const DATA: &str = "data.csv";

/// The picture of the curves in the output folder.
pub const CURVES: &str = "curves.png";

/// The batch of the sampler that pictures show: none that trains.
const PICTURE_BATCH: u64 = u64::MAX;

/// What happened in a run.
#[derive(Debug)]
pub enum Event {
    /// Training goes on after this many steps.
    Resumed(u64),
    /// A step was taken: its number from 1, its loss.
    Step(u64, f64),
    /// Mean PSNR in dB over held-out crops, of the generator and of the linear blend.
    Validated(u64, [f64; 2]),
    /// Mean absolute error in HU over held-out crops, as the confidence expects it and as it is.
    ValidatedErrorHead(u64, [f64; 2]),
    /// The checkpoint was written.
    Saved(PathBuf),
}

/// Trains to the end of the settings' iterations. Gives the path of the model, which is written beside
/// every checkpoint and can be used from the first one on.
///
/// `on_event` may return an error, [`Error::Cancelled`] say, to stop after a checkpoint.
///
/// # Errors
/// [`Error::Training`] where it diverged (the last good checkpoint stays), [`Error::Io`].
pub fn run(
    dataset: &Dataset,
    settings: &Settings,
    options: &RunOptions,
    on_event: &mut dyn FnMut(Event) -> Result<()>,
) -> Result<PathBuf> {
    std::fs::create_dir_all(options.folder).map_err(|error| Error::io(options.folder, error))?;
    let path = options.folder.join(CHECKPOINT);
    let model = options.folder.join(format!("{}.safetensors", settings.system));
    let teacher = teacher(settings, options)?;
    let mut trainer = begin(&path, settings, options)?;
    let taught_by = teacher.as_ref().map(|teacher| teacher.checksum().to_string());
    if trainer.steps() > 0 && trainer.record_mut().taught_by != taught_by {
        return Err(Error::Argument(format!(
            "{}: this run learnt from another teacher; resume with the same, or begin from its checkpoint by \
             --from in another folder",
            path.display()
        )));
    }
    if trainer.steps() > 0 {
        on_event(Event::Resumed(trainer.steps()))?;
    }
    let names = |stacks: &[SliceStack]| stacks.iter().map(|stack| stack.name.clone()).collect();
    let earlier = trainer.record_mut().seconds;
    *trainer.record_mut() = Record {
        command: options.command.clone(),
        trained_on: names(&dataset.train),
        held_out: names(&dataset.held_out),
        max_slice_spacing_mm: max_slice_spacing_mm(&dataset.train, &settings.gaps),
        taught_by,
        ..trainer.record_mut().clone()
    };

    let threads = usize::try_from(tch::get_num_threads()).unwrap_or(1);
    let workers = threads.min(settings.batch);
    if trainer.set_data_parallel(workers)? {
        tch::set_num_threads(i32::try_from(threads / workers).unwrap_or(1));
    }

    let held_out = match dataset.held_out.len() {
        0 => None,
        _ => Some(Sampler::of_settings(&dataset.held_out, settings, trainer.architecture())?),
    };
    let sampler = Sampler::of_settings(&dataset.train, settings, trainer.architecture())?;
    keep_index(&options.folder.join(DATA), dataset, trainer.steps() > 0)?;
    save(&options.folder.join(CONFIG), options.config.as_bytes())?;
    let mut curves = Curves::open(options.folder, trainer.steps())?;
    let shown = held_out.as_ref().unwrap_or(&sampler).batch(PICTURE_BATCH, options.device)?;
    let start = Instant::now();
    let last = options.until.unwrap_or(u64::MAX).min(settings.all_iterations());
    let steps = trainer.steps()..last;
    Prefetch::of(&sampler, teacher, settings, steps, |ahead| -> Result<()> {
        while trainer.steps() < last {
            let batch = ahead.next(options.device)?;
            let (stage, _, _) = settings.stage_at(trainer.steps());
            let losses = trainer.step(&batch).inspect_err(|_| {
                // What led there is worth seeing; what went wrong first is what counts.
                let _ = curves.flush();
            })?;
            let step = trainer.steps();
            let going_on = on_event(Event::Step(step, losses.main()));
            let due = step % options.every == 0 || step == last;
            let validated = match &held_out {
                Some(held_out) if due => Some(validate(&mut trainer, held_out, options.device)?),
                _ => None,
            };
            let psnr = match validated {
                Some(Event::Validated(_, psnr)) => Some(psnr),
                _ => None,
            };
            curves.add(&Row::new(step, stage, &losses, psnr))?;
            if options.pictures > 0 && step % options.pictures == 0 {
                let folder = options.folder.join("pictures");
                std::fs::create_dir_all(&folder).map_err(|error| Error::io(&folder, error))?;
                let path = folder.join(format!("step-{step:06}.png"));
                samples::draw(&shown, &trainer.picture(&shown)?, &path)?;
            }
            if due || going_on.is_err() {
                trainer.record_mut().seconds = earlier + start.elapsed().as_secs_f64();
                curves.flush()?;
                trainer.check_weights()?;
                save(&path, &trainer.checkpoint()?)?;
                save(&model, &trainer.model()?)?;
                if let Some(validated) = validated {
                    on_event(validated)?;
                }
                going_on?;
                on_event(Event::Saved(path.clone()))?;
            }
        }
        Ok(())
    })?;
    let rows = csv::read(&options.folder.join(csv::CSV), trainer.steps())?;
    plot::draw(&rows, &options.folder.join(CURVES))?;
    Ok(model)
}

/// Measures the held-out crops, for the record and as an event.
fn validate(trainer: &mut Trainer, held_out: &Sampler, device: Device) -> Result<Event> {
    let step = trainer.steps();
    let batches = (0..VALIDATION_BATCHES).map(|number| held_out.batch(number, device));
    let confidence = trainer.settings().error_head;
    let measured = match confidence {
        true => trainer.validate_error_head(batches)?,
        false => trainer.validate(batches)?,
    };
    if measured.iter().any(|value| !value.is_finite()) {
        return Err(Error::Training(format!(
            "training diverged at step {step}: non-finite held-out slices; the last \
             checkpoint is kept"
        )));
    }
    if confidence {
        trainer.record_mut().held_out_error_hu = Some(measured);
        return Ok(Event::ValidatedErrorHead(step, measured));
    }
    trainer.record_mut().held_out_psnr = Some(measured);
    Ok(Event::Validated(step, measured))
}

/// The largest distance in mm between the known slices of a group.
fn max_slice_spacing_mm(stacks: &[SliceStack], gaps: &[usize]) -> Option<f64> {
    let gap = *gaps.iter().max()? as f64;
    stacks.iter().map(|stack| gap * stack.spacing_mm).reduce(f64::max)
}

/// Writes the index of the data once; later it must still be true.
fn keep_index(path: &Path, dataset: &Dataset, resumed: bool) -> Result<()> {
    let mut index = String::from("part,volume,slices,rows,columns\n");
    for (part, stacks) in [("train", &dataset.train), ("held out", &dataset.held_out)] {
        for stack in stacks {
            let (slices, rows, columns) = stack.slices.dim();
            index += &format!("{part},{},{slices},{rows},{columns}\n", stack.name);
        }
    }
    if !resumed || !path.exists() {
        return save(path, index.as_bytes());
    }
    let kept = std::fs::read_to_string(path).map_err(|error| Error::io(path, error))?;
    let mut lines = kept.lines().zip(index.lines().chain(std::iter::repeat("nothing")));
    let other = lines.find(|(kept, now)| kept != now);
    match other {
        Some((kept, now)) => Err(Error::Argument(format!(
            "{}: this run trains on {kept:?}, the data has {now:?} now; resume with the same data, \
             or begin from its checkpoint by --from in another folder",
            path.display()
        ))),
        None if kept.len() != index.len() => Err(Error::Argument(format!(
            "{}: the data has volumes that this run did not begin with; resume with the same data, \
             or begin from its checkpoint by --from in another folder",
            path.display()
        ))),
        None => Ok(()),
    }
}

/// The teacher, where the settings have a teaching.
fn teacher(settings: &Settings, options: &RunOptions) -> Result<Option<Teacher>> {
    match (options.teacher, settings.distillation_weight) {
        (None, 0.0) => Ok(None),
        (None, share) => Err(Error::Argument(format!(
            "a teaching of {share} and no teacher; name a model by --teacher"
        ))),
        (Some(teacher), 0.0) => Err(Error::Argument(format!(
            "the teacher {teacher:?} with a teaching of 0; more by --teaching, up to 1"
        ))),
        (Some(teacher), share) => Teacher::load(teacher, share, options.device).map(Some),
    }
}

fn begin(path: &Path, settings: &Settings, options: &RunOptions) -> Result<Trainer> {
    let there = path.exists();
    if there && !options.resume {
        return Err(Error::Argument(format!(
            "{}: a checkpoint is there already; --resume goes on with it, or choose another folder",
            path.display()
        )));
    }
    if !there && let Some(from) = options.from {
        let checkpoint = Checkpoint::read(from)?;
        return Trainer::begin_from(&checkpoint, settings.clone(), options.device)
            .map_err(|error| error.in_file(from));
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
