//! Writes the outputs of a resampling.

use std::path::Path;
use std::time::Instant;

use hrinet::io::DicomHeaders;
use hrinet::render::coronal;
use hrinet::resample::{Interpolator, Job, JobOptions, Outputs, Plan, Spacing, resample};
use hrinet::self_check::SelfCheck;
use hrinet::volume::Volume;
use hrinet::{Result, io};

use super::labels::Labels;
use super::report::{DicomReport, Report};
use super::{Arguments, dicom};
use crate::interrupt;
use crate::messages::{Verbosity, tell};
use crate::progress::Progress;

/// A job whose outputs are written.
pub struct Writing<'a> {
    pub arguments: &'a Arguments,
    pub job: &'a Job<'a>,
    pub options: &'a JobOptions,
    pub labels: &'a Labels,
    /// Headers of the input, where the output is a DICOM series.
    pub headers: Option<&'a DicomHeaders>,
    /// How good the model is on the input, where that was checked.
    pub checked: Option<SelfCheck>,
    pub verbosity: &'a Verbosity,
}

impl<'a> Writing<'a> {
    /// Writes all outputs of a command that began at `start`, the report last. Where one fails, it
    /// tells which are complete.
    ///
    /// # Errors
    /// Those of the files.
    pub fn all(&self, outputs: &mut Outputs, start: Instant) -> Result<()> {
        let mut written = Vec::new();
        self.write(outputs, start, &mut written).inspect_err(|_| {
            for path in &written {
                tell(format_args!("{} was written before the error", path.display()));
            }
        })
    }

    fn write(
        &self,
        outputs: &mut Outputs,
        start: Instant,
        written: &mut Vec<&'a Path>,
    ) -> Result<()> {
        let (arguments, verbosity) = (self.arguments, self.verbosity);
        let report = Report::new(arguments, self.job, self.options, outputs);
        let mut report = report.with_warnings(self.labels.remarks());
        report.check = self.checked.clone();
        match self.headers {
            None => write_volume(&arguments.output, &outputs.volume, arguments, verbosity)?,
            Some(headers) => report.dicom = Some(self.series(headers, outputs)?),
        }
        written.push(arguments.output.as_path());
        if arguments.segmentation_file().is_none() {
            let label_maps = std::mem::take(&mut outputs.label_maps);
            written.extend(self.labels.write(label_maps, arguments, verbosity)?);
        }
        self.others(outputs, written)?;
        if let Some(path) = &arguments.outputs.json {
            interrupt::in_progress(io::partial_path(path));
            report.write(path, start.elapsed())?;
        }
        Ok(())
    }

    /// Writes a DICOM series, with its segmentation.
    fn series(&self, headers: &DicomHeaders, outputs: &Outputs) -> Result<DicomReport> {
        let segments = self.labels.dicom_segments();
        let written = dicom::write(
            self.arguments,
            self.job,
            self.options,
            outputs,
            (headers, &segments),
            self.verbosity,
        )?;
        Ok(DicomReport::of(self.arguments, written))
    }

    /// Writes the expected error and the picture.
    fn others(&self, outputs: &Outputs, written: &mut Vec<&'a Path>) -> Result<()> {
        let arguments = self.arguments;
        let wanted = &arguments.outputs;
        if let (Some(path), Some(errors)) = (&wanted.expected_error, &outputs.expected_error) {
            write_volume(path, errors, arguments, self.verbosity)?;
            written.push(path);
        }
        if let Some(path) = &wanted.picture {
            interrupt::in_progress(io::partial_path(path));
            let before = straightened(self.job)?;
            let before = before.as_ref().unwrap_or(self.job.volume);
            coronal::coronal_before_after(before, &outputs.volume, path)?;
            written.push(path);
        }
        Ok(())
    }
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
///
/// # Errors
/// Those of `write`.
pub fn write_file(
    path: &Path,
    arguments: &Arguments,
    verbosity: &Verbosity,
    write: impl FnOnce(&io::WriteOptions) -> Result<()>,
) -> Result<()> {
    let busy = Progress::busy(verbosity, &format!("writing {}", path.display()));
    for file in io::output_files(path) {
        interrupt::in_progress(io::partial_path(&file));
    }
    let overwrite = arguments.outputs.overwrite;
    let written = write(&io::WriteOptions { overwrite, cancelled: Some(&interrupt::raised) });
    busy.finish();
    written
}
