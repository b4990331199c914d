//! NRRD: header and voxels in one file (`.nrrd`) or two (`.nhdr`).

mod axes;
mod header;
mod read;
mod write;

pub(crate) use read::{has_segments, read, read_segmentation};
pub(crate) use write::{write, write_pair, write_segmentation};
