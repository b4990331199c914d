//! The numbers of forward and backward passes.

use serde::{Deserialize, Serialize};
use tch::{Device, Kind};

/// Floating-point type of forward and backward passes. Weights, optimisers, losses and checkpoints
/// are float32 in any case, and so are the flow, the warping, the encoder and the refinement of
/// HRINet-Motion: a flow of a tenth of a pixel does not fit 8 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32 bits; on a CPU every run gives equal results bit for bit.
    #[default]
    Float32,
    /// 8 bits of precision, faster on processors and cards that compute in it.
    Bfloat16,
}

/// Choice of a [`Precision`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrecisionChoice {
    /// [`Precision::fastest_on`] the device.
    Auto,
    /// This one.
    #[serde(untagged)]
    Only(Precision),
}

impl PrecisionChoice {
    /// The precision on a device.
    pub fn on(self, device: Device) -> Precision {
        match self {
            PrecisionChoice::Auto => Precision::fastest_on(device),
            PrecisionChoice::Only(precision) => precision,
        }
    }
}

impl Default for PrecisionChoice {
    fn default() -> PrecisionChoice {
        PrecisionChoice::Only(Precision::default())
    }
}

impl Precision {
    /// Bfloat16 where the device computes in it at twice the rate of float32 or more: processors
    /// with AMX, and those of AMD with AVX512-BF16. Float32 elsewhere.
    pub fn fastest_on(device: Device) -> Precision {
        match device {
            Device::Cpu if computes_in_bfloat16() => Precision::Bfloat16,
            _ => Precision::Float32,
        }
    }

    /// The type of libtorch's tensors.
    pub fn kind(self) -> Kind {
        match self {
            Precision::Float32 => Kind::Float,
            Precision::Bfloat16 => Kind::BFloat16,
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn computes_in_bfloat16() -> bool {
    let cpu = raw_cpuid::CpuId::new();
    let Some(features) = cpu.get_extended_feature_info() else { return false };
    // Intel's have two units for products of float32 and one for those of bfloat16: no faster.
    // A virtual machine may hide the AMX of its processor.
    let is_amd = cpu.get_vendor_info().is_some_and(|vendor| vendor.as_str() == "AuthenticAMD");
    features.has_amx_bf16() || is_amd && features.has_avx512_bf16()
}

#[cfg(not(target_arch = "x86_64"))]
fn computes_in_bfloat16() -> bool {
    false
}

impl std::fmt::Display for Precision {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        out.write_str(match self {
            Precision::Float32 => "float32",
            Precision::Bfloat16 => "bfloat16",
        })
    }
}
