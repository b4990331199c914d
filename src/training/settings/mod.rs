//! Settings of a training run, apart from its data.
//!
//! A setting is a field of [`Settings`] (its type, its documentation, its flag of `hrinet train`
//! and its key in files), a value in [`defaults`], and where it has limits a row in `validate`.
//!
//! - `choices`: the words that a setting may be;
//! - [`defaults`]: the settings of each system; `validate`: which contradict each other;
//! - [`schedule`]: stages and learning rates of iterations;
//! - [`config_file`]: settings in a TOML file.

mod choices;
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
pub use crate::training::settings::choices::{
    Adversarial, Content, CriticTarget, Fit, LrSchedule, OptimizerKind,
};

/// Settings of a training run. They are part of its checkpoints: a run resumes with the same
/// settings alone.
///
/// The fields are the flags of `hrinet train`, with their help. A serde default is the value that a
/// checkpoint means which is older than the setting, an alias the key in such a checkpoint.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// System to train [default: hrinet-motion].
    ///
    /// ae, acai, hrinet-patchgan, hrinet-mse, hrinet-perceptual or hrinet-motion.
    #[arg(long, value_name = "NAME", help_heading = NETWORK)]
    pub system: System,
    /// Side of squares in pixels [default: 96; paper: 256].
    ///
    /// A multiple of 64; of 16 for hrinet-motion, ae and acai.
    #[arg(long, value_name = "N", help_heading = GROUPS)]
    pub size: i64,
    /// Way from a plane to a square [default: crop; paper: resize].
    ///
    /// crop cuts the square out, resize scales the whole plane.
    #[arg(long, value_parser = word::<Fit>, value_name = "crop|resize", help_heading = GROUPS)]
    #[serde(default)]
    pub fit: Fit,
    /// Side of planes after --fit resize [default: --size].
    ///
    /// At least --size; of a larger plane a square is cut out.
    #[arg(long, value_name = "N", help_heading = GROUPS)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plane: Option<i64>,
    /// Groups of slices, or crops of them, in a batch [default: 8].
    #[arg(long, value_name = "N", help_heading = GROUPS)]
    pub batch: usize,
    /// Iterations of Stage I [default: 50000; with --from: 0].
    ///
    /// For the three hrinet systems of the paper, before Stage II; the others have one stage.
    #[arg(long, value_name = "N", help_heading = STEPS)]
    #[serde(default)]
    pub stage_one_iterations: u64,
    /// Iterations of the last stage [default: 16000; paper: 50000].
    ///
    /// It is the only one of most systems. --error-head: 2000.
    #[arg(long, value_name = "N", help_heading = STEPS)]
    pub iterations: u64,
    /// Seed of weights, batches and held-out patients [default: 0].
    #[arg(long, value_name = "N", help_heading = GROUPS)]
    pub seed: u64,
    /// Slice steps between known slices [default: 2,3,4,5,6; paper: 6].
    ///
    /// n - 1 of the paper; hrinet-motion takes one of several at random.
    #[arg(long = "gap", value_delimiter = ',', value_name = "N,N,...", help_heading = GROUPS)]
    pub gaps: Vec<usize>,
    /// Largest distance of known slices in mm; 0: no limit [default: 0].
    ///
    /// Larger ones of --gap are not taken of a volume, but its smallest is.
    #[arg(long, value_name = "MM", help_heading = GROUPS)]
    #[serde(default)]
    pub max_gap_mm: f64,
    /// Consecutive slices that each slice averages [default: 1].
    ///
    /// Known slices and those between, as thick slices of a scanner do: one of several numbers at
    /// random, at most twice the gap, with equal or tapered weights.
    #[arg(long, value_delimiter = ',', value_name = "N,N,...", help_heading = GROUPS)]
    #[serde(default = "single_slices")]
    pub thickness: Vec<usize>,
    /// Learn thin slices from thick ones, for hrinet-motion.
    ///
    /// Known slices are averages of as many slices as --gap says, side by side; the targets are
    /// single slices, anywhere from the middle of one known slice to that of the next.
    #[arg(long, num_args = 0, default_missing_value = "true", action = ArgAction::Set)]
    #[arg(help_heading = GROUPS)]
    #[serde(default)]
    pub thin: bool,
    /// Random sharpening and blurring of crops, a share [default: 0].
    ///
    /// The largest share of their fine detail, as kernels of scanners differ; 0: never.
    #[arg(long, value_name = "SHARE", help_heading = GROUPS)]
    #[serde(default)]
    pub sharpness_jitter: f64,
    /// Power of a volume's voxels by which it is drawn [default: 1].
    ///
    /// 1 draws large volumes more often, 0 all alike.
    #[arg(long, value_name = "POWER", help_heading = GROUPS)]
    #[serde(default = "by_voxels")]
    pub volume_balance: f64,
    /// Peak of the learning rate [default: 0.0015; paper: 0.0001].
    #[arg(long, value_name = "RATE", help_heading = STEPS)]
    pub learning_rate: f64,
    /// Course of the rate [default: cosine; paper: constant].
    ///
    /// The learning rate after the warm-up; cosine falls to one hundredth of the peak at the end of
    /// the stage.
    #[arg(long, value_parser = word::<LrSchedule>, value_name = "constant|cosine")]
    #[arg(help_heading = STEPS)]
    #[serde(default, alias = "decline")]
    pub lr_schedule: LrSchedule,
    /// Steps in which the rate rises [default: 100; paper: 0].
    #[arg(long, value_name = "STEPS", help_heading = STEPS)]
    pub warm_up: u64,
    /// Optimizer of the generator [default: muon; paper: adamw].
    ///
    /// muon takes Muon for convolutions and AdamW for the rest. --error-head has adamw.
    #[arg(long, value_parser = word::<OptimizerKind>, value_name = "adamw|muon")]
    #[arg(help_heading = STEPS)]
    #[serde(default)]
    pub optimizer: OptimizerKind,
    /// Weight decay of AdamW and Muon [default: 0.0001; paper: 0].
    ///
    /// 0 makes AdamW the Adam of the paper.
    #[arg(long, value_name = "DECAY", help_heading = STEPS)]
    pub weight_decay: f64,
    /// Norm at which gradients are clipped [default: 1; paper: 0].
    ///
    /// 0: they are not.
    #[arg(long, value_name = "NORM", help_heading = STEPS)]
    #[serde(alias = "gradient_norm")]
    pub max_grad_norm: f64,
    /// Volumes held out: how many, or their names [default: 5].
    ///
    /// They are for validation. A number of them is drawn by the seed. The name of a patient holds
    /// out all its files, NAME and NAME_...
    #[arg(long, value_name = "N|NAME,...", help_heading = GROUPS)]
    pub hold_out: HoldOut,
    /// Weight of the loss against D1; 0: no D1 [default: 0.5].
    ///
    /// The critic of equations 3 and 4, for the systems that have it.
    #[arg(long, value_name = "WEIGHT", help_heading = LOSSES)]
    #[serde(default)]
    pub lambda: f64,
    /// Weight of the loss against D2 [default: 0; paper: 0.0005].
    ///
    /// 0: no D2, the PatchGAN of equation 4; beside equation 9 for hrinet-motion. From 512 pixels
    /// on the default of the paper's systems is 0.005.
    #[arg(long, value_name = "WEIGHT", help_heading = LOSSES)]
    #[serde(default)]
    pub beta: f64,
    /// Share of the real slice in D1's anchor [default: 0.2].
    ///
    /// Equation 2.
    #[arg(long, value_name = "SHARE", help_heading = LOSSES)]
    #[serde(default)]
    pub gamma: f64,
    /// D1's target for a blended image [default: folded].
    ///
    /// Equation 2: folded is min(alpha, 1 - alpha), literal is alpha.
    #[arg(long, value_parser = word::<CriticTarget>, value_name = "folded|literal")]
    #[arg(help_heading = LOSSES)]
    #[serde(default)]
    pub critic_target: CriticTarget,
    /// Adversarial loss of G and D2 [default: saturating].
    ///
    /// saturating (equations 1 and 8), non-saturating or least-squares.
    #[arg(long, value_parser = word::<Adversarial>, value_name = "FORM", help_heading = LOSSES)]
    #[serde(default)]
    pub adversarial: Adversarial,
    /// Precision of forward and backward passes [default: float32].
    #[arg(long, value_parser = word::<Precision>, value_name = "float32|bfloat16")]
    #[arg(help_heading = STEPS)]
    #[serde(default)]
    pub precision: Precision,
    /// Content loss of hrinet-motion [default: mse].
    ///
    /// The squared error, or its logarithm crop by crop.
    #[arg(long, value_parser = word::<Content>, value_name = "mse|psnr", help_heading = LOSSES)]
    #[serde(default)]
    pub content: Content,
    /// Weight of 1 - SSIM for hrinet-motion [default: 0].
    ///
    /// Beside the content loss; SSIM is without its luminance term.
    #[arg(long, value_name = "WEIGHT", help_heading = LOSSES)]
    #[serde(default, alias = "similarity")]
    pub ssim_weight: f64,
    /// Weight of the squared bias of tissues [default: 0].
    ///
    /// Of lung, fat, muscle and bone, beside the content loss of hrinet-motion.
    #[arg(long, value_name = "WEIGHT", help_heading = LOSSES)]
    #[serde(default)]
    pub tissue_bias: f64,
    /// Share of --teacher's slices in the targets [default: 0.5].
    ///
    /// 0 to 1, for hrinet-motion; the rest is that of the real slices. Without --teacher: 0.
    #[arg(long, value_name = "SHARE", help_heading = LOSSES)]
    #[serde(default, alias = "teaching")]
    pub distillation_weight: f64,
    /// Train only weights of this prefix [default: all].
    ///
    /// refinement, for example, of hrinet-motion; all others are frozen.
    #[arg(long, value_name = "NAME", help_heading = NETWORK)]
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "only")]
    pub trainable_prefix: Option<String>,
    /// Train the error head of --from alone, its generator frozen.
    ///
    /// For `resample --expected-error`.
    #[arg(long, num_args = 0, default_missing_value = "true", action = ArgAction::Set)]
    #[arg(help_heading = NETWORK)]
    #[serde(default, alias = "confidence")]
    pub error_head: bool,
    /// Channels of the paper's feature maps [default: Table 1].
    ///
    /// Of one to three maps, at strides 16, 32 and 64. Table 1: 16 for ae and acai, 16,8,8 for the
    /// others, 16,8,4 from 512 pixels on.
    #[arg(long, value_delimiter = ',', value_name = "N,N,...", help_heading = NETWORK)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_channels: Option<Vec<i64>>,
    /// Sizes of HRINet-Motion, the table `[motion]` of a file; `None`: those of the checkpoint that
    /// training begins from, else the default ones.
    #[arg(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub motion: Option<MotionConfig>,
}

/// Headings of the help: the network, what it is trained on, how, and by which losses.
const NETWORK: &str = "Network";
const GROUPS: &str = "Crops and groups of slices";
const STEPS: &str = "Steps and optimizer";
const LOSSES: &str = "Losses";

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

    /// Side of scaled planes in pixels, where they are scaled.
    pub fn plane_side(&self) -> i64 {
        self.plane.unwrap_or(self.size)
    }

    /// The generator's architecture where no checkpoint gives one.
    ///
    /// # Errors
    /// [`Error::Argument`] for a size that the system cannot take, and for sizes out of range.
    pub fn architecture(&self) -> Result<Architecture> {
        let architecture = match (&self.motion, &self.map_channels) {
            (None, None) => self.system.architecture(self.size)?,
            (Some(sizes), _) => Architecture::Motion(sizes.clone()),
            (None, Some(channels)) => {
                Architecture::Autoencoder(AutoencoderConfig { map_channels: channels.clone() })
            }
        };
        let architecture = architecture.with_thin(self.thin).checked()?;
        architecture.check_side(self.size, self.system)?;
        Ok(architecture)
    }

    /// Slices that a volume needs at least: those of the largest group.
    pub fn slices_needed(&self) -> usize {
        let gap = self.gaps.iter().copied().max().unwrap_or(usize::MAX);
        // Two slabs side by side; else both ends and what is between them.
        if self.thin { gap.saturating_mul(2) } else { gap.saturating_add(1) }
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
