//! A DICOM series in a folder: one file a slice, in Hounsfield units.
//!
//! [`slice`] reads what a file says of itself, [`stack`] tells series apart, [`place`] puts the
//! slices in order and in space, [`pixels`] decodes them.

mod pixels;
mod place;
mod slice;
mod stack;

pub(super) use slice::is_dicom;

use std::path::Path;

use log::info;

use crate::error::{Error, Result};
use crate::volume::{Rescale, Volume};
use pixels::Hounsfield;
use slice::Slice;

/// Reads the only stack of slices in a folder, or the one that `choice` names.
pub(super) fn read(
    folder: &Path,
    choice: Option<&str>,
    cancelled: &dyn Fn() -> bool,
) -> Result<Volume> {
    let slices = slices(folder, cancelled)?;
    let stack = stack::choose(folder, stack::group(slices), choice)?;
    let (slices, geometry) = place::in_order(stack.slices)?;
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

/// All slices in a folder, not below it. Files of other kinds are passed over.
fn slices(folder: &Path, cancelled: &dyn Fn() -> bool) -> Result<Vec<Slice>> {
    let failed = |source| Error::io(folder, source);
    let mut paths = Vec::new();
    let mut has_folders = false;
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() {
            has_folders = true;
        } else if !hidden {
            paths.push(path);
        }
    }
    paths.sort();
    let mut slices = Vec::new();
    for path in &paths {
        if cancelled() {
            return Err(Error::Cancelled);
        }
        match slice::read(path)? {
            Some(slice) => slices.push(slice),
            None => info!("{}: no DICOM image, passed over", path.display()),
        }
    }
    if slices.is_empty() {
        let advice =
            if has_folders { "; folders in it are not searched, name one of them" } else { "" };
        return Err(Error::unsupported(folder, format!("a folder without DICOM images{advice}")));
    }
    Ok(slices)
}
