//! Resampling of label maps on a plan: labels are names, which cannot be averaged.
//!
//! - nearest: the labels of the nearer known slice;
//! - shape: the outline of every label moves from one known slice to the next, by signed distances
//!   (`shape`, `components`);
//! - anatomy: like shape, along the flow that a network finds in the CT (`anatomy`, `flow`).
//!
//! [`grid`] brings label maps on other grids to that of the CT first.
//!
//! Known slices are copied bit for bit, no new label appears, and a voxel outside the bounds of
//! every label in both neighbouring slices is background (0).

mod anatomy;
mod components;
mod distance;
mod distance_cache;
pub mod fill;
mod flow;
pub mod grid;
mod outline;
mod roi;
mod runs;
mod shape;

use ndarray::{ArrayRef3, ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::network::SliceNetwork;
use crate::resample::output_slices::copy_known;
use crate::resample::pass::Counter;
use crate::resample::{Image, Interpolator, Plan};
use crate::volume::Voxel;
use crate::volume::voxels::{slice, slice_mut};
use anatomy::Tissue;
use roi::Roi;
use shape::Shapes;

/// Bytes per pixel for the shapes of two slices, their flow and a slice between them: 50 were
/// measured for four labels side by side, 148 for 18 rings around each other, whose bounds overlap;
/// the flow and its matches take 64.
const BYTES_PER_PIXEL: usize = 250;

/// Method for labels between two known slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelMethod {
    /// The labels of the nearer known slice; of the first one halfway between both.
    Nearest,
    /// Outlines between those of both slices, by signed distances in mm: no staircase; a label that
    /// ends between two slices tapers.
    Shape,
    /// Like shape, along the flow that the model finds in the CT.
    Anatomy,
}

impl LabelMethod {
    /// The best method with an interpolator: anatomy where it finds flow, else shape.
    pub fn default_for(interpolator: &Interpolator) -> LabelMethod {
        if interpolator.has_flow() { LabelMethod::Anatomy } else { LabelMethod::Shape }
    }

    /// Checks that an interpolator offers the method.
    ///
    /// # Errors
    /// [`Error::Argument`] for anatomy with an interpolator that finds no flow.
    pub fn check(self, interpolator: &Interpolator) -> Result<()> {
        if self != LabelMethod::Anatomy || interpolator.has_flow() {
            return Ok(());
        }
        Err(Error::Argument(
            "the label method anatomy needs a model that finds flow; use hrinet-motion, or the \
             label method shape"
                .into(),
        ))
    }
}

/// Label slices to interpolate on a plan.
pub(crate) struct LabelPass<'a, 'b> {
    pub(crate) plan: &'a Plan,
    pub(crate) method: LabelMethod,
    /// The CT, for [`LabelMethod::Anatomy`].
    pub(crate) image: Option<&'a Image<'b>>,
    /// Finds the flow, for [`LabelMethod::Anatomy`].
    pub(crate) network: Option<&'a dyn SliceNetwork>,
}

/// Labels between two known slices.
enum Between<'a, T> {
    Nearest([ArrayView2<'a, T>; 2]),
    /// Shapes within a part of the plane; `None` where both slices are background.
    Shapes(Option<Box<(Roi, Shapes<T>)>>),
}

impl LabelPass<'_, '_> {
    /// Copies the known slices bit for bit and interpolates the others; arrays `[k, j, i]`.
    pub(crate) fn run<T: Voxel>(
        &self,
        input: &ArrayRef3<T>,
        output: &mut ArrayRef3<T>,
        counter: &mut Counter,
    ) -> Result<()> {
        copy_known(input, self.plan, 0..self.plan.slices().len(), output);
        counter.advance(0)?;
        let axis = self.plan.axis();
        let tissue = self.image.zip(self.network);
        let tissue = tissue.map(|(image, network)| Tissue::new(self.plan, image, network));
        for (first, members) in self.plan.pairs() {
            let pair = [slice(input, axis, first), slice(input, axis, first + 1)];
            let between = match (self.method, &tissue) {
                (LabelMethod::Nearest, _) => Between::Nearest(pair),
                (LabelMethod::Anatomy, Some(tissue)) => {
                    Between::Shapes(tissue.shapes(pair, first)?.map(Box::new))
                }
                _ => Between::Shapes(shapes(pair, pixel_mm(self.plan)).map(Box::new)),
            };
            for (index, fraction) in members {
                between.write(fraction, slice_mut(output, axis, index));
                counter.advance(1)?;
            }
        }
        Ok(())
    }
}

impl<T: Voxel> Between<'_, T> {
    /// Writes the slice at `fraction` from the first, in (0, 1).
    fn write(&self, fraction: f64, mut output: ArrayViewMut2<T>) {
        match self {
            Between::Nearest([first, second]) => {
                output.assign(if fraction > 0.5 { second } else { first });
            }
            Between::Shapes(shapes) => {
                output.fill(T::default());
                if let Some((roi, shapes)) = shapes.as_deref() {
                    shapes.write(fraction, roi.of_mut(output));
                }
            }
        }
    }
}

/// Shapes of two slices, in the part of the plane with labels and one pixel around it: the nearest
/// pixel outside.
fn shapes<T: Voxel>(pair: [ArrayView2<T>; 2], pixel: [f64; 2]) -> Option<(Roi, Shapes<T>)> {
    let roi = Roi::around(pair.map(Roi::of_labels), 1, 1, pair[0].dim())?;
    Some((roi, Shapes::new(pair.map(|slice| roi.of(slice)), pixel, None)))
}

/// Bytes of memory that resampling a label map takes beside input and output; `network`: the one
/// that finds the flow for [`LabelMethod::Anatomy`].
pub fn work_bytes(plan: &Plan, network: Option<&dyn SliceNetwork>) -> u64 {
    let [columns, rows] = plan.axis().others().map(|axis| plan.stack().length(axis));
    let pixels = rows * columns;
    // The network has finished before the shapes begin.
    let flow = network.map_or(0, |network| network.working_bytes(pixels));
    flow.max((BYTES_PER_PIXEL * pixels) as u64)
}

/// Distance in mm between the rows and between the columns of the slices of a plan.
fn pixel_mm(plan: &Plan) -> [f64; 2] {
    let [columns, rows] = plan.axis().others().map(|axis| plan.stack().spacing(axis));
    [rows, columns]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::{Progress, Spacing};
    use crate::volume::Geometry;
    use ndarray::Array3;

    fn plan() -> Plan {
        let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 4.0]];
        let geometry = Geometry::new([2, 3, 3], [0.0; 3], steps).unwrap();
        Plan::new(&geometry, None, &Spacing::Factor(4)).unwrap()
    }

    fn nearest(
        labels: &Array3<u8>,
        on_progress: &mut dyn FnMut(Progress) -> Result<()>,
    ) -> Result<Array3<u8>> {
        let plan = plan();
        let mut output = Array3::zeros((9, 3, 2));
        let method = LabelMethod::Nearest;
        let pass = LabelPass { plan: &plan, method, image: None, network: None };
        let mut counter = Counter::new(plan.interpolated_count(), on_progress);
        pass.run(labels, &mut output, &mut counter)?;
        Ok(output)
    }

    #[test]
    fn nearest_takes_the_nearer_known_slice() {
        let labels = Array3::from_shape_fn((3, 3, 2), |(k, j, i)| (10 * (k + 1) + 2 * j + i) as u8);
        let mut reported = Vec::new();
        let output = nearest(&labels, &mut |progress| {
            reported.push((progress.done, progress.total));
            Ok(())
        });
        let output = output.unwrap();
        for (index, nearest) in [0, 0, 0, 1, 1, 1, 1, 2, 2].into_iter().enumerate() {
            let expected = labels.index_axis(ndarray::Axis(0), nearest);
            assert_eq!(output.index_axis(ndarray::Axis(0), index), expected, "slice {index}");
        }
        assert_eq!((reported[0], reported[reported.len() - 1]), ((0, 6), (6, 6)));
    }

    #[test]
    fn error_of_the_callback_is_returned() {
        let ended = nearest(&Array3::zeros((3, 3, 2)), &mut |_| Err(Error::Cancelled));
        assert!(matches!(ended, Err(Error::Cancelled)));
    }
}
