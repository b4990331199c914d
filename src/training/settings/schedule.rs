//! Training procedure of each system; stage and learning rate of each iteration (section 5 of the
//! paper).

use crate::network::System;
use crate::training::settings::{LrSchedule, Settings};

/// Training procedure of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Procedure {
    /// Stage I alone.
    Reconstruction,
    /// Stage I, then Stage II.
    TwoStages {
        /// Whether Stage II has Step II.
        step_two: bool,
        /// Whether the content loss of Stage II is the perceptual one.
        perceptual: bool,
    },
    /// Interpolated slices alone.
    Supervised,
}

impl Procedure {
    /// The procedure of a system: the one place that lists them.
    pub fn of(system: System) -> Procedure {
        match system {
            System::Ae | System::Acai => Procedure::Reconstruction,
            System::HrinetPatchgan => Procedure::TwoStages { step_two: false, perceptual: false },
            System::HrinetMse => Procedure::TwoStages { step_two: true, perceptual: false },
            System::HrinetPerceptual => Procedure::TwoStages { step_two: true, perceptual: true },
            System::HrinetMotion => Procedure::Supervised,
        }
    }

    /// Whether Stage II follows Stage I.
    pub fn has_two_stages(self) -> bool {
        matches!(self, Procedure::TwoStages { .. })
    }
}

/// Name of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageKind {
    /// Stage I: G, and D1 where the system has it, on reconstruction (equations 2 and 3).
    One,
    /// Stage II: D1, D2 and G on equations 1, 2 and 4 (Step I), then G on equation 9 (Step II).
    Two,
    /// The only stage of HRINet-Motion: the content loss of interpolated slices.
    Supervised,
    /// The error head of an HRINet-Motion whose generator is frozen.
    ErrorHead,
}

impl StageKind {
    /// The name in `losses.csv`.
    pub fn name(self) -> &'static str {
        match self {
            StageKind::One => "one",
            StageKind::Two => "two",
            StageKind::Supervised => "supervised",
            StageKind::ErrorHead => "error_head",
        }
    }
}

impl Settings {
    /// The training procedure of the system.
    pub fn procedure(&self) -> Procedure {
        Procedure::of(self.system)
    }

    /// Iterations of all stages together.
    pub fn all_iterations(&self) -> u64 {
        self.stage_one_iterations + self.iterations
    }

    /// The stage of an iteration counted over the whole run from 0, its number within the stage,
    /// and the stage's length.
    pub fn stage_at(&self, iteration: u64) -> (StageKind, u64, u64) {
        let one = self.stage_one_iterations;
        match self.procedure() {
            _ if self.error_head => (StageKind::ErrorHead, iteration, self.iterations),
            Procedure::Supervised => (StageKind::Supervised, iteration, self.iterations),
            Procedure::Reconstruction => (StageKind::One, iteration, self.iterations),
            Procedure::TwoStages { .. } if iteration < one => (StageKind::One, iteration, one),
            Procedure::TwoStages { .. } => (StageKind::Two, iteration - one, self.iterations),
        }
    }

    /// The number of an iteration's batch. Stage II has other batches than Stage I, and the same
    /// whether Stage I was part of this run or of another.
    pub fn batch_number(&self, iteration: u64) -> u64 {
        match self.stage_at(iteration) {
            (StageKind::Two, within, _) => within | (1 << 40),
            (_, within, _) => within,
        }
    }

    /// The learning rate of a step of a stage of `steps`: a linear warm-up, then the schedule.
    /// Steps beyond the last keep its rate.
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

    /// Whether batches hold all inner slices of their groups.
    pub fn has_whole_groups(&self) -> bool {
        self.procedure() != Procedure::Supervised
    }

    /// Whether D1 is trained.
    pub fn has_critic(&self) -> bool {
        self.lambda > 0.0
    }

    /// Whether D2 is trained, in Stage II or beside HRINet-Motion.
    pub fn has_patch_gan(&self) -> bool {
        self.beta > 0.0
    }

    /// Whether Stage II has Step II.
    pub fn has_step_two(&self) -> bool {
        matches!(self.procedure(), Procedure::TwoStages { step_two: true, .. })
    }

    /// Whether the content loss of Stage II is the perceptual one.
    pub fn is_perceptual(&self) -> bool {
        matches!(self.procedure(), Procedure::TwoStages { perceptual: true, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_of_stage_two_are_independent_of_stage_one() {
        let settings = |stage_one_iterations| Settings {
            stage_one_iterations,
            iterations: 20,
            ..Settings::default_for(System::HrinetMse)
        };
        let both = settings(10);
        assert_eq!(both.all_iterations(), 30);
        assert_eq!(both.stage_at(9), (StageKind::One, 9, 10));
        assert_eq!(both.stage_at(10), (StageKind::Two, 0, 20));
        assert_ne!(both.batch_number(10), both.batch_number(0));
        assert_eq!(both.batch_number(10), settings(0).batch_number(0));
        let acai = Settings { iterations: 5, ..Settings::default_for(System::Acai) };
        assert_eq!(acai.stage_at(4), (StageKind::One, 4, 5));
    }

    #[test]
    fn each_system_has_the_networks_of_the_paper() {
        let has = |system| {
            let settings = Settings::default_for(system);
            let [critic, patch_gan] = [settings.has_critic(), settings.has_patch_gan()];
            (critic, patch_gan, settings.has_step_two(), settings.is_perceptual())
        };
        assert_eq!(has(System::Ae), (false, false, false, false));
        assert_eq!(has(System::Acai), (true, false, false, false));
        assert_eq!(has(System::HrinetPatchgan), (true, true, false, false));
        assert_eq!(has(System::HrinetMse), (true, true, true, false));
        assert_eq!(has(System::HrinetPerceptual), (true, true, true, true));
        assert_eq!(has(System::HrinetMotion), (false, false, false, false));
    }

    #[test]
    fn learning_rate_rises_and_falls() {
        let settings = Settings { iterations: 1000, ..Settings::default_for(System::HrinetMotion) };
        assert!((settings.learning_rate_at(0, 1000) - 1.5e-5).abs() < 1e-9);
        let half = settings.learning_rate_at(500, 1000);
        assert!((half - 1.5e-3 * (0.01 + 0.99 * 0.5)).abs() < 1e-9, "{half}");
        assert!(settings.learning_rate_at(999, 1000) < 1.6e-5);
    }
}
