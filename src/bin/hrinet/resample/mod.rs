//! `hrinet resample`: read a volume, plan, interpolate, write, report.

mod arguments;
mod dicom;
mod labels;
mod report;

use std::path::Path;
use std::time::Instant;

use hrinet::error::{bytes_in_words, count_of};
use hrinet::render::coronal;
use hrinet::resample::job::MEMORY_ADVICE;
use hrinet::resample::{Interpolator, Job, JobOptions, Outputs, Plan, Spacing, resample};
use hrinet::runtime::{device, memory};
use hrinet::volume::{Axis, Geometry, Volume};
use hrinet::{Error, Result, io};

pub use self::arguments::Arguments;
use self::labels::Labels;
use self::report::{DicomReport, Report};
use crate::interrupt;
use crate::messages::{Progress, Verbosity, tell};
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
    arguments.check_outputs(other_output)?;
    let options = arguments.options()?;
    let interpolator = options.load_interpolator()?;
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
    announce(&job, &options, verbosity);
    memory::check(job.memory_needed(), MEMORY_ADVICE)?;
    let mut outputs = interpolate(&job, verbosity).map_err(in_input)?;
    let mut report =
        Report::new(arguments, &job, &options, &outputs).with_warnings(labels.remarks());
    let label_maps = match arguments.segmentation_file() {
        None => std::mem::take(&mut outputs.label_maps),
        Some(_) => Vec::new(),
    };
    let mut written = Vec::new();
    let write_all = || -> Result<()> {
        match &headers {
            None => write_volume(&arguments.output, &outputs.volume, arguments, verbosity)?,
            Some(headers) => {
                report.dicom = Some(DicomReport::of(
                    arguments,
                    dicom::write(
                        arguments,
                        &job,
                        &options,
                        &outputs,
                        (headers, &labels.dicom_segments()),
                        verbosity,
                    )?,
                ))
            }
        }
        written.push(arguments.output.as_path());
        if let Some(path) = labels.write(label_maps, arguments, verbosity)? {
            written.push(path);
        }
        write_others(arguments, &job, &outputs, &mut written, verbosity)?;
        if let Some(path) = &arguments.json {
            interrupt::in_progress(io::partial_path(path));
            report.write(path, start.elapsed())?;
        }
        Ok(())
    };
    write_all().inspect_err(|_| tell_of_written(&written))?;
    summarise(arguments, &plan, &outputs, verbosity);
    Ok(SliceCounts { known: plan.known_count(), interpolated: plan.interpolated_count() })
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
    [Some(arguments.output.as_path()), labels, arguments.expected_error.as_deref()]
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
    let (plan, input) = (job.plan, job.volume);
    let in_words = |geometry: &Geometry| {
        let [i, j, k] = geometry.size();
        let [si, sj, sk] = Axis::ALL.map(|axis| geometry.spacing(axis));
        let tilt = geometry.tilt_degrees();
        let tilt =
            tilt.map_or(String::new(), |degrees| format!(", tilted by {degrees:.2} degrees"));
        format!("{i} x {j} x {k} voxels of {si:.3} x {sj:.3} x {sk:.3} mm{tilt}")
    };
    verbosity.say(format_args!("in:  {}", in_words(input.geometry())));
    let size: u64 = plan.output().size().iter().map(|&side| side as u64).product();
    verbosity.say(format_args!(
        "out: {}, {} as {}, by {} on {}",
        in_words(plan.output()),
        bytes_in_words(size * input.voxels().voxel_type().bytes() as u64),
        input.voxels().voxel_type().name(),
        options.model,
        device::name(job.interpolator.device()),
    ));
    if let Some(remark) = plan.remark() {
        verbosity.say(format_args!("note: {remark}"));
    }
    let needed = bytes_in_words(job.memory_needed());
    verbosity.say(format_args!("this takes about {needed} of memory"));
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

/// Tells which files are complete where a later one failed.
fn tell_of_written(paths: &[&Path]) {
    for path in paths {
        tell(format_args!("{} was written before the error", path.display()));
    }
}

/// Writes all outputs but the volume and the report, and adds each to those that are `written`.
fn write_others<'a>(
    arguments: &'a Arguments,
    job: &Job,
    outputs: &Outputs,
    written: &mut Vec<&'a Path>,
    verbosity: &Verbosity,
) -> Result<()> {
    if let (Some(path), Some(errors)) = (&arguments.expected_error, &outputs.expected_error) {
        write_volume(path, errors, arguments, verbosity)?;
        written.push(path);
    }
    if let Some(path) = &arguments.picture {
        interrupt::in_progress(io::partial_path(path));
        let before = straightened(job)?;
        let before = before.as_ref().unwrap_or(job.volume);
        coronal::coronal_before_after(before, &outputs.volume, path)?;
        written.push(path);
    }
    Ok(())
}

/// The input of a tilted gantry on a right-angled grid, without interpolated slices; `None` for any
/// other input.
fn straightened(job: &Job) -> Result<Option<Volume>> {
    if job.plan.straightening().is_none() {
        return Ok(None);
    }
    let plan = Plan::new(job.volume.geometry(), Some(job.plan.axis()), &Spacing::Factor(1))?;
    resample(job.volume, &plan, &Interpolator::Linear).map(Some)
}

fn write_volume(
    path: &Path,
    volume: &Volume,
    arguments: &Arguments,
    verbosity: &Verbosity,
) -> Result<()> {
    write_file(path, arguments, verbosity, |options| io::write_with(path, volume, options))
}

/// Writes a file, which must not be left half written, and shows that it does.
fn write_file(
    path: &Path,
    arguments: &Arguments,
    verbosity: &Verbosity,
    write: impl FnOnce(&io::WriteOptions) -> Result<()>,
) -> Result<()> {
    let busy = Progress::busy(verbosity, &format!("writing {}", path.display()));
    for file in io::output_files(path) {
        interrupt::in_progress(io::partial_path(&file));
    }
    let overwrite = arguments.overwrite;
    let written = write(&io::WriteOptions { overwrite, cancelled: Some(&interrupt::raised) });
    busy.finish();
    written
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
    if let Some(path) = &arguments.expected_error {
        let mean = outputs.mean_expected_error_hu;
        let mean = mean.map_or(String::new(), |mean| format!(", {mean:.1} HU on average"));
        verbosity.say(format_args!("wrote {}: expected errors{mean}", path.display()));
    }
    if let Some([_, path]) = arguments.label_files() {
        let seconds = work.label_time.as_secs_f64();
        verbosity.say(format_args!("wrote {}: labels in {seconds:.2} s", path.display()));
    }
    for path in [&arguments.picture, &arguments.json].into_iter().flatten() {
        verbosity.say(format_args!("wrote {}", path.display()));
    }
}
