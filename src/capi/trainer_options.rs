//! Settings of a trainer.

use std::ffi::{CString, c_char};
use std::sync::OnceLock;

use crate::capi::guard::{Refusal, call, check_size, require, text, unknown};
use crate::capi::model::{
    HRINET_PRECISION_BFLOAT16, HRINET_PRECISION_FLOAT32, HrinetPrecision, precision,
};
use crate::capi::status::HrinetStatus;
use crate::network::{Precision, System};
use crate::training::Settings;
use crate::training::settings::{Adversarial, Content, CriticTarget, LrSchedule, OptimizerKind};

/// Course of the learning rate after the warm-up: one of the `HRINET_LR_SCHEDULE_*` values.
pub type HrinetLrSchedule = i32;

/// Half a cosine down to one hundredth of the peak at the end of the iterations.
pub const HRINET_LR_SCHEDULE_COSINE: HrinetLrSchedule = 0;
/// The peak throughout, as in the paper.
pub const HRINET_LR_SCHEDULE_CONSTANT: HrinetLrSchedule = 1;

/// Optimizer of the generator: one of the `HRINET_OPTIMIZER_*` values.
pub type HrinetOptimizer = i32;

/// AdamW for all weights; Adam where `weight_decay` is 0.
pub const HRINET_OPTIMIZER_ADAMW: HrinetOptimizer = 0;
/// Muon for convolutions, AdamW for the rest.
pub const HRINET_OPTIMIZER_MUON: HrinetOptimizer = 1;

/// Content loss of hrinet-motion: one of the `HRINET_CONTENT_*` values.
pub type HrinetContent = i32;

/// Mean squared error, equation 5.
pub const HRINET_CONTENT_MSE: HrinetContent = 0;
/// Logarithm of each crop's mean squared error.
pub const HRINET_CONTENT_PSNR: HrinetContent = 1;

/// Critic target for a mixed image (equation 2): one of the `HRINET_CRITIC_*` values.
pub type HrinetCriticTarget = i32;

/// min(alpha, 1 - alpha).
pub const HRINET_CRITIC_FOLDED: HrinetCriticTarget = 0;
/// alpha.
pub const HRINET_CRITIC_LITERAL: HrinetCriticTarget = 1;

/// Form of the adversarial loss of generator and PatchGAN (equations 1 and 8): one of the
/// `HRINET_ADVERSARIAL_*` values.
pub type HrinetAdversarial = i32;

/// log(1 - D2), the paper's.
pub const HRINET_ADVERSARIAL_SATURATING: HrinetAdversarial = 0;
/// -log D2.
pub const HRINET_ADVERSARIAL_NON_SATURATING: HrinetAdversarial = 1;
/// Least squares.
pub const HRINET_ADVERSARIAL_LEAST_SQUARES: HrinetAdversarial = 2;

/// Settings of a trainer, named as the options of `hrinet train`. Set it up with
/// `hrinet_trainer_options_init`.
#[repr(C)]
pub struct HrinetTrainerOptions {
    /// Size of this struct as the host knows it.
    pub struct_size: usize,
    /// `"hrinet-motion"`, `"hrinet-mse"`, ...: valid while the struct is used. The name that
    /// `hrinet_trainer_options_init` sets is valid for the life of the process.
    pub system: *const c_char,
    /// Side of the training planes in pixels, a multiple of 64 (16 for hrinet-motion, ae and
    /// acai): the systems of the paper have a narrower third map from 512 on.
    pub size: u32,
    /// Iterations of Stage I before Stage II; 0 for systems of one stage.
    pub stage_one_iterations: u64,
    /// Iterations of the only or the last stage, over which the learning rate is scheduled.
    pub iterations: u64,
    /// Seed of the first weights and of random alphas.
    pub seed: u64,
    /// Peak of the learning rate.
    pub learning_rate: f64,
    /// Steps over which the learning rate rises to its peak.
    pub warm_up: u64,
    /// Course of the learning rate after the warm-up.
    pub lr_schedule: HrinetLrSchedule,
    /// Optimizer of the generator. Discriminators have AdamW.
    pub optimizer: HrinetOptimizer,
    /// Decay of the weights; 0 makes AdamW the Adam of the paper.
    pub weight_decay: f64,
    /// Norm at which gradients are clipped; 0: never.
    pub max_grad_norm: f64,
    /// Precision of forward and backward passes.
    pub precision: HrinetPrecision,
    /// Content loss; hrinet-motion alone has another than `HRINET_CONTENT_MSE`.
    pub content: HrinetContent,
    /// Weight of 1 - SSIM beside the content loss; hrinet-motion alone.
    pub ssim_weight: f64,
    /// Weight of the squared bias by tissue beside the content loss; hrinet-motion alone.
    pub tissue_bias: f64,
    /// Weight of the loss against the critic D1 (equations 3 and 4); 0 trains without D1.
    pub lambda: f64,
    /// Weight of the loss against the PatchGAN D2 (equation 4; beside equation 9 for
    /// hrinet-motion); 0 trains without D2.
    pub beta: f64,
    /// Share of the real slice in the critic's anchor (equation 2), 0 to 1.
    pub gamma: f64,
    /// Critic target for a mixed image.
    pub critic_target: HrinetCriticTarget,
    /// Form of the adversarial loss.
    pub adversarial: HrinetAdversarial,
    /// Prefix of the weights of hrinet-motion to train, all others frozen: `"refinement"`, for
    /// example. NULL: all train.
    pub trainable_prefix: *const c_char,
}

/// Sets all fields to the defaults of a system: those of the paper for its five.
///
/// Fails with `HRINET_INVALID_ARGUMENT` for an unknown system.
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
        let defaults = HrinetTrainerOptions::of(&Settings::default_for(system));
        // SAFETY: not NULL, and a place for the struct, as the caller promises.
        unsafe { options.write(defaults) };
        Ok(())
    })
}

/// The values of an enumeration in C and in the library.
type Table<T, const N: usize> = [(i32, T); N];

const LR_SCHEDULES: Table<LrSchedule, 2> = [
    (HRINET_LR_SCHEDULE_COSINE, LrSchedule::Cosine),
    (HRINET_LR_SCHEDULE_CONSTANT, LrSchedule::Constant),
];
const OPTIMIZERS: Table<OptimizerKind, 2> =
    [(HRINET_OPTIMIZER_ADAMW, OptimizerKind::AdamW), (HRINET_OPTIMIZER_MUON, OptimizerKind::Muon)];
const CONTENTS: Table<Content, 2> =
    [(HRINET_CONTENT_MSE, Content::Mse), (HRINET_CONTENT_PSNR, Content::Psnr)];
const CRITIC_TARGETS: Table<CriticTarget, 2> =
    [(HRINET_CRITIC_FOLDED, CriticTarget::Folded), (HRINET_CRITIC_LITERAL, CriticTarget::Literal)];
const ADVERSARIALS: Table<Adversarial, 3> = [
    (HRINET_ADVERSARIAL_SATURATING, Adversarial::Saturating),
    (HRINET_ADVERSARIAL_NON_SATURATING, Adversarial::NonSaturating),
    (HRINET_ADVERSARIAL_LEAST_SQUARES, Adversarial::LeastSquares),
];

fn to_c<T: PartialEq, const N: usize>(table: Table<T, N>, value: T) -> i32 {
    table.into_iter().find(|(_, each)| *each == value).map_or(-1, |(code, _)| code)
}

fn from_c<T, const N: usize>(table: Table<T, N>, field: &str, code: i32) -> Result<T, Refusal> {
    let found = table.into_iter().find(|(each, _)| *each == code);
    found.map(|(_, value)| value).ok_or_else(|| unknown(field, code))
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
            lr_schedule: to_c(LR_SCHEDULES, settings.lr_schedule),
            optimizer: to_c(OPTIMIZERS, settings.optimizer),
            weight_decay: settings.weight_decay,
            max_grad_norm: settings.max_grad_norm,
            precision: match settings.precision {
                Precision::Float32 => HRINET_PRECISION_FLOAT32,
                Precision::Bfloat16 => HRINET_PRECISION_BFLOAT16,
            },
            content: to_c(CONTENTS, settings.content),
            ssim_weight: settings.ssim_weight,
            tissue_bias: settings.tissue_bias,
            lambda: settings.lambda,
            beta: settings.beta,
            gamma: settings.gamma,
            critic_target: to_c(CRITIC_TARGETS, settings.critic_target),
            adversarial: to_c(ADVERSARIALS, settings.adversarial),
            trainable_prefix: std::ptr::null(),
        }
    }

    /// The settings that the options stand for.
    ///
    /// # Safety
    /// `system` and `trainable_prefix` are NULL or strings.
    pub(super) unsafe fn settings(&self) -> Result<Settings, Refusal> {
        check_size::<HrinetTrainerOptions>("options", self.struct_size)?;
        // SAFETY: a string or NULL, as the caller promises.
        let system: System = unsafe { text(self.system, "options->system")? }.parse()?;
        let trainable_prefix = match self.trainable_prefix.is_null() {
            true => None,
            // SAFETY: not NULL, and a string, as the caller promises.
            false => Some(unsafe { text(self.trainable_prefix, "options->trainable_prefix")? }),
        };
        Ok(Settings {
            size: i64::from(self.size),
            stage_one_iterations: self.stage_one_iterations,
            iterations: self.iterations,
            seed: self.seed,
            learning_rate: self.learning_rate,
            warm_up: self.warm_up,
            lr_schedule: from_c(LR_SCHEDULES, "lr_schedule", self.lr_schedule)?,
            optimizer: from_c(OPTIMIZERS, "optimizer", self.optimizer)?,
            weight_decay: self.weight_decay,
            max_grad_norm: self.max_grad_norm,
            precision: precision(self.precision)?,
            content: from_c(CONTENTS, "content", self.content)?,
            ssim_weight: self.ssim_weight,
            tissue_bias: self.tissue_bias,
            lambda: self.lambda,
            beta: self.beta,
            gamma: self.gamma,
            critic_target: from_c(CRITIC_TARGETS, "critic_target", self.critic_target)?,
            adversarial: from_c(ADVERSARIALS, "adversarial", self.adversarial)?,
            trainable_prefix: trainable_prefix.map(str::to_string),
            ..Settings::default_for(system)
        })
    }
}
