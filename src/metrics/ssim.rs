//! Structural similarity (Wang et al., IEEE Transactions on Image Processing 13, 600, 2004).

use ndarray::{Array2, ArrayView2, Axis, Zip, s};

use super::PEAK;
use crate::error::{Error, Result};

/// The Gaussian window is 11 x 11 with sigma 1.5.
const RADIUS: usize = 5;
const SIDE: usize = 2 * RADIUS + 1;
const SIGMA: f64 = 1.5;
/// (K1 L)^2 and (K2 L)^2 with K1 = 0.01, K2 = 0.03.
const C1: f64 = (0.01 * PEAK) * (0.01 * PEAK);
const C2: f64 = (0.03 * PEAK) * (0.03 * PEAK);

/// The mean SSIM of two planes of grey levels of the same shape, over the pixels whose whole window
/// lies in the plane: what scikit-image's `structural_similarity` returns with Gaussian weights and
/// population covariance. It too leaves out the border, so that how it pads makes no difference.
///
/// # Errors
/// [`Error::Argument`] where a side is shorter than the window.
pub(super) fn ssim(x: ArrayView2<f64>, y: ArrayView2<f64>) -> Result<f64> {
    let (rows, columns) = x.dim();
    if rows < SIDE || columns < SIDE {
        return Err(Error::Argument(format!(
            "a slice of {rows} x {columns} pixels is too small for SSIM, which needs {SIDE} x {SIDE}"
        )));
    }
    let (mean_x, mean_y) = (weighted_mean(&x), weighted_mean(&y));
    let mean_xx = weighted_mean(&(&x * &x).view());
    let mean_yy = weighted_mean(&(&y * &y).view());
    let mean_xy = weighted_mean(&(&x * &y).view());
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

/// The Gaussian mean around every pixel whose window lies in the plane: `RADIUS` fewer on each side.
fn weighted_mean(plane: &ArrayView2<f64>) -> Array2<f64> {
    weighted_along(&weighted_along(plane, Axis(0)).view(), Axis(1))
}

fn weighted_along(plane: &ArrayView2<f64>, axis: Axis) -> Array2<f64> {
    let weights = gaussian();
    let length = plane.len_of(axis) - 2 * RADIUS;
    let shifted = |by: usize| match axis {
        Axis(0) => plane.slice(s![by..by + length, ..]),
        _ => plane.slice(s![.., by..by + length]),
    };
    let mut mean = &shifted(RADIUS) * weights[RADIUS];
    for step in 1..=RADIUS {
        let weight = weights[RADIUS + step];
        let (before, after) = (shifted(RADIUS - step), shifted(RADIUS + step));
        Zip::from(&mut mean).and(before).and(after).for_each(|m, a, b| *m += weight * (a + b));
    }
    mean
}

/// The window along one axis; its weights add up to 1.
fn gaussian() -> [f64; SIDE] {
    let weight = |index: usize| {
        let distance = index as f64 - RADIUS as f64;
        (-0.5 * distance * distance / (SIGMA * SIGMA)).exp()
    };
    let weights: [f64; SIDE] = std::array::from_fn(weight);
    let sum: f64 = weights.iter().sum();
    weights.map(|weight| weight / sum)
}
