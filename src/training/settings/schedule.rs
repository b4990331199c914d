//! Which system trains how: its stages, its discriminators, its steps (section 5 of the paper).

use crate::network::System;
use crate::training::settings::Settings;

/// What an iteration does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The confidence of an HRINet-Motion that stays as it is.
    ErrorHead,
    /// HRINet-Motion's only stage: the content loss on one slice between two, nothing else.
    Supervised,
    /// G, and D1 where the system has it, on reconstruction: equations 2 and 3.
    One,
    /// D1, D2 and G on equations 1, 2 and 4 (Step I), then G on equation 9 (Step II).
    Two,
}

impl Settings {
    /// Iterations of all stages together.
    pub fn all_iterations(&self) -> u64 {
        self.stage_one_iterations + self.iterations
    }

    /// The stage of an iteration counted over the whole run from 0, its number within the stage,
    /// and the stage's length.
    pub fn stage_at(&self, iteration: u64) -> (Stage, u64, u64) {
        match self.system {
            _ if self.error_head => (Stage::ErrorHead, iteration, self.iterations),
            System::HrinetMotion => (Stage::Supervised, iteration, self.iterations),
            System::Ae | System::Acai => (Stage::One, iteration, self.iterations),
            _ => match iteration.checked_sub(self.stage_one_iterations) {
                None => (Stage::One, iteration, self.stage_one_iterations),
                Some(within) => (Stage::Two, within, self.iterations),
            },
        }
    }

    /// The batch of an iteration, by number: the two stages see different ones, and Stage II sees
    /// the same whether Stage I came before it in this run or in another.
    pub fn batch_number(&self, iteration: u64) -> u64 {
        match self.stage_at(iteration) {
            (Stage::Two, within, _) => within | (1 << 40),
            (_, within, _) => within,
        }
    }

    /// Whether batches hold all inner slices of their groups.
    pub fn takes_whole_groups(&self) -> bool {
        self.system != System::HrinetMotion
    }

    /// Whether D1 trains along.
    pub fn has_critic(&self) -> bool {
        self.lambda > 0.0
    }

    /// Whether D2 trains along in Stage II.
    pub fn has_patch_gan(&self) -> bool {
        self.beta > 0.0
    }

    /// Whether Stage II holds Step II.
    pub fn has_step_two(&self) -> bool {
        self.system != System::HrinetPatchgan
    }

    /// Whether the content loss of Stage II is the perceptual one.
    pub fn is_perceptual(&self) -> bool {
        self.system == System::HrinetPerceptual
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::settings::has_two_stages;

    #[test]
    fn stages_follow_one_another_and_batches_do_not_depend_on_the_first() {
        let settings = |stage_one_iterations| Settings {
            stage_one_iterations,
            iterations: 20,
            ..Settings::default_for(System::HrinetMse)
        };
        let both = settings(10);
        assert_eq!(both.all_iterations(), 30);
        assert_eq!(both.stage_at(9), (Stage::One, 9, 10));
        assert_eq!(both.stage_at(10), (Stage::Two, 0, 20));
        assert_ne!(both.batch_number(10), both.batch_number(0));
        assert_eq!(both.batch_number(10), settings(0).batch_number(0));
        let acai = Settings { iterations: 5, ..Settings::default_for(System::Acai) };
        assert_eq!(acai.stage_at(4), (Stage::One, 4, 5));
    }

    #[test]
    fn each_system_has_what_the_paper_gives_it() {
        let has = |system| {
            let default_for = Settings::default_for(system);
            let [d1, d2] = [default_for.has_critic(), default_for.has_patch_gan()];
            let two = has_two_stages(system) && default_for.has_step_two();
            (d1, d2, two, default_for.is_perceptual())
        };
        assert_eq!(has(System::Ae), (false, false, false, false));
        assert_eq!(has(System::Acai), (true, false, false, false));
        assert_eq!(has(System::HrinetPatchgan), (true, true, false, false));
        assert_eq!(has(System::HrinetMse), (true, true, true, false));
        assert_eq!(has(System::HrinetPerceptual), (true, true, true, true));
        assert_eq!(has(System::HrinetMotion), (false, false, false, false));
    }
}
