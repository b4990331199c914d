//! One pass over the slices of a plan, by any interpolator.

use ndarray::ArrayRef3;

use crate::error::Result;
use crate::resample::{Interpolator, Plan, SliceSource, cubic, learned, linear};
use crate::volume::voxels::{slice, slice_mut};
use crate::volume::{Rescale, Voxel};

/// Progress of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Slices interpolated so far, of all outputs.
    pub done: usize,
    /// Slices to interpolate, of all outputs.
    pub total: usize,
}

/// Receives the progress of a job; an error ends the job and is returned from it.
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress) -> Result<()>;

/// Counts interpolated slices and reports them.
pub(crate) struct Counter<'a> {
    progress: Progress,
    on_progress: OnProgress<'a>,
}

impl<'a> Counter<'a> {
    /// Starts to count up to `total` slices.
    pub(crate) fn new(total: usize, on_progress: OnProgress<'a>) -> Counter<'a> {
        Counter { progress: Progress { done: 0, total }, on_progress }
    }

    /// Adds slices, possibly none, and reports the progress.
    pub(crate) fn advance(&mut self, slices: usize) -> Result<()> {
        self.progress.done += slices;
        (self.on_progress)(self.progress)
    }
}

/// Image slices to interpolate: arrays `[k, j, i]` of any strides.
pub(crate) struct Pass<'a, 'b, T> {
    pub(crate) plan: &'a Plan,
    pub(crate) input: &'a ArrayRef3<T>,
    /// Converts the voxels of input and output to HU.
    pub(crate) rescale: Rescale,
    /// Smallest and largest stored value of the input; interpolated voxels stay within.
    pub(crate) range: (f64, f64),
    pub(crate) output: Option<&'a mut ArrayRef3<T>>,
    /// Expected absolute errors in HU.
    pub(crate) expected_error: Option<&'a mut ArrayRef3<f32>>,
    /// Known slices that were encoded so far.
    pub(crate) encoded: usize,
    pub(crate) counter: &'a mut Counter<'b>,
}

impl<T: Voxel> Pass<'_, '_, T> {
    /// Copies the known slices bit for bit and interpolates the others.
    pub(crate) fn run(&mut self, interpolator: &Interpolator) -> Result<()> {
        if let Some(output) = &mut self.output {
            copy_known(self.input, self.plan, output);
        }
        if let Some(expected_error) = &mut self.expected_error {
            expected_error.fill(0.0);
        }
        self.counter.advance(0)?;
        match interpolator {
            Interpolator::Linear => linear::interpolate(self),
            Interpolator::Cubic => cubic::interpolate(self),
            Interpolator::Network(network) => learned::interpolate(self, network.as_ref()),
        }
    }
}

/// Copies the known slices of a plan to their places in the output.
pub(crate) fn copy_known<T: Voxel>(input: &ArrayRef3<T>, plan: &Plan, output: &mut ArrayRef3<T>) {
    let axis = plan.axis();
    for (index, source) in plan.slices().iter().enumerate() {
        if let SliceSource::Known(known) = *source {
            slice_mut(output, axis, index).assign(&slice(input, axis, known));
        }
    }
}
