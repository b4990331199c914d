//! Label maps on the grid of a plan: labels are names, which no blend lies between.
//!
//! - `nearest`: those of the nearer known slice;
//! - `shape`: every label's outline moves from one known slice to the next (`shape`, `bodies`);
//! - `anatomy`: so it does, along with the tissue, whose motion a network finds in the CT (`flow`).
//!
//! Known slices are copied bit for bit, no new label appears, and a voxel outside the bounds of every
//! label in both neighbours is background (0).

mod anatomy;
mod components;
mod distance;
mod distance_cache;
mod flow;
mod nearest;
mod outline;
mod roi;
mod runs;
mod shape;

pub use anatomy::{Image, labels_with_image, labels_with_image_into};

use ndarray::{Array3, ArrayRef3, ArrayViewMut2};

use crate::error::Result;
use crate::network::SliceNetwork;
use crate::resample::Plan;
use crate::resample::interpolate::{Progress, copy_known};
use crate::volume::voxels::{slice, slice_mut, with_voxels};
use crate::volume::{Volume, Voxel, Voxels};
use roi::Roi;
use shape::Shapes;

/// Bytes that the shapes of two slices, their motion and a slice between them take a pixel: 50 were
/// measured for four labels side by side, 148 for 18 rings around each other, whose boxes overlap; motion
/// and what meets by it take 64.
const BYTES_A_PIXEL: usize = 250;

/// How labels between two known slices are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelMethod {
    /// Those of the nearer known slice; of the first where both are equally near.
    Nearest,
    /// Outlines in between, by signed distances in mm: no staircase, and what ends between two slices
    /// tapers.
    Shape,
}

/// The label map of a CT on the output grid of the CT's plan.
///
/// # Errors
/// As [`labels_into`].
pub fn labels(
    input: &Volume,
    plan: &Plan,
    method: LabelMethod,
    on_progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<Volume> {
    let [i, j, k] = plan.output().size();
    with_voxels!(input.voxels(), array => {
        let mut output = Array3::from_elem((k, j, i), Default::default());
        labels_into(array, plan, method, &mut output, on_progress)?;
        Volume::new(Voxels::from(output), input.rescale(), plan.output().clone())
    })
}

/// Brings a label map onto the output grid of the plan of its CT, both as arrays `[k, j, i]` of any
/// strides. Known slices are copied bit for bit.
///
/// `on_progress` is called from this thread after every slice; an error from it,
/// [`crate::Error::Cancelled`] say, ends the work and comes back.
///
/// # Errors
/// [`crate::Error::Geometry`] for an array that is not of the plan's size.
pub fn labels_into<T: Voxel>(
    input: &ArrayRef3<T>,
    plan: &Plan,
    method: LabelMethod,
    output: &mut ArrayRef3<T>,
    on_progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<()> {
    let mut progress = begin(input, plan, output, on_progress)?;
    let axis = plan.axis();
    for (first, members) in plan.pairs() {
        let neighbours = [slice(input, axis, first), slice(input, axis, first + 1)];
        let shapes = match method {
            LabelMethod::Nearest => None,
            // A pixel more than what is drawn: the nearest outside.
            LabelMethod::Shape => around(neighbours.map(Roi::drawn), (1, 1), neighbours[0].dim())
                .map(|part| {
                    let neighbours = neighbours.map(|slice| part.of(slice));
                    (part, Shapes::new(neighbours, pixel(plan), None))
                }),
        };
        for (index, fraction) in members {
            let mut made = slice_mut(output, axis, index);
            match method {
                LabelMethod::Nearest => made.assign(&nearest::of(neighbours, fraction)),
                LabelMethod::Shape => write(shapes.as_ref(), fraction, made),
            }
            progress.done += 1;
            on_progress(progress)?;
        }
    }
    Ok(())
}

/// Copies the known slices, and tells that nothing is made yet.
fn begin<T: Voxel>(
    input: &ArrayRef3<T>,
    plan: &Plan,
    output: &mut ArrayRef3<T>,
    on_progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<Progress> {
    plan.check_shapes(input.shape(), output.shape())?;
    copy_known(input, plan, output);
    let progress = Progress { done: 0, total: plan.made_count() };
    on_progress(progress)?;
    Ok(progress)
}

/// The part of a plane of `size` with what is drawn in either slice, `margin` pixels around it, and
/// sides at multiples of `step`; `None` where nothing is drawn.
fn around(
    drawn: [Option<Roi>; 2],
    (margin, step): (usize, usize),
    size: (usize, usize),
) -> Option<Roi> {
    let all = drawn.into_iter().flatten().reduce(Roi::with)?;
    Some(all.grown(margin, step, size))
}

/// Writes the slice at `fraction` of shapes that lie in a part of it; background beyond.
fn write<T: Voxel>(shapes: Option<&(Roi, Shapes<T>)>, fraction: f64, mut output: ArrayViewMut2<T>) {
    output.fill(T::default());
    if let Some((part, shapes)) = shapes {
        shapes.write(fraction, part.of_mut(output));
    }
}

/// Bytes of memory that [`labels_into`] needs beside input and output; with the network that finds the
/// motion, [`labels_with_image_into`].
pub fn work_bytes(plan: &Plan, network: Option<&dyn SliceNetwork>) -> u64 {
    let [columns, rows] = plan.axis().others().map(|axis| plan.output().length(axis));
    let pixels = rows * columns;
    // The network is done before the shapes begin.
    let motion = network.map_or(0, |network| network.working_bytes(pixels));
    motion.max((BYTES_A_PIXEL * pixels) as u64)
}

/// mm between the rows and between the columns of the plan's slices.
fn pixel(plan: &Plan) -> [f64; 2] {
    let [columns, rows] = plan.axis().others().map(|axis| plan.output().spacing(axis));
    [rows, columns]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::resample::Spacing;
    use crate::volume::Geometry;

    fn plan() -> Plan {
        let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 4.0]];
        let geometry = Geometry::new([2, 3, 3], [0.0; 3], steps).unwrap();
        Plan::new(&geometry, None, &Spacing::Factor(4)).unwrap()
    }

    #[test]
    fn each_slice_is_the_nearest_known_one() {
        let labels = Array3::from_shape_fn((3, 3, 2), |(k, j, i)| (10 * (k + 1) + 2 * j + i) as u8);
        let mut output = Array3::zeros((9, 3, 2));
        let mut told = Vec::new();
        let mut tell = |progress: Progress| -> Result<()> {
            told.push((progress.done, progress.total));
            Ok(())
        };
        labels_into(&labels, &plan(), LabelMethod::Nearest, &mut output, &mut tell).unwrap();
        for (index, nearest) in [0, 0, 0, 1, 1, 1, 1, 2, 2].into_iter().enumerate() {
            let expected = labels.index_axis(ndarray::Axis(0), nearest);
            assert_eq!(output.index_axis(ndarray::Axis(0), index), expected, "slice {index}");
        }
        assert_eq!((told[0], told[told.len() - 1]), ((0, 6), (6, 6)));
    }

    #[test]
    fn another_size_and_a_cancel_end_it() {
        let labels = Array3::<u8>::zeros((4, 3, 2));
        let mut output = Array3::zeros((9, 3, 2));
        let error =
            labels_into(&labels, &plan(), LabelMethod::Nearest, &mut output, &mut |_| Ok(()));
        assert!(error.unwrap_err().to_string().contains("[4, 3, 2]"));
        let labels = Array3::<u8>::zeros((3, 3, 2));
        let mut cancel = |_| Err(Error::Cancelled);
        let ended = labels_into(&labels, &plan(), LabelMethod::Nearest, &mut output, &mut cancel);
        assert!(matches!(ended, Err(Error::Cancelled)));
    }
}
