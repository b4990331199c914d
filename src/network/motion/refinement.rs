//! The small network at full resolution that refines merged slices of HRINet-Motion.

use tch::Tensor;

use crate::error::Result;
use crate::network::nn::conv::{Convolution, ConvolutionConfig, ConvolutionPrelu, Init};
use crate::network::nn::parameters::Parameters;

/// Input channels beside the hidden map.
const MAPS: i64 = 7;

/// Three convolutions with PReLU, and an exit that starts at zero.
pub struct Refinement {
    units: [ConvolutionPrelu; 3],
    exit: Convolution,
}

impl Refinement {
    /// Builds the network for `hidden` channels of the decoder, with `channels` of its own.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where the weights of a checkpoint do not fit.
    pub fn new(parameters: &mut Parameters, hidden: i64, channels: i64) -> Result<Refinement> {
        let mut unit = |number, inputs| {
            let config = ConvolutionConfig::new(inputs, channels);
            ConvolutionPrelu::new(parameters, &format!("refinement.{number}"), config)
        };
        let units = [unit(1, MAPS + hidden)?, unit(2, channels)?, unit(3, channels)?];
        let exit = ConvolutionConfig::new(channels, 1).init(Init::Zero);
        let exit = Convolution::new(parameters, "refinement.exit", exit)?;
        Ok(Refinement { units, exit })
    }

    /// Correction of slices `[N, 1, H, W]` from maps `[N, MAPS + hidden, H, W]`, and from the
    /// context slices where `context` has a convolution of them.
    pub fn forward(&self, maps: &Tensor, context: &[(&Convolution, Tensor)]) -> Result<Tensor> {
        let [first, second, third] = &self.units;
        let refined = third.forward(&second.forward(&first.forward_sum(maps, context)?)?)?;
        self.exit.forward(&refined)
    }
}
