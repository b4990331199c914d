//! Training: groups of consecutive slices, losses, optimiser steps, and going on after a stop.
//!
//! - [`settings`]: what a training run is, apart from its data;
//! - [`data`]: volumes as stacks of slices in HU, and the patients held out;
//! - [`sampler`]: the batch of every step, drawn from seed and step number alone;
//! - [`losses`]: the losses of the paper;
//! - [`optimizer`]: AdamW on one flat vector;
//! - [`trainer`]: one step, one checkpoint, resume;
//! - [`run`]: the loop around them, with validation.

pub mod data;
pub mod losses;
pub mod optimizer;
pub mod run;
pub mod sampler;
pub mod settings;
pub mod trainer;

pub use data::{Dataset, Stack};
pub use sampler::{Batch, Sampler};
pub use settings::Settings;
pub use trainer::Trainer;
