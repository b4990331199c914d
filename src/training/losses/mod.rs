//! StepLosses.
//!
//! - [`paper`]: the losses of the paper, each named after its equation;
//! - [`perceptual`]: the frozen encoder that the perceptual loss compares by;
//! - [`supervised`]: the loss of HRINet-Motion; [`ssim`] and [`tissue_bias`]: parts of it.

pub mod paper;
pub mod perceptual;
pub mod ssim;
pub mod supervised;
pub mod tissue_bias;
