//! Settings that are one of a few words.

use serde::{Deserialize, Serialize};

/// Critic target for a blended image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CriticTarget {
    /// min(alpha, 1 - alpha), as in ACAI's code: both ends are reconstructions.
    #[default]
    Folded,
    /// alpha, as equation 2 is printed.
    Literal,
}

/// Form of the adversarial loss of G and D2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Adversarial {
    /// G minimises log(1 - D2(x-hat)), as equation 8 is printed.
    #[default]
    Saturating,
    /// G minimises -log D2(x-hat): a strong gradient while D2 is sure (Goodfellow et al., 2014).
    NonSaturating,
    /// Squared distances of the logits to 1 and 0 (LSGAN, Mao et al., ICCV 2017).
    LeastSquares,
}

/// Way from a plane to a square of the training size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// Cuts a square out of the plane, at a random place.
    #[default]
    Crop,
    /// Scales the whole plane to the square, as the paper does.
    Resize,
}

/// Course of the learning rate after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LrSchedule {
    /// Half a cosine down to one hundredth of the peak at the end of the stage.
    #[default]
    Cosine,
    /// The peak throughout, as in the paper.
    Constant,
}

/// Content loss of HRINet-Motion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// Mean squared error: hard crops weigh most.
    #[default]
    Mse,
    /// Logarithm of each crop's mean squared error, levelled off near 0: what PSNR measures.
    Psnr,
}

/// Optimizer of a generator; discriminators have AdamW.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// AdamW for all weights; Adam where the weight decay is 0.
    #[default]
    #[serde(rename = "adamw")]
    AdamW,
    /// Muon for convolutions ([`crate::training::optim::muon`]), AdamW for the rest.
    Muon,
}
