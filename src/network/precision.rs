//! The numbers of forward and backward passes.

use serde::{Deserialize, Serialize};
use tch::Kind;

/// Floating-point type of forward and backward passes. Weights, optimisers, losses and checkpoints
/// are float32 in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32 bits; on a CPU every run gives equal results bit for bit.
    #[default]
    Float32,
    /// Half the memory; for the systems of the paper.
    Bfloat16,
}

impl Precision {
    /// The type of libtorch's tensors.
    pub fn kind(self) -> Kind {
        match self {
            Precision::Float32 => Kind::Float,
            Precision::Bfloat16 => Kind::BFloat16,
        }
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        out.write_str(match self {
            Precision::Float32 => "float32",
            Precision::Bfloat16 => "bfloat16",
        })
    }
}
