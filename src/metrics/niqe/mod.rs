//! NIQE, the natural image quality evaluator (Mittal, Soundararajan and Bovik, IEEE Signal
//! Processing Letters 20, 209, 2013): how far the statistics of an image's patches are from those
//! of real images. It needs no true slice, no human scores, and is 0 at best.
//!
//! The parameters that ship are fitted on CT slices, see [`Niqe::shipped`]; [`Niqe::fit`] fits
//! others.

mod asymmetric_gaussian;
mod gaussian_model;
mod patches;

use std::path::Path;
use std::sync::LazyLock;

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use self::gaussian_model::GaussianModel;
use crate::error::{Error, Result};
use crate::io::plain_file;
use crate::metrics::PEAK;
use crate::volume::Window;

/// Number of features of a patch: 18 at each of two scales.
pub const FEATURES: usize = 36;

/// Features of a patch.
pub type PatchFeatures = [f64; FEATURES];

/// Smallest and largest side of a patch, pixels.
const SIDES: std::ops::RangeInclusive<usize> = 16..=512;

/// Largest file of parameters, bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Patches to take from an image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatchChoice {
    /// Side of a patch, pixels; even.
    pub side: usize,
    /// Grey window of slices in HU.
    pub window: Window,
    /// Highest grey level (0..255) of background: of a patch, at least three quarters of the pixels
    /// are above it. -1: all patches are taken.
    pub background: f64,
}

/// Parameters of NIQE: mean and covariance of the features of patches of real images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Niqe {
    /// Patches to compare.
    pub patches: PatchChoice,
    /// Volumes that the parameters were fitted on.
    pub volumes: Vec<String>,
    #[serde(flatten)]
    real: GaussianModel,
}

static SHIPPED: LazyLock<Option<Niqe>> = LazyLock::new(|| {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/models/niqe-ct.json"));
    serde_json::from_str(text).ok()
});

impl PatchChoice {
    /// Choice of the parameters that ship: windows and sides are compared in
    /// `research/notes/sharpness.md`.
    pub const CT: PatchChoice = PatchChoice { side: 48, window: Window::CT, background: 6.0 };

    /// Features of the patches of a slice in HU; none for a slice of background.
    ///
    /// # Errors
    /// As [`PatchChoice::features_of_levels`].
    pub fn features(&self, slice: ArrayView2<f64>) -> Result<Vec<PatchFeatures>> {
        self.features_of_levels(slice.mapv(|hu| self.window.to_unit(hu) * PEAK).view())
    }

    /// Features of the patches of an image of grey levels, 0..255. Columns and rows beyond the last
    /// whole patch are not used, nor are patches without contrast.
    ///
    /// # Errors
    /// [`Error::Argument`] for an image smaller than one patch, and non-finite levels.
    pub fn features_of_levels(&self, image: ArrayView2<f64>) -> Result<Vec<PatchFeatures>> {
        let (rows, columns) = image.dim();
        if rows.min(columns) < self.side {
            return Err(Error::Argument(format!(
                "an image of {rows} x {columns} pixels is too small for NIQE; its patches have {0} \
                 x {0}",
                self.side
            )));
        }
        if let Some(level) = image.iter().find(|level| !level.is_finite()) {
            return Err(Error::Argument(format!("non-finite grey level {level}; replace it")));
        }
        Ok(patches::features(image, self))
    }

    /// Checks the values.
    ///
    /// # Errors
    /// [`Error::Argument`] with the value.
    fn check(&self) -> Result<()> {
        if !(SIDES.contains(&self.side) && self.side.is_multiple_of(2)) {
            return Err(Error::Argument(format!(
                "patches of {} pixels; use an even number from {} to {}",
                self.side,
                SIDES.start(),
                SIDES.end()
            )));
        }
        let Window { low, high } = self.window;
        if !(low.is_finite() && high.is_finite() && low < high && self.background < PEAK) {
            return Err(Error::Argument(format!(
                "window {low} to {high} HU and background up to {}; use an ascending window and a \
                 background below 255",
                self.background
            )));
        }
        Ok(())
    }
}

impl Niqe {
    /// Parameters fitted on the training CTs, `models/niqe-ct.json`.
    ///
    /// # Errors
    /// [`Error::Argument`] where the build's file is damaged.
    pub fn shipped() -> Result<&'static Niqe> {
        let damaged = || Error::Argument("models/niqe-ct.json of this build is damaged".into());
        SHIPPED.as_ref().ok_or_else(damaged)
    }

    /// Reads parameters from a JSON file.
    ///
    /// # Errors
    /// As [`plain_file::read`]; [`Error::Damaged`] for a file of anything else.
    pub fn read(path: &Path) -> Result<Niqe> {
        let niqe: Niqe = serde_json::from_slice(&plain_file::read(path, MAX_BYTES)?)
            .map_err(|error| Error::damaged(path, format!("no parameters of NIQE: {error}")))?;
        niqe.patches.check().and_then(|()| niqe.real.check()).map_err(|e| e.in_file(path))?;
        Ok(niqe)
    }

    /// Parameters from a mean and covariance, such as those of another implementation.
    ///
    /// # Errors
    /// [`Error::Argument`] for values that are not finite or a matrix that is not symmetric.
    pub fn new(patches: PatchChoice, mean: Vec<f64>, covariance: Vec<Vec<f64>>) -> Result<Niqe> {
        let real = GaussianModel { mean, covariance };
        patches.check()?;
        real.check()?;
        Ok(Niqe { patches, volumes: Vec::new(), real })
    }

    /// Fits parameters to the patches of named volumes, each of which has the same weight.
    ///
    /// # Errors
    /// [`Error::Argument`] for fewer than two patches in all.
    pub fn fit(patches: PatchChoice, volumes: &[(String, Vec<PatchFeatures>)]) -> Result<Niqe> {
        patches.check()?;
        let groups: Vec<&[PatchFeatures]> =
            volumes.iter().map(|(_, features)| features.as_slice()).collect();
        let real = GaussianModel::of_groups(&groups)?;
        let used = volumes.iter().filter(|(_, features)| !features.is_empty());
        Ok(Niqe { patches, volumes: used.map(|(name, _)| name.clone()).collect(), real })
    }

    /// NIQE of the patches of one image, or of all slices of a volume together: the distance of
    /// their Gaussian model from that of real images; smaller is closer.
    ///
    /// # Errors
    /// [`Error::Argument`] for fewer than two patches.
    pub fn score(&self, patches: &[PatchFeatures]) -> Result<f64> {
        let distance = GaussianModel::of(patches)?.distance(&self.real);
        match distance.is_finite() {
            true => Ok(distance),
            false => Err(Error::Argument("the patches have no finite NIQE".into())),
        }
    }
}
