//! Signed distances of the pixels of a slice from an outline, computed on demand.

use std::cell::Cell;

use crate::labels::outline::{Outline, Plane};
use crate::labels::roi::Roi;

/// Depths of the pixels within bounds of an outline. They are cached, since all planes between two
/// slices need the same pixels.
pub struct DistanceCache {
    outline: Outline,
    bounds: Roi,
    plane: Plane,
    /// Depths in mm, row by row; 0, which no pixel has, where it is not computed yet.
    known: Vec<Cell<f64>>,
}

impl DistanceCache {
    /// Prepares the depths of an outline within bounds that contain it.
    pub fn new(outline: Outline, bounds: Roi, plane: Plane) -> DistanceCache {
        let [rows, columns] = bounds.size();
        DistanceCache { outline, bounds, plane, known: vec![Cell::new(0.0); rows * columns] }
    }

    /// Depth of a pixel within the bounds, in mm, positive inside; `-limit` where it is outside and
    /// farther away than that.
    pub fn at(&self, at: [usize; 2], limit: f64) -> f64 {
        let [top, left] = self.bounds.corner();
        let known = &self.known[(at[0] - top) * self.bounds.size()[1] + at[1] - left];
        if known.get() == 0.0 {
            let limit = limit.min(self.plane.diagonal);
            let depth = self.outline.depth(at, self.plane, limit);
            if depth <= -limit {
                return -limit;
            }
            known.set(depth);
        }
        known.get()
    }

    /// Depth at a position (row, column) between pixels: bilinear within the bounds, and reduced by
    /// the distance from them outside. At most `-limit` where it is outside and farther away than
    /// that.
    pub fn between(&self, position: [f64; 2], limit: f64) -> f64 {
        let (corner, size) = (self.bounds.corner(), self.bounds.size());
        let last = [0, 1].map(|axis| corner[axis] + size[axis] - 1);
        let near = [0, 1].map(|axis| position[axis].clamp(corner[axis] as f64, last[axis] as f64));
        let [down, right] =
            [0, 1].map(|axis| (position[axis] - near[axis]) * self.plane.pixel[axis]);
        let [above, left] = near.map(|at| at as usize);
        let [below, beside] = [(above + 1).min(last[0]), (left + 1).min(last[1])];
        let [lower, righter] = [near[0] - above as f64, near[1] - left as f64];
        // Depths of neighbouring pixels differ by at most their distance: where the search for one
        // ends at its limit, all four are farther away than `limit`.
        let limit = limit + self.plane.pixel[0].hypot(self.plane.pixel[1]);
        let depth = |row, column| self.at([row, column], limit);
        let upper = depth(above, left) * (1.0 - righter) + depth(above, beside) * righter;
        let under = depth(below, left) * (1.0 - righter) + depth(below, beside) * righter;
        upper * (1.0 - lower) + under * lower - down.hypot(right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The depth of a half-plane is a ramp, with the same slope between pixels and outside the
    /// bounds.
    #[test]
    fn depths_between_pixels_are_interpolated() {
        let mut outline = Outline::default();
        (0..4).for_each(|row| outline.push(row, [0, 8]));
        let plane = Plane::new([9, 8], [1.0, 3.0]);
        let bounds = Roi::of_run(0, 0..8).union(Roi::of_run(6, 0..8));
        let depths = DistanceCache::new(outline, bounds, plane);
        assert_eq!((depths.at([6, 1], 2.0), depths.at([6, 1], 5.0)), (-2.0, -3.0));
        let depth = |position| depths.between(position, plane.diagonal);
        for (position, expected) in [
            ([0.0, 2.0], 4.0),
            ([1.25, 2.5], 2.75),
            // From 1 inside to -1 outside.
            ([3.5, 6.9], 0.0),
            ([5.75, 0.0], -2.75),
            // The bounds end at row 6 and column 7.
            ([7.5, 3.0], -4.5),
            ([9.0, 8.0], -3.0 - 3f64.hypot(3.0)),
        ] {
            let depth = depth(position);
            assert!((depth - expected).abs() < 1e-12, "{depth} at {position:?}, not {expected}");
        }
    }
}
