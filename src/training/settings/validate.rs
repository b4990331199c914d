//! Which settings make sense together.

use crate::error::{Error, Result};
use crate::network::System;
use crate::training::settings::{Content, Precision, Rule, Settings, has_two_stages};

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
            ("similarity", self.similarity),
            ("tissue bias", self.tissue_bias),
            ("teaching", self.teaching),
        ];
        for (name, weight) in of_motion {
            if weight > 0.0 && self.system != System::HrinetMotion {
                let system = self.system;
                return wrong(format!("a {name} of {weight} for {system}: hrinet-motion has it"));
            }
        }
        if self.confidence && self.system != System::HrinetMotion {
            return wrong(format!(
                "the confidence of {}: hrinet-motion alone has one",
                self.system
            ));
        }
        if self.confidence && self.optimizer != Rule::AdamW {
            return wrong("optimizer muon for a confidence: generators have it".into());
        }
        if (self.confidence || self.system != System::HrinetMotion)
            && let Some(only) = &self.only
        {
            let what = if self.confidence { "a confidence" } else { self.system.name() };
            return wrong(format!("only {only} for {what}: the generator of hrinet-motion has it"));
        }
        if self.confidence && self.beta > 0.0 {
            return wrong(format!(
                "a beta of {} for a confidence: the generator stays as it is",
                self.beta
            ));
        }
        if self.confidence && self.motion.is_some() {
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
            ("similarity", self.similarity),
            ("tissue bias", self.tissue_bias),
            ("teaching", self.teaching),
            ("weight decay", self.weight_decay),
            ("gradient norm", self.gradient_norm),
        ];
        for (name, value) in weights {
            if !(value.is_finite() && value >= 0.0) {
                return wrong(format!("a {name} of {value}; it must be 0 or more"));
            }
        }
        for (name, share) in [("gamma", self.gamma), ("teaching", self.teaching)] {
            if share > 1.0 {
                return wrong(format!("a {name} of {share}; it must be 0 to 1"));
            }
        }
        if self.teaching > 0.0 && (self.confidence || self.beta > 0.0) {
            let what = if self.confidence { "a confidence" } else { "a training against D2" };
            return wrong(format!(
                "a teaching of {} for {what}, which learns from real slices alone",
                self.teaching
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
        let usual = Settings::usual(System::HrinetMotion);
        assert!(usual.check().is_ok());
        assert!(Settings { size: 100, ..usual.clone() }.check().is_err());
        assert!(Settings { gaps: vec![1], ..usual.clone() }.check().is_err());
        assert!(Settings { batch: 0, ..usual.clone() }.check().is_err());
        assert!(Settings { lambda: 0.5, ..usual.clone() }.check().is_err());
        assert!(Settings { beta: 0.01, ..usual.clone() }.check().is_ok());
        let confidence = Settings::usual_confidence();
        assert!(Settings { beta: 0.01, ..confidence.clone() }.check().is_err());
        assert!(Settings { optimizer: Rule::Muon, ..confidence.clone() }.check().is_err());
        assert!(Settings { teaching: 0.5, ..confidence }.check().is_err());
        let only = Some("refinement".to_string());
        assert!(Settings { only: only.clone(), ..usual.clone() }.check().is_ok());
        assert!(Settings { only: only.clone(), ..Settings::usual_confidence() }.check().is_err());
        assert!(Settings { only, ..Settings::usual(System::Acai) }.check().is_err());
        assert!(Settings { precision: Precision::Bfloat16, ..usual.clone() }.check().is_err());
        assert!(Settings { teaching: 1.0, ..usual.clone() }.check().is_ok());
        assert!(Settings { teaching: 1.1, ..usual.clone() }.check().is_err());
        assert!(Settings { teaching: 0.5, beta: 0.01, ..usual }.check().is_err());
        for system in System::ALL {
            let usual = Settings::usual(system);
            assert!(usual.check().is_ok(), "{system}");
            assert!(Settings { gamma: -0.1, ..usual.clone() }.check().is_err());
            assert!(Settings { iterations: 0, stage_one_iterations: 0, ..usual }.check().is_err());
        }
        let acai = Settings::usual(System::Acai);
        assert!(Settings { optimizer: Rule::Muon, ..acai.clone() }.check().is_ok());
        let confidence = Settings::usual_confidence();
        assert!(Settings { optimizer: Rule::Muon, ..confidence }.check().is_err());
        assert!(Settings { stage_one_iterations: 5, ..acai.clone() }.check().is_err());
        assert!(Settings { gaps: vec![2, 6], ..acai }.check().is_err());
        assert!(Settings { lambda: 0.5, ..Settings::usual(System::Ae) }.check().is_err());
    }
}
