//! What a training run is, apart from its data.

pub mod schedule;
mod validate;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
pub use crate::network::Precision;
use crate::network::motion::config::MotionConfig;
use crate::network::{Architecture, Checkpoint, System};
use crate::training::data::hold_out::HoldOut;

/// What the critic is to say of a mixed image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CriticTarget {
    /// min(alpha, 1 - alpha), as ACAI's code has it: both ends are reconstructions.
    #[default]
    Folded,
    /// alpha, as equation 2 is printed.
    Literal,
}

/// The form of the game between G and D2.
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

/// How planes become squares of the size that is trained on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// A square is cut out of the plane, at another place each time.
    #[default]
    Crop,
    /// The whole plane is scaled to the square, as the paper does. Its smaller shapes vanish.
    Resize,
}

/// How the learning rate goes on after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LrSchedule {
    /// Half a cosine down to one hundredth at the end of the run.
    #[default]
    Cosine,
    /// It stays as it is, as in the paper.
    Constant,
}

/// What HRINet-Motion loses by a slice in between that is not the real one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// The mean squared error: hard crops count most.
    #[default]
    Mse,
    /// The logarithm of each crop's mean squared error, levelled off: what PSNR counts.
    Psnr,
}

/// How the weights of HRINet-Motion follow their gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// AdamW for all of them.
    #[default]
    #[serde(rename = "adamw")]
    AdamW,
    /// Muon for convolutions ([`super::muon`]), AdamW for the rest.
    Muon,
}

/// Settings of a training run. They are part of its checkpoints: going on with other ones would
/// not be the same run.
///
/// What has a default here has the value that a checkpoint means which was written before the
/// setting existed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The system to train.
    pub system: System,
    /// Side of the squares, pixels.
    pub size: i64,
    /// How planes become squares of that size.
    #[serde(default)]
    pub fit: Fit,
    /// Groups of slices a step.
    pub batch: usize,
    /// Iterations of Stage I before Stage II; 0 for systems of one stage. With 0, a system of two
    /// stages goes straight into Stage II.
    #[serde(default)]
    pub stage_one_iterations: u64,
    /// Iterations of the only or the last stage.
    pub iterations: u64,
    /// Seed of the first weights and of every batch.
    pub seed: u64,
    /// Known slices are this many slices apart: n - 1 of the paper. HRINet-Motion takes one of
    /// several a crop, by chance; the systems of the paper have one.
    pub gaps: Vec<usize>,
    /// Peak of the learning rate.
    pub learning_rate: f64,
    /// How it goes on.
    #[serde(default, alias = "decline")]
    pub lr_schedule: LrSchedule,
    /// Steps over which the learning rate rises to its peak.
    pub warm_up: u64,
    /// How weights follow their gradient.
    #[serde(default, skip_serializing_if = "is_adam_w")]
    pub optimizer: OptimizerKind,
    /// Decay of AdamW and Muon; 0 makes AdamW the Adam of the paper.
    pub weight_decay: f64,
    /// The gradient's norm is cut at this; 0: never.
    #[serde(alias = "gradient_norm")]
    pub max_grad_norm: f64,
    /// Volumes held out for validation.
    pub hold_out: HoldOut,
    /// Weight of what G loses to the critic (equations 3 and 4); 0 trains without D1.
    #[serde(default)]
    pub lambda: f64,
    /// Weight of what G loses to the PatchGAN (equation 4; beside equation 9 for HRINet-Motion); 0 trains
    /// without D2.
    #[serde(default)]
    pub beta: f64,
    /// Share of the real slice in the critic's anchor (equation 2).
    #[serde(default)]
    pub gamma: f64,
    /// What the critic is to say of a mixed image (equation 2).
    #[serde(default)]
    pub critic_target: CriticTarget,
    /// The form of the game between G and D2 (equations 1 and 8).
    #[serde(default)]
    pub adversarial: Adversarial,
    /// The numbers that passes are computed in.
    #[serde(default)]
    pub precision: Precision,
    /// What HRINet-Motion loses.
    #[serde(default)]
    pub content: Content,
    /// Weight of 1 - SSIM, without its comparison of brightness, in what HRINet-Motion loses; 0 leaves it
    /// out.
    #[serde(default, skip_serializing_if = "is_zero", alias = "similarity")]
    pub ssim_weight: f64,
    /// Weight of the squared bias in lung, fat, muscle and bone in what HRINet-Motion loses; 0 leaves it out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tissue_bias: f64,
    /// Share of a teacher's slices in those that HRINet-Motion is to make (`super::teacher`); 0: it learns from
    /// the real ones alone.
    #[serde(default, skip_serializing_if = "is_zero", alias = "teaching")]
    pub distillation_weight: f64,
    /// What the names of the weights begin with that learn, of HRINet-Motion's generator: the others stay as they
    /// are. `None`: all learn.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "only")]
    pub trainable_prefix: Option<String>,
    /// Whether the generator of a checkpoint stays as it is, and its confidence alone learns.
    #[serde(default, skip_serializing_if = "std::ops::Not::not", alias = "confidence")]
    pub error_head: bool,
    /// Sizes of HRINet-Motion; `None`: those of the checkpoint that training begins from, else the
    /// usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub motion: Option<MotionConfig>,
}

impl Settings {
    /// The usual settings of a system: those of the paper for its five.
    pub fn default_for(system: System) -> Settings {
        let motion = Settings {
            system,
            size: system.default_size(),
            fit: Fit::Crop,
            batch: 8,
            stage_one_iterations: 0,
            iterations: 16_000,
            seed: 0,
            gaps: vec![2, 3, 4, 5, 6],
            learning_rate: 1.5e-3,
            lr_schedule: LrSchedule::Cosine,
            warm_up: 100,
            optimizer: OptimizerKind::Muon,
            weight_decay: 1e-4,
            max_grad_norm: 1.0,
            hold_out: HoldOut::Count(5),
            lambda: 0.0,
            beta: 0.0,
            gamma: 0.0,
            critic_target: CriticTarget::Folded,
            adversarial: Adversarial::Saturating,
            precision: Precision::Float32,
            content: Content::Mse,
            ssim_weight: 0.0,
            tissue_bias: 0.0,
            distillation_weight: 0.0,
            trainable_prefix: None,
            error_head: false,
            motion: None,
        };
        if system == System::HrinetMotion {
            return motion;
        }
        let two_stages = has_two_stages(system);
        Settings {
            fit: Fit::Resize,
            stage_one_iterations: if two_stages { 50_000 } else { 0 },
            iterations: 50_000,
            gaps: vec![6],
            learning_rate: 1e-4,
            lr_schedule: LrSchedule::Constant,
            warm_up: 0,
            optimizer: OptimizerKind::AdamW,
            weight_decay: 0.0,
            max_grad_norm: 0.0,
            lambda: if system == System::Ae { 0.0 } else { 0.5 },
            beta: if two_stages { default_beta(system.default_size()) } else { 0.0 },
            gamma: if system == System::Ae { 0.0 } else { 0.2 },
            ..motion
        }
    }

    /// The usual settings of a training of HRINet-Motion's confidence: it is small and soon done.
    pub fn default_for_error_head() -> Settings {
        Settings {
            iterations: 2_000,
            optimizer: OptimizerKind::AdamW,
            error_head: true,
            ..Settings::default_for(System::HrinetMotion)
        }
    }

    /// The settings of the training that a checkpoint can go on with.
    ///
    /// # Errors
    /// [`Error::Argument`] for a checkpoint without training state.
    pub fn of_checkpoint(checkpoint: &Checkpoint) -> Result<Settings> {
        let kept = checkpoint.header.training.clone().ok_or_else(|| {
            Error::Argument("holds weights but no training state to go on from".into())
        })?;
        serde_json::from_value(kept)
            .map_err(|error| Error::Argument(format!("its training settings: {error}")))
    }

    /// The generator that a run with these settings begins with, where no checkpoint gives one.
    ///
    /// # Errors
    /// [`Error::Argument`] for a size that the system cannot take, and for sizes that make no network.
    pub fn architecture(&self) -> Result<Architecture> {
        let default_for = self.system.architecture(self.size)?;
        match &self.motion {
            None => Ok(default_for),
            Some(sizes) => Architecture::Motion(sizes.clone()).checked(),
        }
    }

    /// The learning rate of a step of a stage of `steps`: a straight rise, then the decline. After
    /// the last step it stays where it was.
    pub fn learning_rate_at(&self, step: u64, steps: u64) -> f64 {
        let rise = ((step + 1) as f64 / self.warm_up.max(1) as f64).min(1.0);
        let fall = match self.lr_schedule {
            LrSchedule::Constant => 1.0,
            LrSchedule::Cosine => {
                let progress = (step as f64 / steps.max(1) as f64).min(1.0);
                0.01 + 0.99 * (0.5 * (1.0 + (std::f64::consts::PI * progress).cos()))
            }
        };
        self.learning_rate * rise * fall
    }
}

fn is_adam_w(rule: &OptimizerKind) -> bool {
    *rule == OptimizerKind::AdamW
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// Whether a system trains in Stage I and Stage II.
pub fn has_two_stages(system: System) -> bool {
    matches!(system, System::HrinetPatchgan | System::HrinetMse | System::HrinetPerceptual)
}

/// The paper's beta for planes of this side: a larger one collapses training, it says.
pub fn default_beta(size: i64) -> f64 {
    if size >= 512 { 5e-3 } else { 5e-4 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_learning_rate_rises_and_falls() {
        let settings = Settings { iterations: 1000, ..Settings::default_for(System::HrinetMotion) };
        assert!((settings.learning_rate_at(0, 1000) - 1.5e-5).abs() < 1e-9);
        let half = settings.learning_rate_at(500, 1000);
        assert!((half - 1.5e-3 * (0.01 + 0.99 * 0.5)).abs() < 1e-9, "{half}");
        assert!(settings.learning_rate_at(999, 1000) < 1.6e-5);
    }

    /// A checkpoint of the first version, whose settings knew no discriminators and AdamW alone.
    #[test]
    fn settings_of_earlier_checkpoints_are_those_of_hrinet_motion() {
        let earlier = r#"{"system":"hrinet-motion","size":96,"batch":8,"iterations":16000,"seed":0,
            "gaps":[2,3,4,5,6],"learning_rate":0.0015,"warm_up":100,"weight_decay":0.0001,
            "gradient_norm":1.0,"hold_out":5}"#;
        let read: Settings = serde_json::from_str(earlier).unwrap();
        let default_for = Settings::default_for(System::HrinetMotion);
        assert_eq!(read, Settings { optimizer: OptimizerKind::AdamW, ..default_for });
    }
}
