//! Outlines in between that move along with the tissue, whose motion a network finds in the CT.

use ndarray::{Array2, Array3, ArrayRef3};

use crate::error::{Error, Result};
use crate::labels::flow::Flow;
use crate::labels::roi::Roi;
use crate::labels::shape::Shapes;
use crate::labels::{around, begin, pixel, write};
use crate::network::SliceNetwork;
use crate::resample::Plan;
use crate::resample::interpolate::Progress;
use crate::volume::voxels::{range, slice, slice_mut, with_voxels};
use crate::volume::{Axis, Rescale, Volume, Voxel, Voxels, Window};

/// Pixels around the labels of both slices that the network sees too. Where a label comes from and where
/// it goes lies in the part already; these are for what the network needs to see around a border.
const MARGIN: usize = 16;

/// The network works on sides that are multiples of this many pixels: a part of the plane that begins
/// and ends there takes no more time, and its pixels fall together as in the whole plane.
const STEP: usize = 16;

/// A CT whose voxels `[k, j, i]` may be of any type.
pub trait Image {
    /// `[k, j, i]`.
    fn shape(&self) -> [usize; 3];

    /// Slice `index` across `axis` as grey values on [0, 1] of a window.
    fn unit(&self, axis: Axis, index: usize, window: Window) -> Array2<f32>;

    /// Refuses voxels that are no numbers.
    ///
    /// # Errors
    /// [`Error::Argument`]: it names the first one.
    fn check(&self) -> Result<()>;
}

impl<V: Voxel> Image for (&ArrayRef3<V>, Rescale) {
    fn shape(&self) -> [usize; 3] {
        self.0.dim().into()
    }

    fn unit(&self, axis: Axis, index: usize, window: Window) -> Array2<f32> {
        let hu = |stored: V| self.1.to_hu(stored.to_f64());
        slice(self.0, axis, index).map(|&stored| window.to_unit(hu(stored)) as f32)
    }

    fn check(&self) -> Result<()> {
        range(self.0).map(|_| ())
    }
}

/// As [`labels`](super::labels()), by the motion that `network` finds in `image`, the CT itself.
///
/// # Errors
/// As [`labels_with_image_into`].
pub fn labels_with_image(
    input: &Volume,
    image: &Volume,
    plan: &Plan,
    network: &dyn SliceNetwork,
    on_progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<Volume> {
    let [i, j, k] = plan.output().size();
    with_voxels!(input.voxels(), labels => {
        let mut output = Array3::from_elem((k, j, i), Default::default());
        with_voxels!(image.voxels(), ct => {
            let ct = (&**ct, image.rescale());
            labels_with_image_into(labels, &ct, plan, network, &mut output, on_progress)?;
        });
        Volume::new(Voxels::from(output), input.rescale(), plan.output().clone())
    })
}

/// As [`labels_into`](super::labels_into), by the motion that `network` finds in `image`, the CT of
/// the plan. Where the two slices are alike and show no motion, outlines
/// move by their shape alone.
///
/// # Errors
/// [`Error::Geometry`] for an array that is not of the plan's size; [`Error::Argument`] for a network
/// that finds no motion, and a voxel of the CT that is NaN or infinite; [`Error::Torch`].
pub fn labels_with_image_into<T: Voxel>(
    input: &ArrayRef3<T>,
    image: &dyn Image,
    plan: &Plan,
    network: &dyn SliceNetwork,
    output: &mut ArrayRef3<T>,
    on_progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<()> {
    plan.check_shapes(&image.shape(), output.shape())?;
    image.check()?;
    let mut progress = begin(input, plan, output, on_progress)?;
    let axis = plan.axis();
    let ct = Ct { image, axis, pixel: pixel(plan), network };
    for (first, members) in plan.pairs() {
        let neighbours = [slice(input, axis, first), slice(input, axis, first + 1)];
        let drawn = neighbours.map(Roi::drawn);
        let part = around(drawn, (MARGIN, STEP), neighbours[0].dim());
        let flow = match (part, drawn) {
            // What is in one slice only tapers where it is: there is no motion to look for.
            (Some(part), [Some(_), Some(_)]) => Some(ct.flow(first, part)?),
            _ => None,
        };
        let shapes = part.map(|part| {
            (part, Shapes::new(neighbours.map(|slice| part.of(slice)), ct.pixel, flow))
        });
        for (index, fraction) in members {
            write(shapes.as_ref(), fraction, slice_mut(output, axis, index));
            progress.done += 1;
            on_progress(progress)?;
        }
    }
    Ok(())
}

/// The CT, and what finds motion in it.
struct Ct<'a> {
    image: &'a dyn Image,
    axis: Axis,
    /// mm between rows and between columns.
    pixel: [f64; 2],
    network: &'a dyn SliceNetwork,
}

impl Ct<'_> {
    /// The flow between a slice and the next one, in a part of the plane.
    fn flow(&self, first: usize, part: Roi) -> Result<Flow> {
        let [low, high] = self.network.window_hu();
        let unit = |index: usize| {
            let plane = self.image.unit(self.axis, index, Window { low, high });
            part.of(plane.view()).to_owned()
        };
        let (first, second) = (unit(first), unit(first + 1));
        let encoded = [self.network.encode(&first)?, self.network.encode(&second)?];
        let motion = self.network.flow(&encoded[0], &encoded[1], &[0.5])?;
        let motion = motion.ok_or_else(no_motion)?;
        let squares = (first - second).mapv_into(|grey| grey * grey);
        Ok(Flow::new(motion.index_axis(ndarray::Axis(0), 0), squares.view()))
    }
}

fn no_motion() -> Error {
    Error::Argument(
        "the model finds no motion between slices, which the anatomy method needs; take \
         hrinet-motion, or the shape method"
            .into(),
    )
}
