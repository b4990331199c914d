//! NIfTI-1, one file (`.nii`, `.nii.gz`).

mod read;
mod transform;
mod write;

pub(crate) use read::read;
pub(crate) use write::write;
