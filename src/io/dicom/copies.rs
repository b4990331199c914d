//! Copies of slices: files that hold the same slice as another one.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::io::dicom::file;
use crate::io::dicom::slice::Slice;

/// Takes the copies out of the slices of a folder. Returns the files that are copies, each with the
/// file that is kept: the one with the shorter name.
///
/// A copy has the same SOPInstanceUID, frame and position, and the same pixels: instances of other
/// pixels with the same UID, which exist, are all kept.
pub(crate) fn remove_copies(slices: &mut Vec<Slice>) -> Vec<(PathBuf, PathBuf)> {
    slices.sort_by(|a, b| (key(a), name_order(&a.path)).cmp(&(key(b), name_order(&b.path))));
    let mut copies: Vec<(PathBuf, PathBuf)> = Vec::new();
    let mut kept: Vec<Slice> = Vec::with_capacity(slices.len());
    for slice in slices.drain(..) {
        let same = kept.iter().rev().take_while(|other| key(other) == key(&slice));
        let original = same.filter(|other| is_copy(&slice, other, &copies)).last();
        match original {
            Some(original) => {
                let pair = (slice.path, original.path.clone());
                if copies.last() != Some(&pair) {
                    copies.push(pair);
                }
            }
            None => kept.push(slice),
        }
    }
    kept.sort_by(|a, b| (&a.path, a.frame).cmp(&(&b.path, b.frame)));
    *slices = kept;
    copies.sort();
    copies.dedup();
    copies
}

fn key(slice: &Slice) -> (&str, &str, usize) {
    (&slice.series, &slice.instance, slice.frame)
}

fn name_order(path: &Path) -> (usize, &Path) {
    (path.as_os_str().len(), path)
}

fn is_copy(slice: &Slice, other: &Slice, known: &[(PathBuf, PathBuf)]) -> bool {
    let same_place = slice.position == other.position
        && slice.row_direction == other.row_direction
        && slice.column_direction == other.column_direction
        && (slice.slope, slice.intercept) == (other.slope, other.intercept);
    // Frames of one file are no copies of each other.
    slice.path != other.path
        && same_place
        && (known.iter().any(|pair| (&pair.0, &pair.1) == (&slice.path, &other.path))
            || matches!(
                (pixels(&slice.path), pixels(&other.path)),
                (Some(a), Some(b)) if a == b
            ))
}

/// Hash of the pixels of a file.
fn pixels(path: &Path) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    file::open(path).ok()?.pixel_bytes().for_each(|bytes| bytes.hash(&mut hasher));
    Some(hasher.finish())
}
