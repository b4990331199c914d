//! Sharpness of slices that needs no true slice of the same place: [`Niqe`] of all slices together,
//! and the mean score of Ma et al.

use ndarray::ArrayView2;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::metrics::grey_levels;
use crate::metrics::ma::{MaFeatures, MaModel};
use crate::metrics::niqe::{Niqe, PatchFeatures};
use crate::volume::Window;

/// Measures to compute.
#[derive(Clone, Copy, Debug)]
pub struct SharpnessMeasures<'a> {
    /// Parameters of NIQE.
    pub niqe: &'a Niqe,
    /// Regression of Ma et al.; `None` leaves out its score.
    pub ma: Option<&'a MaModel>,
}

/// Slices described so far.
#[derive(Clone, Debug, Default)]
pub struct Sharpness {
    slices: usize,
    patches: Vec<PatchFeatures>,
    ma_sum: f64,
    ma_slices: usize,
    left_out: Option<String>,
}

/// Sharpness of the slices of a volume.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SharpnessScores {
    /// Number of slices.
    pub slices: usize,
    /// NIQE of all slices together; smaller is closer to real slices of other patients. `None`
    /// where fewer than two patches are no background.
    pub niqe: Option<f64>,
    /// NIQE with the true slices of the same volume in place of those of other patients; 0 for the
    /// true slices themselves.
    pub niqe_to_true: Option<f64>,
    /// Number of patches that NIQE compares.
    pub patches: usize,
    /// Mean score of Ma et al., about 0 to 10; larger is better. `None` without its model, and
    /// where no slice has a score.
    pub ma: Option<f64>,
    /// Number of slices that have a score of Ma et al.
    pub ma_slices: usize,
    /// Reason why the first slice that was left out has no score.
    pub left_out: Option<String>,
}

impl Sharpness {
    /// Adds a slice in HU. A slice that has no score, such as one of background, is left out.
    ///
    /// # Errors
    /// [`Error::Argument`] for a non-finite value.
    pub fn add(&mut self, measures: &SharpnessMeasures, slice: ArrayView2<f64>) -> Result<()> {
        let levels = grey_levels(slice, Window::CT)?;
        self.slices += 1;
        let patches = self.unless_left_out(measures.niqe.patches.features(slice))?;
        self.patches.extend(patches.unwrap_or_default());
        if let Some(model) = measures.ma
            && let Some(features) = self.unless_left_out(MaFeatures::of(levels.view()))?
        {
            self.ma_sum += model.score(&features);
            self.ma_slices += 1;
        }
        Ok(())
    }

    /// `None`, and the reason kept, for a slice without a score.
    fn unless_left_out<T>(&mut self, found: Result<T>) -> Result<Option<T>> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(Error::Argument(reason)) => {
                self.left_out.get_or_insert(reason);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// Scores of the slices added; `truth` are the true slices of the same places.
    pub fn scores(&self, niqe: &Niqe, truth: &Sharpness) -> SharpnessScores {
        let mut left_out = self.left_out.clone();
        let mut unless = |score: Result<f64>| match score {
            Ok(score) => Some(score),
            Err(reason) => {
                left_out.get_or_insert(reason.to_string());
                None
            }
        };
        let own = |name: &str| (name.to_string(), truth.patches.clone());
        SharpnessScores {
            slices: self.slices,
            niqe: unless(niqe.score(&self.patches)),
            niqe_to_true: unless(
                Niqe::fit(niqe.patches, &[own("true")]).and_then(|own| own.score(&self.patches)),
            ),
            patches: self.patches.len(),
            ma: (self.ma_slices > 0).then(|| self.ma_sum / self.ma_slices as f64),
            ma_slices: self.ma_slices,
            left_out,
        }
    }
}
