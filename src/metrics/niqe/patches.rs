//! Features of the patches of an image.

use ndarray::{Array2, ArrayView2, Zip, s};

use super::asymmetric_gaussian::AsymmetricGaussian;
use super::{FEATURES, PatchChoice, PatchFeatures};
use crate::metrics::bicubic;
use crate::metrics::neighbourhood::weighted_sum;

/// Radius and standard deviation of the Gaussian window of local means, pixels.
const RADIUS: usize = 3;
const SIGMA: f64 = 7.0 / 6.0;
/// Added to local standard deviations, grey levels.
const STABILISER: f64 = 1.0;
/// Steps (rows, columns) to the neighbours whose products with a pixel are described.
const NEIGHBOURS: [(usize, isize); 4] = [(0, 1), (1, 0), (1, 1), (1, -1)];
/// Least share of the pixels of a patch that are no background.
const LEAST_SHARE: f64 = 0.75;

/// Features of the patches that are chosen, from the top left on; an image has one or more.
pub(super) fn features(image: ArrayView2<f64>, choice: &PatchChoice) -> Vec<PatchFeatures> {
    let side = choice.side;
    let (down, across) = (image.nrows() / side, image.ncols() / side);
    let image = image.slice(s![..down * side, ..across * side]);
    let half_size = (image.nrows() / 2, image.ncols() / 2);
    let half = bicubic::scaled(image, half_size, (0.5, 0.5));
    let scales = [(contrast_normalised(image), side), (contrast_normalised(half.view()), side / 2)];
    let chosen = (0..down * across).map(|patch| (patch / across, patch % across)).filter(|&at| {
        let patch = patch(image, side, at);
        let above = patch.iter().filter(|&&level| level > choice.background).count();
        above as f64 >= LEAST_SHARE * patch.len() as f64
    });
    let mut all = Vec::new();
    for at in chosen {
        let mut features = [0.0; FEATURES];
        for (part, (plane, side)) in features.chunks_exact_mut(FEATURES / 2).zip(&scales) {
            describe(patch(plane.view(), *side, at), part);
        }
        if features.iter().all(|feature| feature.is_finite()) {
            all.push(features);
        }
    }
    all
}

fn patch(plane: ArrayView2<f64>, side: usize, (down, across): (usize, usize)) -> ArrayView2<f64> {
    plane.slice_move(s![down * side..(down + 1) * side, across * side..(across + 1) * side])
}

/// Difference of each pixel from the local mean, over the local standard deviation.
fn contrast_normalised(image: ArrayView2<f64>) -> Array2<f64> {
    let (rows, columns) = image.dim();
    // Beyond the border, the nearest pixel.
    let nearest = |index: usize, length: usize| index.saturating_sub(RADIUS).min(length - 1);
    let padded =
        Array2::from_shape_fn((rows + 2 * RADIUS, columns + 2 * RADIUS), |(row, column)| {
            image[(nearest(row, rows), nearest(column, columns))]
        });
    let weights = gaussian();
    let mean = weighted_sum(padded.view(), &weights);
    let squares = weighted_sum((&padded * &padded).view(), &weights);
    let mut normalised = image.to_owned();
    Zip::from(&mut normalised).and(&mean).and(&squares).for_each(|value, mean, square| {
        let deviation = (square - mean * mean).abs().sqrt();
        *value = (*value - mean) / (deviation + STABILISER);
    });
    normalised
}

/// Weights of the centre and of pixels one, two, ... from it along one axis; the sum over the
/// window is 1.
fn gaussian() -> [f64; RADIUS + 1] {
    let weights: [f64; RADIUS + 1] =
        std::array::from_fn(|step| (-0.5 * (step as f64 / SIGMA).powi(2)).exp());
    let sum = weights[0] + 2.0 * weights[1..].iter().sum::<f64>();
    weights.map(|weight| weight / sum)
}

/// The 18 features of a patch at one scale: of its values, and of their products with neighbours.
fn describe(patch: ArrayView2<f64>, features: &mut [f64]) {
    let values = AsymmetricGaussian::of(patch.iter().copied());
    features[..2].copy_from_slice(&[values.shape, 0.5 * (values.left + values.right)]);
    let (rows, columns) = patch.dim();
    for (four, (down, across)) in features[2..].chunks_exact_mut(4).zip(NEIGHBOURS) {
        // Neighbours beyond the border are those at the other side.
        let neighbour = |(row, column): (usize, usize)| {
            let column = (column as isize - across).rem_euclid(columns as isize) as usize;
            patch[((row + rows - down) % rows, column)]
        };
        let products = patch.indexed_iter().map(|(at, value)| value * neighbour(at));
        let AsymmetricGaussian { shape, mean, left, right } = AsymmetricGaussian::of(products);
        four.copy_from_slice(&[shape, mean, left, right]);
    }
}
