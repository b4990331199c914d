//! Networks that encode each known slice once and decode slices between two of them.
//!
//! Nothing here knows a file format of volumes or positions in space. Tensors are `[N, C, H, W]`,
//! float32, with grey values of the network's window on [0, 1]. Every function that returns a
//! `Result` fails with [`Error::Torch`](crate::Error::Torch) where libtorch does: a wrong shape, no
//! memory, a lost device. `# Errors` names the others.
//!
//! | module | holds |
//! | --- | --- |
//! | [`system`] | the systems by name; the one place to add one |
//! | [`generator`] | the traits of generators and of their sizes |
//! | [`features`] | encoded slices, pairs of them and their context slices |
//! | [`autoencoder`] | the paper's generator G |
//! | [`motion`] | HRINet-Motion and its error head |
//! | [`discriminators`] | the paper's D1 and D2, for training alone |
//! | [`nn`] | building blocks that know no system |
//! | [`over_range`] | values above the grey window, which bypass the network |
//! | `roi` | rectangular regions of planes |
//! | [`precision`] | the floating-point type of a pass |
//! | [`checkpoint`] | the file format of weights |
//! | [`slice_network`] | the interface between interpolation and a network |
//! | [`model`] | trained weights ready for planes of any size; the shipped models |

pub mod autoencoder;
pub mod checkpoint;
pub mod discriminators;
pub mod features;
pub mod generator;
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
pub use features::{ContextSlices, FeatureMaps, Features, Pair};
pub use generator::{Generator, GeneratorConfig};
pub use model::Model;
pub use motion::error_head::ErrorHead;
pub use nn::parameters::Parameters;
pub use precision::{Precision, PrecisionChoice};
pub use slice_network::{EncodedSlice, Neighbours, SliceNetwork};
pub use system::{Architecture, System};
