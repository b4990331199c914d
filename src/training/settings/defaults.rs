//! Default settings of each system.

use crate::network::System;
use crate::training::data::hold_out::HoldOut;
use crate::training::settings::schedule::Procedure;
use crate::training::settings::{
    Adversarial, Content, CriticTarget, Fit, LrSchedule, OptimizerKind, Precision, Settings,
};

impl Settings {
    /// Default settings of a system: those of the paper for its five.
    pub fn default_for(system: System) -> Settings {
        let supervised = Settings {
            system,
            size: system.default_size(),
            fit: Fit::Crop,
            plane: None,
            batch: 8,
            stage_one_iterations: 0,
            iterations: 16_000,
            seed: 0,
            gaps: vec![2, 3, 4, 5, 6],
            max_gap_mm: 0.0,
            thickness: vec![1],
            thin: false,
            sharpness_jitter: 0.0,
            volume_balance: 1.0,
            learning_rate: 1.5e-3,
            lr_schedule: LrSchedule::Cosine,
            warm_up: 100,
            optimizer: OptimizerKind::Muon,
            weight_decay: 1e-4,
            max_grad_norm: 1.0,
            hold_out: HoldOut::Count(5),
            lambda: 0.0,
            beta: 0.0,
            gamma: 0.0,
            critic_target: CriticTarget::Folded,
            adversarial: Adversarial::Saturating,
            precision: Precision::Float32,
            content: Content::Mse,
            ssim_weight: 0.0,
            tissue_bias: 0.0,
            distillation_weight: 0.0,
            trainable_prefix: None,
            error_head: false,
            map_channels: None,
            motion: None,
        };
        let procedure = Procedure::of(system);
        if procedure == Procedure::Supervised {
            return supervised;
        }
        let two_stages = procedure.has_two_stages();
        Settings {
            fit: Fit::Resize,
            stage_one_iterations: if two_stages { 50_000 } else { 0 },
            iterations: 50_000,
            gaps: vec![6],
            learning_rate: 1e-4,
            lr_schedule: LrSchedule::Constant,
            warm_up: 0,
            optimizer: OptimizerKind::AdamW,
            weight_decay: 0.0,
            max_grad_norm: 0.0,
            lambda: if system == System::Ae { 0.0 } else { 0.5 },
            beta: if two_stages { default_beta(system.default_size()) } else { 0.0 },
            gamma: if system == System::Ae { 0.0 } else { 0.2 },
            ..supervised
        }
    }

    /// Default settings of the error head of HRINet-Motion: it is small and soon trained.
    pub fn default_for_error_head() -> Settings {
        Settings {
            iterations: 2_000,
            optimizer: OptimizerKind::AdamW,
            error_head: true,
            ..Settings::default_for(System::HrinetMotion)
        }
    }
}

/// The paper's beta for planes of this side; a larger one makes training collapse, says the paper.
pub fn default_beta(size: i64) -> f64 {
    if size >= 512 { 5e-3 } else { 5e-4 }
}

/// Default share of a teacher's slices in the targets.
pub const DEFAULT_DISTILLATION_WEIGHT: f64 = 0.5;
