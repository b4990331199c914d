//! Multivariate Gaussian model of patch features, and the distance of two.

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

use super::{FEATURES, PatchFeatures};
use crate::error::{Error, Result};

/// Singular values below this share of the largest one do not count in an inverse.
const LEAST_SINGULAR: f64 = 1e-15;

/// Mean and covariance of features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct GaussianModel {
    pub mean: Vec<f64>,
    pub covariance: Vec<Vec<f64>>,
}

impl GaussianModel {
    /// Model of patches, with the unbiased covariance.
    pub(super) fn of(patches: &[PatchFeatures]) -> Result<GaussianModel> {
        let mut model = GaussianModel::of_groups(&[patches])?;
        let unbiased = patches.len() as f64 / (patches.len() - 1) as f64;
        model.covariance.iter_mut().flatten().for_each(|value| *value *= unbiased);
        Ok(model)
    }

    /// Model of groups of patches, each of which has the same weight; empty ones have none.
    pub(super) fn of_groups(groups: &[&[PatchFeatures]]) -> Result<GaussianModel> {
        let patches: usize = groups.iter().map(|group| group.len()).sum();
        if patches < 2 {
            return Err(Error::Argument(format!(
                "{patches} patches are too few for NIQE; it needs two that are no background"
            )));
        }
        let used = groups.iter().filter(|group| !group.is_empty()).count() as f64;
        let weighted = groups.iter().flat_map(|group| {
            let weight = 1.0 / (used * group.len() as f64);
            group.iter().map(move |patch| (weight, DVector::from_column_slice(patch)))
        });
        let mean = weighted
            .clone()
            .fold(DVector::zeros(FEATURES), |sum, (weight, patch)| sum + weight * patch);
        let mut covariance = DMatrix::zeros(FEATURES, FEATURES);
        for (weight, patch) in weighted {
            let difference = patch - &mean;
            covariance.ger(weight, &difference, &difference, 1.0);
        }
        let rows = covariance.row_iter().map(|row| row.iter().copied().collect()).collect();
        Ok(GaussianModel { mean: mean.as_slice().to_vec(), covariance: rows })
    }

    /// Checks shape, finiteness and symmetry.
    pub(super) fn check(&self) -> Result<()> {
        let columns = self.covariance.iter().map(Vec::len);
        let has_shape = self.mean.len() == FEATURES
            && self.covariance.len() == FEATURES
            && columns.into_iter().all(|length| length == FEATURES);
        if !has_shape {
            return Err(Error::Argument(format!(
                "parameters of NIQE have a mean of {FEATURES} and a covariance of {FEATURES} x \
                 {FEATURES} values; fit them again"
            )));
        }
        let mut all = self.mean.iter().chain(self.covariance.iter().flatten());
        let matrix = self.matrix();
        let asymmetry = (&matrix - matrix.transpose()).amax();
        if !all.all(|value| value.is_finite()) || asymmetry > 1e-9 * matrix.amax() {
            return Err(Error::Argument(
                "parameters of NIQE are non-finite or not symmetric; fit them again".into(),
            ));
        }
        Ok(())
    }

    /// Distance to another model, in standard deviations of their mean covariance.
    pub(super) fn distance(&self, other: &GaussianModel) -> f64 {
        let difference =
            DVector::from_column_slice(&self.mean) - DVector::from_column_slice(&other.mean);
        let covariance = 0.5 * (self.matrix() + other.matrix());
        let decomposition = covariance.svd(true, true);
        let least = LEAST_SINGULAR * decomposition.singular_values.max();
        let solved = decomposition.pseudo_inverse(least).map(|inverse| inverse * &difference);
        solved.map_or(f64::NAN, |solved| difference.dot(&solved).sqrt())
    }

    fn matrix(&self) -> DMatrix<f64> {
        DMatrix::from_row_iterator(FEATURES, FEATURES, self.covariance.iter().flatten().copied())
    }
}
