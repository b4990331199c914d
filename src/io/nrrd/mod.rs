//! NRRD with header and voxels in one file (`.nrrd`), raw or gzip.

mod header;
mod read;
mod write;

pub(crate) use read::read;
pub(crate) use write::write;
