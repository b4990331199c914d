//! Resampling of a volume along its slice axis.
//!
//! - [`plan`]: output grid, and the source of each output slice;
//! - [`straighten`]: slices of a tilted gantry on a right-angled grid;
//! - [`interpolator`]: linear, cubic or a network, by name;
//! - [`job`]: options, inputs and wanted outputs of a resampling, `job_memory` its memory;
//!   [`array_job`] the same on arrays of a host, `image` the CT in them;
//! - `output_slices`: where output slices go, an array or, part by part, a sink;
//! - [`pair`]: slices between two known ones, the paper's operation;
//! - `slabs`: thin slices, and the thick ones that they average to;
//! - `share`: how much of a network's work is done at once;
//! - [`estimate`]: time of a job, by that of a few slices;
//! - [`expected_error`]: mean of the expected errors.

pub mod array_job;
mod cubic;
mod encoded_slices;
pub mod estimate;
pub mod expected_error;
mod image;
pub mod interpolator;
pub mod job;
mod job_memory;
mod lattice;
mod learned;
mod linear;
mod nan;
pub(crate) mod output_slices;
pub mod pair;
mod pair_decoder;
pub(crate) mod pass;
pub mod plan;
mod share;
mod slabs;
pub mod straighten;

pub use array_job::{ArrayJob, LabelArrays, Sink, Work};
pub use image::Image;
pub use interpolator::{Interpolator, InterpolatorOptions};
pub use job::{Job, JobOptions, OtherOutputs, Outputs, resample};
pub use pair::between_slices;
pub use pass::{OnProgress, Progress};
pub use plan::{Plan, Spacing};
pub use straighten::Straightening;

pub use crate::volume::SliceSource;
