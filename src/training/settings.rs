//! What a training run is, apart from its data.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::network::System;

/// Settings of a training run. They are part of its checkpoints: going on with other ones would
/// not be the same run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The system to train.
    pub system: System,
    /// Side of the square crops, pixels.
    pub size: i64,
    /// Crops a step.
    pub batch: usize,
    /// Optimiser steps of the whole run.
    pub iterations: u64,
    /// Seed of the first weights and of every batch.
    pub seed: u64,
    /// Known slices are this many slices apart; one of these a crop, by chance.
    pub gaps: Vec<usize>,
    /// Peak of the learning rate.
    pub learning_rate: f64,
    /// Steps over which the learning rate rises to its peak.
    pub warm_up: u64,
    /// Decay of AdamW.
    pub weight_decay: f64,
    /// The gradient's norm is cut at this.
    pub gradient_norm: f64,
    /// Volumes held out for validation.
    pub hold_out: usize,
}

impl Settings {
    /// The usual settings of a system.
    pub fn usual(system: System) -> Settings {
        let motion = system == System::HrinetMotion;
        Settings {
            system,
            size: system.usual_size(),
            batch: 8,
            iterations: if motion { 16_000 } else { 50_000 },
            seed: 0,
            gaps: if motion { vec![2, 3, 4, 5, 6] } else { vec![6] },
            learning_rate: if motion { 1.5e-3 } else { 1e-4 },
            warm_up: if motion { 100 } else { 0 },
            weight_decay: if motion { 1e-4 } else { 0.0 },
            gradient_norm: 1.0,
            hold_out: 5,
        }
    }

    /// Checks that a run with these settings makes sense.
    ///
    /// # Errors
    /// [`Error::Argument`] with the value.
    pub fn check(&self) -> Result<()> {
        self.system.architecture(self.size)?;
        let wrong = |what: String| Err(Error::Argument(what));
        if self.batch == 0 {
            return wrong("a batch of 0 crops; at least 1".into());
        }
        if self.iterations == 0 {
            return wrong("0 iterations; at least 1".into());
        }
        if self.gaps.is_empty() || self.gaps.iter().any(|&gap| gap < 2) {
            return wrong(format!("gaps {:?}; each must be 2 or more", self.gaps));
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return wrong(format!("a learning rate of {}", self.learning_rate));
        }
        if !matches!(self.system, System::Ae | System::HrinetMse | System::HrinetMotion) {
            return wrong(format!(
                "{} trains against discriminators, which this version does not have; it trains \
                 ae, hrinet-mse and hrinet-motion",
                self.system
            ));
        }
        Ok(())
    }

    /// The learning rate of a step: a straight rise, then half a cosine down to one hundredth.
    pub fn learning_rate_at(&self, step: u64) -> f64 {
        let rise = ((step + 1) as f64 / self.warm_up.max(1) as f64).min(1.0);
        let progress = step as f64 / self.iterations as f64;
        let fall = 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
        self.learning_rate * rise * (0.01 + 0.99 * fall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_learning_rate_rises_and_falls() {
        let settings = Settings { iterations: 1000, ..Settings::usual(System::HrinetMotion) };
        assert!((settings.learning_rate_at(0) - 1.5e-5).abs() < 1e-9);
        let halfway = settings.learning_rate_at(500);
        assert!((halfway - 1.5e-3 * (0.01 + 0.99 * 0.5)).abs() < 1e-9, "{halfway}");
        assert!(settings.learning_rate_at(999) < 1.6e-5);
    }

    #[test]
    fn nonsense_is_refused() {
        let usual = Settings::usual(System::HrinetMotion);
        assert!(usual.check().is_ok());
        assert!(Settings { size: 100, ..usual.clone() }.check().is_err());
        assert!(Settings { gaps: vec![1], ..usual.clone() }.check().is_err());
        assert!(Settings { batch: 0, ..usual.clone() }.check().is_err());
        let error = Settings::usual(System::Acai).check().unwrap_err().to_string();
        assert!(error.contains("discriminators"), "{error}");
    }
}
