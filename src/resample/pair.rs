//! The paper's operation: slices between two known ones.

use ndarray::{Array3, ArrayView2, Zip};

use crate::error::{Error, Result};
use crate::network::{Neighbours, SliceNetwork};
use crate::resample::Interpolator;
use crate::volume::Window;

/// Interpolates slices `[alphas, rows, columns]` between two of `[rows, columns]`, all in HU.
///
/// Alpha is the interpolation coefficient of the paper: 1 is `first`, 0 is `second`; both come back
/// bit for bit. A cubic spline through two slices is their linear interpolation.
///
/// # Errors
/// [`Error::Argument`] for slices of different size, an alpha outside 0 to 1 and a non-finite
/// pixel; [`Error::Torch`].
pub fn between_slices(
    first: ArrayView2<f32>,
    second: ArrayView2<f32>,
    alphas: &[f64],
    interpolator: &Interpolator,
) -> Result<Array3<f32>> {
    check(first, second, alphas)?;
    match interpolator.network() {
        None => Ok(linear(first, second, alphas)),
        Some(network) => learned(first, second, alphas, network),
    }
}

fn check(first: ArrayView2<f32>, second: ArrayView2<f32>, alphas: &[f64]) -> Result<()> {
    if first.dim() != second.dim() {
        let (a, b) = (first.dim(), second.dim());
        return Err(Error::Argument(format!(
            "slices of {a:?} and {b:?} pixels (rows, columns); use two of one size"
        )));
    }
    if let Some(alpha) = alphas.iter().find(|alpha| !(0.0..=1.0).contains(*alpha)) {
        return Err(Error::Argument(format!("an alpha of {alpha}; use 0 to 1")));
    }
    for (name, plane) in [("first", first), ("second", second)] {
        if let Some((at, hu)) = plane.indexed_iter().find(|(_, hu)| !hu.is_finite()) {
            return Err(Error::Argument(format!(
                "non-finite pixel {hu} at {at:?} (row, column) of the {name} slice; replace it"
            )));
        }
    }
    Ok(())
}

fn linear(first: ArrayView2<f32>, second: ArrayView2<f32>, alphas: &[f64]) -> Array3<f32> {
    let mut slices = Array3::zeros((alphas.len(), first.nrows(), first.ncols()));
    for (&alpha, mut plane) in alphas.iter().zip(slices.outer_iter_mut()) {
        Zip::from(&mut plane).and(&first).and(&second).for_each(|out, &a, &b| {
            *out = match alpha {
                1.0 => a,
                _ => (f64::from(b) + alpha * (f64::from(a) - f64::from(b))) as f32,
            };
        });
    }
    slices
}

fn learned(
    first: ArrayView2<f32>,
    second: ArrayView2<f32>,
    alphas: &[f64],
    network: &dyn SliceNetwork,
) -> Result<Array3<f32>> {
    let [low, high] = network.window_hu();
    let window = Window { low, high };
    let grey = |plane: ArrayView2<f32>| plane.map(|&hu| window.to_grey(f64::from(hu)) as f32);
    let (encoded_first, encoded_second) =
        (network.encode(&grey(first))?, network.encode(&grey(second))?);
    let pair = Neighbours::of_pair(&encoded_first, &encoded_second);
    let mut slices = Array3::zeros((alphas.len(), first.nrows(), first.ncols()));
    let mut planes = slices.outer_iter_mut();
    for alphas in alphas.chunks(network.decode_batch(first.len())) {
        let fractions: Vec<f64> = alphas.iter().map(|alpha| 1.0 - alpha).collect();
        let decoded = network.decode(&pair, &fractions)?;
        for ((&alpha, grey), mut plane) in alphas.iter().zip(decoded.outer_iter()).zip(&mut planes)
        {
            Zip::from(&mut plane).and(&grey).and(&first).and(&second).for_each(
                |out, &grey, &a, &b| {
                    *out = match alpha {
                        1.0 => a,
                        0.0 => b,
                        _ => {
                            let (a, b) = (f64::from(a), f64::from(b));
                            window.restore(f64::from(grey), a, b, 1.0 - alpha) as f32
                        }
                    };
                },
            );
        }
    }
    Ok(slices)
}
