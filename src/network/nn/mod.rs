//! Building blocks of networks, which know no system.
//!
//! | module | holds |
//! | --- | --- |
//! | [`parameters`] | named weights, random or from a checkpoint |
//! | [`conv`] | convolutions, their initialisation and activations |
//! | [`layout`] | order of axes, channels first or last |
//! | [`residual`] | residual blocks of two convolutions |
//! | [`warp`] | backward warping of feature maps by a flow field |
//! | [`correlation`] | correlation of two feature maps over displacements |

pub mod conv;
pub mod correlation;
pub mod layout;
pub mod parameters;
pub mod residual;
pub mod warp;
