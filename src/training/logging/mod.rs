//! Losses and samples of a run, in files.
//!
//! - [`step_losses`]: the losses of one iteration;
//! - [`csv`], [`tensorboard`]: their curves in files; [`plot`]: in a picture;
//! - [`samples`]: pictures of interpolated slices.

pub mod csv;
pub mod plot;
pub mod samples;
pub mod step_losses;
pub mod tensorboard;
