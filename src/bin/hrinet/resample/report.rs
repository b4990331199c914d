//! The JSON report of `hrinet resample`.

use std::path::Path;
use std::time::Duration;

use hrinet::Result;
use hrinet::io::WrittenSeries;
use hrinet::resample::{Job, JobOptions, OtherOutputs};
use hrinet::runtime::memory;
use hrinet::self_check::SelfCheck;
use serde::Serialize;

use super::description::Description;
use super::request::Request;
use crate::json;

/// Inputs, options and outputs of a resampling.
#[derive(Serialize)]
pub struct Report {
    #[serde(flatten)]
    description: Description,
    /// Where the output is a DICOM series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dicom: Option<DicomReport>,
    /// Of the interpolated voxels, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_error: Option<ExpectedError>,
    /// Of the model, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<SelfCheck>,
    /// Reasons to rely less on the interpolated slices.
    warnings: Vec<String>,
    work: Work,
    seconds: f64,
    peak_memory_bytes: Option<u64>,
}

/// A DICOM series that was written.
#[derive(Serialize)]
pub struct DicomReport {
    folder: String,
    series_instance_uid: String,
    files: usize,
    /// The DICOM SEG.
    #[serde(skip_serializing_if = "Option::is_none")]
    segmentation: Option<String>,
}

impl DicomReport {
    /// Describes what was written.
    pub fn of(request: &Request, written: WrittenSeries) -> DicomReport {
        DicomReport {
            folder: request.shown(&request.output),
            series_instance_uid: written.series_uid,
            files: written.slice_count,
            segmentation: written.segmentation.map(|path| request.shown(&path)),
        }
    }
}

#[derive(Serialize)]
struct ExpectedError {
    path: String,
    /// Mean over all voxels of interpolated slices; `None` where there are none.
    mean_hu: Option<f64>,
}

#[derive(Serialize)]
struct Work {
    encoded_slices: usize,
    interpolated_slices: usize,
    label_slices: usize,
    interpolation_seconds: f64,
    label_seconds: f64,
}

impl Report {
    /// Describes a finished job.
    pub fn new(
        request: &Request,
        job: &Job,
        options: &JobOptions,
        outputs: &OtherOutputs,
    ) -> Report {
        Report {
            description: Description::new(request, job, options),
            dicom: None,
            expected_error: request.expected_error.as_ref().map(|path| ExpectedError {
                path: request.shown(path),
                mean_hu: outputs.mean_expected_error_hu,
            }),
            check: None,
            warnings: outputs.work.warnings.clone(),
            work: Work {
                encoded_slices: outputs.work.encoded,
                interpolated_slices: outputs.work.interpolated,
                label_slices: outputs.work.label_slices,
                interpolation_seconds: outputs.work.time.as_secs_f64(),
                label_seconds: outputs.work.label_time.as_secs_f64(),
            },
            seconds: 0.0,
            peak_memory_bytes: None,
        }
    }

    /// Adds warnings.
    pub fn with_warnings(mut self, warnings: &[String]) -> Report {
        self.warnings.extend_from_slice(warnings);
        self
    }

    /// Writes the report with the time of the whole command.
    ///
    /// # Errors
    /// [`hrinet::Error::Io`].
    pub fn write(&mut self, path: &Path, time: Duration) -> Result<()> {
        self.seconds = time.as_secs_f64();
        self.peak_memory_bytes = memory::peak();
        json::write(path, self)
    }
}
