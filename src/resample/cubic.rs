//! Cubic spline interpolation along the slice axis, at even or uneven slice positions.
//!
//! The spline has zero first derivative at both ends, which for even positions is the cubic
//! B-spline interpolation with mirrored boundaries of ITK and SciPy.

use ndarray::Array2;

use crate::error::Result;
use crate::resample::pass::Pass;
use crate::volume::{Axis, Voxel};

/// Interpolates row by row: a spline needs all slices, but each row on its own.
pub(super) fn interpolate<T: Voxel>(pass: &mut Pass<T>) -> Result<()> {
    let axis = pass.plan.axis();
    let spline = Spline::new(pass.plan.known_positions());
    let bounds = pass.bounds;
    let pairs = pass.plan.pairs();
    let across = ndarray::Axis(axis.others()[1].array_axis());
    let rows = pass.input.len_of(across);
    let (total, mut done) = (pass.plan.interpolated_count(), 0);
    for row in 0..rows {
        // [slices, columns]: of the two remaining axes, i is the last.
        let mut known = pass.input.index_axis(across, row);
        if axis == Axis::I {
            known.swap_axes(0, 1);
        }
        let values = known.map(|value| value.to_f64());
        let second = spline.second_derivatives(&values);
        if let Some(output) = &mut pass.output {
            let mut output = output.index_axis_mut(across, row);
            if axis == Axis::I {
                output.swap_axes(0, 1);
            }
            for (first, members) in &pairs {
                for &(index, fraction) in members {
                    for column in 0..values.ncols() {
                        let value = spline.value(&values, &second, *first, fraction, column);
                        output[(index, column)] = bounds.voxel(value);
                    }
                }
            }
        }
        let now = total * (row + 1) / rows;
        pass.counter.advance(now - done)?;
        done = now;
    }
    Ok(())
}

/// Spline coefficients that depend on the positions alone.
struct Spline {
    spacings: Vec<f64>,
    /// Elimination factors and pivots of the tridiagonal system of the second derivatives.
    factors: Vec<f64>,
    pivots: Vec<f64>,
}

impl Spline {
    /// Prepares the spline through points at two or more increasing positions.
    fn new(positions: &[f64]) -> Spline {
        let spacings: Vec<f64> = positions.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let count = positions.len();
        let mut pivots = vec![0.0; count];
        let mut factors = vec![0.0; count];
        for row in 0..count {
            let before = if row > 0 { spacings[row - 1] } else { 0.0 };
            let after = if row + 1 < count { spacings[row] } else { 0.0 };
            let diagonal = 2.0 * (before + after);
            if row == 0 {
                pivots[row] = diagonal;
            } else {
                factors[row] = before / pivots[row - 1];
                pivots[row] = diagonal - factors[row] * before;
            }
        }
        Spline { spacings, factors, pivots }
    }

    /// Second derivatives at the points, for values `[points, columns]`.
    fn second_derivatives(&self, values: &Array2<f64>) -> Array2<f64> {
        let (count, columns) = values.dim();
        let mut solution = Array2::zeros((count, columns));
        for column in 0..columns {
            let slope =
                |at: usize| (values[(at + 1, column)] - values[(at, column)]) / self.spacings[at];
            for row in 0..count {
                let before = if row > 0 { slope(row - 1) } else { 0.0 };
                let after = if row + 1 < count { slope(row) } else { 0.0 };
                let above = if row > 0 { solution[(row - 1, column)] } else { 0.0 };
                solution[(row, column)] = 6.0 * (after - before) - self.factors[row] * above;
            }
            for row in (0..count).rev() {
                let below = if row + 1 < count {
                    self.spacings[row] * solution[(row + 1, column)]
                } else {
                    0.0
                };
                solution[(row, column)] = (solution[(row, column)] - below) / self.pivots[row];
            }
        }
        solution
    }

    /// Value of a column at `fraction` from point `first` (0) to the next one (1).
    fn value(
        &self,
        values: &Array2<f64>,
        second: &Array2<f64>,
        first: usize,
        fraction: f64,
        column: usize,
    ) -> f64 {
        let (a, b, spacing) = (1.0 - fraction, fraction, self.spacings[first]);
        let bend = |weight: f64| (weight * weight * weight - weight) * spacing * spacing / 6.0;
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
    fn cubic_polynomial_with_flat_ends_is_reproduced() {
        // f(x) = x^2 (3 - 2 x / 3 * ...) with f'(0) = f'(3) = 0: f(x) = 3 x^2 / 2 - x^3 / 3.
        let f = |x: f64| 1.5 * x * x - x * x * x / 3.0;
        let positions = [0.0, 0.5, 1.7, 3.0];
        let spline = Spline::new(&positions);
        let values = Array2::from_shape_fn((4, 2), |(row, _)| f(positions[row]));
        let second = spline.second_derivatives(&values);
        for (first, fraction) in [(0, 0.3), (1, 0.5), (2, 0.9)] {
            let x = positions[first] + fraction * (positions[first + 1] - positions[first]);
            let value = spline.value(&values, &second, first, fraction, 1);
            assert!((value - f(x)).abs() < 1e-12, "{value} {}", f(x));
        }
    }
}
