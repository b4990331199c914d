//! The paper's generator G: encoder, bottleneck, blend at alpha, decoder (section 3, Table 1).
//!
//! - [`config`]: channels of the feature maps;
//! - [`generator`]: the generator; [`encoder`], [`blend`] and [`decoder`]: its parts;
//! - [`features`]: up to three feature maps of a slice.

pub mod blend;
pub mod config;
pub mod decoder;
pub mod encoder;
pub mod features;
pub mod generator;
