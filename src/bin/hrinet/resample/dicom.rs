//! Output as a DICOM series, with label maps as a DICOM SEG.

use std::path::Path;

use hrinet::io::{
    DerivedSeries, DerivedSeriesOptions, DicomHeaders, DicomSeg, DicomSegment, WrittenSeries,
};
use hrinet::labels::LabelMethod;
use hrinet::resample::{Job, JobOptions, Outputs};
use hrinet::volume::{Axis, Volume};
use hrinet::{Error, Result, io};

use super::Arguments;
use crate::interrupt;
use crate::messages::Verbosity;
use crate::progress::Progress;

/// Whether a label map is to be written as a DICOM SEG.
pub fn is_segmentation(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("dcm"))
}

/// Refuses a DICOM SEG that could not be written beside a series.
///
/// # Errors
/// [`Error::Argument`] without a series; as [`io::atomic_write::check`].
pub fn check_segmentation(path: &Path, series: Option<&Path>, overwrite: bool) -> Result<()> {
    match series {
        None => Err(Error::Argument(format!(
            "{}: a DICOM SEG refers to a DICOM series; let OUTPUT be a folder, with / at its end",
            path.display()
        ))),
        Some(series) if DicomSeg::is_in(path, series) => match is_slice_file(path) {
            false => Ok(()),
            true => Err(Error::Argument(format!(
                "{}: a name that slices of the series have; choose another name",
                path.display()
            ))),
        },
        Some(_) => io::atomic_write::check(path, overwrite),
    }
}

/// Whether a file is named as the slices of a series are.
fn is_slice_file(path: &Path) -> bool {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    name.strip_prefix("IM").is_some_and(|number| number.parse::<u64>().is_ok())
}

/// Takes the headers of the input, of which a DICOM series is derived.
///
/// # Errors
/// [`Error::Unsupported`] for an input without headers.
pub fn require_headers(
    arguments: &Arguments,
    headers: Option<DicomHeaders>,
) -> Result<DicomHeaders> {
    headers.ok_or_else(|| {
        Error::unsupported(
            &arguments.input,
            "has no DICOM headers, from which a DICOM series takes patient and study; give the \
             folder of the DICOM series as INPUT, or name a .nrrd or .nii.gz file as OUTPUT",
        )
    })
}

/// Refuses inputs that a DICOM series cannot be written from, before the work begins.
///
/// # Errors
/// [`Error::Argument`] for slices along another axis, and for label maps that a DICOM SEG cannot
/// hold.
pub fn check(arguments: &Arguments, axis: Axis, label_maps: &[Volume]) -> Result<()> {
    if axis != Axis::K {
        return Err(Error::Argument(format!(
            "--axis {axis}: a DICOM series is written with the slices of its source, along k; \
             name a .nrrd or .nii.gz file as OUTPUT"
        )));
    }
    if let Some([labels, _]) = arguments.label_files()
        && arguments.segmentation_file().is_some()
    {
        DicomSeg::check(label_maps).map_err(|error| error.in_file(labels))?;
    }
    Ok(())
}

/// Writes the outputs of a job as a DICOM series.
///
/// # Errors
/// As [`DerivedSeries::write`].
pub fn write(
    arguments: &Arguments,
    job: &Job,
    options: &JobOptions,
    outputs: &Outputs,
    (headers, segments): (&DicomHeaders, &[DicomSegment]),
    verbosity: &Verbosity,
) -> Result<WrittenSeries> {
    let folder = arguments.output.as_path();
    let method = match job.interpolator.model() {
        Some(model) => format!("{} (SHA-256 {})", model_name(&options.model), model.checksum()),
        None => format!("{} interpolation", options.model),
    };
    let label_method = match job.label_method {
        LabelMethod::Anatomy => "labels by anatomy",
        LabelMethod::Shape => "labels by shape",
        LabelMethod::Nearest => "labels of the nearer slice",
    };
    let segmentation = arguments.segmentation_file().map(|file| DicomSeg {
        file,
        overwrite: arguments.outputs.overwrite,
        label_maps: &outputs.label_maps,
        segments,
        method: label_method,
    });
    let series = DerivedSeries {
        headers,
        input: job.volume,
        output: &outputs.volume,
        sources: job.plan.slices(),
        method: &method,
        segmentation,
    };
    let busy = Progress::busy(verbosity, &format!("writing {}", folder.display()));
    let target = io::atomic_folder::check_folder(folder)?;
    interrupt::in_progress(io::partial_path(&target));
    if let Some(file) = arguments.segmentation_file() {
        interrupt::in_progress(io::partial_path(file));
    }
    let options = DerivedSeriesOptions {
        uid_seed: arguments.outputs.uid_seed.as_deref(),
        cancelled: Some(&interrupt::raised),
    };
    let written = series.write(folder, &options);
    busy.finish();
    written
}

/// Name of a model without the folder of its file, which may name a person.
fn model_name(model: &str) -> String {
    Path::new(model).file_name().unwrap_or_default().to_string_lossy().into_owned()
}
