//! Structural similarity (Wang et al., IEEE Transactions on Image Processing 13, 600, 2004).

use ndarray::{ArrayView2, Zip};

use crate::error::{Error, Result};
use crate::metrics::PEAK;
use crate::metrics::neighbourhood::weighted_sum;

/// Radius, side and standard deviation of the Gaussian window, pixels.
const RADIUS: usize = 5;
pub(crate) const SIDE: usize = 2 * RADIUS + 1;
const SIGMA: f64 = 1.5;
/// Stabilising constants of the quotients of means and of variances, relative to the peak.
const K1: f64 = 0.01;
pub(crate) const K2: f64 = 0.03;
/// (K1 L)^2 and (K2 L)^2.
const C1: f64 = (K1 * PEAK) * (K1 * PEAK);
pub(crate) const C2: f64 = (K2 * PEAK) * (K2 * PEAK);

/// Mean SSIM of two planes of grey levels of the same shape, over the pixels whose window is within
/// the plane. Equals scikit-image's `structural_similarity` with Gaussian weights and population
/// covariance, which omits the border too.
///
/// # Errors
/// [`Error::Argument`] where a side is shorter than the window.
pub(super) fn ssim(x: ArrayView2<f64>, y: ArrayView2<f64>) -> Result<f64> {
    let (rows, columns) = x.dim();
    if rows < SIDE || columns < SIDE {
        return Err(Error::Argument(format!(
            "a slice of {rows} x {columns} pixels is too small for SSIM; it needs {SIDE} x {SIDE}"
        )));
    }
    let weights = gaussian();
    let mean = |plane: ArrayView2<f64>| weighted_sum(plane, &weights[RADIUS..]);
    let (mean_x, mean_y) = (mean(x), mean(y));
    let mean_xx = mean((&x * &x).view());
    let mean_yy = mean((&y * &y).view());
    let mean_xy = mean((&x * &y).view());
    let mut sum = 0.0;
    Zip::from(&mean_x).and(&mean_y).and(&mean_xx).and(&mean_yy).and(&mean_xy).for_each(
        |mx, my, xx, yy, xy| {
            let (variance_x, variance_y) = (xx - mx * mx, yy - my * my);
            let covariance = xy - mx * my;
            sum += (2.0 * mx * my + C1) * (2.0 * covariance + C2)
                / ((mx * mx + my * my + C1) * (variance_x + variance_y + C2));
        },
    );
    Ok(sum / mean_x.len() as f64)
}

/// Weights of the window along one axis; their sum is 1.
pub(crate) fn gaussian() -> [f64; SIDE] {
    let weight = |index: usize| {
        let distance = index as f64 - RADIUS as f64;
        (-0.5 * distance * distance / (SIGMA * SIGMA)).exp()
    };
    let weights: [f64; SIDE] = std::array::from_fn(weight);
    let sum: f64 = weights.iter().sum();
    weights.map(|weight| weight / sum)
}
