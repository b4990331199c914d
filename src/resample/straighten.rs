//! Slices of a tilted gantry, moved in their plane onto a right-angled grid.
//!
//! The slices of a tilted gantry lean: each one is shifted in its plane against the one before. The
//! right-angled grid has the pixels of the first slice, and as many more rows or columns as it
//! takes to cover all slices. A slice that lies a whole number of pixels from the first is copied;
//! others are interpolated in their plane by cubic convolution (Keys 1981, a = -0.5), which is
//! exact for values that are quadratic in space, and kept within the range of the pixels that they
//! are made of.

use ndarray::{Array2, ArrayRef2, ArrayRef3};

use crate::error::Result;
use crate::volume::voxels::{slice, slice_mut};
use crate::volume::{Axis, Geometry, Voxel};

/// Name of the interpolation in the plane, for reports.
pub const KERNEL: &str = "cubic convolution";

/// Offset in pixels that counts as none.
const NO_OFFSET: f64 = 1e-4;

/// How the slices of a tilted stack are moved onto a right-angled grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Straightening {
    axis: Axis,
    tilt_degrees: f64,
    moved_mm: f64,
    /// Offset of each output slice from the first known one, pixels along the two axes of its
    /// plane, fastest in memory first.
    offsets: Vec<[f64; 2]>,
    /// Pixels of the output before the first pixel of the first known slice.
    before: [f64; 2],
    output: Geometry,
}

impl std::fmt::Display for Straightening {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        let [columns, rows] = self.axis.others().map(|other| self.output.length(other));
        write!(
            out,
            "the gantry is tilted by {:.2} degrees: slices are moved in their plane, by up to \
             {:.2} mm against the first, onto a right-angled grid of {columns} x {rows} pixels \
             ({KERNEL}); where nothing was scanned the lowest value is written",
            self.tilt_degrees, self.moved_mm
        )
    }
}

impl Straightening {
    /// Straightens the `stack` of `input`, whose slices begin `start` mm after the first known one,
    /// along the normal; `upright` is the stack without its tilt.
    ///
    /// # Errors
    /// As [`Geometry::new`].
    pub(super) fn new(
        input: &Geometry,
        axis: Axis,
        upright: &Geometry,
        start: f64,
    ) -> Result<Straightening> {
        let lean = input.lean(axis);
        let per_mm = axis.others().map(|other| {
            let direction = input.direction(other);
            (0..3).map(|row| lean[row] * direction[row]).sum::<f64>() / input.spacing(other)
        });
        let extent = input.upright(axis).slice_positions(axis).last().copied().unwrap_or(0.0);
        let whole = per_mm.map(|pixels| pixels * extent);
        let before = whole.map(|pixels| (-pixels - NO_OFFSET).ceil().max(0.0));
        let step = upright.spacing(axis);
        let offsets = (0..upright.length(axis))
            .map(|index| per_mm.map(|pixels| pixels * (start + index as f64 * step)))
            .collect();
        let mut size = upright.size();
        let mut origin = upright.origin();
        for (at, other) in axis.others().into_iter().enumerate() {
            let after = (whole[at] - NO_OFFSET).ceil().max(0.0);
            size[other as usize] =
                size[other as usize].saturating_add((before[at] + after) as usize);
            let step = upright.step(other);
            origin = std::array::from_fn(|row| origin[row] - before[at] * step[row]);
        }
        let steps = Axis::ALL.map(|axis| upright.step(axis));
        let output = Geometry::with_axis(size, origin, steps, input.named_slice_axis())?;
        let length = lean.iter().map(|x| x * x).sum::<f64>().sqrt();
        Ok(Straightening {
            axis,
            tilt_degrees: length.atan().to_degrees(),
            moved_mm: length * extent,
            offsets,
            before,
            output,
        })
    }

    /// Angle between the slice axis and the normal of the slices, degrees.
    pub fn tilt_degrees(&self) -> f64 {
        self.tilt_degrees
    }

    /// How far the last known slice lies from the first in their plane, mm: over this distance the
    /// slices are moved against each other.
    pub fn moved_mm(&self) -> f64 {
        self.moved_mm
    }

    /// The right-angled grid.
    pub(super) fn output(&self) -> &Geometry {
        &self.output
    }

    /// Moves slices by cubic convolution; `padding` is the value outside of them.
    pub(super) fn image<T: Voxel>(
        &self,
        stack: &ArrayRef3<T>,
        output: &mut ArrayRef3<T>,
        padding: T,
    ) {
        for (index, offset) in self.offsets.iter().enumerate() {
            let from = slice(stack, self.axis, index);
            let [columns, rows] = self.taps(*offset);
            let mut to = slice_mut(output, self.axis, index);
            let wide = columns.along_rows(&from.map(|value| value.to_f64()), to.ncols());
            let moved = rows.along_rows(&wide.t().to_owned(), to.nrows());
            for ((row, column), value) in to.indexed_iter_mut() {
                let inside = columns.covers(column, from.ncols()) && rows.covers(row, from.nrows());
                *value = match inside {
                    // A whole offset copies, also what a double cannot hold.
                    true if columns.is_whole() && rows.is_whole() => {
                        from[(rows.source(row), columns.source(column))]
                    }
                    true => T::from_f64(moved[(column, row)]),
                    false => padding,
                };
            }
        }
    }

    /// Moves slices of labels by whole pixels, with background (0) outside of them.
    pub(super) fn labels<T: Voxel>(&self, stack: &ArrayRef3<T>, output: &mut ArrayRef3<T>) {
        for (index, offset) in self.offsets.iter().enumerate() {
            let from = slice(stack, self.axis, index);
            let [columns, rows] = self.taps(offset.map(f64::round));
            for ((row, column), value) in slice_mut(output, self.axis, index).indexed_iter_mut() {
                let inside = columns.covers(column, from.ncols()) && rows.covers(row, from.nrows());
                *value = match inside {
                    true => from[(rows.source(row), columns.source(column))],
                    false => T::default(),
                };
            }
        }
    }

    fn taps(&self, offset: [f64; 2]) -> [Taps; 2] {
        [0, 1].map(|at| Taps::new(self.before[at] + offset[at]))
    }
}

/// Pixels of a line and their weights, for a line that is `offset` pixels further on.
struct Taps {
    offset: f64,
    /// Of the output's pixel 0: the second of the four pixels that it is made of.
    first: i64,
    weights: [f64; 4],
}

impl Taps {
    fn new(offset: f64) -> Taps {
        let nearest = offset.round();
        let offset = if (offset - nearest).abs() < NO_OFFSET { nearest } else { offset };
        let first = (-offset).floor();
        let x = -offset - first;
        let weights = [
            ((-0.5 * x + 1.0) * x - 0.5) * x,
            (1.5 * x - 2.5) * x * x + 1.0,
            ((-1.5 * x + 2.0) * x + 0.5) * x,
            (0.5 * x - 0.5) * x * x,
        ];
        Taps { offset, first: first as i64, weights }
    }

    fn is_whole(&self) -> bool {
        self.weights[1] == 1.0
    }

    /// Whether an output pixel's centre lies within the pixels of a line of `length`.
    fn covers(&self, pixel: usize, length: usize) -> bool {
        let at = pixel as f64 - self.offset;
        (-0.5..=length as f64 - 0.5).contains(&at)
    }

    /// Input pixel of an output pixel that is covered, for a whole offset.
    fn source(&self, pixel: usize) -> usize {
        (pixel as i64 + self.first).max(0) as usize
    }

    /// Interpolates each row of an array to `length` pixels.
    fn along_rows(&self, from: &ArrayRef2<f64>, length: usize) -> Array2<f64> {
        let last = from.ncols() as i64 - 1;
        Array2::from_shape_fn((from.nrows(), length), |(row, pixel)| {
            let tap = |index: i64| {
                let at = (pixel as i64 + self.first + index - 1).clamp(0, last);
                from[(row, at as usize)]
            };
            let taps = [tap(0), tap(1), tap(2), tap(3)];
            if self.is_whole() {
                return taps[1];
            }
            if taps.iter().any(|tap| tap.is_nan()) {
                return f64::NAN;
            }
            let sum: f64 =
                taps.iter().zip(self.weights).map(|(value, weight)| value * weight).sum();
            let low = taps.iter().copied().fold(f64::INFINITY, f64::min);
            let high = taps.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            sum.clamp(low, high)
        })
    }
}
