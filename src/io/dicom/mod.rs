//! A DICOM series in a folder: one file a slice, in Hounsfield units.
//!
//! [`lengths`] makes sure of a file's bytes, [`slice`] reads what it says of itself, [`stack`] tells
//! series apart, [`place`] puts the slices in order and in space, [`compressed`] makes sure of their
//! compressed pixels and [`pixels`] decodes them.

mod compressed;
mod pixels;
mod series;
mod slice;
mod sort;
mod validate;

pub(crate) use slice::is_dicom;

use std::path::Path;

use log::{info, warn};

use crate::error::{Error, Result};
use crate::volume::{Rescale, Volume};
use pixels::Hounsfield;
use slice::Slice;

/// Reads the only stack of slices in a folder, or the one that `choice` names.
pub(crate) fn read(
    folder: &Path,
    choice: Option<&str>,
    cancelled: &dyn Fn() -> bool,
) -> Result<Volume> {
    let slices = slices(folder, cancelled)?;
    let stack = series::choose(folder, series::group(slices), choice)?;
    let (slices, geometry) = sort::in_order(stack.slices)?;
    let mut voxels = Hounsfield::new();
    for slice in &slices {
        if cancelled() {
            return Err(Error::Cancelled);
        }
        voxels.append(pixels::decode(slice)?);
    }
    let [i, j, k] = geometry.size();
    Volume::new(voxels.into_voxels(folder, [k, j, i])?, Rescale::IDENTITY, geometry)
}

/// All slices in a folder, not below it. Files of other kinds are passed over; so are images that
/// are no slices (a screenshot, a dose report), but where there is nothing else, they are the error.
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
    let mut refused = None;
    for path in &paths {
        if cancelled() {
            return Err(Error::Cancelled);
        }
        match slice::read(path) {
            Ok(Some(slice)) => slices.push(slice),
            Ok(None) => info!("{}: no DICOM image, passed over", path.display()),
            Err(error @ Error::Unsupported { .. }) => {
                warn!("{error}; passed over");
                refused.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    match refused {
        _ if !slices.is_empty() => Ok(slices),
        Some(error) => Err(error),
        None => {
            let advice =
                if has_folders { "; folders in it are not searched, name one of them" } else { "" };
            Err(Error::unsupported(folder, format!("a folder without DICOM images{advice}")))
        }
    }
}
