//! Pictures of volumes and slices.
//!
//! - [`coronal`]: one plane of a volume, before and after resampling;
//! - [`comparison`]: a group of slices by several models, a row each;
//! - [`text`]: the letters on them, and writing them to a file.

pub mod comparison;
pub mod coronal;
pub mod text;
