//! The interface between interpolation and a network, in grey values and fractions.

use ndarray::{Array2, Array3, Array4};
use once_cell::unsync::OnceCell;
use tch::Tensor;

use crate::error::Result;
use crate::network::features::Features;
use crate::network::motion::flow::MidpointFlow;
use crate::network::over_range::OverRange;

/// A network that interpolates slices. Each known slice is encoded once, then any number of slices
/// between two of them is decoded.
///
/// Slices are grey values, 0 to 1 within the window and more above it. Planes are at `fractions` of
/// the way from the first slice of a pair to the second: 0 is the first, 1 the second.
pub trait SliceNetwork: std::any::Any {
    /// HU that become grey 0 and grey 1.
    fn window_hu(&self) -> [f64; 2];

    /// Encodes a slice.
    fn encode(&self, slice: &Array2<f32>) -> Result<EncodedSlice>;

    /// Decodes the slices `[fractions, rows, columns]` between the two of a pair.
    fn decode(&self, neighbours: &Neighbours, fractions: &[f64]) -> Result<Array3<f32>>;

    /// Whether [`SliceNetwork::decode_with_error`] returns anything.
    fn predicts_error(&self) -> bool {
        false
    }

    /// Decodes the slices of [`SliceNetwork::decode`], and predicts the absolute error of each of
    /// their pixels as a part of the window's width. `None` for a network without error head.
    fn decode_with_error(
        &self,
        _neighbours: &Neighbours,
        _fractions: &[f64],
    ) -> Result<Option<[Array3<f32>; 2]>> {
        Ok(None)
    }

    /// The largest slice spacing in mm in training; `None` where it is unknown.
    fn max_slice_spacing_mm(&self) -> Option<f64> {
        None
    }

    /// Whether it makes thin slices from thick ones, at known places (fractions 0 and 1) as well.
    fn is_thin(&self) -> bool {
        false
    }

    /// Whether it uses context slices, the known slices beyond the pair.
    fn has_context(&self) -> bool {
        false
    }

    /// Whether [`SliceNetwork::flow`] returns anything.
    fn has_flow(&self) -> bool {
        false
    }

    /// Finds the flow fields `[fractions, 4, rows, columns]` from planes to both slices of a pair,
    /// in pixels: columns and rows to the first slice, then to the second. A pixel of a plane is
    /// found in a slice at its own position plus the flow. `None` for a network without flow.
    fn flow(
        &self,
        _first: &EncodedSlice,
        _second: &EncodedSlice,
        _fractions: &[f64],
    ) -> Result<Option<Array4<f32>>> {
        Ok(None)
    }

    /// The same network, on the same weights, for another thread; `None` where threads gain
    /// nothing, as on a card.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    fn replica(&self) -> Result<Option<Box<dyn SliceNetwork + Send>>> {
        Ok(None)
    }

    /// Number of slices of `pixels` to decode at once: few enough to stay responsive and within
    /// memory, many enough to keep the device busy.
    fn decode_batch(&self, pixels: usize) -> usize;

    /// Bytes of memory that work on planes of `pixels` takes beside input and output.
    fn working_bytes(&self, pixels: usize) -> u64;

    /// Bytes of memory of each slice of `pixels` that is decoded at once, beside those of
    /// [`SliceNetwork::working_bytes`] for no pixels.
    fn slice_bytes(&self, pixels: usize) -> u64 {
        let of_batch = self.working_bytes(pixels).saturating_sub(self.working_bytes(0));
        of_batch / self.decode_batch(pixels).max(1) as u64
    }
}

/// Features of a slice, and its size before padding.
pub struct EncodedSlice {
    /// Feature maps of the padded plane, a batch of one.
    pub features: Features,
    /// Detail `[1, 1, H, W]` of the slice that its features do not hold and that is carried into
    /// interpolated slices; `None` where none is.
    pub lost_detail: Option<Tensor>,
    /// Values above the window, which no network sees; `None` where there are none.
    pub over_range: Option<OverRange>,
    /// Rows and columns before padding.
    pub size: [usize; 2],
}

impl EncodedSlice {
    /// The same features for another pair or thread, as views.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub fn share(&self) -> Result<EncodedSlice> {
        Ok(EncodedSlice {
            features: self.features.share()?,
            lost_detail: self.lost_detail.as_ref().map(Tensor::shallow_clone),
            over_range: self.over_range.as_ref().map(OverRange::share),
            size: self.size,
        })
    }
}

/// The encoded known slices next to interpolated ones.
pub struct Neighbours<'a> {
    /// The slices between which slices are interpolated.
    pub pair: [&'a EncodedSlice; 2],
    /// Context: the slice before the first and the one after the second, as far from them as they
    /// are from each other; `None` where there is none.
    pub context: [Option<&'a EncodedSlice>; 2],
    /// Midpoint flow in this order and in the opposite one, found when first needed.
    pub(crate) midpoint_flow: [OnceCell<Option<MidpointFlow>>; 2],
}

impl<'a> Neighbours<'a> {
    /// A pair without context slices.
    pub fn of_pair(first: &'a EncodedSlice, second: &'a EncodedSlice) -> Neighbours<'a> {
        Neighbours::new([first, second], [None, None])
    }

    /// A pair and its context slices.
    pub fn new(
        pair: [&'a EncodedSlice; 2],
        context: [Option<&'a EncodedSlice>; 2],
    ) -> Neighbours<'a> {
        Neighbours { pair, context, midpoint_flow: Default::default() }
    }
}
