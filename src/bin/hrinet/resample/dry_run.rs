//! `hrinet resample --dry-run`: the plan of a job that is not run.

use hrinet::error::count_of;
use hrinet::resample::estimate::{self, Estimate};
use hrinet::resample::{Job, JobOptions};
use hrinet::runtime::device;
use hrinet::self_check::SelfCheck;
use hrinet::{Result, io};
use serde::Serialize;

use super::description::Description;
use super::request::Request;
use super::{grid_in_words, output_in_words};
use crate::dry_run::{self, DryRun, PlannedFile, PlannedMemory, PlannedTime};
use crate::interrupt;
use crate::json;
use crate::messages::{Verbosity, print_line};
use crate::progress::Progress;

/// What a run would do.
#[derive(Serialize)]
struct Plan {
    dry_run: bool,
    #[serde(flatten)]
    description: Description,
    known_slices: usize,
    interpolated_slices: usize,
    /// Of the model, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<SelfCheck>,
    /// Reasons to rely less on the interpolated slices.
    warnings: Vec<String>,
    memory: PlannedMemory,
    time: PlannedTime,
    files: Vec<PlannedFile>,
}

/// Checks a job as its run does, and prints what it would do; `check` of its model and `remarks` on
/// its label maps are part of that.
///
/// # Errors
/// Those of [`Job::check`], and of the estimate of the time.
pub fn run(
    (request, kind): (&Request, DryRun),
    job: &Job,
    options: &JobOptions,
    (check, remarks): (Option<SelfCheck>, &[String]),
    verbosity: &Verbosity,
) -> Result<()> {
    let mut warnings = job.check()?;
    for warning in &warnings {
        log::warn!("{warning}");
    }
    warnings.extend_from_slice(remarks);
    let plan = Plan {
        dry_run: true,
        description: Description::new(request, job, options),
        known_slices: job.plan.known_count(),
        interpolated_slices: job.plan.interpolated_count(),
        check,
        warnings,
        memory: PlannedMemory::new(job.peak_memory()),
        time: time(kind, job, verbosity)?,
        files: files(request),
    };
    match request.json.as_deref().filter(|path| json::is_stdout(path)) {
        Some(stdout) => json::write(stdout, &plan),
        None => plan.print(job, options),
    }
}

impl Plan {
    fn print(&self, job: &Job, options: &JobOptions) -> Result<()> {
        let device = device::name(job.interpolator.device());
        print_line(format_args!("in:      {}", grid_in_words(job.volume.geometry())))?;
        print_line(format_args!("out:     {}", output_in_words(job)))?;
        print_line(format_args!(
            "slices:  {} known, {} interpolated, along {}",
            self.known_slices,
            self.interpolated_slices,
            job.plan.axis()
        ))?;
        print_line(format_args!("model:   {} on {device}", options.model))?;
        if let Some(remark) = job.plan.remark() {
            print_line(format_args!("note:    {remark}"))?;
        }
        dry_run::print(&self.memory, &self.time, &self.files)?;
        print_line("nothing was written")
    }
}

/// The time of the slices of the CT, where it is asked for.
fn time(kind: DryRun, job: &Job, verbosity: &Verbosity) -> Result<PlannedTime> {
    if job.plan.interpolated_count() == 0 {
        return Ok(PlannedTime::unknown("no slice is interpolated"));
    }
    if kind != DryRun::Time {
        return Ok(PlannedTime::unknown("--dry-run=time times a few slices"));
    }
    let busy = Progress::busy(verbosity, "timing a few slices");
    let estimate = estimate::by_a_few_slices(job, &mut |_| interrupt::check());
    busy.finish();
    let labels = if job.label_maps.is_empty() { "" } else { ", without the labels" };
    Ok(match estimate? {
        Some(Estimate { time, slices }) => {
            let slices = count_of(slices, "slice");
            let basis = format!("by {slices} that were interpolated here{labels}");
            PlannedTime::estimated(time, basis)
        }
        None => PlannedTime::unknown("it is longer than can be said"),
    })
}

/// All files that would be written.
fn files(request: &Request) -> Vec<PlannedFile> {
    let labels = request.label_files().map(|[_, output]| output);
    let volumes = [Some(request.output.as_path()), labels, request.expected_error.as_deref()];
    let volumes = volumes.into_iter().flatten().flat_map(io::output_files);
    let others = [&request.picture, &request.json];
    let others = others.into_iter().flatten().filter(|path| !json::is_stdout(path)).cloned();
    volumes.chain(others).map(|path| PlannedFile::new(&path)).collect()
}
