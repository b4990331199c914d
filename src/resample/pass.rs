//! One pass over the slices of a plan, by any interpolator.

use ndarray::ArrayRef3;

use crate::error::Result;
use crate::resample::output_slices::OutputSlices;
use crate::resample::slabs::Slabs;
use crate::resample::{Interpolator, Plan, cubic, learned, linear};
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

/// Smallest and largest stored value of an input.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<T> {
    values: (f64, f64),
    voxels: (T, T),
}

impl<T: Voxel> Bounds<T> {
    /// The bounds of an array of numbers.
    pub(crate) fn of(array: &ArrayRef3<T>) -> Bounds<T> {
        let mut numbers = array.iter().copied();
        let first = numbers.next().unwrap_or_default();
        let (low, high) = numbers.fold((first, first), |(low, high), voxel| {
            (if voxel < low { voxel } else { low }, if voxel > high { voxel } else { high })
        });
        Bounds { values: (low.to_f64(), high.to_f64()), voxels: (low, high) }
    }

    /// The voxel nearest to a value, within the bounds. Voxels are compared in their own type:
    /// doubles round 64-bit integers beyond 2^53.
    pub(crate) fn voxel(self, value: f64) -> T {
        let voxel = T::from_f64(value.clamp(self.values.0, self.values.1));
        let (low, high) = self.voxels;
        if voxel < low {
            low
        } else if voxel > high {
            high
        } else {
            voxel
        }
    }
}

/// Image slices to interpolate: arrays `[k, j, i]` of any strides.
pub(crate) struct Pass<'a, 'b, T> {
    pub(crate) plan: &'a Plan,
    pub(crate) input: &'a ArrayRef3<T>,
    /// Converts the voxels of input and output to HU.
    pub(crate) rescale: Rescale,
    /// Interpolated voxels stay within.
    pub(crate) bounds: Bounds<T>,
    pub(crate) output: Option<OutputSlices<'a, T>>,
    /// Of thin slices, those that wait for others.
    pub(crate) slabs: Option<Slabs>,
    /// Expected absolute errors in HU.
    pub(crate) expected_error: Option<&'a mut ArrayRef3<f32>>,
    /// Bytes that a network may take, libtorch and weights included; `None`: those that are free.
    pub(crate) work_limit: Option<u64>,
    /// Known slices that were encoded so far.
    pub(crate) encoded: usize,
    pub(crate) counter: &'a mut Counter<'b>,
}

impl<T: Voxel> Pass<'_, '_, T> {
    /// Copies the known slices bit for bit and interpolates the others.
    pub(crate) fn run(&mut self, interpolator: &Interpolator) -> Result<()> {
        if let Some(output) = &mut self.output {
            output.begin(self.plan, self.input)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn voxels_stay_within_the_bounds_of_their_type() {
        let ends = array![[[i64::MIN + 1, i64::MAX - 1]]];
        let bounds = Bounds::of(&ends);
        assert_eq!(bounds.voxel(-1e30), i64::MIN + 1);
        assert_eq!(bounds.voxel(i64::MIN as f64), i64::MIN + 1);
        assert_eq!(bounds.voxel(f64::INFINITY), i64::MAX - 1);
        assert_eq!(bounds.voxel(2.5), 3);
        let bounds = Bounds::of(&array![[[-3i16, 7]]]);
        assert_eq!([-9.0, 2.4, 9.0].map(|value| bounds.voxel(value)), [-3, 2, 7]);
    }
}
