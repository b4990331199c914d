//! NIfTI-1, one file (`.nii`, `.nii.gz`).

mod read;
mod transform;
mod write;

pub(crate) use read::read;
pub(crate) use write::write;

use crate::io::raw_voxels::NumberType;

/// The types that a volume can have, with their code in the header.
const TYPES: [(i16, NumberType); 10] = [
    (2, NumberType::UInt8),
    (256, NumberType::Int8),
    (512, NumberType::UInt16),
    (4, NumberType::Int16),
    (768, NumberType::UInt32),
    (8, NumberType::Int32),
    (1280, NumberType::UInt64),
    (1024, NumberType::Int64),
    (16, NumberType::Float32),
    (64, NumberType::Float64),
];
