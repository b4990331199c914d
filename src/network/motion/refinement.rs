//! The small network at full resolution that ends a slice of HRINet-Motion.

use tch::Tensor;

use crate::error::Result;
use crate::network::nn::conv::{Convolution, ConvolutionPrelu, Init};
use crate::network::nn::parameters::Parameters;

/// Maps that it sees beside the hidden ones.
const MAPS: i64 = 7;

/// Three convolutions and an exit that starts silent.
pub struct Refinement {
    units: Vec<ConvolutionPrelu>,
    exit: Convolution,
}

impl Refinement {
    /// For `hidden` maps from the decoder, with this many channels of its own.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where stored weights do not fit.
    pub fn new(parameters: &mut Parameters, hidden: i64, channels: i64) -> Result<Refinement> {
        let mut units = Vec::new();
        let mut inputs = MAPS + hidden;
        for number in 1..=3 {
            let name = format!("refinement.{number}");
            units.push(ConvolutionPrelu::new(parameters, &name, (inputs, channels), 1)?);
            inputs = channels;
        }
        let exit =
            Convolution::new(parameters, "refinement.exit", (inputs, 1), (3, 1), Init::Zero)?;
        Ok(Refinement { units, exit })
    }

    /// What is to be added to the slices, `[N, 1, H, W]`, from what was found of them,
    /// `[N, MAPS + hidden, H, W]`, and of what lies beyond the pair where `context` looks at it.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub fn forward(&self, seen: &Tensor, context: &[(&Convolution, Tensor)]) -> Result<Tensor> {
        let mut refined = self.units[0].forward_beside(seen, context)?;
        for unit in &self.units[1..] {
            refined = unit.forward(&refined)?;
        }
        self.exit.forward(&refined)
    }
}
