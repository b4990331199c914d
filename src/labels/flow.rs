//! The motion that a network finds between two slices, as far as it is to be trusted.

use ndarray::{Array2, ArrayView2, ArrayView3, Axis, Zip};

/// Root of the mean squared grey difference of the two slices, on [0, 1], at which half of the motion
/// is trusted (120 HU of a window of 2000). Chosen, as `AROUND`, on training patients alone: tumours
/// with borders of little contrast want more, bones less.
const NOTICED: f64 = 0.06;

/// Pixels to each side over which the squared difference is averaged.
const AROUND: usize = 2;

/// Row and column of two pixels, of the first and of the second slice, that are the same tissue.
pub type Meeting = [[usize; 2]; 2];

/// Where each pixel of the plane halfway between two slices lies in them: rows and columns from its own
/// place, in pixels. Tissue goes straight and evenly from each slice to that plane: the others follow.
pub struct Flow {
    shifts: [Array2<[f64; 2]>; 2],
}

impl Flow {
    /// `motion`: `[4, rows, columns]` of the plane halfway, as of `SliceNetwork::motion`. `squares`: the squared difference of
    /// the two slices where they stand, grey values on [0, 1].
    ///
    /// Motion is seen where the slices differ. Where they do not, what the network says of it is a
    /// guess: it is shortened, down to none, where outlines move by their shape alone.
    pub fn new(motion: ArrayView3<f32>, squares: ArrayView2<f32>) -> Flow {
        let trust =
            mean_around(squares, AROUND).mapv_into(|square| square / (square + NOTICED * NOTICED));
        let shifts = [0, 2].map(|side| {
            let columns = motion.index_axis(Axis(0), side);
            let rows = motion.index_axis(Axis(0), side + 1);
            Zip::from(&rows).and(&columns).and(&trust).map_collect(|&row, &column, &trust| {
                [f64::from(row) * trust, f64::from(column) * trust]
            })
        });
        Flow { shifts }
    }

    /// How far a pixel of the plane at `fraction` lies from its own place in a slice. The way to the
    /// slice on whose side of the middle the plane is, is shorter by what lies beyond the plane; the
    /// way to the other is longer by as much.
    fn shift(&self, at: (usize, usize), side: usize, fraction: f64) -> [f64; 2] {
        let (near, passed) = match fraction < 0.5 {
            true => (0, 1.0 - 2.0 * fraction),
            false => (1, 2.0 * fraction - 1.0),
        };
        let (own, near) = (self.shifts[side][at], self.shifts[near][at]);
        [own[0] - passed * near[0], own[1] - passed * near[1]]
    }

    /// Where a pixel of the plane at `fraction` lies in a slice (`side` 0 the first, 1 the second): row
    /// and column.
    pub fn place(&self, at: [usize; 2], side: usize, fraction: f64) -> [f64; 2] {
        let [down, right] = self.shift(at.into(), side, fraction);
        [at[0] as f64 + down, at[1] as f64 + right]
    }

    /// What meets in each pixel of the plane halfway.
    pub fn meetings(&self) -> impl Iterator<Item = Meeting> {
        let (rows, columns) = self.shifts[0].dim();
        self.shifts[0].indexed_iter().map(move |((row, column), first)| {
            let second = &self.shifts[1][(row, column)];
            [first, second].map(|shift| {
                let place = |at: usize, shift: f64, count: usize| {
                    (at as f64 + shift).round().clamp(0.0, count as f64 - 1.0) as usize
                };
                [place(row, shift[0], rows), place(column, shift[1], columns)]
            })
        })
    }
}

/// The mean of the square of `2 around + 1` pixels about each pixel, as far as it lies in the plane.
fn mean_around(plane: ArrayView2<f32>, around: usize) -> Array2<f64> {
    let mut mean = plane.mapv(f64::from);
    for axis in [Axis(0), Axis(1)] {
        for mut line in mean.lanes_mut(axis) {
            let values = line.to_vec();
            for (at, value) in line.iter_mut().enumerate() {
                let near = &values[at.saturating_sub(around)..(at + around + 1).min(values.len())];
                *value = near.iter().sum::<f64>() / near.len() as f64;
            }
        }
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    #[test]
    fn motion_counts_as_far_as_the_slices_differ() {
        for (square, trust) in [(0.0, 0.0), ((NOTICED * NOTICED) as f32, 0.5), (1e6, 1.0)] {
            let mut motion = Array3::<f32>::zeros((4, 9, 9));
            motion.index_axis_mut(Axis(0), 1).fill(1.5);
            let flow = Flow::new(motion.view(), Array2::from_elem((9, 9), square).view());
            let [row, column] = flow.place([4, 5], 0, 0.5);
            assert!((row - (4.0 + 1.5 * trust)).abs() < 1e-5 && column == 5.0, "{row} {column}");
            assert_eq!(flow.place([4, 5], 1, 0.5), [4.0, 5.0]);
        }
    }

    /// MidpointFlow the tissue is 2 rows below its place in the first slice and 3 columns left of that in
    /// the second: a point of it is followed through planes at other places.
    #[test]
    fn tissue_goes_straight_to_the_middle_and_on() {
        let mut motion = Array3::<f32>::zeros((4, 9, 9));
        motion.index_axis_mut(Axis(0), 1).fill(-2.0);
        motion.index_axis_mut(Axis(0), 2).fill(3.0);
        let flow = Flow::new(motion.view(), Array2::from_elem((9, 9), 1e12).view());
        for fraction in [0.1, 0.25, 0.5, 0.6, 0.9] {
            // From the first slice, at 0.
            let (early, late) =
                (f64::min(2.0 * fraction, 1.0), f64::max(2.0 * fraction - 1.0, 0.0));
            let place = [2.0 * early, 3.0 * late];
            for (side, slice) in [(0, [0.0, 0.0]), (1, [2.0, 3.0])] {
                let shift = flow.shift((4, 4), side, fraction);
                for axis in 0..2 {
                    assert!((place[axis] + shift[axis] - slice[axis]).abs() < 1e-6, "{fraction}");
                }
            }
        }
    }

    #[test]
    fn the_mean_is_that_of_the_pixels_in_the_plane() {
        let plane =
            Array2::from_shape_fn((7, 9), |(row, column)| (row * 3 + column * column) as f32);
        let mean = mean_around(plane.view(), 2);
        for ((row, column), &mean) in mean.indexed_iter() {
            let near = plane
                .indexed_iter()
                .filter(|&((r, c), _)| r.abs_diff(row) <= 2 && c.abs_diff(column) <= 2);
            let near: Vec<f64> = near.map(|(_, &value)| f64::from(value)).collect();
            let expected = near.iter().sum::<f64>() / near.len() as f64;
            assert!((mean - expected).abs() < 1e-9);
        }
    }
}
