//! Writes the outputs of a resampling.

use std::path::Path;
use std::time::Instant;

use hrinet::render::coronal;
use hrinet::resample::{Interpolator, Plan, Spacing, resample};
use hrinet::volume::Volume;
use hrinet::{Result, io};

use super::dicom;
use super::report::DicomReport;
use super::request::Request;
use super::task::{Computed, Input};
use crate::interrupt;
use crate::messages::{Verbosity, tell};
use crate::output_file::write_file;

/// A volume whose outputs are written.
pub struct Writing<'a> {
    pub input: &'a Input,
    pub verbosity: &'a Verbosity,
}

impl<'a> Writing<'a> {
    /// Writes all outputs of work that began at `start`, the report last. Where one fails, it tells
    /// which are complete.
    ///
    /// # Errors
    /// Those of the files.
    pub fn all(&self, computed: &mut Computed, start: Instant) -> Result<()> {
        let mut written = Vec::new();
        self.write(computed, start, &mut written).inspect_err(|_| {
            for path in &written {
                tell(format_args!("{} was written before the error", path.display()));
            }
        })
    }

    fn write(
        &self,
        computed: &mut Computed,
        start: Instant,
        written: &mut Vec<&'a Path>,
    ) -> Result<()> {
        let (request, verbosity) = (&self.input.request, self.verbosity);
        match (&self.input.headers, &computed.volume) {
            // Written as it was made.
            (None, None) => {}
            (None, Some(volume)) => write_volume(&request.output, volume, request, verbosity)?,
            (Some(headers), _) => {
                let segments = self.input.labels.dicom_segments();
                let series = dicom::write(self.input, computed, (headers, &segments), verbosity)?;
                computed.report.dicom = Some(DicomReport::of(request, series));
            }
        }
        written.push(request.output.as_path());
        let outputs = &mut computed.outputs;
        if request.segmentation_file().is_none() {
            let label_maps = std::mem::take(&mut outputs.label_maps);
            written.extend(self.input.labels.write(label_maps, request, verbosity)?);
        }
        self.others(computed, written)?;
        if let Some(path) = &request.json {
            let _in_progress = interrupt::in_progress(io::partial_path(path));
            computed.report.write(path, start.elapsed())?;
        }
        Ok(())
    }

    /// Writes the expected error and the pictures.
    fn others(&self, computed: &Computed, written: &mut Vec<&'a Path>) -> Result<()> {
        let request = &self.input.request;
        let errors = &computed.outputs.expected_error;
        if let (Some(path), Some(errors)) = (&request.expected_error, errors) {
            write_volume(path, errors, request, self.verbosity)?;
            written.push(path);
        }
        let has_pictures = request.picture.is_some() || request.thumbnails.is_some();
        let Some(after) = computed.volume.as_ref().filter(|_| has_pictures) else { return Ok(()) };
        let before = straightened(self.input)?;
        let before = before.as_ref().unwrap_or(&self.input.volume);
        let progress = |path: &Path| interrupt::in_progress(io::partial_path(path));
        if let Some(path) = &request.picture {
            let _in_progress = progress(path);
            coronal::coronal_before_after(before, after, path)?;
            written.push(path);
        }
        if let Some(paths) = &request.thumbnails {
            let paths = paths.each_ref().map(|path| path.as_path());
            let _in_progress = paths.map(progress);
            coronal::thumbnails(before, after, paths)?;
            written.extend(paths);
        }
        Ok(())
    }
}

/// The input of a tilted gantry on a right-angled grid, without interpolated slices; `None` for any
/// other input.
fn straightened(input: &Input) -> Result<Option<Volume>> {
    if input.plan.straightening().is_none() {
        return Ok(None);
    }
    let plan = Plan::new(input.volume.geometry(), Some(input.plan.axis()), &Spacing::Factor(1))?;
    resample(&input.volume, &plan, &Interpolator::Linear).map(Some)
}

fn write_volume(
    path: &Path,
    volume: &Volume,
    request: &Request,
    verbosity: &Verbosity,
) -> Result<()> {
    write_file(path, request.overwrite, verbosity, |options| io::write_with(path, volume, options))
}
