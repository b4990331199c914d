//! The JSON report of `hrinet resample`.

use std::path::Path;
use std::time::Duration;

use hrinet::Result;
use hrinet::io::WrittenSeries;
use hrinet::resample::{Job, JobOptions, Outputs, Plan, SliceSource, Straightening, straighten};
use hrinet::runtime::{device, memory};
use hrinet::volume::{Axis, Volume};
use serde::Serialize;

use super::Arguments;
use crate::json;

/// Inputs, options and outputs of a resampling.
#[derive(Serialize)]
pub struct Report {
    version: &'static str,
    input: Grid,
    output: Grid,
    /// Where the output is a DICOM series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dicom: Option<DicomReport>,
    axis: Axis,
    /// How the output grid differs from the wish and from the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<String>,
    /// Of a tilted gantry.
    #[serde(skip_serializing_if = "Option::is_none")]
    tilt: Option<Tilt>,
    slices: Vec<Slice>,
    model: Model,
    device: String,
    options: JobOptions,
    /// Of the interpolated voxels, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_error: Option<ExpectedError>,
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
    pub fn of(arguments: &Arguments, written: WrittenSeries) -> DicomReport {
        DicomReport {
            folder: arguments.output.display().to_string(),
            series_instance_uid: written.series_uid,
            files: written.slice_count,
            segmentation: written.segmentation.map(|path| path.display().to_string()),
        }
    }
}

#[derive(Serialize)]
struct Tilt {
    degrees: f64,
    /// Whether the output is sheared like the input.
    kept: bool,
    /// Where slices were moved in their plane: how far the last one against the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_mm: Option<f64>,
    /// Interpolation in the plane of those that were not moved by whole pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<&'static str>,
    /// Value where nothing was scanned: the lowest one of the input, HU.
    #[serde(skip_serializing_if = "Option::is_none")]
    padding_hu: Option<f64>,
}

#[derive(Serialize)]
struct ExpectedError {
    path: String,
    /// Mean over all voxels of interpolated slices; `None` where there are none.
    mean_hu: Option<f64>,
}

#[derive(Serialize)]
struct Grid {
    path: String,
    voxel_type: &'static str,
    /// Voxels along i, j, k.
    size: [usize; 3],
    spacing_mm: [f64; 3],
    origin_ras_mm: [f64; 3],
    ijk_to_ras: [[f64; 4]; 4],
    /// Positions of the slices along k, where they are unevenly spaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    slice_positions_mm: Option<Vec<f64>>,
}

#[derive(Serialize)]
#[serde(tag = "source", rename_all = "lowercase")]
enum Slice {
    Known {
        index: usize,
        /// The slice of the input.
        slice: usize,
    },
    Interpolated {
        index: usize,
        /// The slices of the input on both sides.
        pair: [usize; 2],
        /// Position between them: 0 at the first, 1 at the second.
        fraction: f64,
    },
}

#[derive(Serialize)]
struct Model {
    name: String,
    system: Option<String>,
    sha256: Option<String>,
    /// Of the network's passes.
    precision: Option<String>,
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
        arguments: &Arguments,
        job: &Job,
        options: &JobOptions,
        outputs: &Outputs,
    ) -> Report {
        let model = job.interpolator.model();
        Report {
            version: env!("CARGO_PKG_VERSION"),
            input: Grid::new(&arguments.input, job.volume),
            output: Grid::new(&arguments.output, &outputs.volume),
            dicom: None,
            axis: job.plan.axis(),
            remark: job.plan.remark().map(String::from),
            tilt: tilt(job),
            slices: slices(job.plan),
            model: Model {
                name: options.model.clone(),
                system: model.map(|model| model.system().to_string()),
                sha256: model.map(|model| model.checksum().to_string()),
                precision: model.map(|model| model.precision().to_string()),
            },
            device: device::name(job.interpolator.device()),
            options: options.clone(),
            expected_error: arguments.expected_error.as_ref().map(|path| ExpectedError {
                path: path.display().to_string(),
                mean_hu: outputs.mean_expected_error_hu,
            }),
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
    pub fn write(self, path: &Path, time: Duration) -> Result<()> {
        let seconds = time.as_secs_f64();
        json::write(path, &Report { seconds, peak_memory_bytes: memory::peak(), ..self })
    }
}

fn tilt(job: &Job) -> Option<Tilt> {
    let degrees = job.volume.geometry().tilt_degrees()?;
    let moved = job.plan.straightening();
    let padding = moved.and_then(|_| {
        let (low, high) = job.volume.voxels().range().ok()?;
        let rescale = job.volume.rescale();
        Some(rescale.to_hu(low).min(rescale.to_hu(high)))
    });
    Some(Tilt {
        degrees,
        kept: moved.is_none(),
        moved_mm: moved.map(Straightening::moved_mm),
        kernel: moved.map(|_| straighten::KERNEL),
        padding_hu: padding,
    })
}

fn slices(plan: &Plan) -> Vec<Slice> {
    let sources = plan.slices().iter().enumerate();
    let entry = |(index, source): (usize, &SliceSource)| match *source {
        SliceSource::Known(slice) => Slice::Known { index, slice },
        SliceSource::Interpolated { first, fraction } => {
            Slice::Interpolated { index, pair: [first, first + 1], fraction }
        }
    };
    sources.map(entry).collect()
}

impl Grid {
    fn new(path: &Path, volume: &Volume) -> Grid {
        let geometry = volume.geometry();
        Grid {
            path: path.display().to_string(),
            voxel_type: volume.voxels().voxel_type().name(),
            size: geometry.size(),
            spacing_mm: Axis::ALL.map(|axis| geometry.spacing(axis)),
            origin_ras_mm: geometry.origin(),
            ijk_to_ras: geometry.ijk_to_ras(),
            slice_positions_mm: geometry.uneven_slices().map(<[f64]>::to_vec),
        }
    }
}
