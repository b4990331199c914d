//! Rectangular region of a plane around the labels, outside of which all is background.

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2, s};

use crate::volume::Voxel;

/// Region of interest: rows and columns from the first to the one after the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roi {
    rows: [usize; 2],
    columns: [usize; 2],
}

impl Roi {
    /// Bounds of all labels but the background (0) of a slice; `None` for background alone.
    pub fn of_labels<T: Voxel>(slice: ArrayView2<T>) -> Option<Roi> {
        let is_label = |label: &T| *label != T::default();
        let mut found: Option<Roi> = None;
        for (row, line) in slice.outer_iter().enumerate() {
            let Some(left) = line.iter().position(is_label) else { continue };
            let right = line.iter().rposition(is_label).unwrap_or(left) + 1;
            let own = Roi { rows: [row, row + 1], columns: [left, right] };
            found = Some(found.map_or(own, |all| all.union(own)));
        }
        found
    }

    /// Bounds of some columns of one row.
    pub fn of_run(row: usize, columns: Range<usize>) -> Roi {
        Roi { rows: [row, row + 1], columns: [columns.start, columns.end] }
    }

    /// First row and column.
    pub fn corner(self) -> [usize; 2] {
        [self.rows[0], self.columns[0]]
    }

    /// Number of rows and columns.
    pub fn size(self) -> [usize; 2] {
        [self.rows[1] - self.rows[0], self.columns[1] - self.columns[0]]
    }

    /// Whether a pixel (row, column) is inside.
    pub fn contains(self, [row, column]: [usize; 2]) -> bool {
        let within = |at: usize, [first, end]: [usize; 2]| first <= at && at < end;
        within(row, self.rows) && within(column, self.columns)
    }

    /// The region in coordinates of a larger one, counted from its corner.
    pub fn within(self, around: Roi) -> Roi {
        let [top, left] = around.corner();
        let from = |[first, end]: [usize; 2], corner: usize| [first - corner, end - corner];
        Roi { rows: from(self.rows, top), columns: from(self.columns, left) }
    }

    /// Bounds of both regions.
    pub fn union(self, other: Roi) -> Roi {
        let both = |a: [usize; 2], b: [usize; 2]| [a[0].min(b[0]), a[1].max(b[1])];
        Roi { rows: both(self.rows, other.rows), columns: both(self.columns, other.columns) }
    }

    /// Extends the region by `margin` pixels to each side, then outwards to multiples of `step`,
    /// within a plane of `size`.
    pub fn extended(self, margin: usize, step: usize, size: (usize, usize)) -> Roi {
        let extended = |[first, end]: [usize; 2], side: usize| {
            let low = first.saturating_sub(margin) / step * step;
            [low, (end + margin).next_multiple_of(step).min(side)]
        };
        Roi { rows: extended(self.rows, size.0), columns: extended(self.columns, size.1) }
    }

    /// Bounds of two regions, extended as by [`Roi::extended`]; `None` where there is neither.
    pub fn around(
        regions: [Option<Roi>; 2],
        margin: usize,
        step: usize,
        size: (usize, usize),
    ) -> Option<Roi> {
        let both = regions.into_iter().flatten().reduce(Roi::union)?;
        Some(both.extended(margin, step, size))
    }

    /// This region of a plane.
    pub fn of<T>(self, plane: ArrayView2<'_, T>) -> ArrayView2<'_, T> {
        let Roi { rows, columns } = self;
        plane.slice_move(s![rows[0]..rows[1], columns[0]..columns[1]])
    }

    /// This region of a plane, to write.
    pub fn of_mut<T>(self, plane: ArrayViewMut2<'_, T>) -> ArrayViewMut2<'_, T> {
        let Roi { rows, columns } = self;
        plane.slice_move(s![rows[0]..rows[1], columns[0]..columns[1]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use proptest::prelude::*;

    proptest! {
        /// No label is outside, and each side touches one.
        #[test]
        fn bounds_of_labels_are_the_smallest(
            pixels in proptest::collection::vec(prop_oneof![9 => Just(0u8), 1 => 1u8..4], 63),
        ) {
            let slice = Array2::from_shape_vec((7, 9), pixels).expect("63 pixels");
            let labels: Vec<(usize, usize)> = slice
                .indexed_iter()
                .filter_map(|(at, &label)| (label != 0).then_some(at))
                .collect();
            let rows = labels.iter().map(|at| at.0);
            let columns = labels.iter().map(|at| at.1);
            let expected = rows.clone().min().map(|first| Roi {
                rows: [first, rows.max().unwrap() + 1],
                columns: [columns.clone().min().unwrap(), columns.max().unwrap() + 1],
            });
            prop_assert_eq!(Roi::of_labels(slice.view()), expected);
        }
    }

    #[test]
    fn coordinates_within_a_region_start_at_its_corner() {
        let run = Roi::of_run(7, 3..5);
        assert_eq!((run.corner(), run.size()), ([7, 3], [1, 2]));
        assert_eq!(
            [[7, 3], [7, 4], [7, 5], [6, 3], [7, 2]].map(|at| run.contains(at)),
            [true, true, false, false, false]
        );
        let around = run.extended(2, 1, (70, 45));
        assert_eq!(run.within(around), Roi::of_run(2, 2..4));
    }

    #[test]
    fn extension_ends_at_multiples_and_at_the_plane() {
        let region = Roi { rows: [20, 25], columns: [3, 40] };
        let extended = region.extended(10, 16, (70, 45));
        assert_eq!(extended, Roi { rows: [0, 48], columns: [0, 45] });
        assert_eq!(region.extended(1, 1, (70, 45)), Roi { rows: [19, 26], columns: [2, 41] });
        let plane = Array2::from_shape_fn((70, 45), |at| at);
        assert_eq!(region.of(plane.view())[(0, 0)], (20, 3));
        assert_eq!(region.of(plane.view()).dim(), (5, 37));
    }
}
