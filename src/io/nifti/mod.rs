//! NIfTI-1 in one file (`.nii`, `.nii.gz`).

mod read;
mod transform;
mod write;

pub(crate) use read::read;
pub(crate) use write::{write, write_gzip};
