//! DICOM objects with labels: segmentations ([`segmentation`], [`frames`], [`frame_grid`]) and the
//! contours of structure sets ([`structure_set`], [`contours`]).
//!
//! [`fields`] reads attributes, [`layers`] keeps segments that overlap apart.

mod contours;
mod fields;
mod frame_grid;
mod frames;
mod layers;
mod segmentation;
mod structure_set;

use std::path::{Path, PathBuf};

use dicom_dictionary_std::uids;

use crate::error::{Error, Result};
use crate::io::dicom::file;
use crate::io::segmentation::Segmentation;
use crate::volume::Volume;

/// SOP class of a segmentation whose pixels are labels.
const LABEL_MAP_SEGMENTATION: &str = "1.2.840.10008.5.1.4.1.1.66.7";

/// Whether objects of a SOP class are segmentations.
pub(crate) fn is_segmentation(class: &str) -> bool {
    [uids::SEGMENTATION_STORAGE, LABEL_MAP_SEGMENTATION].contains(&class)
}

/// Kind of an object with labels.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Segmentation,
    StructureSet,
}

/// Reads a segmentation or a structure set of a CT: a file, or the only one in a folder. `None` for
/// anything else.
///
/// # Errors
/// [`Error::Argument`] for a folder with several, which it lists; [`Error::Damaged`],
/// [`Error::Unsupported`], [`Error::Io`].
pub(crate) fn read(
    path: &Path,
    ct: &Volume,
    cancelled: &dyn Fn() -> bool,
) -> Result<Option<Segmentation>> {
    let found = if path.is_dir() { in_folder(path, cancelled)? } else { of_file(path)? };
    match found {
        None => Ok(None),
        Some((file, Kind::Segmentation)) => segmentation::read(&file, ct, cancelled).map(Some),
        Some((file, Kind::StructureSet)) => structure_set::read(&file, ct, cancelled).map(Some),
    }
}

fn of_file(path: &Path) -> Result<Option<(PathBuf, Kind)>> {
    Ok(kind(path)?.map(|kind| (path.to_path_buf(), kind)))
}

/// The only object with labels in a folder.
fn in_folder(folder: &Path, cancelled: &dyn Fn() -> bool) -> Result<Option<(PathBuf, Kind)>> {
    let failed = |source| Error::io(folder, source);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        if cancelled() {
            return Err(Error::Cancelled);
        }
        let path = entry.map_err(failed)?.path();
        if path.is_file()
            && let Ok(Some(one)) = of_file(&path)
        {
            found.push(one);
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    if found.len() > 1 {
        let name = |(path, _): &(PathBuf, Kind)| path.display().to_string();
        return Err(Error::Argument(format!(
            "{}: holds {} segmentations and structure sets; give one of them: {}",
            folder.display(),
            found.len(),
            found.iter().map(name).collect::<Vec<_>>().join(", ")
        )));
    }
    Ok(found.pop())
}

/// Warns where an object states frames of reference, but not that of the CT.
fn compare_frames_of_reference(path: &Path, stated: &[String], ct: &Volume) {
    let Some(own) = ct.frame_of_reference() else { return };
    let stated: Vec<&str> =
        stated.iter().map(String::as_str).filter(|uid| !uid.is_empty()).collect();
    if let Some(other) = stated.first()
        && !stated.contains(&own)
    {
        log::warn!(
            "{}: in another frame of reference (FrameOfReferenceUID {other}) than the CT ({own}); \
             its coordinates are taken as the CT's, which is wrong unless both were registered: \
             look at the result",
            path.display()
        );
    }
}

/// Kind of a DICOM file with labels; `None` for any other file.
fn kind(path: &Path) -> Result<Option<Kind>> {
    let Some(file) = file::read(path)? else { return Ok(None) };
    Ok(match file.class.as_str() {
        class if is_segmentation(class) => Some(Kind::Segmentation),
        uids::RT_STRUCTURE_SET_STORAGE => Some(Kind::StructureSet),
        _ => None,
    })
}
