//! A cubic spline through unevenly spaced points, many at once.
//!
//! The spline is level at both ends (first derivative zero), which on even points is the cubic
//! B-spline interpolation with mirrored ends that ITK and SciPy do.

use ndarray::Array2;

/// The part of a spline that depends on the places alone.
pub struct Spline {
    gaps: Vec<f64>,
    /// Of the elimination: what is taken of the row above, and the pivots.
    factors: Vec<f64>,
    pivots: Vec<f64>,
}

impl Spline {
    /// For points at these growing places; two or more.
    pub fn new(places: &[f64]) -> Spline {
        let gaps: Vec<f64> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let count = places.len();
        let mut pivots = vec![0.0; count];
        let mut factors = vec![0.0; count];
        for row in 0..count {
            let before = if row > 0 { gaps[row - 1] } else { 0.0 };
            let after = if row + 1 < count { gaps[row] } else { 0.0 };
            let diagonal = 2.0 * (before + after);
            if row == 0 {
                pivots[row] = diagonal;
            } else {
                factors[row] = before / pivots[row - 1];
                pivots[row] = diagonal - factors[row] * before;
            }
        }
        Spline { gaps, factors, pivots }
    }

    /// Second derivatives at the points, for values `[points, columns]`.
    pub fn second_derivatives(&self, values: &Array2<f64>) -> Array2<f64> {
        let (count, columns) = values.dim();
        let mut solution = Array2::zeros((count, columns));
        for column in 0..columns {
            let slope =
                |gap: usize| (values[(gap + 1, column)] - values[(gap, column)]) / self.gaps[gap];
            for row in 0..count {
                let before = if row > 0 { slope(row - 1) } else { 0.0 };
                let after = if row + 1 < count { slope(row) } else { 0.0 };
                let above = if row > 0 { solution[(row - 1, column)] } else { 0.0 };
                solution[(row, column)] = 6.0 * (after - before) - self.factors[row] * above;
            }
            for row in (0..count).rev() {
                let below = if row + 1 < count {
                    self.gaps[row] * solution[(row + 1, column)]
                } else {
                    0.0
                };
                solution[(row, column)] = (solution[(row, column)] - below) / self.pivots[row];
            }
        }
        solution
    }

    /// The value `fraction` of the way from point `first` to the next.
    pub fn value(
        &self,
        values: &Array2<f64>,
        second: &Array2<f64>,
        first: usize,
        fraction: f64,
        column: usize,
    ) -> f64 {
        let (a, b, gap) = (1.0 - fraction, fraction, self.gaps[first]);
        let bend = |weight: f64| (weight * weight * weight - weight) * gap * gap / 6.0;
        a * values[(first, column)]
            + b * values[(first + 1, column)]
            + bend(a) * second[(first, column)]
            + bend(b) * second[(first + 1, column)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cubic_with_level_ends_is_met_exactly() {
        // f(x) = x^2 (3 - 2 x / 3 * ...) with f'(0) = f'(3) = 0: f(x) = 3 x^2 / 2 - x^3 / 3.
        let f = |x: f64| 1.5 * x * x - x * x * x / 3.0;
        let places = [0.0, 0.5, 1.7, 3.0];
        let spline = Spline::new(&places);
        let values = Array2::from_shape_fn((4, 2), |(row, _)| f(places[row]));
        let second = spline.second_derivatives(&values);
        for (first, fraction) in [(0, 0.3), (1, 0.5), (2, 0.9)] {
            let x = places[first] + fraction * (places[first + 1] - places[first]);
            let got = spline.value(&values, &second, first, fraction, 1);
            assert!((got - f(x)).abs() < 1e-12, "{got} {}", f(x));
        }
    }
}
