//! `hrinet resample`: read a volume, plan, interpolate, write, report.

mod arguments;
mod check;
mod description;
mod dicom;
mod dry_run;
mod labels;
mod report;
mod writing;

use std::path::Path;
use std::time::Instant;

use hrinet::error::{bytes_in_words, count_of};
use hrinet::resample::job::MEMORY_ADVICE;
use hrinet::resample::{Job, JobOptions, Outputs, Plan};
use hrinet::runtime::{device, memory};
use hrinet::volume::{Axis, Geometry, Volume};
use hrinet::{Error, Result, io};

pub use self::arguments::Arguments;
use self::labels::Labels;
use self::writing::Writing;
use crate::interrupt;
use crate::messages::Verbosity;
use crate::progress::Progress;
use crate::series_table::series_table;

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
    let model = arguments.model()?;
    arguments.check_outputs(&model, other_output)?;
    let options = arguments.options(&model)?;
    let interpolator = options.load_interpolator().map_err(|error| model.in_error(error, None))?;
    let check = |grid: &Geometry, voxel_type| options.check_memory(&interpolator, grid, voxel_type);
    let (volume, headers) = read_volume(arguments, &check, verbosity)?;
    let in_input = |error: Error| error.in_file(&arguments.input);
    let plan = options.plan(volume.geometry()).map_err(in_input)?;
    check_shear(arguments, &plan)?;
    let labels = Labels::read(arguments, &volume, verbosity)?;
    if headers.is_some() {
        dicom::check(arguments, plan.axis(), labels.maps())?;
    }
    let job = options.job(&plan, &interpolator, &volume, labels.maps());
    let counts = SliceCounts { known: plan.known_count(), interpolated: plan.interpolated_count() };
    if arguments.outputs.dry_run.is_none() {
        announce(&job, &options, verbosity);
    }
    memory::check(job.memory_needed(), MEMORY_ADVICE)?;
    let checked = match arguments.checks_model() {
        true => Some(check::run(&job, &options, verbosity).map_err(in_input)?),
        false => None,
    };
    if arguments.outputs.dry_run.is_some() {
        let found = (checked, labels.remarks());
        let plan = dry_run::run(arguments, &job, &options, found, verbosity);
        return plan.map(|()| counts).map_err(in_input);
    }
    let mut outputs = interpolate(&job, verbosity).map_err(in_input)?;
    let headers = headers.as_ref();
    let writing = Writing {
        arguments,
        job: &job,
        options: &options,
        labels: &labels,
        headers,
        checked,
        verbosity,
    };
    writing.all(&mut outputs, start)?;
    summarise(arguments, &plan, &outputs, verbosity);
    Ok(counts)
}

/// The CT, with its headers where the output is a DICOM series; its grid passes a check first.
fn read_volume(
    arguments: &Arguments,
    check: io::OnHeader,
    verbosity: &Verbosity,
) -> Result<(Volume, Option<io::DicomHeaders>)> {
    let busy = Progress::busy(verbosity, &format!("reading {}", arguments.input.display()));
    let series = arguments.series.as_deref();
    let volume = match arguments.writes_dicom() {
        false => read(&arguments.input, series, check).map(|volume| (volume, None)),
        true => io::read_with_headers(&arguments.input, &read_options(series), check).and_then(
            |(volume, headers)| Ok((volume, Some(dicom::require_headers(arguments, headers)?))),
        ),
    };
    busy.finish();
    if let Err(Error::Argument(_)) = &volume {
        list_series(&arguments.input, verbosity);
    }
    volume
}

/// Shows the series among which one must be chosen, where there are several.
fn list_series(path: &Path, verbosity: &Verbosity) {
    if io::holds_series(path)
        && let Ok(contents) = io::list(path, &io::ReadOptions::default())
        && contents.series.len() > 1
    {
        series_table(&contents.series).lines().for_each(|line| verbosity.say(line));
    }
}

/// Refuses files that cannot hold the grid of the output, before the work begins.
fn check_shear(arguments: &Arguments, plan: &Plan) -> Result<()> {
    let labels = arguments.label_files().map(|[_, output]| output);
    [Some(arguments.output.as_path()), labels, arguments.outputs.expected_error.as_deref()]
        .into_iter()
        .flatten()
        .try_for_each(|path| io::check_shear(path, plan.output()))
}

fn read(path: &Path, series: Option<&str>, check: io::OnHeader) -> Result<Volume> {
    io::read_with_check(path, &read_options(series), check)
}

fn read_options(series: Option<&str>) -> io::ReadOptions<'static> {
    let series = series.map(String::from);
    io::ReadOptions { series, cancelled: Some(&interrupt::raised) }
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
    let needed = bytes_in_words(job.memory_needed());
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

fn interpolate(job: &Job, verbosity: &Verbosity) -> Result<Outputs> {
    let total = job.plan.interpolated_count() * (1 + job.label_maps.len());
    let mut progress = Progress::new(verbosity, "slices", total as u64);
    let outputs = job.run(&mut |now| {
        progress.set(now.done as u64);
        interrupt::check()
    });
    progress.finish();
    outputs
}

/// Tells the user what was written.
fn summarise(arguments: &Arguments, plan: &Plan, outputs: &Outputs, verbosity: &Verbosity) {
    let work = &outputs.work;
    verbosity.say(format_args!(
        "wrote {}: {}, {} known, {} interpolated in {:.1} s",
        arguments.output.display(),
        count_of(plan.slices().len(), "slice"),
        plan.known_count(),
        plan.interpolated_count(),
        work.time.as_secs_f64()
    ));
    if let Some(path) = &arguments.outputs.expected_error {
        let mean = outputs.mean_expected_error_hu;
        let mean = mean.map_or(String::new(), |mean| format!(", {mean:.1} HU on average"));
        verbosity.say(format_args!("wrote {}: expected errors{mean}", path.display()));
    }
    if let Some([_, path]) = arguments.label_files() {
        let seconds = work.label_time.as_secs_f64();
        verbosity.say(format_args!("wrote {}: labels in {seconds:.2} s", path.display()));
    }
    let picture = arguments.outputs.picture.as_deref();
    for path in [picture, arguments.outputs.json_file()].into_iter().flatten() {
        verbosity.say(format_args!("wrote {}", path.display()));
    }
}
