//! Output as a DICOM series, with label maps as a DICOM SEG.

use std::path::Path;

use hrinet::io::{
    DerivedSeries, DerivedSeriesOptions, DicomHeaders, DicomSeg, DicomSegment, WrittenSeries,
};
use hrinet::labels::LabelMethod;
use hrinet::resample::{Job, JobOptions};
use hrinet::volume::{Axis, Volume};
use hrinet::{Error, Result, io};

use super::request::Request;
use super::task::{Computed, Input};
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
pub fn require_headers(request: &Request, headers: Option<DicomHeaders>) -> Result<DicomHeaders> {
    headers.ok_or_else(|| {
        Error::unsupported(
            &request.input,
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
pub fn check(request: &Request, axis: Axis, label_maps: &[Volume]) -> Result<()> {
    if axis != Axis::K {
        return Err(Error::Argument(format!(
            "--axis {axis}: a DICOM series is written with the slices of its source, along k; \
             name a .nrrd or .nii.gz file as OUTPUT"
        )));
    }
    if let Some([labels, _]) = request.label_files()
        && request.segmentation_file().is_some()
    {
        DicomSeg::check(label_maps).map_err(|error| error.in_file(labels))?;
    }
    Ok(())
}

/// The interpolator of a job in the words of a header.
pub fn method(job: &Job, options: &JobOptions) -> String {
    match job.interpolator.model() {
        Some(model) => format!("{} (SHA-256 {})", model_name(&options.model), model.checksum()),
        None => format!("{} interpolation", options.model),
    }
}

/// Writes the outputs of a job as a DICOM series.
///
/// # Errors
/// As [`DerivedSeries::write`].
pub fn write(
    input: &Input,
    computed: &Computed,
    (headers, segments): (&DicomHeaders, &[DicomSegment]),
    verbosity: &Verbosity,
) -> Result<WrittenSeries> {
    let request = &input.request;
    let folder = request.output.as_path();
    let label_method = match computed.label_method {
        LabelMethod::Anatomy => "labels by anatomy",
        LabelMethod::Shape => "labels by shape",
        LabelMethod::Nearest => "labels of the nearer slice",
    };
    let segmentation = request.segmentation_file().map(|file| DicomSeg {
        file,
        overwrite: request.overwrite,
        label_maps: &computed.outputs.label_maps,
        segments,
        method: label_method,
    });
    let output = computed.volume.as_ref().ok_or_else(|| {
        Error::Argument(format!("{}: the volume was not kept for it", folder.display()))
    })?;
    let series = DerivedSeries {
        headers,
        input: &input.volume,
        output,
        sources: input.plan.slices(),
        thin_factor: input.plan.thin_factor(),
        method: &computed.method,
        segmentation,
    };
    let busy = Progress::busy(verbosity, &format!("writing {}", folder.display()));
    let target = io::atomic_folder::check_folder(folder)?;
    let files = [Some(target.as_path()), request.segmentation_file()].into_iter().flatten();
    let _in_progress: Vec<_> =
        files.map(|path| interrupt::in_progress(io::partial_path(path))).collect();
    let options = DerivedSeriesOptions {
        uid_seed: request.uid_seed.as_deref(),
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
