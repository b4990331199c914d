//! Outlines in between that move along with the tissue, whose motion a network finds in the CT.

use ndarray::{Array2, Array3, ArrayRef3};

use super::flow::Flow;
use super::shape::Shapes;
use super::{begin, pixel};
use crate::error::{Error, Result};
use crate::interpolate::Progress;
use crate::network::model::{EncodedSlice, SliceNetwork};
use crate::volume::voxels::{range, slice, slice_mut, with_voxels};
use crate::volume::{Axis, Plan, Rescale, Volume, Voxel, Voxels, Window};

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
    let mut ct = Ct { image, axis, pixel: pixel(plan), network, last: None };
    for (first, members) in plan.pairs() {
        let neighbours = [slice(input, axis, first), slice(input, axis, first + 1)];
        if neighbours.iter().all(|slice| slice.iter().all(|&label| label == T::default())) {
            for &(index, _) in &members {
                slice_mut(output, axis, index).fill(T::default());
            }
            progress.done += members.len();
            on_progress(progress)?;
            continue;
        }
        let known = ct.pair(first)?;
        let middle = ct.flows(&known, &[0.5])?;
        let shapes = Shapes::new(neighbours, ct.pixel, middle.first());
        for members in members.chunks(network.decode_batch(neighbours[0].len())) {
            let alphas: Vec<f64> =
                members.iter().filter_map(|&(index, _)| plan.slices()[index].alpha()).collect();
            let flows = ct.flows(&known, &alphas)?;
            for (&(index, fraction), flow) in members.iter().zip(&flows) {
                shapes.write(fraction, Some(flow), slice_mut(output, axis, index));
                progress.done += 1;
                on_progress(progress)?;
            }
        }
        let [_, second] = known;
        ct.last = Some((first + 1, second));
    }
    Ok(())
}

/// A slice of the CT: grey values on [0, 1], and its features.
struct Known {
    unit: Array2<f32>,
    encoded: EncodedSlice,
}

/// The CT's slices, each encoded once.
struct Ct<'a> {
    image: &'a dyn Image,
    axis: Axis,
    /// mm between rows and between columns.
    pixel: [f64; 2],
    network: &'a dyn SliceNetwork,
    /// The slice encoded last: the next pair often begins with it.
    last: Option<(usize, Known)>,
}

impl Ct<'_> {
    fn pair(&mut self, first: usize) -> Result<[Known; 2]> {
        let before = match self.last.take() {
            Some((index, known)) if index == first => known,
            _ => self.encode(first)?,
        };
        Ok([before, self.encode(first + 1)?])
    }

    fn encode(&self, index: usize) -> Result<Known> {
        let [low, high] = self.network.window_hu();
        let unit = self.image.unit(self.axis, index, Window { low, high });
        Ok(Known { encoded: self.network.encode(&unit)?, unit })
    }

    /// The flows of the planes at `alphas`.
    fn flows(&self, [first, second]: &[Known; 2], alphas: &[f64]) -> Result<Vec<Flow>> {
        let motion = self.network.motion(&first.encoded, &second.encoded, alphas)?;
        let motion = motion.ok_or_else(no_motion)?;
        let squares = (&first.unit - &second.unit).mapv_into(|grey| grey * grey);
        let flow = |motion| Flow::new(motion, squares.view(), self.pixel);
        Ok(motion.outer_iter().map(flow).collect())
    }
}

fn no_motion() -> Error {
    Error::Argument(
        "the model finds no motion between slices, which the anatomy method needs; take \
         hrinet-motion, or the shape method"
            .into(),
    )
}
