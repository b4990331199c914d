//! Optimizers.
//!
//! - [`optimizer`]: AdamW, or [`muon`] for convolutions, on one flat vector;
//! - [`trainable`]: a network and its optimizer.

pub mod muon;
pub mod optimizer;
pub mod trainable;
