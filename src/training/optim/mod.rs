//! How weights follow their gradient.
//!
//! - [`optimizer`]: AdamW, or [`muon`] for the convolutions, on one flat vector;
//! - [`trainable`]: a network and the optimiser that moves it.

pub mod muon;
pub mod optimizer;
pub mod trainable;
