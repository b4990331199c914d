//! NRRD, header and voxels in one file (`.nrrd`), raw or gzip.

mod header;
mod read;
mod write;

pub(super) use read::read;
pub(super) use write::write;
