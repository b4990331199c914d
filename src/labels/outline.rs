//! Outline of a component in one slice, and the depth of pixels in it.

use ndarray::{Array2, s};

use crate::labels::distance;
use crate::labels::roi::Roi;

/// Pixels of a component in one slice, as spans of columns in each row.
#[derive(Default)]
pub struct Outline {
    first_row: usize,
    /// For each row from the first on the number of spans before it; then the number of all.
    before: Vec<usize>,
    /// First column and the one after the last; from left to right.
    spans: Vec<[usize; 2]>,
}

/// Size of the plane of an outline.
#[derive(Clone, Copy, Debug)]
pub struct Plane {
    /// Rows and columns.
    pub size: [usize; 2],
    /// Distance in mm between rows and between columns.
    pub pixel: [f64; 2],
    /// Diagonal in mm, the largest distance.
    pub diagonal: f64,
}

impl Plane {
    /// A plane of rows and columns; `pixel`: distance in mm between rows and between columns.
    pub fn new(size: [usize; 2], pixel: [f64; 2]) -> Plane {
        let [rows, columns] = [0, 1].map(|axis| size[axis] as f64 * pixel[axis]);
        Plane { size, pixel, diagonal: rows.hypot(columns) }
    }
}

impl Outline {
    /// Adds a span of a row; rows in order, and the spans of a row from left to right.
    pub fn push(&mut self, row: usize, columns: [usize; 2]) {
        if self.spans.is_empty() {
            self.first_row = row;
            self.before = vec![0];
        }
        let rows = row - self.first_row + 1;
        self.before.resize(rows, self.spans.len());
        self.spans.push(columns);
        self.before.push(self.spans.len());
    }

    /// Whether there is no pixel.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    fn last_row(&self) -> usize {
        (self.first_row + self.before.len()).saturating_sub(2)
    }

    fn row(&self, row: usize) -> &[[usize; 2]] {
        let index = row.checked_sub(self.first_row).filter(|index| index + 1 < self.before.len());
        index.map_or(&[], |index| &self.spans[self.before[index]..self.before[index + 1]])
    }

    /// Depth of a pixel in mm: the exact distance to the nearest pixel of the plane outside,
    /// positive inside; outside the negative distance to the nearest pixel inside, searched no
    /// farther than `limit`. The diagonal of the plane where all of it is inside.
    ///
    /// Searches row by row, nearest first, until a row is farther away than the nearest pixel so
    /// far: fast near an outline.
    pub fn depth(&self, at: [usize; 2], plane: Plane, limit: f64) -> f64 {
        let own = self.row(at[0]);
        let inside = span_with(own, at[1]).is_some();
        let along = |row: usize| {
            let spans = self.row(row);
            match inside {
                true => to_outside(spans, at[1], plane.size[1]),
                false => to_inside(spans, at[1]),
            }
        };
        let farthest = if inside { plane.diagonal } else { limit };
        let mut nearest = farthest * farthest;
        let farthest_row = at[0].max(plane.size[0] - 1 - at[0]);
        // Seen from outside, rows before the first and after the last have no pixel.
        let empty = match inside {
            true => 0,
            false => {
                self.first_row.saturating_sub(at[0]).max(at[0].saturating_sub(self.last_row()))
            }
        };
        for rows in empty..=farthest_row {
            let down = (rows as f64 * plane.pixel[0]).powi(2);
            if down >= nearest {
                break;
            }
            let below = Some(at[0] + rows).filter(|&row| rows > 0 && row < plane.size[0]);
            for row in at[0].checked_sub(rows).into_iter().chain(below) {
                if let Some(columns) = along(row) {
                    nearest = nearest.min(down + (columns as f64 * plane.pixel[1]).powi(2));
                }
            }
        }
        if inside { nearest.sqrt() } else { -nearest.sqrt() }
    }

    /// [`Outline::depth`] of all pixels within bounds that contain it, and the largest depth.
    pub fn depths(&self, bounds: Roi, plane: Plane) -> (Array2<f64>, f64) {
        // One pixel around the bounds, where the plane has one: the nearest outside.
        let around = bounds.extended(1, 1, plane.size.into());
        let mut mask = Array2::from_elem(around.size(), false);
        let [top, left] = around.corner();
        for index in 0..self.before.len() - 1 {
            for &[first, end] in self.row(self.first_row + index) {
                let row = self.first_row + index - top;
                mask.slice_mut(s![row, first - left..end - left]).fill(true);
            }
        }
        let all = distance::signed(mask.view(), plane.pixel, plane.diagonal);
        let depths = bounds.within(around).of(all.view()).to_owned();
        let deepest = depths.fold(0.0, |deepest, &mm| f64::max(deepest, mm));
        (depths, deepest)
    }
}

/// The span with a column.
fn span_with(spans: &[[usize; 2]], column: usize) -> Option<[usize; 2]> {
    let next = spans.partition_point(|span| span[1] <= column);
    spans.get(next).copied().filter(|span| span[0] <= column)
}

/// Columns from `column` to the nearest one in no span; `None` where the whole row is inside.
fn to_outside(spans: &[[usize; 2]], column: usize, columns: usize) -> Option<usize> {
    let Some([first, end]) = span_with(spans, column) else { return Some(0) };
    let left = (first > 0).then(|| column - first + 1);
    let right = (end < columns).then(|| end - column);
    left.into_iter().chain(right).min()
}

/// Columns from `column` to the nearest one in a span; `None` where there is no span.
fn to_inside(spans: &[[usize; 2]], column: usize) -> Option<usize> {
    let next = spans.partition_point(|span| span[1] <= column);
    let left = next.checked_sub(1).map(|last| column + 1 - spans[last][1]);
    let right = spans.get(next).map(|span| span[0].saturating_sub(column));
    left.into_iter().chain(right).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::runs::Runs;
    use proptest::prelude::*;

    proptest! {
        /// Against the distance map of the whole bounds, which is tested against SciPy.
        #[test]
        fn depth_matches_the_distance_map(
            inside in proptest::collection::vec(prop_oneof![2 => Just(0u8), 3 => Just(1)], 99),
            pixel in [0.2f64..5.0, 0.2f64..5.0],
        ) {
            let slice = Array2::from_shape_vec((9, 11), inside).expect("99 pixels");
            let mut outline = Outline::default();
            for run in Runs::of(slice.view()).all() {
                outline.push(run.row, [run.columns.start, run.columns.end]);
            }
            prop_assume!(!outline.is_empty());
            let plane = Plane::new([9, 11], pixel);
            let mask = slice.mapv(|label| label > 0);
            let expected = distance::signed(mask.view(), pixel, plane.diagonal);
            for ((row, column), expected) in expected.indexed_iter() {
                let depth = outline.depth([row, column], plane, plane.diagonal);
                let error = (depth - expected).abs();
                prop_assert!(error < 1e-9, "{depth} {expected} at {row} {column}");
                let near = outline.depth([row, column], plane, 2.5);
                prop_assert!((near - expected.max(-2.5)).abs() < 1e-9, "{near} {expected}");
            }
            let whole = Roi::of_run(0, 0..11).union(Roi::of_run(8, 0..1));
            let (depths, deepest) = outline.depths(whole, plane);
            prop_assert_eq!(deepest, depths.iter().copied().fold(0.0, f64::max));
            prop_assert_eq!(depths, expected);
        }
    }
}
