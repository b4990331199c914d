//! HRINet-Motion: aligns the feature maps before it blends them.
//!
//! - [`config`]: the sizes of the network;
//! - [`generator`]: the network; [`level`]: one level of its decoder; [`refinement`]: its last layers;
//! - [`flow`]: the flow fields of a pair;
//! - [`outputs`]: the decoder's outputs at full resolution, which [`error_head`] judges.

pub mod config;
pub mod error_head;
pub mod flow;
pub mod generator;
pub mod level;
pub mod outputs;
pub mod refinement;
