//! Training: groups of consecutive slices, losses, optimiser steps, and going on after a stop.
//!
//! - [`settings`]: what a training run is, apart from its data;
//! - [`schedule`]: which system trains how: stages, discriminators, steps;
//! - [`data`]: volumes as stacks of slices in HU, and the patients held out;
//! - [`hold_out`]: patients kept for validation, by number or name;
//! - [`batch`]: what one step is computed on;
//! - [`sampler`]: the batch of every step, drawn from seed and step number alone;
//! - [`losses`]: the losses of the paper;
//! - [`optimizer`], [`muon`], [`trained`]: AdamW or Muon on one flat vector, and a network that it moves;
//! - [`perceptual`]: the frozen encoder that the perceptual loss compares by;
//! - [`step`]: what one iteration of each stage does; [`terms`]: the losses that it reports;
//! - [`confidence`]: the step of a confidence, whose generator stays as it is; `head`: what trains there;
//! - [`trainer`]: all of it together; [`resume`]: its checkpoints, and going on from them;
//! - `teacher`: a trained model that another learns from, beside the real slices;
//! - [`curves`], [`events`], [`plot`], [`pictures`]: what a run leaves to look at;
//! - [`run`]: the loop around it, with validation.

mod ahead;
pub mod batch;
pub mod confidence;
pub mod curves;
pub mod data;
pub mod events;
mod head;
pub mod hold_out;
pub mod losses;
pub mod muon;
pub mod optimizer;
pub mod perceptual;
pub mod pictures;
pub mod plot;
pub mod resume;
pub mod run;
pub mod sampler;
pub mod schedule;
pub mod settings;
pub mod similarity;
pub mod step;
mod supervised;
mod teacher;
pub mod terms;
pub mod tissue_bias;
pub mod trained;
pub mod trainer;
mod workers;

pub use batch::Batch;
pub use data::{Dataset, Stack};
pub use sampler::Sampler;
pub use settings::Settings;
pub use terms::Losses;
pub use trainer::Trainer;
