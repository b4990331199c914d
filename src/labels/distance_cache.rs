//! How deep in a body the pixels of a slice lie, found when they are asked for.

use std::cell::Cell;

use crate::labels::outline::{Outline, Plane};
use crate::labels::roi::Roi;

/// The depths of an outline's pixels within a box. What was found once is kept: the planes between two
/// slices ask for the same pixels.
pub struct DistanceCache {
    outline: Outline,
    bounds: Roi,
    plane: Plane,
    /// mm, row by row; 0, which no pixel has, where it was not asked for.
    known: Vec<Cell<f64>>,
}

impl DistanceCache {
    /// Those of an outline within a box of the plane that holds it.
    pub fn new(outline: Outline, bounds: Roi, plane: Plane) -> DistanceCache {
        let [rows, columns] = bounds.size();
        DistanceCache { outline, bounds, plane, known: vec![Cell::new(0.0); rows * columns] }
    }

    /// How far inside (positive) or outside (negative) a pixel within the box lies, mm; `-most` where it
    /// is outside and farther away than that.
    pub fn at(&self, at: [usize; 2], most: f64) -> f64 {
        let [top, left] = self.bounds.corner();
        let known = &self.known[(at[0] - top) * self.bounds.size()[1] + at[1] - left];
        if known.get() == 0.0 {
            let most = most.min(self.plane.diagonal);
            let depth = self.outline.depth(at, self.plane, most);
            if depth <= -most {
                return -most;
            }
            known.set(depth);
        }
        known.get()
    }

    /// The depth at a place (row, column) between pixels, bilinear within the box; what lies beyond it is
    /// as much less deep as it is away. No more than `-most` where it is outside and farther away than that.
    pub fn between(&self, place: [f64; 2], most: f64) -> f64 {
        let (corner, size) = (self.bounds.corner(), self.bounds.size());
        let last = [0, 1].map(|axis| corner[axis] + size[axis] - 1);
        let near = [0, 1].map(|axis| place[axis].clamp(corner[axis] as f64, last[axis] as f64));
        let [down, right] = [0, 1].map(|axis| (place[axis] - near[axis]) * self.plane.pixel[axis]);
        let [above, left] = near.map(|at| at as usize);
        let [below, beside] = [(above + 1).min(last[0]), (left + 1).min(last[1])];
        let [lower, righter] = [near[0] - above as f64, near[1] - left as f64];
        // Pixels side by side differ by no more than what lies between them: where one is not looked
        // for any farther, all four are farther away than `most`.
        let most = most + self.plane.pixel[0].hypot(self.plane.pixel[1]);
        let depth = |row, column| self.at([row, column], most);
        let upper = depth(above, left) * (1.0 - righter) + depth(above, beside) * righter;
        let under = depth(below, left) * (1.0 - righter) + depth(below, beside) * righter;
        upper * (1.0 - lower) + under * lower - down.hypot(right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A half-plane's depth is a ramp, which keeps its slope between pixels and beyond the box.
    #[test]
    fn depths_between_pixels_lie_between() {
        let mut outline = Outline::default();
        (0..4).for_each(|row| outline.push(row, [0, 8]));
        let plane = Plane::new([9, 8], [1.0, 3.0]);
        let bounds = Roi::of_run(0, 0..8).with(Roi::of_run(6, 0..8));
        let depths = DistanceCache::new(outline, bounds, plane);
        assert_eq!((depths.at([6, 1], 2.0), depths.at([6, 1], 5.0)), (-2.0, -3.0));
        let depth = |place| depths.between(place, plane.diagonal);
        for (place, expected) in [
            ([0.0, 2.0], 4.0),
            ([1.25, 2.5], 2.75),
            // From 1 inside to -1 outside.
            ([3.5, 6.9], 0.0),
            ([5.75, 0.0], -2.75),
            // The box ends at row 6 and column 7.
            ([7.5, 3.0], -4.5),
            ([9.0, 8.0], -3.0 - 3f64.hypot(3.0)),
        ] {
            let depth = depth(place);
            assert!((depth - expected).abs() < 1e-12, "{depth} at {place:?}, not {expected}");
        }
    }
}
