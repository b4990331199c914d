//! What an iteration reports: each of its losses by name.

/// The losses of one iteration, before its optimiser steps. What a stage or a system does not have
/// is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepLosses {
    /// Equation 5 or 6: reconstruction.
    pub content: Option<f64>,
    /// Equation 7.
    pub against_critic: Option<f64>,
    /// Equation 8.
    pub against_patch_gan: Option<f64>,
    /// Equation 9; HRINet-Motion's only loss; that of its confidence, where that alone learns.
    pub step_two: Option<f64>,
    /// Equation 2.
    pub critic: Option<f64>,
    /// Equation 1.
    pub patch_gan: Option<f64>,
    /// Norm of the generator's gradient, before it is cut, in the last of its steps.
    pub gradient_norm: f64,
    /// The learning rate of the iteration.
    pub learning_rate: f64,
}

impl StepLosses {
    /// The names of [`StepLosses::terms`].
    pub const NAMES: [&'static str; 8] = [
        "content",
        "against_critic",
        "against_patch_gan",
        "step_two",
        "critic",
        "patch_gan",
        "gradient_norm",
        "learning_rate",
    ];

    /// Everything in one row.
    pub fn terms(&self) -> [Option<f64>; 8] {
        [
            self.content,
            self.against_critic,
            self.against_patch_gan,
            self.step_two,
            self.critic,
            self.patch_gan,
            Some(self.gradient_norm),
            Some(self.learning_rate),
        ]
    }

    /// The one number that says most: how far the slices in between are off, else how far
    /// reconstructions are.
    pub fn main(&self) -> f64 {
        self.step_two.or(self.content).unwrap_or(f64::NAN)
    }
}
