//! Reads and writes volumes. Files are written whole or not at all; [`write_parts`] writes one
//! while it is made, in bounded memory.
//!
//! A resampled CT is written as a DICOM series by [`DerivedSeries`], which takes patient, study and
//! more from the headers of the series that it came from ([`read_with_headers`]).
//!
//! [`FORMATS`] is the table of file formats; the ending of a file's name chooses among them. A
//! folder is read as one DICOM series, in Hounsfield units, in the smallest of int16, int32 and
//! float32 that holds them exactly, else in float64.
//!
//! Geometry is in mm in RAS, whatever the units and axes of the file. Voxels that are NaN or
//! infinite are read as they are; a geometry that is not finite is an error.
//!
//! To add a format: a folder beside `nrrd`, a row in [`FORMATS`], a test.

mod affine;
pub mod atomic_folder;
pub mod atomic_write;
pub mod contents;
mod detached;
mod dicom;
pub mod folder;
mod format;
mod grid;
mod labels;
pub mod lock;
mod metaimage;
mod nifti;
mod nrrd;
mod outgoing;
mod output;
pub mod plain_file;
mod raw_voxels;
mod segmentation;
mod smallest_type;
mod source;

use std::path::{Path, PathBuf};
use std::time::Instant;

pub use atomic_write::partial_path;
pub use contents::{FolderContents, PassedOver, SeriesEntry};
pub use detached::data_files;
pub use dicom::glance::{Glance, glance};
pub use dicom::write::{
    Code, DerivedSeries, DerivedSeriesOptions, DicomHeaders, DicomSeg, DicomSegment, WrittenSeries,
};
pub use format::{Format, OnHeader, endings_read, endings_written, output_files};
pub use grid::read_grid;
pub use labels::{
    check_labels_output, has_segments, keeps_segments, read_labels, read_segmentation, write_labels,
};
pub use output::{
    PartsHeader, WriteOptions, check_output, check_shear, is_folder_output, takes_parts, write,
    write_parts, write_with,
};
pub use segmentation::{Segment, Segmentation};

use crate::error::{Error, Result, count_of};
use crate::volume::Volume;
use format::{SegmentationFormat, Writer};

/// File formats that are read and written.
pub static FORMATS: &[Format] = &[
    Format {
        name: "NIfTI",
        endings: &[".nii"],
        description: "versions 1 and 2 when read; 1 when written, 2 where an axis is longer than \
                      32767 voxels; stored values and their rescale are kept",
        read: nifti::read,
        write: Some(Writer::Single(nifti::write)),
        holds_shear: true,
        holds_rescale: true,
        segmentation: None,
    },
    Format {
        name: "NIfTI, gzip",
        endings: &[".nii.gz"],
        description: "as NIfTI",
        read: nifti::read,
        write: Some(Writer::Single(nifti::write_gzip)),
        holds_shear: true,
        holds_rescale: true,
        segmentation: None,
    },
    Format {
        name: "NRRD",
        endings: &[".nrrd"],
        description: "raw, gzip, bzip2 or text when read, gzip when written; a rescale is applied, \
                      in the smallest of int16, int32 and float32 that is exact, else in float64",
        read: nrrd::read,
        write: Some(Writer::Single(nrrd::write)),
        holds_shear: true,
        holds_rescale: false,
        segmentation: Some(SegmentationFormat {
            has_segments: nrrd::has_segments,
            read: nrrd::read_segmentation,
            write: nrrd::write_segmentation,
        }),
    },
    Format {
        name: "NRRD, voxels in another file",
        endings: &[".nhdr"],
        description: "as NRRD; raw (.raw) when written",
        read: nrrd::read,
        write: Some(Writer::Pair([".nhdr", ".raw"], nrrd::write_pair)),
        holds_shear: true,
        holds_rescale: false,
        segmentation: None,
    },
    Format {
        name: "MetaImage",
        endings: &[".mha"],
        description: "raw, zlib or text when read, raw when written; a rescale is applied, in the \
                      smallest of int16, int32 and float32 that is exact, else in float64",
        read: metaimage::read,
        write: Some(Writer::Single(metaimage::write)),
        holds_shear: false,
        holds_rescale: false,
        segmentation: None,
    },
    Format {
        name: "MetaImage, voxels in another file",
        endings: &[".mhd"],
        description: "as MetaImage; raw (.raw) when written",
        read: metaimage::read,
        write: Some(Writer::Pair([".mhd", ".raw"], metaimage::write_pair)),
        holds_shear: false,
        holds_rescale: false,
        segmentation: None,
    },
    Format {
        name: "MetaImage, zlib, voxels in another file",
        endings: &[".zraw"],
        description: "as MetaImage, with its header in .mhd",
        read: metaimage::read_by_voxels,
        write: Some(Writer::Pair([".mhd", ".zraw"], metaimage::write_compressed_pair)),
        holds_shear: false,
        holds_rescale: false,
        segmentation: None,
    },
    Format {
        name: "NIfTI, voxels in another file",
        endings: &[".hdr"],
        description: "as NIfTI; voxels in .img or .img.gz when read, in .img when written",
        read: nifti::read,
        write: Some(Writer::Pair([".hdr", ".img"], nifti::write_pair)),
        holds_shear: true,
        holds_rescale: true,
        segmentation: None,
    },
    Format {
        name: "NIfTI, voxels in another file, gzip",
        endings: &[".hdr.gz"],
        description: "as NIfTI; voxels in .img or .img.gz",
        read: nifti::read,
        write: None,
        holds_shear: true,
        holds_rescale: true,
        segmentation: None,
    },
];

/// Options of [`read_with`].
#[derive(Clone, Default)]
pub struct ReadOptions<'a> {
    /// Series to read from a DICOM folder that holds several: its number in the list that the error
    /// of [`read`] gives, its SeriesInstanceUID, or the beginning of it. `None`: the only series.
    pub series: Option<String>,
    /// DICOM files to look at in place of all those of the folder, whose name stands in errors.
    pub files: Option<&'a [PathBuf]>,
    /// Called repeatedly while reading; once it returns true, reading ends with
    /// [`Error::Cancelled`].
    pub cancelled: Option<&'a dyn Fn() -> bool>,
}

impl<'a> ReadOptions<'a> {
    pub(crate) fn cancelled(&self) -> &'a dyn Fn() -> bool {
        self.cancelled.unwrap_or(&raw_voxels::never)
    }
}

/// Reads a volume from a file in one of [`FORMATS`], from a folder with a DICOM series, or from a
/// DICOM file that holds several slices (multi-frame) or lists them (DICOMDIR).
///
/// Localizers and single images beside one series are passed over.
///
/// # Errors
/// [`Error::Io`] of the file system; [`Error::Damaged`] for a file that is truncated or contradicts
/// itself; [`Error::Unsupported`] for another format and for anything but 3-D volumes with one
/// value per voxel; [`Error::Argument`] where a folder holds several series, which it lists.
pub fn read(path: &Path) -> Result<Volume> {
    read_with(path, &ReadOptions::default())
}

/// Like [`read`], but can choose one of several series and can be cancelled.
///
/// # Errors
/// Those of [`read`], and [`Error::Cancelled`]; [`Error::Argument`] for a series that the folder
/// does not hold.
pub fn read_with(path: &Path, options: &ReadOptions) -> Result<Volume> {
    read_with_check(path, options, &|_, _| Ok(()))
}

/// Like [`read_with`], but shows grid and voxel type to a check, for example of the memory for what
/// is to be done with it, before the voxels are read. The voxel type of a DICOM series follows from
/// its voxels: the check gets the smallest that it may have.
///
/// # Errors
/// Those of [`read_with`] and of the check.
pub fn read_with_check(path: &Path, options: &ReadOptions, check: OnHeader) -> Result<Volume> {
    let start = Instant::now();
    let read = read_unlogged(path, options, check);
    if let Ok(volume) = &read {
        log_read(path, volume, start);
    }
    read
}

/// Logs what was read.
fn log_read(path: &Path, volume: &Volume, start: Instant) {
    let ([i, j, k], voxel_type) = (volume.geometry().size(), volume.voxels().voxel_type());
    let (path, seconds) = (path.display(), start.elapsed().as_secs_f64());
    log::debug!("{path}: {i} x {j} x {k} voxels of {voxel_type}, read in {seconds:.3} s");
}

fn read_unlogged(path: &Path, options: &ReadOptions, check: OnHeader) -> Result<Volume> {
    if holds_series(path) {
        let read = dicom::read(path, options, check);
        return read.map_err(|error| match folder_of_files(path) {
            Some(better) if is_of_folder(&error, path) => better,
            _ => error,
        });
    }
    if let Some(series) = &options.series {
        return Err(Error::Argument(format!(
            "{}: series {series:?} can only be chosen in a folder of DICOM files",
            path.display()
        )));
    }
    let header = nifti::header_of_image(path);
    let path = header.as_deref().unwrap_or(path);
    let format = Format::of(path).ok_or_else(|| unreadable(path))?;
    (format.read)(path, options.cancelled(), check)
}

/// Like [`read_with_check`], with the headers that a derived DICOM series takes patient, study and
/// more from; headers are `None` for a file without.
///
/// # Errors
/// Those of [`read_with_check`]; [`Error::Unsupported`] for a series that is no CT or has stored
/// values of more than 16 bits, which cannot be written as CT images.
pub fn read_with_headers(
    path: &Path,
    options: &ReadOptions,
    check: OnHeader,
) -> Result<(Volume, Option<DicomHeaders>)> {
    if holds_series(path) {
        let start = Instant::now();
        let (volume, headers) = dicom::read_with_headers(path, options, check)?;
        log_read(path, &volume, start);
        return Ok((volume, Some(headers)));
    }
    Ok((read_with_check(path, options, check)?, None))
}

/// Whether a path is a folder or a DICOM file, which [`list`] lists.
pub fn holds_series(path: &Path) -> bool {
    path.is_dir() || (Format::of(path).is_none() && dicom::is_dicom(path))
}

/// Lists the series in a folder with DICOM files, in a multi-frame file or in the files that a
/// DICOMDIR names, and the files that belong to none of them.
///
/// # Errors
/// [`Error::Io`], [`Error::Cancelled`]; [`Error::Unsupported`] and [`Error::Damaged`] where there
/// is no series.
pub fn list(path: &Path, options: &ReadOptions) -> Result<FolderContents> {
    dicom::contents(path, options)
}

/// Whether [`read`] takes a file by its name: that of one of [`FORMATS`], or of the voxels of a
/// NIfTI header beside it.
pub fn is_read_by_name(path: &Path) -> bool {
    Format::of(path).is_some() || nifti::header_of_image(path).is_some()
}

/// Whether the ending of a file's name belongs to one of [`FORMATS`], and not to the voxels of
/// another file.
pub fn is_volume_file(path: &Path) -> bool {
    Format::of(path).is_some_and(|format| !format.is_of_voxels())
}

/// Whether a file is a DICOM file, judged by its first bytes.
pub fn is_dicom_file(path: &Path) -> bool {
    dicom::is_dicom(path)
}

/// Whether a folder as a whole is not what can be read.
fn is_of_folder(error: &Error, folder: &Path) -> bool {
    matches!(error, Error::Unsupported { path, .. } if path == folder)
}

/// Error of reading a folder without DICOM images that holds volumes in files.
fn folder_of_files(folder: &Path) -> Option<Error> {
    let entries = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let files: Vec<_> = entries.filter(|path| path.is_file()).collect();
    let mut volumes: Vec<_> = files.iter().filter(|path| is_volume_file(path)).collect();
    volumes.sort();
    let first = volumes.first()?.file_name()?.to_string_lossy();
    let reason = format!(
        "a folder with {} in files, such as {first}; give one of them",
        count_of(volumes.len(), "volume")
    );
    let has_dicom = files.iter().any(|path| dicom::is_dicom(path));
    (!has_dicom).then(|| Error::unsupported(folder, reason))
}

/// Error of reading a file whose ending belongs to no format.
fn unreadable(path: &Path) -> Error {
    if let Err(source) = std::fs::metadata(path) {
        return Error::io(path, source);
    }
    let reason = format!(
        "unknown ending; volumes are read from {} files and from folders with one DICOM series",
        endings_read()
    );
    Error::unsupported(path, reason)
}
