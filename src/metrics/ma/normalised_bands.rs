//! Bands of the pyramid divided by the size that their neighbours predict (divisive normalisation
//! with a Gaussian scale mixture; Wainwright and Simoncelli, 2000).

use nalgebra::DMatrix;
use ndarray::{Array2, ArrayView2, Axis, s};

use super::steerable_pyramid::{ORIENTATIONS, Pyramid};
use crate::error::{Error, Result};
use crate::metrics::bicubic;

/// Pixels that are left out at the border of the bands of each level, after one for neighbours.
pub(super) const GUARD: [usize; 2] = [16, 8];
/// Largest ratio of the eigenvalues of a covariance. It is below 1e6 in ordinary images; above this
/// limit its inverse is made of rounding errors.
const MAX_CONDITION: f64 = 1e12;

/// All bands, normalised.
pub(super) fn of(pyramid: &Pyramid) -> Result<[[Array2<f64>; ORIENTATIONS]; 2]> {
    let mut normalised: [[Array2<f64>; ORIENTATIONS]; 2] = Default::default();
    for (level, bands) in normalised.iter_mut().enumerate() {
        for (orientation, band) in bands.iter_mut().enumerate() {
            *band = normalised_band(pyramid, level, orientation)?;
        }
    }
    Ok(normalised)
}

fn normalised_band(pyramid: &Pyramid, level: usize, orientation: usize) -> Result<Array2<f64>> {
    let bands = &pyramid.levels[level];
    let band = &bands[orientation];
    // The authors' program leaves out the parent of the last orientation.
    let parent = (level == 0 && orientation + 1 < ORIENTATIONS)
        .then(|| enlarged(&pyramid.levels[1][orientation], band.dim()));
    let others = bands.iter().enumerate().filter(|(which, _)| *which != orientation);
    let others: Vec<_> = parent.iter().chain(others.map(|(_, other)| other)).collect();
    let neighbours = neighbours(band, &others);
    let inverse = inverse_covariance(&neighbours)?;
    // Neighbours in orientation do not count, also as in that program.
    let count = if parent.is_some() { 10.0 } else { 9.0 };
    let products = (inverse.dot(&neighbours) * &neighbours).sum_axis(Axis(0));

    let inner = inner(band.view(), 1);
    let mean = inner.sum() / inner.len() as f64;
    let mut ratios = Array2::zeros(inner.dim());
    for ((ratio, &value), &product) in ratios.iter_mut().zip(inner).zip(&products) {
        *ratio = (value - mean) / (product / count).sqrt();
    }
    let kept = self::inner(ratios.view(), GUARD[level]);
    let mean = kept.sum() / kept.len() as f64;
    if !mean.is_finite() {
        return Err(degenerate());
    }
    Ok(&kept - mean)
}

/// Plane without `border` pixels on each side.
fn inner(plane: ArrayView2<f64>, border: usize) -> ArrayView2<f64> {
    let (rows, columns) = plane.dim();
    plane.slice_move(s![border..rows - border, border..columns - border])
}

/// Band of the level below, twice as large, cut to the size of its children.
fn enlarged(band: &Array2<f64>, (rows, columns): (usize, usize)) -> Array2<f64> {
    let (down, across) = band.dim();
    let twice = bicubic::scaled(band.view(), (2 * down, 2 * across), (2.0, 2.0));
    twice.slice_move(s![..rows, ..columns])
}

/// A row for each of the 3 x 3 pixels around a pixel, and one for each other band; a column for
/// each inner pixel.
fn neighbours(band: &Array2<f64>, others: &[&Array2<f64>]) -> Array2<f64> {
    let (rows, columns) = band.dim();
    let (down, across) = (rows - 2, columns - 2);
    let window = |plane: &'_ Array2<f64>, row: usize, column: usize| {
        plane.slice(s![row..row + down, column..column + across]).to_owned()
    };
    let around = (0..9).map(|place| window(band, place / 3, place % 3));
    let planes = around.chain(others.iter().map(|other| window(other, 1, 1)));
    let mut neighbours = Array2::zeros((9 + others.len(), down * across));
    for (mut row, plane) in neighbours.rows_mut().into_iter().zip(planes) {
        row.iter_mut().zip(&plane).for_each(|(to, from)| *to = *from);
    }
    neighbours
}

/// Inverse of the mean outer product of the columns.
fn inverse_covariance(columns: &Array2<f64>) -> Result<Array2<f64>> {
    let covariance = columns.dot(&columns.t()) / columns.ncols() as f64;
    let size = covariance.nrows();
    let eigen =
        DMatrix::from_fn(size, size, |row, column| covariance[(row, column)]).symmetric_eigen();
    let (smallest, largest) = (eigen.eigenvalues.min(), eigen.eigenvalues.max());
    if !(largest.is_finite() && smallest * MAX_CONDITION > largest) {
        return Err(degenerate());
    }
    let scales = DMatrix::from_diagonal(&eigen.eigenvalues.map(f64::recip));
    let inverse = &eigen.eigenvectors * scales * eigen.eigenvectors.transpose();
    Ok(Array2::from_shape_fn((size, size), |at| inverse[at]))
}

fn degenerate() -> Error {
    Error::Argument(
        "an image that varies along one direction only has no score of Ma et al.; leave it out"
            .into(),
    )
}
