//! Interpolates a volume along its slice axis.
//!
//! - [`plan`]: which slices of the output are known and which are interpolated, and from what;
//! - [`interpolator`]: linear, cubic, or a network: what makes the slices;
//! - [`interpolate`]: volume, plan and interpolator to the output;
//! - [`expected_error`]: how far off the interpolated slices may be;
//! - [`cubic`]: the B-spline along the slice axis.

pub mod cubic;
pub mod expected_error;
pub mod interpolate;
pub mod interpolator;
pub mod plan;

pub use interpolator::Interpolator;
pub use plan::{Plan, SliceSource, Spacing};
