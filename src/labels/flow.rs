//! The flow that a network finds between two slices, scaled down where it is uncertain.

use ndarray::{Array2, ArrayView2, ArrayView3, Axis, Zip};

/// Root mean squared grey difference of the two slices, on [0, 1], at which the flow is halved (120
/// HU of a window of 2000). Chosen, as [`RADIUS`], on training patients alone: tumours with
/// outlines of little contrast need more, bones less.
const HALF_TRUST: f64 = 0.06;

/// Pixels to each side over which the squared difference is averaged.
const RADIUS: usize = 2;

/// A pixel of the first and one of the second slice (row, column) that show the same tissue.
pub type Match = [[usize; 2]; 2];

/// Flow from the midpoint plane between two slices to both: rows and columns in pixels. Tissue
/// moves along straight lines from each slice to that plane, which gives the flow of all other
/// planes.
pub struct Flow {
    /// Towards the first slice, and towards the second.
    shifts: [Array2<[f64; 2]>; 2],
}

impl Flow {
    /// Scales the flow `[4, rows, columns]` of the midpoint plane, as of `SliceNetwork::flow`.
    /// `squares`: squared difference of the two slices, grey values on [0, 1].
    ///
    /// Where the slices do not differ, the flow of the network is a guess; there it is scaled down
    /// to zero, and outlines move by their shape alone.
    pub fn new(flow: ArrayView3<f32>, squares: ArrayView2<f32>) -> Flow {
        let trust = local_mean(squares, RADIUS)
            .mapv_into(|square| square / (square + HALF_TRUST * HALF_TRUST));
        let shifts = [0, 2].map(|side| {
            let columns = flow.index_axis(Axis(0), side);
            let rows = flow.index_axis(Axis(0), side + 1);
            Zip::from(&rows).and(&columns).and(&trust).map_collect(|&row, &column, &trust| {
                [f64::from(row) * trust, f64::from(column) * trust]
            })
        });
        Flow { shifts }
    }

    /// Shift of a pixel of the plane at `fraction` to a slice. Compared with the midpoint plane the
    /// shift to the nearer slice is shorter by the part beyond the plane, and that to the other is
    /// longer by as much.
    fn shift(&self, at: (usize, usize), side: usize, fraction: f64) -> [f64; 2] {
        let (near, distance) = match fraction < 0.5 {
            true => (0, 1.0 - 2.0 * fraction),
            false => (1, 2.0 * fraction - 1.0),
        };
        let (own, near) = (self.shifts[side][at], self.shifts[near][at]);
        [own[0] - distance * near[0], own[1] - distance * near[1]]
    }

    /// Position (row, column) in a slice (`side` 0: the first, 1: the second) of a pixel of the
    /// plane at `fraction`.
    pub fn position(&self, at: [usize; 2], side: usize, fraction: f64) -> [f64; 2] {
        let [down, right] = self.shift(at.into(), side, fraction);
        [at[0] as f64 + down, at[1] as f64 + right]
    }

    /// Pixels of both slices that the flow takes to the same pixel of the midpoint plane.
    pub fn matches(&self) -> impl Iterator<Item = Match> {
        let (rows, columns) = self.shifts[0].dim();
        self.shifts[0].indexed_iter().map(move |((row, column), first)| {
            let second = &self.shifts[1][(row, column)];
            [first, second].map(|shift| {
                let nearest = |at: usize, shift: f64, count: usize| {
                    (at as f64 + shift).round().clamp(0.0, count as f64 - 1.0) as usize
                };
                [nearest(row, shift[0], rows), nearest(column, shift[1], columns)]
            })
        })
    }
}

/// Mean over a square of `2 radius + 1` pixels around each pixel, clipped at the plane.
fn local_mean(plane: ArrayView2<f32>, radius: usize) -> Array2<f64> {
    let mut mean = plane.mapv(f64::from);
    for axis in [Axis(0), Axis(1)] {
        for mut line in mean.lanes_mut(axis) {
            let values = line.to_vec();
            for (at, value) in line.iter_mut().enumerate() {
                let near = &values[at.saturating_sub(radius)..(at + radius + 1).min(values.len())];
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
    fn flow_is_scaled_by_the_difference_of_the_slices() {
        for (square, trust) in [(0.0, 0.0), ((HALF_TRUST * HALF_TRUST) as f32, 0.5), (1e6, 1.0)] {
            let mut fields = Array3::<f32>::zeros((4, 9, 9));
            fields.index_axis_mut(Axis(0), 1).fill(1.5);
            let flow = Flow::new(fields.view(), Array2::from_elem((9, 9), square).view());
            let [row, column] = flow.position([4, 5], 0, 0.5);
            assert!((row - (4.0 + 1.5 * trust)).abs() < 1e-5 && column == 5.0, "{row} {column}");
            assert_eq!(flow.position([4, 5], 1, 0.5), [4.0, 5.0]);
        }
    }

    /// In the midpoint plane the tissue is 2 rows below its position in the first slice and 3
    /// columns left of that in the second: a point of it is followed through other planes.
    #[test]
    fn tissue_moves_along_straight_lines() {
        let mut fields = Array3::<f32>::zeros((4, 9, 9));
        fields.index_axis_mut(Axis(0), 1).fill(-2.0);
        fields.index_axis_mut(Axis(0), 2).fill(3.0);
        let flow = Flow::new(fields.view(), Array2::from_elem((9, 9), 1e12).view());
        for fraction in [0.1, 0.25, 0.5, 0.6, 0.9] {
            // From the first slice, at 0.
            let (early, late) =
                (f64::min(2.0 * fraction, 1.0), f64::max(2.0 * fraction - 1.0, 0.0));
            let position = [2.0 * early, 3.0 * late];
            for (side, slice) in [(0, [0.0, 0.0]), (1, [2.0, 3.0])] {
                let shift = flow.shift((4, 4), side, fraction);
                for axis in 0..2 {
                    assert!(
                        (position[axis] + shift[axis] - slice[axis]).abs() < 1e-6,
                        "{fraction}"
                    );
                }
            }
        }
    }

    #[test]
    fn local_mean_is_clipped_at_the_plane() {
        let plane =
            Array2::from_shape_fn((7, 9), |(row, column)| (row * 3 + column * column) as f32);
        let mean = local_mean(plane.view(), 2);
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
