//! What interpolation asks of a network, and what it hands to it.

use std::cell::OnceCell;

use ndarray::{Array2, Array3, Array4};

use crate::error::Result;
use crate::network::features::Features;
use crate::network::motion::flow::MidpointFlow;

/// A network between slices, as `interpolate` uses it: each known slice is encoded once, then any
/// number of slices between two neighbours is decoded.
pub trait SliceNetwork {
    /// HU that become 0 and 1.
    fn window_hu(&self) -> [f64; 2];

    /// One slice of grey values: 0 to 1 within the window, more above it.
    fn encode(&self, slice: &Array2<f32>) -> Result<EncodedSlice>;

    /// The slices `[alphas, rows, columns]` between the two of a pair, grey values as they were encoded; alpha as
    /// in the paper, 1 is the first.
    fn decode(&self, around: &Neighbours, alphas: &[f64]) -> Result<Array3<f32>>;

    /// Whether [`SliceNetwork::decode_with_error`] gives anything.
    fn predicts_error(&self) -> bool {
        false
    }

    /// The slices of [`SliceNetwork::decode`], the same numbers, and how far off each of their pixels is
    /// expected to be: mean absolute errors, of which 1 is the width of the window. `None` for a
    /// network that has no such expectation.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    fn decode_with_error(
        &self,
        _around: &Neighbours,
        _alphas: &[f64],
    ) -> Result<Option<[Array3<f32>; 2]>> {
        Ok(None)
    }

    /// The largest distance in mm between known slices in training; `None` where nobody knows.
    fn max_slice_spacing_mm(&self) -> Option<f64> {
        None
    }

    /// Whether known slices beyond the pair make a difference.
    fn has_context(&self) -> bool {
        false
    }

    /// How both slices move to the planes at `alphas`: `[alphas, 4, rows, columns]` in pixels, columns
    /// and rows towards the first slice, then towards the second; a pixel of a plane lies in a slice
    /// at its place plus the motion. `None` for a network that finds no motion.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    fn motion(
        &self,
        _first: &EncodedSlice,
        _second: &EncodedSlice,
        _alphas: &[f64],
    ) -> Result<Option<Array4<f32>>> {
        Ok(None)
    }

    /// How many slices of `pixels` are best decoded at once: small enough to stay responsive and
    /// within memory, large enough to keep the device busy.
    fn decode_batch(&self, pixels: usize) -> usize;

    /// Bytes that work on planes of `pixels` takes beside input and output.
    fn working_bytes(&self, pixels: usize) -> u64;
}

/// A slice's features, and the size that its plane had before padding.
pub struct EncodedSlice {
    /// Feature maps of the padded plane.
    pub features: Features,
    /// Rows and columns of the plane.
    pub size: [usize; 2],
}

/// The known slices around new ones.
pub struct Neighbours<'a> {
    /// The slices between which the new ones lie.
    pub pair: [&'a EncodedSlice; 2],
    /// The slice before the first and the one after the second, where there are any: as far from them
    /// as they from each other.
    pub beyond: [Option<&'a EncodedSlice>; 2],
    /// What the network that encoded them found of the pair as a whole when it first made a slice, in this order
    /// and in the other.
    pub(crate) found: [OnceCell<Option<MidpointFlow>>; 2],
}

impl<'a> Neighbours<'a> {
    /// Two slices, and nothing beyond them.
    pub fn of_pair(first: &'a EncodedSlice, second: &'a EncodedSlice) -> Neighbours<'a> {
        Neighbours::new([first, second], [None, None])
    }

    /// A pair, and the slices beyond it.
    pub fn new(
        pair: [&'a EncodedSlice; 2],
        beyond: [Option<&'a EncodedSlice>; 2],
    ) -> Neighbours<'a> {
        Neighbours { pair, beyond, found: Default::default() }
    }
}
