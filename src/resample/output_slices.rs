//! Output slices of an image: all in one array, or part by part to whoever takes them.
//!
//! Parts hold an equal number of slices. Two are open at a time: slices between two known ones may
//! come a little out of order, and do so where several threads make them.

use std::collections::VecDeque;
use std::ops::Range;

use ndarray::{Array3, ArrayRef3, ArrayViewMut2};

use crate::error::Result;
use crate::resample::{Plan, SliceSource};
use crate::volume::Voxel;
use crate::volume::voxels::{slice, slice_mut};

/// Bytes of a part, where a slice has no more.
pub(super) const PART_BYTES: usize = 32 << 20;

/// Parts into which slices are written at a time.
const OPEN_PARTS: usize = 2;

/// Parts that are in memory at a time: those that are open, one that waits to be taken, and one
/// that is being used by whoever took it.
pub(super) const PARTS_IN_MEMORY: usize = OPEN_PARTS + 2;

/// Where the output slices of an image go.
pub(crate) enum OutputSlices<'a, T> {
    /// An array of all of them.
    Array(&'a mut ArrayRef3<T>),
    Parts(Parts<'a, T>),
}

/// Receives parts of an output in order, each with the range of its slices.
pub(crate) type TakePart<'a, T> = &'a mut dyn FnMut(Range<usize>, Array3<T>) -> Result<()>;

/// Output slices that are handed on part by part.
pub(crate) struct Parts<'a, T> {
    plan: &'a Plan,
    input: &'a ArrayRef3<T>,
    /// Slices of a part; the last one may have fewer.
    slices: usize,
    take: TakePart<'a, T>,
    open: VecDeque<Part<T>>,
    /// First slice of the part that is opened next.
    next: usize,
}

struct Part<T> {
    range: Range<usize>,
    array: Array3<T>,
    /// Interpolated slices that are not there yet.
    missing: usize,
}

impl<'a, T: Voxel> OutputSlices<'a, T> {
    /// Slices that go to `take`, so many at a time.
    pub(crate) fn parts(
        plan: &'a Plan,
        input: &'a ArrayRef3<T>,
        slices: usize,
        take: TakePart<'a, T>,
    ) -> OutputSlices<'a, T> {
        let slices = slices.max(1);
        OutputSlices::Parts(Parts { plan, input, slices, take, open: VecDeque::new(), next: 0 })
    }

    /// Ranges of slices that can be made one after the other.
    pub(crate) fn ranges(&self, plan: &Plan) -> Vec<Range<usize>> {
        let count = plan.slices().len();
        let slices = match self {
            OutputSlices::Array(_) => count.max(1),
            OutputSlices::Parts(parts) => parts.slices,
        };
        (0..count).step_by(slices).map(|first| first..(first + slices).min(count)).collect()
    }

    /// Copies known slices bit for bit, as far as there is room for them.
    pub(crate) fn begin(&mut self, plan: &Plan, input: &ArrayRef3<T>) -> Result<()> {
        match self {
            OutputSlices::Array(array) => copy_known(input, plan, 0..plan.slices().len(), array),
            OutputSlices::Parts(parts) => parts.hand_on()?,
        }
        Ok(())
    }

    /// Room for an interpolated slice across the axis of the plan.
    pub(crate) fn slice_mut(&mut self, plan: &Plan, index: usize) -> ArrayViewMut2<'_, T> {
        match self {
            OutputSlices::Array(array) => slice_mut(array, plan.axis(), index),
            OutputSlices::Parts(parts) => parts.slice_mut(index),
        }
    }

    /// Says that an interpolated slice is complete.
    pub(crate) fn complete(&mut self, index: usize) -> Result<()> {
        match self {
            OutputSlices::Array(_) => Ok(()),
            OutputSlices::Parts(parts) => parts.complete(index),
        }
    }

    /// Bytes of all slices that are there at a time.
    pub(crate) fn bytes(&self) -> usize {
        let voxels = match self {
            OutputSlices::Array(array) => array.len(),
            OutputSlices::Parts(parts) => {
                let [columns, rows] =
                    parts.plan.axis().others().map(|axis| parts.plan.stack().length(axis));
                PARTS_IN_MEMORY * parts.slices * rows * columns
            }
        };
        voxels * size_of::<T>()
    }

    /// First slice that has to wait until a part is handed on.
    pub(crate) fn room_end(&self) -> usize {
        match self {
            OutputSlices::Array(_) => usize::MAX,
            OutputSlices::Parts(parts) => {
                let first = parts.open.front().map_or(parts.next, |part| part.range.start);
                first + OPEN_PARTS * parts.slices
            }
        }
    }
}

impl<T: Voxel> Parts<'_, T> {
    fn slice_mut(&mut self, index: usize) -> ArrayViewMut2<'_, T> {
        while self.next <= index {
            self.open_next();
        }
        let at = self.position(index);
        let part = &mut self.open[at];
        slice_mut(&mut part.array, self.plan.axis(), index - part.range.start)
    }

    fn complete(&mut self, index: usize) -> Result<()> {
        let at = self.position(index);
        self.open[at].missing -= 1;
        self.hand_on()
    }

    /// Place among the open parts of the one that holds a slice.
    fn position(&self, index: usize) -> usize {
        self.open.partition_point(|part| part.range.end <= index)
    }

    /// Opens a part with its known slices.
    fn open_next(&mut self) {
        let sources = self.plan.slices();
        let range = self.next..(self.next + self.slices).min(sources.len());
        let mut shape = self.plan.stack_shape();
        shape[self.plan.axis().array_axis()] = range.len();
        let mut array = Array3::default(shape);
        copy_known(self.input, self.plan, range.clone(), &mut array);
        let is_interpolated = |source: &&SliceSource| !matches!(source, SliceSource::Known(_));
        let missing = sources[range.clone()].iter().filter(is_interpolated).count();
        self.next = range.end;
        self.open.push_back(Part { range, array, missing });
    }

    /// Hands on the first parts as far as they are complete, and opens one that is not.
    fn hand_on(&mut self) -> Result<()> {
        loop {
            while self.open.front().is_some_and(|part| part.missing == 0) {
                if let Some(part) = self.open.pop_front() {
                    (self.take)(part.range, part.array)?;
                }
            }
            if !self.open.is_empty() || self.next == self.plan.slices().len() {
                return Ok(());
            }
            self.open_next();
        }
    }
}

/// Copies the known slices of a plan within `range` to an output of that range.
pub(crate) fn copy_known<T: Voxel>(
    input: &ArrayRef3<T>,
    plan: &Plan,
    range: Range<usize>,
    output: &mut ArrayRef3<T>,
) {
    let axis = plan.axis();
    for (index, source) in plan.slices()[range].iter().enumerate() {
        if let SliceSource::Known(known) = *source {
            slice_mut(output, axis, index).assign(&slice(input, axis, known));
        }
    }
}
