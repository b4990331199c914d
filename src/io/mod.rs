//! Volumes in files: one [`read`], one [`write()`], and files that are written whole or not at all.
//!
//! | file | read | written | |
//! | --- | --- | --- | --- |
//! | `.nii`, `.nii.gz` | yes | yes | NIfTI-1; numbers as stored, with their rescale |
//! | `.nrrd` | yes | yes | raw or gzip read, gzip written; NRRD knows no rescale, so Hounsfield units are written, in the smallest of int16, int32, float32 that holds them exactly, else float64 |
//! | a folder | yes | no | one DICOM series; Hounsfield units, in the smallest type by the same rule |
//!
//! Geometry is in mm in RAS whatever the file counts in. Voxels that are NaN or infinite are read;
//! a place in space that is not finite is an error.

pub mod atomic_write;
mod dicom;
pub mod folder;

mod nifti;
mod nrrd;
mod raw_voxels;
mod smallest_type;

use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

pub use atomic_write::partial_path;

use crate::error::{Error, Result};
use crate::volume::Volume;

/// How to read.
#[derive(Clone, Default)]
pub struct ReadOptions<'a> {
    /// Which series of a DICOM folder that holds several: its number in the list that [`read`]'s
    /// error gives, or its UID or the beginning of it. `None`: the only one.
    pub series: Option<String>,
    /// Asked again and again while reading; once it says yes, [`Error::Cancelled`] is returned.
    pub cancelled: Option<&'a dyn Fn() -> bool>,
}

/// How to write.
#[derive(Clone, Default)]
pub struct WriteOptions<'a> {
    /// Whether a file that is there already may be replaced.
    pub overwrite: bool,
    /// Asked again and again while writing; once it says yes, nothing is left of the file and
    /// [`Error::Cancelled`] is returned.
    pub cancelled: Option<&'a dyn Fn() -> bool>,
}

/// Reads a volume from a `.nii`, `.nii.gz` or `.nrrd` file or a folder with one DICOM series.
///
/// # Errors
/// [`Error::Io`] of the file system; [`Error::Damaged`] for a file that is cut short or contradicts
/// itself; [`Error::Unsupported`] for what is no 3-D scalar volume or of another format;
/// [`Error::Argument`] where a folder holds several series, which it lists.
pub fn read(path: &Path) -> Result<Volume> {
    read_with(path, &ReadOptions::default())
}

/// As [`read`], of one series among several or so that it can be cancelled.
///
/// # Errors
/// As [`read`], and [`Error::Cancelled`]; [`Error::Argument`] for a series that is not there.
pub fn read_with(path: &Path, options: &ReadOptions) -> Result<Volume> {
    let cancelled = options.cancelled.unwrap_or(&raw_voxels::never);
    if path.is_dir() {
        return dicom::read(path, options.series.as_deref(), cancelled);
    }
    if let Some(series) = &options.series {
        return Err(Error::Argument(format!(
            "{}: the series {series:?} can only be chosen in a folder of DICOM files",
            path.display()
        )));
    }
    match Format::of(path) {
        Some(Format::Nifti | Format::NiftiGzip) => nifti::read(path, cancelled),
        Some(Format::Nrrd) => nrrd::read(path, cancelled),
        None => Err(not_read(path)),
    }
}

/// Writes a volume to a `.nii`, `.nii.gz` or `.nrrd` file.
///
/// # Errors
/// As [`check_output`]; [`Error::Unsupported`] for slices that are not evenly spaced, which no
/// format can tell, and for an axis longer than NIfTI's 32767; [`Error::Io`] where the disk is full.
/// In each case nothing is left of the new file, and an old one is as it was.
pub fn write(path: &Path, volume: &Volume, overwrite: bool) -> Result<()> {
    write_with(path, volume, &WriteOptions { overwrite, cancelled: None })
}

/// As [`write()`], so that it can be cancelled.
///
/// # Errors
/// As [`write()`], and [`Error::Cancelled`].
pub fn write_with(path: &Path, volume: &Volume, options: &WriteOptions) -> Result<()> {
    let format = writable(path)?;
    let cancelled = options.cancelled.unwrap_or(&raw_voxels::never);
    if volume.geometry().uneven_slices().is_some() {
        let reason = "cannot tell of slices that are not evenly spaced; resample them first";
        return Err(Error::unsupported(path, reason));
    }
    atomic_write::write_atomically(path, options.overwrite, |out| match format {
        Format::Nifti => nifti::write(path, volume, out, cancelled),
        Format::NiftiGzip => {
            let mut zipped = GzEncoder::new(out, Compression::fast());
            nifti::write(path, volume, &mut zipped, cancelled)?;
            zipped.finish().map_err(|source| Error::io(path, source))?;
            Ok(())
        }
        Format::Nrrd => nrrd::write(path, volume, out, cancelled),
    })
}

/// Says before hours of work what would keep [`write()`] from writing: an ending that is not known,
/// a folder that is not there or takes no files, a file that is there and not to be overwritten.
///
/// # Errors
/// [`Error::Unsupported`] for the ending, else as [`atomic_write::check`].
pub fn check_output(path: &Path, overwrite: bool) -> Result<()> {
    writable(path)?;
    atomic_write::check(path, overwrite)
}

/// Whether a file's ending is one of those that are read.
pub fn is_volume_file(path: &Path) -> bool {
    Format::of(path).is_some()
}

/// The formats of single files.
#[derive(Clone, Copy)]
enum Format {
    Nifti,
    NiftiGzip,
    Nrrd,
}

impl Format {
    /// By the file's ending.
    fn of(path: &Path) -> Option<Format> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        match name {
            name if name.ends_with(".nii") => Some(Format::Nifti),
            name if name.ends_with(".nii.gz") => Some(Format::NiftiGzip),
            name if name.ends_with(".nrrd") => Some(Format::Nrrd),
            _ => None,
        }
    }
}

fn writable(path: &Path) -> Result<Format> {
    Format::of(path).ok_or_else(|| {
        Error::unsupported(path, "unknown ending; volumes are written as .nii, .nii.gz or .nrrd")
    })
}

/// Why a file with an unknown ending is not read.
fn not_read(path: &Path) -> Error {
    if let Err(source) = std::fs::metadata(path) {
        return Error::io(path, source);
    }
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let reason = if dicom::is_dicom(path) {
        "a single DICOM file; give the folder that holds its series"
    } else if ending == "nhdr" {
        "a header whose voxels are in another file; save both as one .nrrd file"
    } else {
        "unknown ending; read are .nii, .nii.gz, .nrrd and folders with a DICOM series"
    };
    Error::unsupported(path, reason)
}
