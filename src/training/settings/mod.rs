//! Settings of a training run, apart from its data.
//!
//! A setting is a field of [`Settings`] (its type, its documentation, its flag of `hrinet train`
//! and its key in files), a value in [`defaults`], and where it has limits a row in `validate`.
//!
//! - [`defaults`]: the settings of each system; `validate`: which contradict each other;
//! - [`schedule`]: stages and learning rates of iterations;
//! - [`config_file`]: settings in a TOML file.

pub mod config_file;
pub mod defaults;
pub mod schedule;
mod validate;

use clap::{ArgAction, Args};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
pub use crate::network::Precision;
use crate::network::autoencoder::config::AutoencoderConfig;
use crate::network::motion::config::MotionConfig;
use crate::network::{Architecture, Checkpoint, System};
use crate::training::data::hold_out::HoldOut;

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

/// Settings of a training run. They are part of its checkpoints: a run resumes with the same
/// settings alone.
///
/// The fields are the flags of `hrinet train`, with their help. A serde default is the value that a
/// checkpoint means which is older than the setting, an alias the key in such a checkpoint.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// System to train: ae, acai, hrinet-patchgan, hrinet-mse, hrinet-perceptual or hrinet-motion
    /// [default: hrinet-motion].
    #[arg(long)]
    pub system: System,
    /// Side of the training squares in pixels, a multiple of 64 (hrinet-motion, ae, acai: 16)
    /// [default: 96 for hrinet-motion, 256 for the others].
    #[arg(long)]
    pub size: i64,
    /// Way from a plane to a square: crop cuts it out, resize scales the whole plane [default: crop
    /// for hrinet-motion, resize for the others].
    #[arg(long, value_parser = word::<Fit>, value_name = "crop|resize")]
    #[serde(default)]
    pub fit: Fit,
    /// Groups of slices, or crops of them, in a batch [default: 8].
    #[arg(long)]
    pub batch: usize,
    /// Iterations of Stage I before Stage II [default: 50000 for the three hrinet systems of the
    /// paper, 0 with --from].
    #[arg(long, value_name = "N")]
    #[serde(default)]
    pub stage_one_iterations: u64,
    /// Iterations of the only or the last stage [default: 16000 for hrinet-motion, 2000 for
    /// --error-head, 50000 for the others].
    #[arg(long, value_name = "N")]
    pub iterations: u64,
    /// Seed of random weights, batches and held-out patients [default: 0].
    #[arg(long)]
    pub seed: u64,
    /// Slice steps between the known slices of a group, n - 1 of the paper; hrinet-motion takes one
    /// of several at random [default: 2,3,4,5,6 for hrinet-motion, 6 for the others].
    #[arg(long = "gap", value_delimiter = ',', value_name = "N,N,...")]
    pub gaps: Vec<usize>,
    /// Largest distance of known slices in mm: larger ones of --gap are not taken of a volume, but
    /// its smallest is; 0: no limit [default: 0].
    #[arg(long, value_name = "MM")]
    #[serde(default)]
    pub max_gap_mm: f64,
    /// Consecutive slices that every slice of a crop averages, known or between, as thick slices of
    /// a scanner do: one of several at random, at most twice the gap, with equal or tapered weights
    /// [default: 1].
    #[arg(long, value_delimiter = ',', value_name = "N,N,...")]
    #[serde(default = "single_slices")]
    pub thickness: Vec<usize>,
    /// Largest share of its fine detail by which a crop is sharpened or blurred at random, as
    /// kernels of scanners differ; 0: never [default: 0].
    #[arg(long, value_name = "SHARE")]
    #[serde(default)]
    pub sharpness_jitter: f64,
    /// Power of a volume's voxels by which it is drawn: 1 draws large volumes more often, 0 all
    /// alike [default: 1].
    #[arg(long, value_name = "POWER")]
    #[serde(default = "by_voxels")]
    pub volume_balance: f64,
    /// Peak of the learning rate [default: 0.0015 for hrinet-motion, 0.0001 for the others].
    #[arg(long)]
    pub learning_rate: f64,
    /// Course of the learning rate after the warm-up [default: cosine for hrinet-motion, constant
    /// for the others].
    #[arg(long, value_parser = word::<LrSchedule>, value_name = "constant|cosine")]
    #[serde(default, alias = "decline")]
    pub lr_schedule: LrSchedule,
    /// Steps over which the learning rate rises to its peak [default: 100 for hrinet-motion, 0 for
    /// the others].
    #[arg(long, value_name = "STEPS")]
    pub warm_up: u64,
    /// Optimizer of the generator: AdamW, or Muon for convolutions and AdamW for the rest [default:
    /// muon for hrinet-motion, adamw for the others and for --error-head].
    #[arg(long, value_parser = word::<OptimizerKind>, value_name = "adamw|muon")]
    #[serde(default)]
    pub optimizer: OptimizerKind,
    /// Weight decay of AdamW and Muon; 0 makes AdamW the Adam of the paper [default: 0.0001 for
    /// hrinet-motion, 0 for the others].
    #[arg(long)]
    pub weight_decay: f64,
    /// Norm at which gradients are clipped; 0: never [default: 1 for hrinet-motion, 0 for the
    /// others].
    #[arg(long)]
    #[serde(alias = "gradient_norm")]
    pub max_grad_norm: f64,
    /// Volumes held out for validation: how many, chosen by the seed, or their names; the name of a
    /// patient holds out all its files, NAME and NAME_... [default: 5].
    #[arg(long, value_name = "N|NAME,...")]
    pub hold_out: HoldOut,
    /// Weight of the loss against the critic (equations 3 and 4); 0 trains without D1 [default: 0.5
    /// for systems with D1].
    #[arg(long)]
    #[serde(default)]
    pub lambda: f64,
    /// Weight of the loss against the PatchGAN (equation 4; beside equation 9 for hrinet-motion); 0
    /// trains without D2 [default: 0.0005, 0.005 from 512 pixels on; 0 for hrinet-motion].
    #[arg(long)]
    #[serde(default)]
    pub beta: f64,
    /// Share of the real slice in the critic's anchor (equation 2) [default: 0.2].
    #[arg(long)]
    #[serde(default)]
    pub gamma: f64,
    /// Critic target for a blended image (equation 2): min(alpha, 1 - alpha), or alpha [default:
    /// folded].
    #[arg(long, value_parser = word::<CriticTarget>, value_name = "folded|literal")]
    #[serde(default)]
    pub critic_target: CriticTarget,
    /// Form of the adversarial loss of G and D2 (equations 1 and 8) [default: saturating].
    #[arg(long, value_parser = word::<Adversarial>)]
    #[arg(value_name = "saturating|non-saturating|least-squares")]
    #[serde(default)]
    pub adversarial: Adversarial,
    /// Precision of forward and backward passes [default: float32].
    #[arg(long, value_parser = word::<Precision>, value_name = "float32|bfloat16")]
    #[serde(default)]
    pub precision: Precision,
    /// Content loss of hrinet-motion: the squared error, or its logarithm crop by crop [default:
    /// mse].
    #[arg(long, value_parser = word::<Content>, value_name = "mse|psnr")]
    #[serde(default)]
    pub content: Content,
    /// Weight of 1 - SSIM, without its luminance term, beside the content loss of hrinet-motion
    /// [default: 0].
    #[arg(long)]
    #[serde(default, alias = "similarity")]
    pub ssim_weight: f64,
    /// Weight of the squared bias in lung, fat, muscle and bone beside the content loss of
    /// hrinet-motion [default: 0].
    #[arg(long)]
    #[serde(default)]
    pub tissue_bias: f64,
    /// Share of the slices of --teacher in the targets of hrinet-motion, 0 to 1; the rest is that
    /// of the real slices [default: 0.5 with --teacher].
    #[arg(long, value_name = "SHARE")]
    #[serde(default, alias = "teaching")]
    pub distillation_weight: f64,
    /// Prefix of the weights of hrinet-motion to train, all others frozen: refinement, for example
    /// [default: all train].
    #[arg(long, value_name = "NAME")]
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "only")]
    pub trainable_prefix: Option<String>,
    /// Train the error head of --from alone, its generator frozen, for `resample
    /// --expected-error`.
    #[arg(long, num_args = 0, default_missing_value = "true", action = ArgAction::Set)]
    #[serde(default, alias = "confidence")]
    pub error_head: bool,
    /// Channels of the one to three feature maps of the paper's autoencoder, at strides 16, 32 and
    /// 64 [default: Table 1: 16 for ae and acai, 16,8,8 for the others, 16,8,4 from 512 pixels on].
    #[arg(long, value_delimiter = ',', value_name = "N,N,...")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_channels: Option<Vec<i64>>,
    /// Sizes of HRINet-Motion, the table `[motion]` of a file; `None`: those of the checkpoint that
    /// training begins from, else the default ones.
    #[arg(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub motion: Option<MotionConfig>,
}

impl Settings {
    /// Reads the settings of the training that a checkpoint can resume.
    ///
    /// # Errors
    /// [`Error::Argument`] for a checkpoint without training state.
    pub fn of_checkpoint(checkpoint: &Checkpoint) -> Result<Settings> {
        let settings = checkpoint.header.training.clone().ok_or_else(|| {
            Error::Argument("holds weights but no training state to resume".into())
        })?;
        serde_json::from_value(settings)
            .map_err(|error| Error::Argument(format!("its training settings: {error}")))
    }

    /// The generator's architecture where no checkpoint gives one.
    ///
    /// # Errors
    /// [`Error::Argument`] for a size that the system cannot take, and for sizes out of range.
    pub fn architecture(&self) -> Result<Architecture> {
        let architecture = match (&self.motion, &self.map_channels) {
            (None, None) => return self.system.architecture(self.size),
            (Some(sizes), _) => Architecture::Motion(sizes.clone()),
            (None, Some(channels)) => {
                Architecture::Autoencoder(AutoencoderConfig { map_channels: channels.clone() })
            }
        };
        let architecture = architecture.checked()?;
        architecture.check_side(self.size, self.system)?;
        Ok(architecture)
    }
}

/// `thickness` of checkpoints that are older than it.
fn single_slices() -> Vec<usize> {
    vec![1]
}

/// `volume_balance` of checkpoints that are older than it.
fn by_voxels() -> f64 {
    1.0
}

/// Parses a value of an enum by its serde name.
fn word<T: DeserializeOwned>(text: &str) -> std::result::Result<T, String> {
    serde_json::from_value(serde_json::Value::String(text.into())).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A checkpoint of the first version, with neither discriminators nor Muon.
    #[test]
    fn settings_of_the_first_version_load() {
        let earlier = r#"{"system":"hrinet-motion","size":96,"batch":8,"iterations":16000,"seed":0,
            "gaps":[2,3,4,5,6],"learning_rate":0.0015,"warm_up":100,"weight_decay":0.0001,
            "gradient_norm":1.0,"hold_out":5}"#;
        let read: Settings = serde_json::from_str(earlier).unwrap();
        let defaults = Settings::default_for(System::HrinetMotion);
        assert_eq!(read, Settings { optimizer: OptimizerKind::AdamW, ..defaults });
    }

    #[test]
    fn earlier_names_of_settings_load() {
        let settings = Settings {
            lr_schedule: LrSchedule::Constant,
            max_grad_norm: 2.0,
            ssim_weight: 0.1,
            distillation_weight: 0.25,
            trainable_prefix: Some("refinement".into()),
            error_head: true,
            ..Settings::default_for(System::HrinetMotion)
        };
        let mut text = serde_json::to_string(&settings).unwrap();
        for (now, earlier) in [
            ("lr_schedule", "decline"),
            ("max_grad_norm", "gradient_norm"),
            ("ssim_weight", "similarity"),
            ("distillation_weight", "teaching"),
            ("trainable_prefix", "only"),
            ("error_head", "confidence"),
        ] {
            assert!(text.contains(&format!("\"{now}\"")), "{now}");
            text = text.replace(&format!("\"{now}\""), &format!("\"{earlier}\""));
        }
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
    }
}
