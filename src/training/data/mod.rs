//! The data of a training run.
//!
//! - [`dataset`]: the volumes of a folder, and those held out ([`hold_out`]);
//! - [`sampler`]: the batch of every step, drawn from seed and step number alone;
//! - [`batch`]: what one step is computed on; `prefetch`: batches made while a step is computed.

pub mod batch;
pub mod dataset;
pub mod hold_out;
pub mod prefetch;
pub mod sampler;
