//! Makes the slices in between: CT slice interpolation with HRINet.
//!
//! In the order in which data flows:
//!
//! - [`io`] reads and writes volumes: NIfTI, NRRD, DICOM series;
//! - [`volume`] is a CT and its place in space, and the plan of the slices to be made;
//! - [`network`] encodes slices and decodes what lies between them;
//! - [`interpolate`] brings volume, plan and [`method`] together, [`labels`] a label map and a plan;
//!   [`expected_error`] says how far off the new slices may be;
//! - [`training`] fits a network to volumes, [`metrics`] and [`evaluate`] measure what it makes,
//!   [`picture`] and [`figure`] show it, with what [`drawing`] gives them.
//!
//! Each module knows only those that it needs: `volume`, `network` and `metrics` know none of the
//! others but for [`error`].
#![deny(missing_docs)]
#![deny(unsafe_code)]

pub mod capi;
pub mod error;
pub mod evaluation;
pub mod io;
pub mod labels;
pub mod metrics;
pub mod network;
pub mod render;
pub mod resample;
pub mod runtime;
pub mod training;
pub mod volume;

pub use error::{Error, Result};
