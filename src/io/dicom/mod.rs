//! A DICOM series in a folder: one file per slice, read in Hounsfield units.
//!
//! [`validate`] checks the lengths of a file's elements, [`slice`] reads its attributes, [`series`]
//! groups slices, [`sort`] orders them, [`stack`] derives their geometry, [`compressed`] checks
//! compressed pixels, [`deflated`] the size of deflated files, and [`pixels`] decodes them.
//! [`write`](mod@write) writes derived series.

mod compressed;
mod deflated;
mod pixels;
mod series;
mod slice;
mod sort;
mod stack;
mod validate;
pub(crate) mod write;

pub(crate) use slice::is_dicom;

use std::path::Path;

use log::{info, warn};

use crate::error::{Error, Result};
use crate::runtime::memory;
use crate::volume::{Geometry, Rescale, Volume};
use pixels::HounsfieldBuffer;
use slice::Slice;
use write::DicomHeaders;

/// Reads the only series in a folder, or the one that `choice` names.
pub(crate) fn read(
    folder: &Path,
    choice: Option<&str>,
    cancelled: &dyn Fn() -> bool,
) -> Result<Volume> {
    let (slices, geometry) = sorted(folder, choice, cancelled)?;
    volume(folder, &slices, geometry, cancelled)
}

/// Like [`read`], with the headers that a derived series needs.
pub(crate) fn read_with_headers(
    folder: &Path,
    choice: Option<&str>,
    cancelled: &dyn Fn() -> bool,
) -> Result<(Volume, DicomHeaders)> {
    let (slices, geometry) = sorted(folder, choice, cancelled)?;
    let headers = DicomHeaders::of(&slices)?;
    Ok((volume(folder, &slices, geometry, cancelled)?, headers))
}

/// The slices of a series in the order of their places, and their grid.
fn sorted(
    folder: &Path,
    choice: Option<&str>,
    cancelled: &dyn Fn() -> bool,
) -> Result<(Vec<Slice>, Geometry)> {
    let slices = slices(folder, cancelled)?;
    let series = series::choose(folder, series::group(slices), choice)?;
    sort::sort(series.slices)
}

/// Decodes the pixels of sorted slices.
fn volume(
    folder: &Path,
    slices: &[Slice],
    geometry: Geometry,
    cancelled: &dyn Fn() -> bool,
) -> Result<Volume> {
    let count = geometry.size().iter().fold(1, |all, &side| (side as u64).saturating_mul(all));
    memory::check_for_file(count.saturating_mul(2), folder)?;
    let mut voxels = HounsfieldBuffer::new(folder);
    for slice in slices {
        if cancelled() {
            return Err(Error::Cancelled);
        }
        voxels.append(pixels::decode(slice)?)?;
    }
    let [i, j, k] = geometry.size();
    Volume::new(voxels.into_voxels([k, j, i])?, Rescale::IDENTITY, geometry)
}

/// All slices in a folder, without its subfolders. Other files are skipped, and so are images that
/// are not slices (screenshots, dose reports), unless the folder holds nothing else: then the first
/// of them is the error.
fn slices(folder: &Path, cancelled: &dyn Fn() -> bool) -> Result<Vec<Slice>> {
    let failed = |source| Error::io(folder, source);
    let mut paths = Vec::new();
    let mut has_folders = false;
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        has_folders |= path.is_dir();
        if path.is_file() && !hidden {
            paths.push(path);
        }
    }
    paths.sort();
    let mut slices = Vec::new();
    let mut unsupported = None;
    for path in &paths {
        if cancelled() {
            return Err(Error::Cancelled);
        }
        match slice::read(path) {
            Ok(Some(slice)) => slices.push(slice),
            Ok(None) => info!("{}: not a DICOM image, skipped", path.display()),
            Err(error @ Error::Unsupported { .. }) => {
                warn!("{error}; skipped");
                unsupported.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    match unsupported {
        _ if !slices.is_empty() => Ok(slices),
        Some(error) => Err(error),
        None => {
            let advice = match has_folders {
                true => "; its subfolders are not searched, give one of them",
                false => "",
            };
            Err(Error::unsupported(folder, format!("a folder without DICOM images{advice}")))
        }
    }
}
