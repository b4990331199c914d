//! Residual blocks.

use tch::{Kind, Tensor};

use crate::error::Result;
use crate::network::nn::conv::{ConvolutionConfig, ConvolutionPrelu, Init};
use crate::network::nn::parameters::Parameters;

/// Two 3 x 3 convolutions with PReLU, whose output is added to the input.
pub struct ResidualBlock([ConvolutionPrelu; 2]);

impl ResidualBlock {
    /// Builds the block from the weights `name.first.*` and `name.second.*`.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where the weights of a checkpoint do not fit.
    pub fn new(parameters: &mut Parameters, name: &str, channels: i64) -> Result<ResidualBlock> {
        Self::build(parameters, name, channels, Init::FanInUniform)
    }

    /// Like [`ResidualBlock::new`], but random weights make the block the identity at first.
    pub fn identity(
        parameters: &mut Parameters,
        name: &str,
        channels: i64,
    ) -> Result<ResidualBlock> {
        Self::build(parameters, name, channels, Init::Zero)
    }

    fn build(
        parameters: &mut Parameters,
        name: &str,
        channels: i64,
        second: Init,
    ) -> Result<ResidualBlock> {
        let config = ConvolutionConfig::new(channels, channels);
        let mut unit = |part: &str, config| {
            ConvolutionPrelu::new(parameters, &format!("{name}.{part}"), config)
        };
        Ok(ResidualBlock([unit("first", config)?, unit("second", config.init(second))?]))
    }

    /// Converts the weights for good, so that no pass has to.
    pub fn set_kind(&mut self, kind: Kind) -> Result<()> {
        self.0.iter_mut().try_for_each(|unit| unit.set_kind(kind))
    }

    /// `[N, channels, H, W]` to the same shape.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [first, second] = &self.0;
        Ok(x.f_add(&second.forward(&first.forward(x)?)?)?)
    }
}
