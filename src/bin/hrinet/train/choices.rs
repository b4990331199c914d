//! The settings that a user chose, by flag or by a TOML file with the same names.

use std::path::Path;

use clap::Args;
use hrinet::network::System;
use hrinet::network::motion::config::MotionConfig;
use hrinet::training::Settings;
use hrinet::training::data::hold_out::HoldOut;
use hrinet::training::settings::{Adversarial, CriticTarget};
use hrinet::training::settings::{
    Content, Fit, LrSchedule, OptimizerKind, Precision, default_beta,
};
use hrinet::{Error, Result};
use serde::{Deserialize, Serialize};

/// What is not chosen has the system's usual value.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Choices {
    /// ae, acai, hrinet-patchgan, hrinet-mse, hrinet-perceptual or hrinet-motion [default:
    /// hrinet-motion].
    #[arg(long)]
    pub system: Option<System>,
    /// Side of the squares in pixels, a multiple of 64 (hrinet-motion, ae, acai: 16) [default: 96
    /// for hrinet-motion, 256 for the others].
    #[arg(long)]
    size: Option<i64>,
    /// crop: cut squares out of the plane; resize: scale the whole plane [default: crop for
    /// hrinet-motion, resize for the others].
    #[arg(long, value_parser = word::<Fit>, value_name = "crop|resize")]
    fit: Option<Fit>,
    /// Crops, or groups of slices, a step.
    #[arg(long)]
    batch: Option<usize>,
    /// Iterations of Stage I, before Stage II [default: 50000 for the three hrinet systems of the
    /// paper, 0 with --from].
    #[arg(long, value_name = "N")]
    stage_one_iterations: Option<u64>,
    /// Iterations of the only or the last stage.
    #[arg(long, value_name = "N")]
    iterations: Option<u64>,
    /// Seed of weights, batches and the choice of held-out patients [default: 0].
    #[arg(long)]
    seed: Option<u64>,
    /// Distances of the known slices, in slices: n - 1 of the paper.
    #[arg(long, value_delimiter = ',', value_name = "N,N,...")]
    gap: Option<Vec<usize>>,
    /// Peak of the learning rate.
    #[arg(long)]
    learning_rate: Option<f64>,
    /// How the learning rate goes on [default: cosine for hrinet-motion, constant for the others].
    #[arg(long, value_parser = word::<LrSchedule>, value_name = "constant|cosine")]
    lr_schedule: Option<LrSchedule>,
    /// Steps over which the learning rate rises to its peak.
    #[arg(long, value_name = "STEPS")]
    warm_up: Option<u64>,
    /// How weights follow their gradient: AdamW for all, or Muon for the generator's convolutions
    /// [default: muon for hrinet-motion, adamw for the others and for --confidence].
    #[arg(long, value_parser = word::<OptimizerKind>, value_name = "adamw|muon")]
    optimizer: Option<OptimizerKind>,
    /// Decay of AdamW and Muon; 0 is plain Adam.
    #[arg(long)]
    weight_decay: Option<f64>,
    /// Cut the gradient's norm at this; 0: never.
    #[arg(long)]
    max_grad_norm: Option<f64>,
    /// Volumes held out for validation: how many, drawn by the seed, or their names; the name of a
    /// patient holds out all its files, NAME and NAME_... [default: 5].
    #[arg(long, value_name = "N|NAME,...")]
    hold_out: Option<HoldOut>,
    /// Weight of the loss against the critic, equation 4; 0 trains without D1 [default: 0.5].
    #[arg(long)]
    lambda: Option<f64>,
    /// Weight of the loss against the PatchGAN, equation 4; 0 trains without D2 [default: 0.0005,
    /// 0.005 from 512 pixels on; 0 for hrinet-motion].
    #[arg(long)]
    beta: Option<f64>,
    /// Share of the real slice in the critic's anchor, equation 2 [default: 0.2].
    #[arg(long)]
    gamma: Option<f64>,
    /// What the critic is to say: min(alpha, 1 - alpha), or alpha [default: folded].
    #[arg(long, value_parser = word::<CriticTarget>, value_name = "folded|literal")]
    critic_target: Option<CriticTarget>,
    /// The game between G and D2, equations 1 and 8 [default: saturating].
    #[arg(long, value_parser = word::<Adversarial>)]
    #[arg(value_name = "saturating|non-saturating|least-squares")]
    adversarial: Option<Adversarial>,
    /// The numbers that passes are computed in [default: float32].
    #[arg(long, value_parser = word::<Precision>, value_name = "float32|bfloat16")]
    precision: Option<Precision>,
    /// What hrinet-motion loses: the squared error, or its logarithm crop by crop [default: mse].
    #[arg(long, value_parser = word::<Content>, value_name = "mse|psnr")]
    content: Option<Content>,
    /// Weight of 1 - SSIM, without its comparison of brightness, in what hrinet-motion loses, beside
    /// --content [default: 0].
    #[arg(long)]
    ssim_weight: Option<f64>,
    /// Weight of the squared bias in what hrinet-motion shows as lung, fat, muscle or bone, beside
    /// --content [default: 0].
    #[arg(long)]
    tissue_bias: Option<f64>,
    /// Share of what --teacher makes in the slices that hrinet-motion learns to make, 0 to 1 [default: 0.5 with
    /// --teacher].
    #[arg(long, value_name = "SHARE")]
    distillation_weight: Option<f64>,
    /// Train only the weights of hrinet-motion whose names begin so, `refinement` say; the others stay as they
    /// are.
    #[arg(long, value_name = "NAME")]
    trainable_prefix: Option<String>,
    /// Keep the generator of --from as it is and train its expected error alone, for `resample
    /// --confidence`.
    #[arg(long, num_args = 0, default_missing_value = "true")]
    error_head: Option<bool>,
    /// Sizes of hrinet-motion: the table [motion] of the file.
    #[arg(skip)]
    motion: Option<MotionConfig>,
}

impl Choices {
    /// Reads a TOML file whose keys are the flags' names.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Unsupported`] for a key that there is not, or a wrong value.
    pub fn read(path: &Path) -> Result<Choices> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::io(path, error))?;
        toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            let message = error.message().replace('\n', " ");
            Error::unsupported(path, format!("line {line}: {message}"))
        })
    }

    /// What is chosen here, else what is chosen in `other`.
    pub fn or(self, other: Choices) -> Choices {
        Choices {
            system: self.system.or(other.system),
            size: self.size.or(other.size),
            fit: self.fit.or(other.fit),
            batch: self.batch.or(other.batch),
            stage_one_iterations: self.stage_one_iterations.or(other.stage_one_iterations),
            iterations: self.iterations.or(other.iterations),
            seed: self.seed.or(other.seed),
            gap: self.gap.or(other.gap),
            learning_rate: self.learning_rate.or(other.learning_rate),
            lr_schedule: self.lr_schedule.or(other.lr_schedule),
            warm_up: self.warm_up.or(other.warm_up),
            optimizer: self.optimizer.or(other.optimizer),
            weight_decay: self.weight_decay.or(other.weight_decay),
            max_grad_norm: self.max_grad_norm.or(other.max_grad_norm),
            hold_out: self.hold_out.or(other.hold_out),
            lambda: self.lambda.or(other.lambda),
            beta: self.beta.or(other.beta),
            gamma: self.gamma.or(other.gamma),
            critic_target: self.critic_target.or(other.critic_target),
            adversarial: self.adversarial.or(other.adversarial),
            precision: self.precision.or(other.precision),
            content: self.content.or(other.content),
            ssim_weight: self.ssim_weight.or(other.ssim_weight),
            tissue_bias: self.tissue_bias.or(other.tissue_bias),
            distillation_weight: self.distillation_weight.or(other.distillation_weight),
            trainable_prefix: self.trainable_prefix.or(other.trainable_prefix),
            error_head: self.error_head.or(other.error_head),
            motion: self.motion.or(other.motion),
        }
    }

    /// The settings of the run. `from_checkpoint`: Stage I is behind it unless it is asked for. `taught`: there is
    /// a teacher.
    pub fn settings(self, from_checkpoint: bool, taught: bool) -> Settings {
        let system = self.system.unwrap_or(System::HrinetMotion);
        let confidence = self.error_head.unwrap_or(false);
        let default_for = match confidence {
            true => Settings::default_for_error_head(),
            false => Settings::default_for(system),
        };
        let size = self.size.unwrap_or(default_for.size);
        let default_beta = if default_for.beta > 0.0 { default_beta(size) } else { 0.0 };
        let usual_teaching = if taught { 0.5 } else { 0.0 };
        let usual_stage_one = if from_checkpoint { 0 } else { default_for.stage_one_iterations };
        Settings {
            system,
            size,
            fit: self.fit.unwrap_or(default_for.fit),
            batch: self.batch.unwrap_or(default_for.batch),
            stage_one_iterations: self.stage_one_iterations.unwrap_or(usual_stage_one),
            iterations: self.iterations.unwrap_or(default_for.iterations),
            seed: self.seed.unwrap_or(default_for.seed),
            gaps: self.gap.unwrap_or(default_for.gaps),
            learning_rate: self.learning_rate.unwrap_or(default_for.learning_rate),
            lr_schedule: self.lr_schedule.unwrap_or(default_for.lr_schedule),
            warm_up: self.warm_up.unwrap_or(default_for.warm_up),
            optimizer: self.optimizer.unwrap_or(default_for.optimizer),
            weight_decay: self.weight_decay.unwrap_or(default_for.weight_decay),
            max_grad_norm: self.max_grad_norm.unwrap_or(default_for.max_grad_norm),
            hold_out: self.hold_out.unwrap_or(default_for.hold_out),
            lambda: self.lambda.unwrap_or(default_for.lambda),
            beta: self.beta.unwrap_or(default_beta),
            gamma: self.gamma.unwrap_or(default_for.gamma),
            critic_target: self.critic_target.unwrap_or(default_for.critic_target),
            adversarial: self.adversarial.unwrap_or(default_for.adversarial),
            precision: self.precision.unwrap_or(default_for.precision),
            content: self.content.unwrap_or(default_for.content),
            ssim_weight: self.ssim_weight.unwrap_or(default_for.ssim_weight),
            tissue_bias: self.tissue_bias.unwrap_or(default_for.tissue_bias),
            distillation_weight: self.distillation_weight.unwrap_or(usual_teaching),
            trainable_prefix: self.trainable_prefix,
            error_head: confidence,
            motion: self.motion.or(default_for.motion),
        }
    }

    /// Settings as a TOML file that [`Choices::read`] understands.
    ///
    /// # Errors
    /// [`Error::Argument`] for numbers that TOML cannot hold.
    pub fn to_toml(settings: &Settings) -> Result<String> {
        let settings = settings.clone();
        let choices = Choices {
            system: Some(settings.system),
            size: Some(settings.size),
            fit: Some(settings.fit),
            batch: Some(settings.batch),
            stage_one_iterations: Some(settings.stage_one_iterations),
            iterations: Some(settings.iterations),
            seed: Some(settings.seed),
            gap: Some(settings.gaps),
            learning_rate: Some(settings.learning_rate),
            lr_schedule: Some(settings.lr_schedule),
            warm_up: Some(settings.warm_up),
            optimizer: Some(settings.optimizer),
            weight_decay: Some(settings.weight_decay),
            max_grad_norm: Some(settings.max_grad_norm),
            hold_out: Some(settings.hold_out),
            lambda: Some(settings.lambda),
            beta: Some(settings.beta),
            gamma: Some(settings.gamma),
            critic_target: Some(settings.critic_target),
            adversarial: Some(settings.adversarial),
            precision: Some(settings.precision),
            content: Some(settings.content),
            ssim_weight: (settings.ssim_weight > 0.0).then_some(settings.ssim_weight),
            tissue_bias: (settings.tissue_bias > 0.0).then_some(settings.tissue_bias),
            distillation_weight: (settings.distillation_weight > 0.0)
                .then_some(settings.distillation_weight),
            trainable_prefix: settings.trainable_prefix,
            error_head: settings.error_head.then_some(true),
            motion: settings.motion,
        };
        toml::to_string(&choices).map_err(|error| Error::Argument(format!("settings: {error}")))
    }
}

/// One of the words of an enum, as serde knows them.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> std::result::Result<T, String> {
    serde_json::from_value(serde_json::Value::String(text.into())).map_err(|e| e.to_string())
}
