//! Cubic spline interpolation along the slice axis, at even or uneven slice positions.
//!
//! The spline has zero first derivative at both ends, which for even positions is the cubic
//! B-spline interpolation with mirrored boundaries of ITK and SciPy.

use std::ops::Range;

use ndarray::{Array2, Zip};

use crate::error::Result;
use crate::resample::pass::Pass;
use crate::volume::{Axis, Voxel};

/// Interpolates one range of slices after the other.
pub(super) fn interpolate<T: Voxel>(pass: &mut Pass<T>) -> Result<()> {
    let spline = Spline::new(pass.plan.known_positions());
    let Some(output) = &pass.output else { return Ok(()) };
    for range in output.ranges(pass.plan) {
        interpolate_range(pass, &spline, range)?;
    }
    Ok(())
}

/// Interpolates row by row: a spline needs all known slices, but each row on its own.
fn interpolate_range<T: Voxel>(
    pass: &mut Pass<T>,
    spline: &Spline,
    range: Range<usize>,
) -> Result<()> {
    let pairs = pass.plan.pairs_in(range);
    let Some((first, _)) = pairs.first() else { return Ok(()) };
    let total: usize = pairs.iter().map(|(_, members)| members.len()).sum();
    let (axis, bounds) = (pass.plan.axis(), pass.bounds);
    let across = ndarray::Axis(axis.others()[1].array_axis());
    let rows = pass.input.len_of(across);
    let columns = pass.plan.stack().length(axis.others()[0]);
    let mut values = Array2::zeros((pass.plan.known_positions().len(), columns));
    let mut second = values.clone();
    let mut done = 0;
    for row in 0..rows {
        // [slices, columns]: of the two remaining axes, i is the last.
        let mut known = pass.input.index_axis(across, row);
        if axis == Axis::I {
            known.swap_axes(0, 1);
        }
        Zip::from(&mut values).and(&known).for_each(|value, known| *value = known.to_f64());
        spline.second_derivatives(&values, *first, &mut second);
        if let Some(output) = &mut pass.output {
            for (first, members) in &pairs {
                let [start, end] = [*first, first + 1].map(|at| (values.row(at), second.row(at)));
                for &(index, fraction) in members {
                    let [a, b, bend_a, bend_b] = spline.weights(*first, fraction);
                    let mut plane = output.slice_mut(pass.plan, index);
                    Zip::from(plane.row_mut(row))
                        .and(&start.0)
                        .and(&end.0)
                        .and(&start.1)
                        .and(&end.1)
                        .for_each(|out, &v, &w, &second_v, &second_w| {
                            let value = a * v + b * w + bend_a * second_v + bend_b * second_w;
                            *out = bounds.voxel(value);
                        });
                }
            }
        }
        let now = total * (row + 1) / rows;
        pass.counter.advance(now - done)?;
        done = now;
    }
    if let Some(output) = &mut pass.output {
        let mut members = pairs.iter().flat_map(|(_, members)| members);
        members.try_for_each(|&(index, _)| output.complete(index))?;
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

    /// Second derivatives at the points from `first` on, for values `[points, columns]`.
    fn second_derivatives(&self, values: &Array2<f64>, first: usize, solution: &mut Array2<f64>) {
        let (count, columns) = values.dim();
        // Row by row over all columns, which the compiler makes several at once of.
        let [mut before, mut after, mut last] = [(); 3].map(|()| vec![0.0; columns]);
        for row in 0..count {
            if row + 1 < count {
                let spacing = self.spacings[row];
                Zip::from(&mut after[..])
                    .and(values.row(row + 1))
                    .and(values.row(row))
                    .for_each(|slope, &next, &this| *slope = (next - this) / spacing);
            } else {
                after.fill(0.0);
            }
            let factor = self.factors[row];
            Zip::from(solution.row_mut(row))
                .and(&before[..])
                .and(&after[..])
                .and(&mut last[..])
                .for_each(|solution, before, after, above| {
                    *solution = 6.0 * (after - before) - factor * *above;
                    *above = *solution;
                });
            std::mem::swap(&mut before, &mut after);
        }
        last.fill(0.0);
        for row in (first..count).rev() {
            let spacing = self.spacings.get(row).copied().unwrap_or_default();
            let pivot = self.pivots[row];
            Zip::from(solution.row_mut(row)).and(&mut last[..]).for_each(|solution, below| {
                *solution = (*solution - spacing * *below) / pivot;
                *below = *solution;
            });
        }
    }

    /// Weights of the values at point `first` and at the next one, and of the second derivatives
    /// there, at `fraction` from the one (0) to the other (1).
    fn weights(&self, first: usize, fraction: f64) -> [f64; 4] {
        let (a, b, spacing) = (1.0 - fraction, fraction, self.spacings[first]);
        let bend = |weight: f64| (weight * weight * weight - weight) * spacing * spacing / 6.0;
        [a, b, bend(a), bend(b)]
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
        let mut second = Array2::zeros((4, 2));
        spline.second_derivatives(&values, 0, &mut second);
        for (first, fraction) in [(0, 0.3), (1, 0.5), (2, 0.9)] {
            let x = positions[first] + fraction * (positions[first + 1] - positions[first]);
            let [a, b, bend_a, bend_b] = spline.weights(first, fraction);
            let at = |array: &Array2<f64>| [array[(first, 1)], array[(first + 1, 1)]];
            let ([v, w], [second_v, second_w]) = (at(&values), at(&second));
            let value = a * v + b * w + bend_a * second_v + bend_b * second_w;
            assert!((value - f(x)).abs() < 1e-12, "{value} {}", f(x));
        }
    }
}
