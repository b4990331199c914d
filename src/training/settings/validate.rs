//! Which settings contradict each other.

use std::fmt::Debug;

use crate::error::{Error, Result};
use crate::network::System;
use crate::training::settings::schedule::Procedure;
use crate::training::settings::{Content, Fit, OptimizerKind, Settings};

const MOTION_ALONE: &str = "hrinet-motion alone has it";
const PAPER_ALONE: &str = "the systems of the paper alone have feature maps";
const FROZEN: &str = "the generator is frozen";
const REAL_SLICES: &str = "it learns from real slices alone";

/// A row of the tables below: `None` where the settings are sound, else field, value and message.
type Row = Option<(&'static str, String, &'static str)>;

fn row(broken: bool, field: &'static str, value: impl Debug, message: &'static str) -> Row {
    broken.then(|| (field, format!("{value:?}"), message))
}

impl Settings {
    /// Checks that the settings are in range and do not contradict each other.
    ///
    /// # Errors
    /// [`Error::Argument`] with field, value and reason.
    pub fn check(&self) -> Result<()> {
        self.architecture()?;
        let rows = [self.range_rows(), self.paper_rows(), self.stage_rows(), self.target_rows()];
        match rows.into_iter().flatten().flatten().next() {
            None => Ok(()),
            Some((field, value, message)) => {
                let what = if self.error_head { "an error head" } else { self.system.name() };
                Err(Error::Argument(format!("{field} = {value} for {what}: {message}")))
            }
        }
    }

    /// Ranges, whatever the system.
    fn range_rows(&self) -> Vec<Row> {
        let below_zero = |value: f64| !(value.is_finite() && value >= 0.0);
        let rate = self.learning_rate;
        let weight = |field, value| row(below_zero(value), field, value, "must be 0 or more");
        let all = self.iterations.saturating_add(self.stage_one_iterations);
        vec![
            row(self.batch == 0, "batch", self.batch, "must be 1 or more"),
            row(all == 0, "iterations", all, "must be 1 or more"),
            row(self.plane_side() < self.size, "plane", self.plane_side(), "must be size or more"),
            row(
                self.plane.is_some() && self.fit == Fit::Crop,
                "plane",
                self.plane_side(),
                "planes are not scaled without --fit resize",
            ),
            row(self.gaps.is_empty(), "gaps", &self.gaps, "at least one is needed"),
            row(self.gaps.iter().any(|&gap| gap < 2), "gaps", &self.gaps, "must be 2 or more"),
            row(self.thickness.is_empty(), "thickness", &self.thickness, "at least one is needed"),
            row(self.thickness.contains(&0), "thickness", &self.thickness, "must be 1 or more"),
            weight("max_gap_mm", self.max_gap_mm),
            weight("sharpness_jitter", self.sharpness_jitter),
            weight("volume_balance", self.volume_balance),
            row(
                self.volume_balance > 1.0,
                "volume_balance",
                self.volume_balance,
                "must be at most 1",
            ),
            row(below_zero(rate) || rate == 0.0, "learning_rate", rate, "must be more than 0"),
            weight("lambda", self.lambda),
            weight("beta", self.beta),
            weight("gamma", self.gamma),
            weight("ssim_weight", self.ssim_weight),
            weight("tissue_bias", self.tissue_bias),
            weight("distillation_weight", self.distillation_weight),
            weight("weight_decay", self.weight_decay),
            weight("max_grad_norm", self.max_grad_norm),
            row(self.gamma > 1.0, "gamma", self.gamma, "must be at most 1"),
            row(
                self.distillation_weight > 1.0,
                "distillation_weight",
                self.distillation_weight,
                "must be at most 1",
            ),
        ]
    }

    /// Settings that the systems of the paper lack.
    fn paper_rows(&self) -> Vec<Row> {
        if self.procedure() == Procedure::Supervised {
            return Vec::new();
        }
        let weight = |field, value: f64| row(value > 0.0, field, value, MOTION_ALONE);
        let prefix = &self.trainable_prefix;
        vec![
            row(self.error_head, "error_head", true, MOTION_ALONE),
            row(self.motion.is_some(), "motion", &self.motion, MOTION_ALONE),
            row(self.content != Content::Mse, "content", "psnr", MOTION_ALONE),
            weight("ssim_weight", self.ssim_weight),
            weight("tissue_bias", self.tissue_bias),
            weight("distillation_weight", self.distillation_weight),
            row(prefix.is_some(), "trainable_prefix", prefix, MOTION_ALONE),
            row(self.thin, "thin", true, MOTION_ALONE),
            row(self.gaps.len() > 1, "gaps", &self.gaps, "it trains on groups of one length"),
        ]
    }

    /// Stages and discriminators that a system lacks.
    fn stage_rows(&self) -> Vec<Row> {
        let supervised = self.procedure() == Procedure::Supervised;
        let reconstruction = self.procedure() == Procedure::Reconstruction;
        let one_stage = supervised || reconstruction;
        let (one, lambda, beta) = (self.stage_one_iterations, self.lambda, self.beta);
        let no_stage_one = "it has one stage, whose iterations are --iterations";
        let maps = &self.map_channels;
        let unsupported = !self.system.trains_in(self.precision);
        vec![
            row(one_stage && one > 0, "stage_one_iterations", one, no_stage_one),
            row(reconstruction && beta > 0.0, "beta", beta, "it has no D2"),
            row(supervised && lambda > 0.0, "lambda", lambda, "it has no D1"),
            row(supervised && maps.is_some(), "map_channels", maps, PAPER_ALONE),
            row(
                self.system == System::Ae && lambda > 0.0,
                "lambda",
                lambda,
                "it has no D1; acai is ae with it",
            ),
            row(unsupported, "precision", self.precision, "it trains in float32 alone"),
        ]
    }

    /// Targets that an error head or a training against D2 lacks.
    fn target_rows(&self) -> Vec<Row> {
        let head = self.error_head;
        let muon = self.optimizer == OptimizerKind::Muon;
        let (beta, share, prefix) = (self.beta, self.distillation_weight, &self.trainable_prefix);
        let against_d2 = "training against D2 learns from real slices alone";
        let (thin, thickness) = (self.thin, &self.thickness);
        let of_motion = self.motion.as_ref().is_some_and(|sizes| sizes.thin);
        vec![
            row(thin && *thickness != [1], "thickness", thickness, "with thin it is the gap"),
            row(thin && share > 0.0, "distillation_weight", share, "thin has no teacher"),
            row(of_motion && !thin, "motion", &self.motion, "it is thin; set thin as well"),
            row(head && muon, "optimizer", "muon", "generators alone have it"),
            row(head && prefix.is_some(), "trainable_prefix", prefix, FROZEN),
            row(head && beta > 0.0, "beta", beta, FROZEN),
            row(head && self.motion.is_some(), "motion", &self.motion, FROZEN),
            row(head && share > 0.0, "distillation_weight", share, REAL_SLICES),
            row(head && thin, "thin", true, "thin slices have none"),
            row(beta > 0.0 && share > 0.0, "distillation_weight", share, against_d2),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::autoencoder::config::AutoencoderConfig;
    use crate::network::motion::config::MotionConfig;
    use crate::network::{Architecture, Precision};

    fn refusal(settings: Settings) -> String {
        settings.check().unwrap_err().to_string()
    }

    #[test]
    fn defaults_are_sound() {
        for system in System::ALL {
            assert!(Settings::default_for(system).check().is_ok(), "{system}");
        }
        assert!(Settings::default_for_error_head().check().is_ok());
    }

    #[test]
    fn values_out_of_range_are_rejected() {
        for system in System::ALL {
            let settings = || Settings::default_for(system);
            assert!(refusal(Settings { batch: 0, ..settings() }).contains("batch = 0"));
            assert!(refusal(Settings { gaps: vec![1], ..settings() }).contains("gaps = [1]"));
            assert!(refusal(Settings { gaps: vec![], ..settings() }).contains("gaps = []"));
            let thickness = vec![1, 0];
            assert!(refusal(Settings { thickness, ..settings() }).contains("thickness = [1, 0]"));
            let volume_balance = 1.5;
            assert!(refusal(Settings { volume_balance, ..settings() }).contains("at most 1"));
            let (fit, plane) = (Fit::Resize, Some(32));
            assert!(refusal(Settings { fit, plane, ..settings() }).contains("plane = 32"));
            let (fit, plane) = (Fit::Crop, Some(512));
            assert!(refusal(Settings { fit, plane, ..settings() }).contains("plane = 512"));
            assert!(refusal(Settings { gamma: -0.1, ..settings() }).contains("gamma = -0.1"));
            assert!(refusal(Settings { gamma: 1.5, ..settings() }).contains("at most 1"));
            assert!(refusal(Settings { learning_rate: 0.0, ..settings() }).contains("more than 0"));
            let none = Settings { iterations: 0, stage_one_iterations: 0, ..settings() };
            assert!(refusal(none).contains("iterations = 0"));
        }
        let motion = Settings::default_for(System::HrinetMotion);
        assert!(refusal(Settings { size: 100, ..motion.clone() }).contains("multiple of 16"));
        assert!(Settings { distillation_weight: 1.0, ..motion.clone() }.check().is_ok());
        assert!(Settings { distillation_weight: 1.1, ..motion }.check().is_err());
    }

    #[test]
    fn settings_of_hrinet_motion_are_rejected_for_other_systems() {
        let motion = Settings::default_for(System::HrinetMotion);
        let prefix = Some("refinement".to_string());
        let sizes = Some(MotionConfig::default());
        assert!(Settings { trainable_prefix: prefix.clone(), ..motion.clone() }.check().is_ok());
        assert!(Settings { beta: 0.01, ..motion.clone() }.check().is_ok());
        assert!(Settings { motion: sizes.clone(), ..motion }.check().is_ok());
        let acai = || Settings::default_for(System::Acai);
        for settings in [
            Settings { trainable_prefix: prefix, ..acai() },
            Settings { motion: sizes, ..acai() },
            Settings { content: Content::Psnr, ..acai() },
            Settings { ssim_weight: 0.1, ..acai() },
            Settings { tissue_bias: 0.1, ..acai() },
            Settings { distillation_weight: 0.1, ..acai() },
            Settings { error_head: true, ..acai() },
            Settings { thin: true, ..acai() },
        ] {
            assert!(refusal(settings).contains(MOTION_ALONE));
        }
    }

    #[test]
    fn feature_maps_are_chosen_by_their_channels() {
        let mse = |map_channels: &[i64], size| Settings {
            map_channels: Some(map_channels.to_vec()),
            size,
            ..Settings::default_for(System::HrinetMse)
        };
        let maps = vec![16, 8, 4];
        let expected = Architecture::Autoencoder(AutoencoderConfig { map_channels: maps });
        assert_eq!(mse(&[16, 8, 4], 256).architecture().unwrap(), expected);
        assert!(mse(&[16], 80).check().is_ok());
        assert!(refusal(mse(&[16, 8], 80)).contains("multiple of 32"));
        assert!(refusal(mse(&[], 256)).contains("0 feature maps"));
        assert!(refusal(mse(&[16, 8, 8, 8], 256)).contains("4 feature maps"));
        assert!(refusal(mse(&[16, 0, 8], 256)).contains("0"));
    }

    #[test]
    fn contradictory_settings_are_rejected() {
        let motion = || Settings::default_for(System::HrinetMotion);
        assert!(refusal(Settings { lambda: 0.5, ..motion() }).contains("no D1"));
        let maps = Some(vec![16]);
        assert!(refusal(Settings { map_channels: maps, ..motion() }).contains(PAPER_ALONE));
        let half = Precision::Bfloat16;
        assert!(refusal(Settings { precision: half, ..motion() }).contains("float32 alone"));
        let both = Settings { distillation_weight: 0.5, beta: 0.01, ..motion() };
        assert!(refusal(both).contains("against D2"));
        let thin = || Settings { thin: true, ..motion() };
        assert!(thin().check().is_ok());
        assert!(refusal(Settings { thickness: vec![2], ..thin() }).contains("it is the gap"));
        assert!(refusal(Settings { distillation_weight: 0.5, ..thin() }).contains("no teacher"));
        let motion_config = Some(MotionConfig { thin: true, ..MotionConfig::default() });
        assert!(refusal(Settings { motion: motion_config, ..motion() }).contains("it is thin"));
        let head = Settings::default_for_error_head;
        for settings in [
            Settings { beta: 0.01, ..head() },
            Settings { optimizer: OptimizerKind::Muon, ..head() },
            Settings { distillation_weight: 0.5, ..head() },
            Settings { thin: true, ..head() },
            Settings { trainable_prefix: Some("refinement".into()), ..head() },
            Settings { motion: Some(MotionConfig::default()), ..head() },
        ] {
            assert!(refusal(settings).contains("for an error head"));
        }
        let acai = || Settings::default_for(System::Acai);
        assert!(Settings { optimizer: OptimizerKind::Muon, ..acai() }.check().is_ok());
        assert!(refusal(Settings { stage_one_iterations: 5, ..acai() }).contains("one stage"));
        assert!(refusal(Settings { gaps: vec![2, 6], ..acai() }).contains("one length"));
        assert!(refusal(Settings { beta: 0.1, ..acai() }).contains("no D2"));
        let ae = Settings { lambda: 0.5, ..Settings::default_for(System::Ae) };
        assert!(refusal(ae).contains("acai is ae with it"));
    }
}
