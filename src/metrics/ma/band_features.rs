//! Second group of features: shapes of normalised bands of a steerable pyramid, and similarities of
//! bands.

use ndarray::{Array2, ArrayView2, Zip};

use super::normalised_bands::{self, GUARD};
use super::shape::shape;
use super::steerable_pyramid::{ORIENTATIONS, Pyramid};
use crate::error::Result;
use crate::metrics::bicubic;
use crate::metrics::neighbourhood::weighted_sum;
use crate::metrics::ssim;

/// Shortest side of an image whose normalised bands have the size of the window of similarities.
pub(super) const MIN_SIDE: usize = 2 * (GUARD[0] + 1) + ssim::SIDE;

/// Shapes of the normalised bands of both levels and of both together; similarity of the bands of
/// both levels to the high frequencies; similarity of each two normalised bands of level 1.
pub(super) fn features(image: ArrayView2<f64>) -> Result<[f64; 45]> {
    let pyramid = Pyramid::of(image);
    let [first, second] = normalised_bands::of(&pyramid)?;
    let mut features = Vec::with_capacity(45);
    features.extend(first.iter().map(|band| shape(band.iter())));
    features.extend(second.iter().map(|band| shape(band.iter())));
    features.extend(first.iter().zip(&second).map(|(a, b)| shape(a.iter().chain(b.iter()))));

    let size = image.dim();
    let high = Windowed::of(pyramid.high_pass);
    let [fine, coarse] = pyramid.levels;
    features.extend(fine.into_iter().map(|band| Windowed::of(band).similarity(&high)));
    features.extend(coarse.into_iter().map(|band| {
        let (rows, columns) = band.dim();
        let scales = (size.0 as f64 / rows as f64, size.1 as f64 / columns as f64);
        Windowed::of(bicubic::scaled(band.view(), size, scales)).similarity(&high)
    }));
    let windowed = first.map(Windowed::of);
    for one in 0..ORIENTATIONS {
        features.extend(windowed[one + 1..].iter().map(|other| windowed[one].similarity(other)));
    }
    let mut all = [0.0; 45];
    all.copy_from_slice(&features);
    Ok(all)
}

/// A plane with the means and variances of its windows.
struct Windowed {
    plane: Array2<f64>,
    mean: Array2<f64>,
    variance: Array2<f64>,
}

impl Windowed {
    fn of(plane: Array2<f64>) -> Windowed {
        let mean = windows(&plane);
        let variance = windows(&(&plane * &plane)) - &mean * &mean;
        Windowed { plane, mean, variance }
    }

    /// Mean of the contrast and structure term of SSIM, without the term of the means.
    fn similarity(&self, other: &Windowed) -> f64 {
        let products = windows(&(&self.plane * &other.plane));
        let mut sum = 0.0;
        Zip::from(&products)
            .and(&self.mean)
            .and(&other.mean)
            .and(&self.variance)
            .and(&other.variance)
            .for_each(|product, mean, other_mean, variance, other_variance| {
                let covariance = product - mean * other_mean;
                sum += (2.0 * covariance + ssim::C2) / (variance + other_variance + ssim::C2);
            });
        sum / products.len() as f64
    }
}

/// Weighted mean of the window around every pixel.
fn windows(plane: &Array2<f64>) -> Array2<f64> {
    weighted_sum(plane.view(), &ssim::gaussian()[ssim::SIDE / 2..])
}
