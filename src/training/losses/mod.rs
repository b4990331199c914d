//! Losses.
//!
//! - [`paper`]: the losses of the paper, each named after its equation;
//! - [`perceptual`]: P, the frozen encoder of the perceptual content loss;
//! - `supervised`: the loss of HRINet-Motion; [`ssim`] and [`tissue_bias`]: parts of it.

pub mod paper;
pub mod perceptual;
pub mod ssim;
pub(crate) mod supervised;
pub mod tissue_bias;
