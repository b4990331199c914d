//! The data of a training run.
//!
//! - [`dataset`]: the volumes of a folder, those held out ([`hold_out`]), their [`index`];
//! - [`sampler`]: the batch of every step, drawn from seed and step number alone: groups of slices
//!   (`draw`), as other kernels give them (`sharpness`);
//! - [`batch`]: the batch of one step; `prefetch`: batches drawn while a step is computed.

pub mod batch;
pub mod dataset;
pub(crate) mod draw;
pub mod hold_out;
pub mod index;
pub mod prefetch;
pub mod sampler;
mod sharpness;
