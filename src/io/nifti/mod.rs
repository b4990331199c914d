//! NIfTI: header and voxels in one file (`.nii`, `.nii.gz`) or two (`.hdr` with `.img`).

mod header;
mod read;
mod transform;
mod write;

pub(crate) use read::{header_of_image, read};
pub(crate) use write::{write, write_gzip, write_pair};
