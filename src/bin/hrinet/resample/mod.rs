//! `hrinet resample`: read a volume, plan, interpolate, write, report.

mod arguments;
mod check;
mod description;
mod dicom;
mod dry_run;
mod labels;
mod report;
mod request;
mod task;
mod writing;

use std::path::Path;
use std::time::Instant;

use hrinet::Result;
use hrinet::error::{bytes_in_words, count_of};
use hrinet::resample::{Job, JobOptions, OtherOutputs, Plan};
use hrinet::runtime::device;
use hrinet::volume::{Axis, Geometry};

pub use self::arguments::{Arguments, GridArguments, InterpolationArguments, LabelMethodArgument};
pub use self::request::{Alias, Request};
pub use self::task::{Computed, Input};
use crate::messages::Verbosity;
use crate::progress::Progress;
use crate::{interrupt, json};

/// Numbers of output slices, for a caller that shows them.
pub struct SliceCounts {
    pub known: usize,
    pub interpolated: usize,
}

/// Runs `hrinet resample`; `other_output`: a further file that the caller writes.
///
/// # Errors
/// The first error, for the user.
pub fn run(
    arguments: &Arguments,
    other_output: Option<&Path>,
    verbosity: &Verbosity,
) -> Result<SliceCounts> {
    let start = Instant::now();
    let model = arguments.interpolation.model()?;
    arguments.check_outputs(&model, other_output)?;
    let mut options = arguments.options(&model)?;
    let interpolator = options.load_interpolator().map_err(|error| model.in_error(error, None))?;
    let request = arguments.request();
    let by_parts = request.takes_parts();
    let check = |grid: &Geometry, voxel_type| {
        options.check_memory(&interpolator, (grid, voxel_type), arguments.memory, by_parts)
    };
    let input = Input::read(request, &options, &check, verbosity)?;
    let (request, plan) = (&input.request, &input.plan);
    let job = Job {
        memory_limit: arguments.memory,
        part_slices: input.part_slices(),
        ..input.job(&options, &interpolator)
    };
    let counts = SliceCounts { known: plan.known_count(), interpolated: plan.interpolated_count() };
    if arguments.outputs.dry_run.is_none() {
        announce(&job, &options, verbosity);
    }
    let checked = input.check(&job, &options, verbosity)?;
    if let Some(kind) = arguments.outputs.dry_run {
        let found = (checked, input.labels.remarks());
        let plan = dry_run::run((request, kind), &job, &options, found, verbosity);
        return plan.map(|()| counts).map_err(|error| error.in_file(&request.input));
    }
    let mut progress = progress(&job, verbosity);
    let mut computed = input.compute(&job, &options, checked, &mut |now| {
        progress.set(now.done as u64);
        interrupt::check()
    })?;
    progress.finish();
    input.write(&mut computed, start, verbosity)?;
    summarise(request, plan, &computed.outputs, verbosity);
    Ok(counts)
}

/// Tells the user what will be done.
fn announce(job: &Job, options: &JobOptions, verbosity: &Verbosity) {
    verbosity.say(format_args!("in:  {}", grid_in_words(job.volume.geometry())));
    verbosity.say(format_args!(
        "out: {}, by {} on {}",
        output_in_words(job),
        options.model,
        device::name(job.interpolator.device()),
    ));
    if let Some(remark) = job.plan.remark() {
        verbosity.say(format_args!("note: {remark}"));
    }
    let needed = bytes_in_words(job.peak_memory());
    verbosity.say(format_args!("this takes about {needed} of memory"));
}

/// The output of a job: its grid, size and voxel type.
fn output_in_words(job: &Job) -> String {
    let (grid, voxel_type) = (job.plan.output(), job.volume.voxels().voxel_type());
    let size: u64 = grid.size().iter().map(|&side| side as u64).product();
    format!(
        "{}, {} as {voxel_type}",
        grid_in_words(grid),
        bytes_in_words(size * voxel_type.bytes() as u64)
    )
}

/// Voxels, spacing and tilt of a grid.
fn grid_in_words(geometry: &Geometry) -> String {
    let [i, j, k] = geometry.size();
    let [si, sj, sk] = Axis::ALL.map(|axis| geometry.spacing(axis));
    let tilt = geometry.tilt_degrees();
    let tilt = tilt.map_or(String::new(), |degrees| format!(", tilted by {degrees:.2} degrees"));
    format!("{i} x {j} x {k} voxels of {si:.3} x {sj:.3} x {sk:.3} mm{tilt}")
}

/// Progress of the slices of all outputs.
fn progress(job: &Job, verbosity: &Verbosity) -> Progress {
    let total = job.plan.interpolated_count() * (1 + job.label_maps.len());
    Progress::new(verbosity, "slices", total as u64)
}

/// Tells the user what was written.
fn summarise(request: &Request, plan: &Plan, outputs: &OtherOutputs, verbosity: &Verbosity) {
    let work = &outputs.work;
    verbosity.say(format_args!(
        "wrote {}: {}, {} known, {} interpolated in {:.1} s",
        request.output.display(),
        count_of(plan.slices().len(), "slice"),
        plan.known_count(),
        plan.interpolated_count(),
        work.time.as_secs_f64()
    ));
    if let Some(path) = &request.expected_error {
        let mean = outputs.mean_expected_error_hu;
        let mean = mean.map_or(String::new(), |mean| format!(", {mean:.1} HU on average"));
        verbosity.say(format_args!("wrote {}: expected errors{mean}", path.display()));
    }
    if let Some([_, path]) = request.label_files() {
        let seconds = work.label_time.as_secs_f64();
        verbosity.say(format_args!("wrote {}: labels in {seconds:.2} s", path.display()));
    }
    let json = request.json.as_deref().filter(|path| !json::is_stdout(path));
    for path in [request.picture.as_deref(), json].into_iter().flatten() {
        verbosity.say(format_args!("wrote {}", path.display()));
    }
}
