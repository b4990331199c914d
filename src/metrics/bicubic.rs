//! Bicubic scaling of planes (Keys, a = -0.5), with antialiasing where they become smaller: the
//! rule of MATLAB's `imresize`.

use ndarray::{Array2, ArrayView2};

/// Scales a plane to `size` (rows, columns); `scales` are the factors along rows and columns, which
/// decide where output pixels lie. Pixels outside are mirrored, edges included.
pub(super) fn scaled(
    plane: ArrayView2<f64>,
    size: (usize, usize),
    scales: (f64, f64),
) -> Array2<f64> {
    let down = along_rows(plane, size.0, scales.0);
    along_rows(down.t(), size.1, scales.1).reversed_axes()
}

/// Scales the first axis.
fn along_rows(plane: ArrayView2<f64>, length: usize, scale: f64) -> Array2<f64> {
    let plane = plane.as_standard_layout();
    let mut scaled = Array2::zeros((length, plane.ncols()));
    for (position, mut row) in scaled.rows_mut().into_iter().enumerate() {
        for (index, weight) in weights(plane.nrows(), position, scale) {
            row.scaled_add(weight, &plane.row(index));
        }
    }
    scaled
}

/// Input pixels of an output pixel, with their weights; the sum of the weights is 1.
fn weights(length: usize, position: usize, scale: f64) -> Vec<(usize, f64)> {
    // Smaller planes are smoothed by a kernel that is as much wider.
    let width = 1.0 / scale.min(1.0);
    let centre = (position as f64 + 0.5) / scale - 0.5;
    let first = (centre - 2.0 * width).floor() as i64;
    let last = (centre + 2.0 * width).ceil() as i64;
    let at = |index: i64| kernel((centre - index as f64) / width);
    let sum: f64 = (first..=last).map(at).sum();
    (first..=last)
        .filter(|&index| at(index) != 0.0)
        .map(|index| (mirrored(index, length), at(index) / sum))
        .collect()
}

/// Index within `0..length`, mirrored at the ends as often as it takes.
fn mirrored(index: i64, length: usize) -> usize {
    let wrapped = index.rem_euclid(2 * length as i64) as usize;
    wrapped.min(2 * length - 1 - wrapped)
}

fn kernel(distance: f64) -> f64 {
    let x = distance.abs();
    if x <= 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}
