//! The losses of one iteration by name.

/// Losses of one iteration, before its optimizer steps; `None` where the stage or the system has
/// none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepLosses {
    /// Equation 5 or 6: reconstruction.
    pub content: Option<f64>,
    /// Equation 7.
    pub against_critic: Option<f64>,
    /// Equation 8.
    pub against_patch_gan: Option<f64>,
    /// Equation 9, interpolated slices; the loss of an error head where that is trained.
    pub step_two: Option<f64>,
    /// Equation 2.
    pub critic: Option<f64>,
    /// Equation 1.
    pub patch_gan: Option<f64>,
    /// Norm of the generator's gradient before clipping, in the last of its steps.
    pub gradient_norm: f64,
    /// Learning rate of the iteration.
    pub learning_rate: f64,
}

impl StepLosses {
    /// Names of [`StepLosses::values`].
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

    /// All fields in one row.
    pub fn values(&self) -> [Option<f64>; 8] {
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

    /// The loss to watch: that of interpolated slices, else of reconstructions.
    pub fn primary(&self) -> f64 {
        self.step_two.or(self.content).unwrap_or(f64::NAN)
    }
}
