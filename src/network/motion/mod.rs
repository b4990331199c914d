//! HRINet-Motion: warps the feature maps along a flow field before they are blended.
//!
//! - [`config`]: sizes of the network;
//! - [`generator`]: the generator; [`features`]: the feature maps of a slice;
//! - [`decoder_level`]: one level of its decoder; [`flow`]: the flow fields that the levels refine;
//!   [`context`]: the slices beyond the pair; [`refinement`], [`through_plane`]: its last layers;
//! - [`outputs`]: full-resolution maps of the decoder, from which [`error_head`] predicts the
//!   expected error.

pub mod config;
pub mod context;
pub mod decoder_level;
pub mod error_head;
pub mod features;
pub mod flow;
pub mod generator;
pub mod outputs;
pub mod refinement;
pub mod through_plane;
