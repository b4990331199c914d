//! The numbers that passes are computed in.

use serde::{Deserialize, Serialize};
use tch::Kind;

/// The numbers that forward and backward passes are computed in. Weights, optimisers, losses and
/// checkpoints are float32 in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Bit for bit the same on every run on a CPU.
    #[default]
    Float32,
    /// Half the memory; for the systems of the paper.
    Bfloat16,
}

impl Precision {
    /// As libtorch calls it.
    pub fn kind(self) -> Kind {
        match self {
            Precision::Float32 => Kind::Float,
            Precision::Bfloat16 => Kind::BFloat16,
        }
    }
}
