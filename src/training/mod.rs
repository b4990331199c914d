//! Training: data, losses, optimizers, stages, and resuming.
//!
//! - [`settings`]: settings of a run, their defaults and the schedule of stages;
//! - [`data`]: volumes, samplers, batches; [`losses`]; [`optim`]: optimizers;
//! - `stages`: one iteration of each stage; `forward`: slices between those of a batch;
//! - [`trainer`]: a run step by step; `checkpoint`: its checkpoints, and resuming;
//! - `data_parallel`: gradients of parts of a batch on several threads;
//! - `distillation`: a teacher whose slices are part of the targets;
//! - [`validation`]: measures over held-out batches; [`logging`]: losses and samples in files;
//! - [`run`]: a whole run, from a dataset to a model file; [`preparation`]: all before its first
//!   step; [`output_folder`]: where it writes.

mod checkpoint;
pub mod data;
mod data_parallel;
mod distillation;
mod forward;
pub mod logging;
pub mod losses;
pub mod optim;
pub mod output_folder;
pub mod preparation;
pub mod run;
pub mod settings;
mod stages;
mod state_dict;
pub mod trainer;
pub mod validation;

pub use data::batch::Batch;
pub use data::dataset::Dataset;
pub use data::sampler::Sampler;
pub use logging::step_losses::StepLosses;
pub use settings::Settings;
pub use trainer::Trainer;
pub use validation::Validation;
