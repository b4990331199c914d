//! Weighted sums over the square neighbourhood of each pixel, separable.

use ndarray::{Array2, ArrayView2, Axis, Zip, s};

/// Weighted sum over the neighbourhood of every pixel whose neighbourhood is within the plane; a
/// border of its radius is omitted. `weights`, equal along both axes: that of the centre, then
/// those one, two, ... pixels from it. No side of the plane may be shorter than the neighbourhood.
pub(super) fn weighted_sum(plane: ArrayView2<f64>, weights: &[f64]) -> Array2<f64> {
    along(along(plane, weights, Axis(0)).view(), weights, Axis(1))
}

fn along(plane: ArrayView2<f64>, weights: &[f64], axis: Axis) -> Array2<f64> {
    let radius = weights.len() - 1;
    let length = plane.len_of(axis) - 2 * radius;
    let shifted = |by: usize| match axis {
        Axis(0) => plane.slice(s![by..by + length, ..]),
        _ => plane.slice(s![.., by..by + length]),
    };
    let mut sum = &shifted(radius) * weights[0];
    for (step, &weight) in weights.iter().enumerate().skip(1) {
        let (before, after) = (shifted(radius - step), shifted(radius + step));
        Zip::from(&mut sum).and(before).and(after).for_each(|m, a, b| *m += weight * (a + b));
    }
    sum
}
