//! The part of a plane that matters: a box around what is drawn, beyond which all is background.

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2, s};

use crate::volume::Voxel;

/// Rows and columns of a plane: the first, and the one after the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roi {
    rows: [usize; 2],
    columns: [usize; 2],
}

impl Roi {
    /// The smallest that holds all that is not background (0) in the slice; `None` where nothing is
    /// drawn.
    pub fn drawn<T: Voxel>(slice: ArrayView2<T>) -> Option<Roi> {
        let drawn = |label: &T| *label != T::default();
        let mut found: Option<Roi> = None;
        for (row, line) in slice.outer_iter().enumerate() {
            let Some(left) = line.iter().position(drawn) else { continue };
            let right = line.iter().rposition(drawn).unwrap_or(left) + 1;
            let own = Roi { rows: [row, row + 1], columns: [left, right] };
            found = Some(found.map_or(own, |all| all.with(own)));
        }
        found
    }

    /// Some columns of one row.
    pub fn of_run(row: usize, columns: Range<usize>) -> Roi {
        Roi { rows: [row, row + 1], columns: [columns.start, columns.end] }
    }

    /// Its first row and column.
    pub fn corner(self) -> [usize; 2] {
        [self.rows[0], self.columns[0]]
    }

    /// Its rows and columns.
    pub fn size(self) -> [usize; 2] {
        [self.rows[1] - self.rows[0], self.columns[1] - self.columns[0]]
    }

    /// Whether a pixel lies in it.
    pub fn holds(self, [row, column]: [usize; 2]) -> bool {
        let within = |at: usize, [first, end]: [usize; 2]| first <= at && at < end;
        within(row, self.rows) && within(column, self.columns)
    }

    /// The same pixels, counted from the corner of a region that holds them.
    pub fn within(self, around: Roi) -> Roi {
        let [top, left] = around.corner();
        let from = |[first, end]: [usize; 2], corner: usize| [first - corner, end - corner];
        Roi { rows: from(self.rows, top), columns: from(self.columns, left) }
    }

    /// The smallest that holds both.
    pub fn with(self, other: Roi) -> Roi {
        let both = |a: [usize; 2], b: [usize; 2]| [a[0].min(b[0]), a[1].max(b[1])];
        Roi { rows: both(self.rows, other.rows), columns: both(self.columns, other.columns) }
    }

    /// Larger by `margin` pixels to each side and then outwards to multiples of `step`, as far as the
    /// plane of `size` goes.
    pub fn grown(self, margin: usize, step: usize, size: (usize, usize)) -> Roi {
        let grown = |[first, end]: [usize; 2], side: usize| {
            let low = first.saturating_sub(margin) / step * step;
            [low, (end + margin).next_multiple_of(step).min(side)]
        };
        Roi { rows: grown(self.rows, size.0), columns: grown(self.columns, size.1) }
    }

    /// This part of a plane.
    pub fn of<T>(self, plane: ArrayView2<'_, T>) -> ArrayView2<'_, T> {
        let Roi { rows, columns } = self;
        plane.slice_move(s![rows[0]..rows[1], columns[0]..columns[1]])
    }

    /// This part of a plane, to be written.
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
        /// Nothing drawn lies beyond it, and each of its sides touches what is drawn.
        #[test]
        fn it_holds_what_is_drawn_and_no_more(
            pixels in proptest::collection::vec(prop_oneof![9 => Just(0u8), 1 => 1u8..4], 63),
        ) {
            let slice = Array2::from_shape_vec((7, 9), pixels).expect("63 pixels");
            let drawn: Vec<(usize, usize)> = slice
                .indexed_iter()
                .filter_map(|(at, &label)| (label != 0).then_some(at))
                .collect();
            let rows = drawn.iter().map(|at| at.0);
            let columns = drawn.iter().map(|at| at.1);
            let expected = rows.clone().min().map(|first| Roi {
                rows: [first, rows.max().unwrap() + 1],
                columns: [columns.clone().min().unwrap(), columns.max().unwrap() + 1],
            });
            prop_assert_eq!(Roi::drawn(slice.view()), expected);
        }
    }

    #[test]
    fn a_part_of_a_region_is_counted_from_its_corner() {
        let run = Roi::of_run(7, 3..5);
        assert_eq!((run.corner(), run.size()), ([7, 3], [1, 2]));
        assert_eq!(
            [[7, 3], [7, 4], [7, 5], [6, 3], [7, 2]].map(|at| run.holds(at)),
            [true, true, false, false, false]
        );
        let around = run.grown(2, 1, (70, 45));
        assert_eq!(run.within(around), Roi::of_run(2, 2..4));
    }

    #[test]
    fn it_grows_to_multiples_within_the_plane() {
        let region = Roi { rows: [20, 25], columns: [3, 40] };
        let grown = region.grown(10, 16, (70, 45));
        assert_eq!(grown, Roi { rows: [0, 48], columns: [0, 45] });
        assert_eq!(region.grown(1, 1, (70, 45)), Roi { rows: [19, 26], columns: [2, 41] });
        let plane = Array2::from_shape_fn((70, 45), |at| at);
        assert_eq!(region.of(plane.view())[(0, 0)], (20, 3));
        assert_eq!(region.of(plane.view()).dim(), (5, 37));
    }
}
