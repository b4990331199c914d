//! One volume to resample: read, computed, written. Each step may be on a thread of its own.

use std::path::Path;
use std::time::Instant;

use hrinet::io::DicomHeaders;
use hrinet::labels::LabelMethod;
use hrinet::resample::job::MEMORY_ADVICE;
use hrinet::resample::{Interpolator, Job, JobOptions, OnProgress, OtherOutputs, Plan};
use hrinet::runtime::memory;
use hrinet::self_check::SelfCheck;
use hrinet::volume::{Rescale, Volume};
use hrinet::{Error, Result, io};

use super::labels::Labels;
use super::report::Report;
use super::request::Request;
use super::writing::Writing;
use super::{check, dicom};
use crate::interrupt;
use crate::messages::Verbosity;
use crate::output_file;
use crate::progress::Progress;
use crate::series_table::series_table;

/// A volume that was read, with its plan and all else that its outputs need.
pub struct Input {
    pub request: Request,
    pub volume: Volume,
    pub plan: Plan,
    pub labels: Labels,
    /// Headers, where the output is a DICOM series.
    pub headers: Option<DicomHeaders>,
}

/// What was made of a volume, to be written.
pub struct Computed {
    /// The resampled CT; `None` where it was written as it was made.
    pub volume: Option<Volume>,
    pub outputs: OtherOutputs,
    pub report: Report,
    /// The interpolator in the words of a DICOM header.
    pub method: String,
    pub label_method: LabelMethod,
}

impl Input {
    /// Reads a volume and its label maps; its grid passes a check before its voxels are read.
    ///
    /// # Errors
    /// Those of the files, of the plan and of the check.
    pub fn read(
        request: Request,
        options: &JobOptions,
        check: io::OnHeader,
        verbosity: &Verbosity,
    ) -> Result<Input> {
        let (volume, headers) = read_volume(&request, check, verbosity)?;
        let plan = options.plan(volume.geometry());
        let plan = plan.map_err(|error| error.in_file(&request.input))?;
        check_shear(&request, &plan)?;
        let labels = Labels::read(&request, &volume, verbosity)?;
        if headers.is_some() {
            dicom::check(&request, plan.axis(), labels.maps())?;
        }
        Ok(Input { request, volume, plan, labels, headers })
    }

    /// The job for the volume and its label maps.
    pub fn job<'a>(&'a self, options: &JobOptions, interpolator: &'a Interpolator) -> Job<'a> {
        options.job(&self.plan, interpolator, &self.volume, self.labels.maps())
    }

    /// Slices of a part, where the output can be written part by part as it is made, and that saves
    /// memory.
    pub fn part_slices(&self) -> Option<usize> {
        let part_slices = self.plan.part_slices(self.volume.voxels().voxel_type())?;
        let takes_parts = self.request.takes_parts()
            && io::takes_parts(&self.request.output, &self.parts_header());
        takes_parts.then_some(part_slices)
    }

    fn parts_header(&self) -> io::PartsHeader<'_> {
        let (voxels, rescale) = (self.volume.voxels(), self.volume.rescale());
        // Of no account for voxels in Hounsfield units.
        let range = match rescale == Rescale::IDENTITY {
            true => None,
            false => voxels.range().ok(),
        };
        io::PartsHeader {
            geometry: self.plan.output(),
            rescale,
            voxel_type: voxels.voxel_type(),
            range: range.unwrap_or((f64::NEG_INFINITY, f64::INFINITY)),
        }
    }

    /// Checks the memory for the job, and the model on the volume where that is asked for.
    ///
    /// # Errors
    /// [`Error::Memory`]; those of [`check::run`].
    pub fn check(
        &self,
        job: &Job,
        options: &JobOptions,
        verbosity: &Verbosity,
    ) -> Result<Option<SelfCheck>> {
        memory::check(job.memory_needed(), MEMORY_ADVICE)?;
        let wanted = self.request.checks_model.then(|| check::run(job, options, verbosity));
        wanted.transpose().map_err(|error| error.in_file(&self.request.input))
    }

    /// Interpolates, and describes the outputs. The resampled CT of a job with parts is written as
    /// it is made.
    ///
    /// # Errors
    /// Those of [`Job::run`] and [`io::write_parts`].
    pub fn compute(
        &self,
        job: &Job,
        options: &JobOptions,
        checked: Option<SelfCheck>,
        on_progress: OnProgress,
    ) -> Result<Computed> {
        let in_input = |error: Error| error.in_file(&self.request.input);
        let (volume, outputs) = match job.part_slices {
            None => {
                let outputs = job.run(on_progress).map_err(in_input)?;
                (Some(outputs.volume), outputs.others)
            }
            Some(_) => {
                let path = &self.request.output;
                let _in_progress = output_file::in_progress(path);
                let options = output_file::options(self.request.overwrite);
                let outputs = io::write_parts(path, &self.parts_header(), &options, |take| {
                    job.run_to(take, on_progress).map_err(in_input)
                })?;
                (None, outputs)
            }
        };
        let report = Report::new(&self.request, job, options, &outputs);
        let mut report = report.with_warnings(self.labels.remarks());
        report.check = checked;
        let method = dicom::method(job, options);
        Ok(Computed { volume, outputs, report, method, label_method: job.label_method })
    }

    /// Writes all outputs of work that began at `start`.
    ///
    /// # Errors
    /// Those of the files.
    pub fn write(
        &self,
        computed: &mut Computed,
        start: Instant,
        verbosity: &Verbosity,
    ) -> Result<()> {
        Writing { input: self, verbosity }.all(computed, start)
    }
}

/// The CT, with its headers where the output is a DICOM series.
fn read_volume(
    request: &Request,
    check: io::OnHeader,
    verbosity: &Verbosity,
) -> Result<(Volume, Option<DicomHeaders>)> {
    let busy = Progress::busy(verbosity, &format!("reading {}", request.input.display()));
    let options = io::ReadOptions {
        files: request.files.as_deref(),
        ..interrupt::read_options(request.series.as_deref())
    };
    let volume = match request.writes_dicom() {
        false => io::read_with_check(&request.input, &options, check).map(|volume| (volume, None)),
        true => {
            io::read_with_headers(&request.input, &options, check).and_then(|(volume, headers)| {
                Ok((volume, Some(dicom::require_headers(request, headers)?)))
            })
        }
    };
    busy.finish();
    if let Err(Error::Argument(_)) = &volume {
        list_series(&request.input, verbosity);
    }
    volume
}

/// Shows the series among which one must be chosen, where there are several.
fn list_series(path: &Path, verbosity: &Verbosity) {
    if !verbosity.quiet
        && io::holds_series(path)
        && let Ok(contents) = io::list(path, &io::ReadOptions::default())
        && contents.series.len() > 1
    {
        series_table(&contents.series).lines().for_each(|line| verbosity.say(line));
    }
}

/// Refuses files that cannot hold the grid of the output, before the work begins.
fn check_shear(request: &Request, plan: &Plan) -> Result<()> {
    let labels = request.label_files().map(|[_, output]| output);
    [Some(request.output.as_path()), labels, request.expected_error.as_deref()]
        .into_iter()
        .flatten()
        .try_for_each(|path| io::check_shear(path, plan.output()))
}
