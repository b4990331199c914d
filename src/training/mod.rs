//! Training: groups of consecutive slices, losses, optimiser steps, and going on after a stop.
//!
//! - [`settings`]: what a training run is, apart from its data; which system has which stages;
//! - [`data`]: volumes, samplers, batches; [`losses`]; [`optim`]: optimisers;
//! - [`stages`]: what one iteration of each stage does; [`forward`]: slices between those of a batch;
//! - [`trainer`]: all of it together; [`checkpoint`]: its checkpoints, and going on from them;
//! - `data_parallel`: gradients of parts of a batch on several threads;
//! - [`distillation`]: a trained model that another learns from, beside the real slices;
//! - [`logging`]: what a run leaves to look at;
//! - [`run`]: the loop around it, with validation.

pub mod checkpoint;
pub mod data;
mod data_parallel;
pub mod distillation;
pub mod forward;
pub mod logging;
pub mod losses;
pub mod optim;
pub mod run;
pub mod settings;
pub mod stages;
pub mod trainer;

pub use data::batch::Batch;
pub use data::dataset::Dataset;
pub use data::sampler::Sampler;
pub use logging::step_losses::StepLosses;
pub use settings::Settings;
pub use trainer::Trainer;
