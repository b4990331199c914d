//! No-reference quality of super-resolved images (Ma, Yang, Yang and Yang, Computer Vision and
//! Image Understanding 158, 1, 2017): the fourth score of Table 2 of the paper.
//!
//! [`MaFeatures`] are 138 statistics of an 8-bit image in three groups, [`MaModel`] the regression
//! that the authors trained on scores by human observers. The features agree with the authors'
//! program; the regression is theirs alone and is read from their file.

mod band_features;
mod block_dct;
mod lookup;
mod model;
mod normalised_bands;
mod scales;
mod shape;
mod singular_values;
mod steerable_pyramid;

use ndarray::ArrayView2;

pub use self::model::MaModel;
use crate::error::{Error, Result};

/// Number of features in each group.
pub const GROUP_SIZES: [usize; 3] = [18, 45, 75];

/// Features of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct MaFeatures {
    /// Six for each of three scales: local frequencies, from the cosine transform of blocks.
    pub block_dct: [f64; 18],
    /// Global frequencies: shapes and similarities of the bands of a steerable pyramid.
    pub pyramid: [f64; 45],
    /// 25 for each of three scales: spatial continuity, as singular values of patches, descending.
    pub singular_values: [f64; 75],
}

impl MaFeatures {
    /// Computes the features of a grey image, rows by columns, 0..255.
    ///
    /// # Errors
    /// [`Error::Argument`] for an image whose patches at the third scale are fewer than 25 (squares
    /// need 84 pixels), that is shorter than 45 pixels, that is constant, or that varies along one
    /// direction only: its features would be rounding errors.
    pub fn of(image: ArrayView2<u8>) -> Result<MaFeatures> {
        check_size(image.dim())?;
        let first = image[(0, 0)];
        if image.iter().all(|&grey| grey == first) {
            return Err(Error::Argument(format!(
                "an image of the single grey level {first} has no score of Ma et al.; leave it out"
            )));
        }
        let levels = image.mapv(f64::from);
        let scales = scales::three(&levels / 255.0);
        Ok(MaFeatures {
            block_dct: block_dct::features(&scales),
            pyramid: band_features::features(levels.view())?,
            singular_values: singular_values::features(&scales),
        })
    }

    /// The three groups, of [`GROUP_SIZES`].
    pub fn groups(&self) -> [&[f64]; 3] {
        [&self.block_dct, &self.pyramid, &self.singular_values]
    }
}

/// Rejects images that are too small for one of the groups.
fn check_size((rows, columns): (usize, usize)) -> Result<()> {
    let patches = |length: usize| (length / 4).div_ceil(singular_values::SIDE);
    let enough = patches(rows).saturating_mul(patches(columns)) >= singular_values::VALUES;
    if enough && rows.min(columns) >= band_features::MIN_SIDE {
        return Ok(());
    }
    Err(Error::Argument(format!(
        "an image of {rows} x {columns} pixels is too small for the score of Ma et al.; it needs \
         about 84 x 84"
    )))
}
