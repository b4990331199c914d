//! First group of features: statistics of the cosine transform of overlapping blocks.

use ndarray::{Array2, Array3, s};
use ndrustfft::{DctHandler, Normalization, nddct2_inplace};

use super::shape::{coefficient_of_variation, shape, variance};

/// Side of a block and distance of two blocks, pixels.
const SIDE: usize = 7;
const STEP: usize = 3;
/// Pixels of a block beyond its 3 x 3 pixels, on each side.
const BORDER: usize = 2;
/// Added to means of coefficients: of all of a block, of those of one orientation.
const EPSILON: f64 = 1e-7;
const ORIENTATION_EPSILON: f64 = 1e-8;

/// Statistics of one block.
struct Block {
    shape: f64,
    variation: f64,
    orientation_variance: f64,
}

/// Six features of each scale: mean of the lowest tenth and of all shapes; of the highest tenth and
/// of all variations; of the highest tenth and of all orientation variances.
pub(super) fn features(scales: &[Array2<f64>; 3]) -> [f64; 18] {
    let orientations = orientations();
    let mut features = [0.0; 18];
    for (six, image) in features.chunks_exact_mut(6).zip(scales) {
        let blocks = coefficients(image);
        let statistics: Vec<Block> =
            blocks.chunks_exact(SIDE * SIDE).map(|values| block(values, &orientations)).collect();
        let sorted = |value: fn(&Block) -> f64| {
            let mut values: Vec<f64> = statistics.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let shapes = sorted(|block| block.shape);
        let lowest = (0.1 * shapes.len() as f64).ceil() as usize;
        six[..2].copy_from_slice(&[mean(&shapes[..lowest]), mean(&shapes)]);
        let variations = sorted(|block| block.variation);
        six[2..4].copy_from_slice(&[mean(highest(&variations)), mean(&variations)]);
        let orientations = sorted(|block| block.orientation_variance);
        six[4..].copy_from_slice(&[mean(highest(&orientations)), mean(&orientations)]);
    }
    features
}

/// Orthonormal cosine transforms of all blocks: by block, vertical and horizontal frequency. Pixels
/// outside the image are 0.
fn coefficients(image: &Array2<f64>) -> Vec<f64> {
    let (rows, columns) = image.dim();
    let (down, across) = (rows.div_ceil(STEP), columns.div_ceil(STEP));
    let padding = 2 * BORDER;
    let mut padded = Array2::zeros((STEP * down + padding, STEP * across + padding));
    padded.slice_mut(s![BORDER..BORDER + rows, BORDER..BORDER + columns]).assign(image);
    let mut blocks = Array3::from_shape_fn((down * across, SIDE, SIDE), |(block, row, column)| {
        padded[(block / across * STEP + row, block % across * STEP + column)]
    });
    let transform = DctHandler::new(SIDE).normalization(Normalization::None);
    nddct2_inplace(&mut blocks, &transform, 1);
    nddct2_inplace(&mut blocks, &transform, 2);
    let scale = |frequency: usize| (if frequency == 0 { 1.0 } else { 2.0 } / SIDE as f64).sqrt();
    let scales = Array2::from_shape_fn((SIDE, SIDE), |(p, q)| scale(p) * scale(q));
    (blocks * scales).into_iter().collect()
}

/// Statistics of the coefficients of a block but the first, which is its mean.
fn block(coefficients: &[f64], orientations: &[Vec<usize>; 3]) -> Block {
    let all = &coefficients[1..];
    let variations = orientations.each_ref().map(|places| {
        let chosen = places.iter().map(|&place| coefficients[place]);
        coefficient_of_variation(chosen, ORIENTATION_EPSILON)
    });
    Block {
        shape: shape(all.iter()),
        variation: coefficient_of_variation(all.iter().copied(), EPSILON),
        orientation_variance: variance(variations.into_iter()),
    }
}

/// Places of the 16 frequencies of each orientation in a block.
fn orientations() -> [Vec<usize>; 3] {
    let of = |place: usize| orientation(place / SIDE, place % SIDE);
    [0, 1, 2].map(|which| (1..SIDE * SIDE).filter(|&place| of(place) == which).collect())
}

/// Orientation of a frequency `[p, q]`: 0 near the horizontal, 2 near the vertical axis, 1 between
/// them; 16 frequencies have each.
fn orientation(p: usize, q: usize) -> usize {
    /// Lowest horizontal frequency of orientation 0, by vertical frequency.
    const LOWEST: [usize; 4] = [1, 2, 4, 5];
    let near = |along: usize, across: usize| LOWEST.get(across).is_some_and(|low| along >= *low);
    if near(q, p) {
        0
    } else if near(p, q) {
        2
    } else {
        1
    }
}

/// Highest tenth of sorted values, and one more, as the authors' program takes them.
fn highest(sorted: &[f64]) -> &[f64] {
    &sorted[(0.9 * sorted.len() as f64).floor() as usize - 1..]
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
