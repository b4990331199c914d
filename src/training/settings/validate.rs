//! Which settings make sense together.

use crate::error::{Error, Result};
use crate::network::System;
use crate::training::settings::{Content, OptimizerKind, Precision, Settings, has_two_stages};

impl Settings {
    /// Checks that a run with these settings makes sense.
    ///
    /// # Errors
    /// [`Error::Argument`] with the value.
    pub fn check(&self) -> Result<()> {
        self.architecture()?;
        let wrong = |what: String| Err(Error::Argument(what));
        if self.system != System::HrinetMotion {
            if self.motion.is_some() {
                return wrong(format!("sizes of hrinet-motion for {}", self.system));
            }
            if self.content != Content::Mse {
                return wrong(format!("content psnr for {}: hrinet-motion has it", self.system));
            }
        }
        let of_motion = [
            ("similarity", self.ssim_weight),
            ("tissue bias", self.tissue_bias),
            ("teaching", self.distillation_weight),
        ];
        for (name, weight) in of_motion {
            if weight > 0.0 && self.system != System::HrinetMotion {
                let system = self.system;
                return wrong(format!("a {name} of {weight} for {system}: hrinet-motion has it"));
            }
        }
        if self.error_head && self.system != System::HrinetMotion {
            return wrong(format!(
                "the confidence of {}: hrinet-motion alone has one",
                self.system
            ));
        }
        if self.error_head && self.optimizer != OptimizerKind::AdamW {
            return wrong("optimizer muon for a confidence: generators have it".into());
        }
        if (self.error_head || self.system != System::HrinetMotion)
            && let Some(only) = &self.trainable_prefix
        {
            let what = if self.error_head { "a confidence" } else { self.system.name() };
            return wrong(format!("only {only} for {what}: the generator of hrinet-motion has it"));
        }
        if self.error_head && self.beta > 0.0 {
            return wrong(format!(
                "a beta of {} for a confidence: the generator stays as it is",
                self.beta
            ));
        }
        if self.error_head && self.motion.is_some() {
            return wrong(
                "sizes of hrinet-motion for its confidence: the generator stays as it is".into(),
            );
        }
        if self.batch == 0 {
            return wrong("a batch of 0 crops; at least 1".into());
        }
        if self.iterations + self.stage_one_iterations == 0 {
            return wrong("0 iterations; at least 1".into());
        }
        if self.gaps.is_empty() || self.gaps.iter().any(|&gap| gap < 2) {
            return wrong(format!("gaps {:?}; each must be 2 or more", self.gaps));
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return wrong(format!("a learning rate of {}", self.learning_rate));
        }
        let weights = [
            ("lambda", self.lambda),
            ("beta", self.beta),
            ("gamma", self.gamma),
            ("similarity", self.ssim_weight),
            ("tissue bias", self.tissue_bias),
            ("teaching", self.distillation_weight),
            ("weight decay", self.weight_decay),
            ("gradient norm", self.max_grad_norm),
        ];
        for (name, value) in weights {
            if !(value.is_finite() && value >= 0.0) {
                return wrong(format!("a {name} of {value}; it must be 0 or more"));
            }
        }
        for (name, share) in [("gamma", self.gamma), ("teaching", self.distillation_weight)] {
            if share > 1.0 {
                return wrong(format!("a {name} of {share}; it must be 0 to 1"));
            }
        }
        if self.distillation_weight > 0.0 && (self.error_head || self.beta > 0.0) {
            let what = if self.error_head { "a confidence" } else { "a training against D2" };
            return wrong(format!(
                "a teaching of {} for {what}, which learns from real slices alone",
                self.distillation_weight
            ));
        }
        if !has_two_stages(self.system) {
            if self.stage_one_iterations > 0 {
                return wrong(format!(
                    "{} iterations of Stage I: {} has one stage, whose iterations are --iterations",
                    self.stage_one_iterations, self.system
                ));
            }
            if self.beta > 0.0 && self.system != System::HrinetMotion {
                return wrong(format!("a beta of {}: {} has no D2", self.beta, self.system));
            }
        }
        match self.system {
            System::HrinetMotion => {
                if self.lambda > 0.0 {
                    return wrong(format!("a lambda of {}: hrinet-motion has no D1", self.lambda));
                }
                if self.precision != Precision::Float32 {
                    return wrong("hrinet-motion trains in float32 alone".into());
                }
            }
            System::Ae if self.lambda > 0.0 => {
                return wrong(format!(
                    "a lambda of {}: ae has no D1; acai is ae with it",
                    self.lambda
                ));
            }
            _ => {}
        }
        if self.system != System::HrinetMotion && self.gaps.len() > 1 {
            return wrong(format!(
                "gaps {:?}: {} trains on groups of one length",
                self.gaps, self.system
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused() {
        let default_for = Settings::default_for(System::HrinetMotion);
        assert!(default_for.check().is_ok());
        assert!(Settings { size: 100, ..default_for.clone() }.check().is_err());
        assert!(Settings { gaps: vec![1], ..default_for.clone() }.check().is_err());
        assert!(Settings { batch: 0, ..default_for.clone() }.check().is_err());
        assert!(Settings { lambda: 0.5, ..default_for.clone() }.check().is_err());
        assert!(Settings { beta: 0.01, ..default_for.clone() }.check().is_ok());
        let confidence = Settings::default_for_error_head();
        assert!(Settings { beta: 0.01, ..confidence.clone() }.check().is_err());
        assert!(Settings { optimizer: OptimizerKind::Muon, ..confidence.clone() }.check().is_err());
        assert!(Settings { distillation_weight: 0.5, ..confidence }.check().is_err());
        let only = Some("refinement".to_string());
        assert!(Settings { trainable_prefix: only.clone(), ..default_for.clone() }.check().is_ok());
        assert!(
            Settings { trainable_prefix: only.clone(), ..Settings::default_for_error_head() }
                .check()
                .is_err()
        );
        assert!(
            Settings { trainable_prefix: only, ..Settings::default_for(System::Acai) }
                .check()
                .is_err()
        );
        assert!(
            Settings { precision: Precision::Bfloat16, ..default_for.clone() }.check().is_err()
        );
        assert!(Settings { distillation_weight: 1.0, ..default_for.clone() }.check().is_ok());
        assert!(Settings { distillation_weight: 1.1, ..default_for.clone() }.check().is_err());
        assert!(Settings { distillation_weight: 0.5, beta: 0.01, ..default_for }.check().is_err());
        for system in System::ALL {
            let default_for = Settings::default_for(system);
            assert!(default_for.check().is_ok(), "{system}");
            assert!(Settings { gamma: -0.1, ..default_for.clone() }.check().is_err());
            assert!(
                Settings { iterations: 0, stage_one_iterations: 0, ..default_for }.check().is_err()
            );
        }
        let acai = Settings::default_for(System::Acai);
        assert!(Settings { optimizer: OptimizerKind::Muon, ..acai.clone() }.check().is_ok());
        let confidence = Settings::default_for_error_head();
        assert!(Settings { optimizer: OptimizerKind::Muon, ..confidence }.check().is_err());
        assert!(Settings { stage_one_iterations: 5, ..acai.clone() }.check().is_err());
        assert!(Settings { gaps: vec![2, 6], ..acai }.check().is_err());
        assert!(Settings { lambda: 0.5, ..Settings::default_for(System::Ae) }.check().is_err());
    }
}
