//! A run of training that is checked and ready, before its first step and its first file.

use std::time::{Duration, Instant};

use tch::Device;

use crate::error::{Error, Result};
use crate::network::{Checkpoint, Record};
use crate::runtime::{device, memory};
use crate::training::data::dataset::Dataset;
use crate::training::data::draw::largest_gap_mm;
use crate::training::data::index;
use crate::training::data::prefetch::Prefetch;
use crate::training::data::sampler::{self, Sampler};
use crate::training::distillation::Teacher;
use crate::training::run::RunOptions;
use crate::training::settings::Settings;
use crate::training::settings::schedule::StageKind;
use crate::training::trainer::Trainer;
use crate::volume::SliceStack;

/// Bytes per pixel of a batch that a training step takes at least: half of what hrinet-motion does.
const MIN_BYTES_PER_PIXEL: u64 = 1000;

/// Steps that are timed, after one that is not.
const TIMED_STEPS: u64 = 2;

/// A run that can begin: everything that can be refused has been.
pub struct Preparation<'a> {
    pub(super) trainer: Trainer,
    pub(super) teacher: Option<Teacher>,
    pub(super) sampler: Sampler<'a>,
    pub(super) held_out: Option<Sampler<'a>>,
    /// The last step.
    pub(super) last: u64,
    device: Device,
}

impl<'a> Preparation<'a> {
    /// Loads what a run begins with, and checks that it can begin.
    ///
    /// # Errors
    /// [`Error::Argument`] for options that contradict the settings or the checkpoint;
    /// [`Error::Memory`]; those of [`Checkpoint::load`].
    pub fn new(
        dataset: &'a Dataset,
        settings: &Settings,
        options: &RunOptions,
    ) -> Result<Preparation<'a>> {
        check_memory(settings, options.device)?;
        let teacher = teacher(settings, options)?;
        let mut trainer = trainer(settings, options)?;
        complete_record(&mut trainer, dataset, options, teacher.as_ref())?;
        set_data_parallel(&mut trainer)?;
        let sampler = |stacks| Sampler::for_settings(stacks, settings, trainer.architecture());
        let held_out = match dataset.held_out.as_slice() {
            [] => None,
            stacks => Some(sampler(stacks)?),
        };
        let sampler = sampler(&dataset.train)?;
        if trainer.steps() > 0 {
            index::check(&options.folder.file(index::DATA), dataset)?;
        }
        let last = options.until.unwrap_or(u64::MAX).min(settings.all_iterations());
        Ok(Preparation { trainer, teacher, sampler, held_out, last, device: options.device })
    }

    /// Steps that were taken before, and the last one of the run.
    pub fn steps(&self) -> [u64; 2] {
        [self.trainer.steps(), self.last]
    }

    /// The stage that comes next, and the number of its steps that are part of the run.
    pub fn next_stage(&self) -> (StageKind, u64) {
        let done = self.trainer.steps();
        let (kind, within, length) = self.trainer.settings().stage_at(done);
        (kind, length.saturating_sub(within).min(self.last.saturating_sub(done)))
    }

    /// Bytes of memory that steps take at least on the CPU, beside the volumes: batches, and the
    /// work on one.
    pub fn min_bytes(&self) -> u64 {
        let settings = self.trainer.settings();
        let step = if self.device == Device::Cpu { step_bytes(settings) } else { 0 };
        step.saturating_add(sampler::batch_bytes(settings))
    }

    /// Mean time of the steps that were taken before, where they were all of this stage and on this
    /// device.
    pub fn earlier_time_of_a_step(&self) -> Option<Duration> {
        let record = self.trainer.record();
        let settings = self.trainer.settings();
        let first = settings.stage_at(0).0;
        let same_stage = first == settings.stage_at(record.steps).0;
        let same_device = record.device == device::name(self.device);
        let seconds = record.seconds / record.steps as f64;
        (record.steps > 0 && same_stage && same_device && record.seconds > 0.0)
            .then(|| Duration::try_from_secs_f64(seconds).ok())
            .flatten()
    }

    /// Takes some steps that are not kept, and returns the time of one.
    ///
    /// # Errors
    /// Those of [`Trainer::step`].
    pub fn time_a_step(mut self) -> Result<Duration> {
        let steps = self.trainer.steps();
        let steps = steps..steps + 1 + TIMED_STEPS;
        let settings = self.trainer.settings().clone();
        let (trainer, device) = (&mut self.trainer, self.device);
        Prefetch::run(&self.sampler, self.teacher, &settings, steps, |batches| {
            trainer.step(&batches.next(device)?)?;
            let start = Instant::now();
            for _ in 0..TIMED_STEPS {
                trainer.step(&batches.next(device)?)?;
            }
            Ok(start.elapsed() / TIMED_STEPS as u32)
        })
    }
}

/// Bytes of a step at least.
fn step_bytes(settings: &Settings) -> u64 {
    let size = settings.size.unsigned_abs();
    let factors = [size, size, settings.batch as u64];
    factors.into_iter().fold(MIN_BYTES_PER_PIXEL, u64::saturating_mul)
}

/// Checks that a step on the CPU may fit into the free memory.
fn check_memory(settings: &Settings, device: Device) -> Result<()> {
    if device != Device::Cpu {
        return Ok(());
    }
    let advice = format!("a --batch of {} is too large; choose less", settings.batch);
    memory::check(step_bytes(settings), &advice)
}

/// The trainer of a new or of a resumed run.
fn trainer(settings: &Settings, options: &RunOptions) -> Result<Trainer> {
    let path = options.folder.checkpoint();
    let (settings, device) = (settings.clone(), options.device);
    match (path.exists(), options.from) {
        (true, _) => Trainer::resume(Checkpoint::read(&path)?, settings, device)
            .map_err(|error| error.in_file(&path)),
        (false, Some(from)) => Trainer::begin_from(&Checkpoint::load(from)?, settings, device)
            .map_err(|error| error.in_file(from)),
        (false, None) => Trainer::new(settings, device),
    }
}

/// The teacher, where the settings have a distillation weight.
fn teacher(settings: &Settings, options: &RunOptions) -> Result<Option<Teacher>> {
    match (options.teacher, settings.distillation_weight) {
        (None, 0.0) => Ok(None),
        (None, weight) => Err(Error::Argument(format!(
            "a distillation weight of {weight} without a teacher; name a model by --teacher"
        ))),
        (Some(teacher), 0.0) => Err(Error::Argument(format!(
            "the teacher {teacher:?} with a distillation weight of 0; choose more by \
             --distillation-weight, up to 1"
        ))),
        (Some(teacher), weight) => Teacher::load(teacher, weight, options.device).map(Some),
    }
}

/// Adds command, data and teacher to the record; those of the last command count.
fn complete_record(
    trainer: &mut Trainer,
    dataset: &Dataset,
    options: &RunOptions,
    teacher: Option<&Teacher>,
) -> Result<()> {
    let taught_by = teacher.map(|teacher| teacher.checksum().to_string());
    if trainer.steps() > 0 && trainer.record().taught_by != taught_by {
        return Err(Error::Argument(format!(
            "{}: this run had another teacher; resume with the same, or begin --from its \
             checkpoint in another folder",
            options.folder.checkpoint().display()
        )));
    }
    let names = |stacks: &[SliceStack]| stacks.iter().map(|stack| stack.name.clone()).collect();
    let settings = trainer.settings();
    let spacings = dataset.train.iter().map(|stack| largest_gap_mm(settings, stack.spacing_mm));
    let max_slice_spacing_mm = spacings.reduce(f64::max);
    *trainer.record_mut() = Record {
        command: options.command.clone(),
        trained_on: names(&dataset.train),
        held_out: names(&dataset.held_out),
        max_slice_spacing_mm,
        taught_by,
        ..trainer.record().clone()
    };
    Ok(())
}

/// Divides batches among libtorch's threads, where the stage can.
fn set_data_parallel(trainer: &mut Trainer) -> Result<()> {
    let threads = usize::try_from(tch::get_num_threads()).unwrap_or(1);
    let parts = threads.min(trainer.settings().batch);
    if trainer.set_data_parallel(parts)? {
        tch::set_num_threads(i32::try_from(threads / parts).unwrap_or(1));
    }
    Ok(())
}
