//! How a trainer trains.

use std::ffi::{CString, c_char};
use std::sync::OnceLock;

use crate::capi::call::{Refusal, call, check_size, require, text, unknown};
use crate::capi::model::{
    HRINET_PRECISION_BFLOAT16, HRINET_PRECISION_FLOAT32, HrinetPrecision, precision,
};
use crate::capi::status::HrinetStatus;
use crate::network::{Precision, System};
use crate::training::Settings;
use crate::training::settings::LrSchedule;
use crate::training::settings::{Adversarial, CriticTarget};

/// How the learning rate goes on after the warm-up: one of the `HRINET_DECLINE_*` values.
pub type HrinetDecline = i32;

/// Half a cosine down to one hundredth at the end of the iterations.
pub const HRINET_DECLINE_COSINE: HrinetDecline = 0;
/// It stays as it is.
pub const HRINET_DECLINE_CONSTANT: HrinetDecline = 1;

/// What the critic is to say of a mixed image (equation 2): one of the `HRINET_CRITIC_*` values.
pub type HrinetCriticTarget = i32;

/// min(alpha, 1 - alpha).
pub const HRINET_CRITIC_FOLDED: HrinetCriticTarget = 0;
/// alpha.
pub const HRINET_CRITIC_LITERAL: HrinetCriticTarget = 1;

/// The form of the game between generator and PatchGAN (equations 1 and 8): one of the
/// `HRINET_ADVERSARIAL_*` values.
pub type HrinetAdversarial = i32;

/// log(1 - D2), the paper's.
pub const HRINET_ADVERSARIAL_SATURATING: HrinetAdversarial = 0;
/// -log D2.
pub const HRINET_ADVERSARIAL_NON_SATURATING: HrinetAdversarial = 1;
/// Least squares.
pub const HRINET_ADVERSARIAL_LEAST_SQUARES: HrinetAdversarial = 2;

/// How a trainer trains. Set it up with `hrinet_trainer_options_init`.
#[repr(C)]
pub struct HrinetTrainerOptions {
    /// Size of this struct as the host knows it.
    pub struct_size: usize,
    /// `"hrinet-motion"`, `"hrinet-mse"`, ...: valid while the struct is used. What
    /// `hrinet_trainer_options_init` sets is valid for the life of the process.
    pub system: *const c_char,
    /// Side in pixels of the planes that it is made for, a multiple of 64 (16 for hrinet-motion,
    /// ae and acai): the systems of the paper have a narrower third map from 512 on.
    pub size: u32,
    /// Iterations of Stage I before Stage II; 0 for systems of one stage.
    pub stage_one_iterations: u64,
    /// Iterations of the only or the last stage: the learning rate declines over them.
    pub iterations: u64,
    /// Seed of the first weights and of the alphas that are drawn.
    pub seed: u64,
    /// Peak of the learning rate.
    pub learning_rate: f64,
    /// Steps over which it rises to its peak.
    pub warm_up: u64,
    /// How it goes on.
    pub lr_schedule: HrinetDecline,
    /// The numbers that passes are computed in.
    pub precision: HrinetPrecision,
    /// Decay of the weights. The optimiser is AdamW, and Adam where this is 0; for the convolutions of
    /// hrinet-motion it is Muon.
    pub weight_decay: f64,
    /// The gradient's norm is cut at this; 0: never.
    pub gradient_norm: f64,
    /// Weight of the loss against the critic D1 (equations 3 and 4); 0 trains without D1.
    pub lambda: f64,
    /// Weight of the loss against the PatchGAN D2 (equation 4; beside equation 9 for hrinet-motion); 0 trains
    /// without D2.
    pub beta: f64,
    /// Share of the real slice in the critic's anchor (equation 2), 0 to 1.
    pub gamma: f64,
    /// What the critic is to say.
    pub critic_target: HrinetCriticTarget,
    /// The form of the game with D2.
    pub adversarial: HrinetAdversarial,
}

/// Sets all fields to the usual ones of a system: those of the paper for its five.
///
/// Fails with `HRINET_INVALID_ARGUMENT` for a system that is not known.
///
/// # Safety
/// `system` is a string; `options` points to a struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_trainer_options_init(
    system: *const c_char,
    options: *mut HrinetTrainerOptions,
) -> HrinetStatus {
    call(|| {
        require(options, "options")?;
        // SAFETY: a string or NULL, as the caller promises.
        let system: System = unsafe { text(system, "system")? }.parse()?;
        let default_for = HrinetTrainerOptions::of(&Settings::default_for(system));
        // SAFETY: not NULL, and a place for the struct, as the caller promises.
        unsafe { options.write(default_for) };
        Ok(())
    })
}

/// The name of a system, valid for the life of the process.
fn name(system: System) -> *const c_char {
    static NAMES: OnceLock<Vec<(System, CString)>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let named = |system: System| (system, CString::new(system.name()).unwrap_or_default());
        System::ALL.map(named).to_vec()
    });
    let found = names.iter().find(|(each, _)| *each == system);
    found.map_or(std::ptr::null(), |(_, name)| name.as_ptr())
}

impl HrinetTrainerOptions {
    fn of(settings: &Settings) -> HrinetTrainerOptions {
        HrinetTrainerOptions {
            struct_size: size_of::<HrinetTrainerOptions>(),
            system: name(settings.system),
            size: settings.size as u32,
            stage_one_iterations: settings.stage_one_iterations,
            iterations: settings.iterations,
            seed: settings.seed,
            learning_rate: settings.learning_rate,
            warm_up: settings.warm_up,
            lr_schedule: match settings.lr_schedule {
                LrSchedule::Cosine => HRINET_DECLINE_COSINE,
                LrSchedule::Constant => HRINET_DECLINE_CONSTANT,
            },
            precision: match settings.precision {
                Precision::Float32 => HRINET_PRECISION_FLOAT32,
                Precision::Bfloat16 => HRINET_PRECISION_BFLOAT16,
            },
            weight_decay: settings.weight_decay,
            gradient_norm: settings.max_grad_norm,
            lambda: settings.lambda,
            beta: settings.beta,
            gamma: settings.gamma,
            critic_target: match settings.critic_target {
                CriticTarget::Folded => HRINET_CRITIC_FOLDED,
                CriticTarget::Literal => HRINET_CRITIC_LITERAL,
            },
            adversarial: match settings.adversarial {
                Adversarial::Saturating => HRINET_ADVERSARIAL_SATURATING,
                Adversarial::NonSaturating => HRINET_ADVERSARIAL_NON_SATURATING,
                Adversarial::LeastSquares => HRINET_ADVERSARIAL_LEAST_SQUARES,
            },
        }
    }

    /// What the host wants, as the core says it.
    ///
    /// # Safety
    /// `system` is NULL or a string.
    pub(super) unsafe fn settings(&self) -> Result<Settings, Refusal> {
        check_size::<HrinetTrainerOptions>("options", self.struct_size)?;
        // SAFETY: a string or NULL, as the caller promises.
        let system: System = unsafe { text(self.system, "options->system")? }.parse()?;
        Ok(Settings {
            size: i64::from(self.size),
            stage_one_iterations: self.stage_one_iterations,
            iterations: self.iterations,
            seed: self.seed,
            learning_rate: self.learning_rate,
            warm_up: self.warm_up,
            lr_schedule: match self.lr_schedule {
                HRINET_DECLINE_COSINE => LrSchedule::Cosine,
                HRINET_DECLINE_CONSTANT => LrSchedule::Constant,
                other => return Err(unknown("a decline", other)),
            },
            precision: precision(self.precision)?,
            weight_decay: self.weight_decay,
            max_grad_norm: self.gradient_norm,
            lambda: self.lambda,
            beta: self.beta,
            gamma: self.gamma,
            critic_target: match self.critic_target {
                HRINET_CRITIC_FOLDED => CriticTarget::Folded,
                HRINET_CRITIC_LITERAL => CriticTarget::Literal,
                other => return Err(unknown("a critic_target", other)),
            },
            adversarial: match self.adversarial {
                HRINET_ADVERSARIAL_SATURATING => Adversarial::Saturating,
                HRINET_ADVERSARIAL_NON_SATURATING => Adversarial::NonSaturating,
                HRINET_ADVERSARIAL_LEAST_SQUARES => Adversarial::LeastSquares,
                other => return Err(unknown("an adversarial form", other)),
            },
            ..Settings::default_for(system)
        })
    }
}
