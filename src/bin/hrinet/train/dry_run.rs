//! `hrinet train --dry-run`: the plan of a training that is not begun.

use std::path::Path;
use std::time::Duration;

use hrinet::Result;
use hrinet::error::{bytes_in_words, count_of};
use hrinet::runtime::device;
use hrinet::training::output_folder::{self, PICTURES};
use hrinet::training::preparation::Preparation;
use hrinet::training::run::RunOptions;
use hrinet::training::{Dataset, Settings};
use hrinet::volume::SliceStack;
use serde::Serialize;

use super::Arguments;
use crate::dry_run::{self, DryRun, PlannedFile, PlannedMemory, PlannedTime};
use crate::json;
use crate::messages::{Verbosity, print_line};
use crate::progress::Progress;

/// What a training would do.
#[derive(Serialize)]
struct Plan<'a> {
    dry_run: bool,
    version: &'static str,
    train: Vec<PlannedVolume<'a>>,
    held_out: Vec<PlannedVolume<'a>>,
    /// Bytes of all volumes in memory.
    data_bytes: u64,
    settings: &'a Settings,
    device: String,
    /// Steps that were taken before, and the last one.
    steps: [u64; 2],
    next_stage: &'static str,
    memory: PlannedMemory,
    time: PlannedTime,
    files: Vec<PlannedFile>,
}

#[derive(Serialize)]
struct PlannedVolume<'a> {
    name: &'a str,
    slices: usize,
    rows: usize,
    columns: usize,
    slice_spacing_mm: f64,
}

/// Prepares a training as its run does, and prints what it would do.
///
/// # Errors
/// Those of [`Preparation::new`], and of the steps that are timed.
pub fn run(
    arguments: &Arguments,
    dataset: &Dataset,
    settings: &Settings,
    options: &RunOptions,
    verbosity: &Verbosity,
) -> Result<()> {
    let preparation = Preparation::new(dataset, settings, options)?;
    let volumes = |stacks: &'_ [SliceStack]| stacks.iter().map(bytes).sum::<u64>();
    let plan = Plan {
        dry_run: true,
        version: env!("CARGO_PKG_VERSION"),
        train: dataset.train.iter().map(PlannedVolume::of).collect(),
        held_out: dataset.held_out.iter().map(PlannedVolume::of).collect(),
        data_bytes: volumes(&dataset.train) + volumes(&dataset.held_out),
        settings,
        device: device::name(options.device),
        steps: preparation.steps(),
        next_stage: preparation.next_stage().0.name(),
        memory: PlannedMemory::at_least(preparation.min_bytes()),
        time: time(arguments, preparation, verbosity)?,
        files: files(&arguments.out, settings, options.pictures),
    };
    match &arguments.json {
        Some(stdout) => json::write(Path::new(stdout), &plan),
        None => plan.print(),
    }
}

impl Plan<'_> {
    fn print(&self) -> Result<()> {
        let (settings, [done, last]) = (self.settings, self.steps);
        print_line(format_args!(
            "data:    {} to train on, {} held out, {} in memory",
            count_of(self.train.len(), "volume"),
            self.held_out.len(),
            bytes_in_words(self.data_bytes)
        ))?;
        let head = if settings.error_head { "the error head of " } else { "" };
        print_line(format_args!("network: {head}{} on {}", settings.system, self.device))?;
        print_line(format_args!(
            "steps:   {} to {last} of {}, of {} of {} x {} pixels",
            done + 1,
            settings.all_iterations(),
            count_of(settings.batch, "group"),
            settings.size,
            settings.size
        ))?;
        dry_run::print(&self.memory, &self.time, &self.files)?;
        print_line("nothing was written")
    }
}

impl PlannedVolume<'_> {
    fn of(stack: &SliceStack) -> PlannedVolume<'_> {
        let (slices, rows, columns) = stack.slices.dim();
        let slice_spacing_mm = stack.spacing_mm;
        PlannedVolume { name: &stack.name, slices, rows, columns, slice_spacing_mm }
    }
}

fn bytes(stack: &SliceStack) -> u64 {
    (stack.slices.len() * size_of::<i16>()) as u64
}

/// The time of the steps that are left, of the next stage.
fn time(
    arguments: &Arguments,
    preparation: Preparation,
    verbosity: &Verbosity,
) -> Result<PlannedTime> {
    let ([done, last], (_, steps)) = (preparation.steps(), preparation.next_stage());
    if steps == 0 {
        return Ok(PlannedTime::unknown("no step is left"));
    }
    let (of_a_step, basis) = match preparation.earlier_time_of_a_step() {
        Some(time) => (time, format!("by the {} so far", count_of(done as usize, "step"))),
        None if arguments.dry_run == Some(DryRun::Time) => {
            let busy = Progress::busy(verbosity, "timing some steps");
            let time = preparation.time_a_step();
            busy.finish();
            (time?, "by steps that were taken here and thrown away".to_string())
        }
        None => return Ok(PlannedTime::unknown("--dry-run=time times some steps")),
    };
    let others = last.saturating_sub(done) - steps;
    let basis = match others {
        0 => basis,
        others => format!("{basis}, without the {others} of the second stage"),
    };
    let seconds = of_a_step.as_secs_f64() * steps as f64;
    Ok(match Duration::try_from_secs_f64(seconds) {
        Ok(time) => PlannedTime::estimated(time, basis),
        Err(_) => PlannedTime::unknown("it is longer than can be said"),
    })
}

/// All files that would be written.
fn files(folder: &Path, settings: &Settings, pictures: u64) -> Vec<PlannedFile> {
    let names = output_folder::files(settings.system).into_iter();
    let pictures = (pictures > 0).then(|| PICTURES.to_string());
    names.chain(pictures).map(|name| PlannedFile::new(&folder.join(name))).collect()
}
