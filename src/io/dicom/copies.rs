//! Copies of slices: files that hold the same slice as another one.

use std::path::{Path, PathBuf};

use crate::io::dicom::pixels::PixelReader;
use crate::io::dicom::slice::Slice;

/// Takes the copies out of the slices of a folder. Returns the files that are copies, each with the
/// file that is kept: the one with the shorter name.
///
/// A copy has the same SOPInstanceUID, frame and place, and the same values in whatever
/// compression: instances of other values with the same UID, which exist, are all kept.
pub(crate) fn remove_copies(slices: &mut Vec<Slice>) -> Vec<(PathBuf, PathBuf)> {
    slices.sort_by(|a, b| (key(a), name_order(&a.path)).cmp(&(key(b), name_order(&b.path))));
    let mut copies: Vec<(PathBuf, PathBuf)> = Vec::new();
    let mut kept: Vec<Slice> = Vec::with_capacity(slices.len());
    let mut values = Values::default();
    for slice in slices.drain(..) {
        let same = kept.iter().rev().take_while(|other| key(other) == key(&slice));
        match same.filter(|other| is_copy(&slice, other, &mut values)).last() {
            Some(original) => copies.push((slice.path, original.path.clone())),
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

fn is_copy(slice: &Slice, other: &Slice, values: &mut Values) -> bool {
    // Frames of one file are no copies of each other.
    slice.path != other.path && slice.plane == other.plane && values.are_same(slice, other)
}

/// Reads the values of two slices. Each keeps its file, which the next frames need.
#[derive(Default)]
struct Values {
    ours: PixelReader,
    theirs: PixelReader,
}

impl Values {
    fn are_same(&mut self, slice: &Slice, other: &Slice) -> bool {
        let values = (self.ours.decode(slice), self.theirs.decode(other));
        matches!(values, (Ok(ours), Ok(theirs)) if ours == theirs)
    }
}
