//! Images of volumes and slices, as PNG.
//!
//! - [`coronal`]: a plane of a volume before and after resampling;
//! - [`comparison`]: interpolated slices of several models, one row per model;
//! - [`text`]: text in images, and writing image files.

pub mod comparison;
pub mod coronal;
pub mod text;
