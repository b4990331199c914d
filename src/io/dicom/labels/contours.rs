//! Filling of closed planar contours on the pixels of a slice.

/// Pixels of a slice whose centres are inside of contours. Where contours lie in each other, the
/// inner one is a hole.
pub(super) struct Filling {
    columns: usize,
    rows: usize,
    /// Whether inside and outside change before a pixel, `columns + 1` for each row.
    changes: Vec<bool>,
}

impl Filling {
    pub(super) fn new([columns, rows]: [usize; 2]) -> Filling {
        Filling { columns, rows, changes: vec![false; (columns + 1) * rows] }
    }

    /// Adds a closed polygon of points (column, row), in pixels.
    pub(super) fn add(&mut self, points: &[[f64; 2]]) {
        let next = points.iter().cycle().skip(1);
        for (&[x0, y0], &[x1, y1]) in points.iter().zip(next) {
            let [low, high] = [y0.min(y1), y0.max(y1)];
            // The rows whose centres the edge crosses; the upper end belongs to the next edge.
            let first = low.ceil().clamp(0.0, self.rows as f64) as usize;
            let end = high.ceil().clamp(0.0, self.rows as f64) as usize;
            for row in first..end {
                let x = x0 + (row as f64 - y0) / (y1 - y0) * (x1 - x0);
                let column = x.ceil().clamp(0.0, self.columns as f64) as usize;
                let change = &mut self.changes[row * (self.columns + 1) + column];
                *change = !*change;
            }
        }
    }

    /// Which pixels are inside, row by row.
    pub(super) fn pixels(&self) -> Vec<bool> {
        let mut pixels = Vec::with_capacity(self.columns * self.rows);
        for row in self.changes.chunks(self.columns + 1) {
            let mut inside = false;
            for &change in &row[..self.columns] {
                inside ^= change;
                pixels.push(inside);
            }
        }
        pixels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(polygons: &[&[[f64; 2]]]) -> Vec<String> {
        let mut filling = Filling::new([6, 5]);
        polygons.iter().for_each(|points| filling.add(points));
        let row = |row: &[bool]| row.iter().map(|&inside| if inside { '#' } else { '.' }).collect();
        filling.pixels().chunks(6).map(row).collect()
    }

    #[test]
    fn centres_inside_of_polygons_are_filled() {
        let square = [[0.5, 0.5], [4.5, 0.5], [4.5, 3.5], [0.5, 3.5]];
        assert_eq!(filled(&[&square]), ["......", ".####.", ".####.", ".####.", "......"]);
        let hole = [[1.5, 1.5], [3.5, 1.5], [3.5, 2.5], [1.5, 2.5]];
        assert_eq!(filled(&[&square, &hole]), ["......", ".####.", ".#..#.", ".####.", "......"]);
        let turned: Vec<[f64; 2]> = square.iter().rev().copied().collect();
        assert_eq!(filled(&[&turned]), filled(&[&square]));
        // A hole by a keyhole: one contour that goes in and out along the same line.
        let [a, b, c, d] = square;
        let [e, f, g, h] = hole;
        let keyhole = [a, e, h, g, f, e, a, b, c, d];
        assert_eq!(filled(&[&keyhole]), filled(&[&square, &hole]));
    }

    #[test]
    fn contours_beyond_the_slice_are_cut() {
        let all = [[-1e300, -1e300], [1e300, -1e300], [1e300, 1e300], [-1e300, 1e300]];
        assert_eq!(filled(&[&all]), ["######"; 5]);
        let left = [[-9.0, -9.0], [2.5, -9.0], [2.5, 9.0], [-9.0, 9.0]];
        assert_eq!(filled(&[&left]), ["###..."; 5]);
        assert_eq!(filled(&[&[], &[[1.0, 1.0]], &[[1.0, 1.0], [3.0, 3.0]]]), ["......"; 5]);
    }
}
