//! Third group of features: singular values of the patches of an image.

use nalgebra::DMatrix;
use ndarray::{Array2, s};

/// Side of a patch, pixels.
pub(super) const SIDE: usize = 5;
/// Pixels of a patch, and singular values of an image.
pub(super) const VALUES: usize = SIDE * SIDE;

/// Singular values of each scale, descending.
pub(super) fn features(scales: &[Array2<f64>; 3]) -> [f64; 75] {
    let mut features = [0.0; 3 * VALUES];
    for (values, image) in features.chunks_exact_mut(VALUES).zip(scales) {
        values.copy_from_slice(&of_patches(image));
    }
    features
}

/// Singular values of the matrix of patches side by side, one a row. The image is filled up with 0
/// at its bottom and right. The orthogonal factor of the matrix does not change them, so they are
/// those of its triangular factor.
fn of_patches(image: &Array2<f64>) -> Vec<f64> {
    let (rows, columns) = image.dim();
    let (down, across) = (rows.div_ceil(SIDE), columns.div_ceil(SIDE));
    let mut padded = Array2::zeros((down * SIDE, across * SIDE));
    padded.slice_mut(s![..rows, ..columns]).assign(image);
    let patches = DMatrix::from_fn(down * across, VALUES, |patch, pixel| {
        let (row, column) = (patch / across * SIDE, patch % across * SIDE);
        padded[(row + pixel / SIDE, column + pixel % SIDE)]
    });
    patches.qr().r().singular_values().iter().copied().collect()
}
