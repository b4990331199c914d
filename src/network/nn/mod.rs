//! Building blocks of networks, which know no system.
//!
//! - [`parameters`]: named weights, drawn at random or taken from a checkpoint;
//! - [`conv`]: convolutions and their initialisation;
//! - [`warp`]: backward warping of feature maps by a flow field;
//! - [`correlation`]: similarity of two feature maps over displacements.

pub mod conv;
pub mod correlation;
pub mod parameters;
pub mod warp;
