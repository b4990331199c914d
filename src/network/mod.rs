//! What the paper is about: encode each slice once, mix feature maps at alpha, decode.
//! Nothing here knows a file format of volumes or where a slice lies in space.
//!
//! Tensors are `[N, C, H, W]`, float32, with grey values of the network's window on [0, 1]. Alpha is
//! the paper's: 1 is the first slice of a pair, 0 the second.
//!
//! - [`nn`]: building blocks that know no system;
//! - [`autoencoder`]: the generator of the paper; [`motion`]: HRINet-Motion;
//! - [`discriminators`]: D1 and D2, which only training needs;
//! - [`system`]: the named systems and the generator of each; [`features`]: what generators share;
//! - [`over_range`]: values above the window, which no network sees;
//! - [`slice_network`]: what interpolation asks of a network;
//! - [`model`]: a generator ready for planes of any size;
//! - [`checkpoint`]: one file with weights and everything needed to use them;
//! - [`precision`]: in which numbers it computes.

pub mod autoencoder;
pub mod checkpoint;
pub mod discriminators;
pub mod features;
pub mod model;
pub mod motion;
pub mod nn;
pub mod over_range;
pub mod precision;
mod roi;
pub mod slice_network;
pub mod system;

pub use checkpoint::{Checkpoint, Record};
pub use discriminators::critic::Critic;
pub use discriminators::patch_gan::PatchGan;
pub use features::{Features, Pair};
pub use model::Model;
pub use motion::error_head::ErrorHead;
pub use nn::parameters::Parameters;
pub use precision::Precision;
pub use slice_network::{EncodedSlice, Neighbours, SliceNetwork};
pub use system::{Architecture, Generator, System};
