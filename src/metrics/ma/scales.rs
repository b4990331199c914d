//! Three scales of an image, each half as large as the one before.

use ndarray::{Array2, s};

use crate::metrics::neighbourhood::weighted_sum;

/// Standard deviation of the 3 x 3 Gaussian, pixels.
const SIGMA: f64 = 0.5;

/// The image, half of it and a quarter of it in each direction.
pub(super) fn three(image: Array2<f64>) -> [Array2<f64>; 3] {
    let half = halved(&image);
    let quarter = halved(&half);
    [image, half, quarter]
}

/// Smooths, taking pixels outside as 0, and keeps every second pixel from the second on.
fn halved(image: &Array2<f64>) -> Array2<f64> {
    let (rows, columns) = image.dim();
    let mut padded = Array2::zeros((rows + 2, columns + 2));
    padded.slice_mut(s![1..=rows, 1..=columns]).assign(image);
    let beside = (-0.5 / (SIGMA * SIGMA)).exp();
    let sum = 1.0 + 2.0 * beside;
    let smooth = weighted_sum(padded.view(), &[1.0 / sum, beside / sum]);
    smooth.slice(s![1..;2, 1..;2]).to_owned()
}
