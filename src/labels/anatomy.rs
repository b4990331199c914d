//! Outlines that move along with the tissue, by the flow that a network finds in the CT.

use ndarray::ArrayView2;

use crate::error::Result;
use crate::labels::flow::Flow;
use crate::labels::pixel_mm;
use crate::labels::roi::Roi;
use crate::labels::shape::Shapes;
use crate::network::SliceNetwork;
use crate::resample::{Image, Plan};
use crate::volume::{Axis, Voxel, Window};

/// Pixels around the labels of both slices that the network is given too: what it needs to see on
/// both sides of an outline.
const MARGIN: usize = 16;

/// The network works on sides that are multiples of this many pixels: a region that begins and ends
/// there takes no more time, and its pixels are grouped as in the whole plane.
const STEP: usize = 16;

/// The CT of a plan, and the network that finds flow in it.
pub(super) struct Tissue<'a, 'b> {
    image: &'a Image<'b>,
    axis: Axis,
    /// Distance in mm between rows and between columns.
    pixel: [f64; 2],
    network: &'a dyn SliceNetwork,
}

impl<'a, 'b> Tissue<'a, 'b> {
    pub(super) fn new(
        plan: &Plan,
        image: &'a Image<'b>,
        network: &'a dyn SliceNetwork,
    ) -> Tissue<'a, 'b> {
        Tissue { image, axis: plan.axis(), pixel: pixel_mm(plan), network }
    }

    /// Shapes of two label slices, of which `first` is the index of the first, with the flow
    /// between them; `None` where both are background.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub(super) fn shapes<T: Voxel>(
        &self,
        pair: [ArrayView2<T>; 2],
        first: usize,
    ) -> Result<Option<(Roi, Shapes<T>)>> {
        let bounds = pair.map(Roi::of_labels);
        let Some(roi) = Roi::around(bounds, MARGIN, STEP, pair[0].dim()) else { return Ok(None) };
        let flow = match bounds {
            [Some(_), Some(_)] => self.flow(first, roi)?,
            // A label that is in one slice only tapers in place: no flow to look for.
            _ => None,
        };
        Ok(Some((roi, Shapes::new(pair.map(|slice| roi.of(slice)), self.pixel, flow))))
    }

    /// Flow between a slice and the next one, in a region of the plane.
    fn flow(&self, first: usize, roi: Roi) -> Result<Option<Flow>> {
        let [low, high] = self.network.window_hu();
        let unit = |index: usize| {
            let plane = self.image.unit_slice(self.axis, index, Window { low, high });
            roi.of(plane.view()).to_owned()
        };
        let (first, second) = (unit(first), unit(first + 1));
        let encoded = [self.network.encode(&first)?, self.network.encode(&second)?];
        let flow = self.network.flow(&encoded[0], &encoded[1], &[0.5])?;
        let squares = (first - second).mapv_into(|grey| grey * grey);
        Ok(flow.map(|flow| Flow::new(flow.index_axis(ndarray::Axis(0), 0), squares.view())))
    }
}
