//! Runs of a slice: neighbouring pixels of a row with the same label.

use std::ops::Range;

use ndarray::ArrayView2;

use crate::volume::Voxel;

/// Neighbouring pixels of one row with one label that is not the background (0).
#[derive(Clone, Debug, PartialEq)]
pub struct Run<T> {
    /// The label.
    pub label: T,
    /// The row.
    pub row: usize,
    /// The columns.
    pub columns: Range<usize>,
}

/// All runs of a slice, row by row and from left to right.
pub struct Runs<T> {
    all: Vec<Run<T>>,
    /// For each row the number of runs before it; then the number of all.
    before: Vec<usize>,
}

impl<T: Voxel> Runs<T> {
    /// Finds the runs of a slice.
    pub fn of(slice: ArrayView2<T>) -> Runs<T> {
        let mut all: Vec<Run<T>> = Vec::new();
        let mut before = vec![0];
        for (row, line) in slice.outer_iter().enumerate() {
            let mut last = T::default();
            for (column, &label) in line.iter().enumerate() {
                if label == T::default() {
                    last = label;
                    continue;
                }
                match all.last_mut() {
                    Some(run) if label == last => run.columns.end = column + 1,
                    _ => all.push(Run { label, row, columns: column..column + 1 }),
                }
                last = label;
            }
            before.push(all.len());
        }
        Runs { all, before }
    }
}

impl<T> Runs<T> {
    /// All runs.
    pub fn all(&self) -> &[Run<T>] {
        &self.all
    }

    /// Indices in [`Runs::all`] of the runs of a row.
    pub fn row(&self, row: usize) -> Range<usize> {
        self.before[row]..self.before[row + 1]
    }

    /// Number of rows of the slice.
    pub fn rows(&self) -> usize {
        self.before.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn run_ends_with_its_label_and_row() {
        let slice = array![[1u8, 1, 0, 1, 2], [2, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 3, 3, 3, 3]];
        let runs = Runs::of(slice.view());
        let run = |label, row, columns| Run { label, row, columns };
        let expected =
            [run(1, 0, 0..2), run(1, 0, 3..4), run(2, 0, 4..5), run(2, 1, 0..1), run(3, 3, 1..5)];
        assert_eq!(runs.all(), expected);
        assert_eq!([0, 1, 2, 3].map(|row| runs.row(row)), [0..3, 3..4, 4..4, 4..5]);
        assert_eq!(runs.rows(), 4);
    }
}
