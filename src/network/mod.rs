//! What the paper is about: encode each slice once, mix feature maps at alpha, decode.
//! Nothing here knows a file format of volumes or where a slice lies in space.
//!
//! Tensors are `[N, C, H, W]`, float32, with grey values of the network's window on [0, 1]. Alpha is
//! the paper's: 1 is the first slice of a pair, 0 the second.
//!
//! - [`parameters`]: named weights, drawn at random or taken from a checkpoint;
//! - [`blocks`]: convolutions and their initialisation;
//! - [`encoder`], [`mixing`], [`decoder`]: the generator of the paper (Table 1);
//! - [`critic`], [`patch_gan`]: the discriminators D1 and D2, which only training needs;
//! - [`motion`]: HRINet-Motion, which aligns the maps before it mixes them; [`aligned`]: what its levels find;
//! - [`above`]: what lies above the window, which no network sees;
//! - [`confidence`]: how far off its slices are expected to be, by the [`evidence`] that it had in hand;
//! - [`system`]: the named systems and the generator of each;
//! - [`slice_network`]: what interpolation asks of a network;
//! - [`model`]: a generator ready for planes of any size;
//! - [`checkpoint`]: one file with weights and everything needed to use them;
//! - [`device`], [`precision`]: where, and in which numbers, it computes.

pub mod above;
pub mod aligned;
pub mod blocks;
pub mod checkpoint;
pub mod confidence;
mod correlation;
pub mod critic;
pub mod decoder;
pub mod device;
pub mod encoder;
pub mod evidence;
mod level;
pub mod mixing;
pub mod model;
pub mod motion;
pub mod parameters;
pub mod patch_gan;
mod place;
pub mod precision;
mod refinement;
pub mod slice_network;
pub mod system;
mod warp;

pub use checkpoint::{Checkpoint, Record};
pub use confidence::Confidence;
pub use critic::Critic;
pub use mixing::{Features, Pair};
pub use model::Model;
pub use parameters::Parameters;
pub use patch_gan::PatchGan;
pub use precision::Precision;
pub use slice_network::{EncodedSlice, Neighbours, SliceNetwork};
pub use system::{Architecture, Generator, System};
