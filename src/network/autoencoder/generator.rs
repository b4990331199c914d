//! The paper's generator: encoder, blend at alpha, decoder.

use tch::Tensor;

use crate::error::Result;
use crate::network::autoencoder::blend::blend;
use crate::network::autoencoder::config::AutoencoderConfig;
use crate::network::autoencoder::decoder::Decoder;
use crate::network::autoencoder::encoder::Encoder;
use crate::network::features::{Features, Pair};
use crate::network::generator::Generator;
use crate::network::nn::parameters::Parameters;

/// G of the paper: x-hat(alpha) = De(z(alpha)).
pub struct AutoencoderGenerator {
    encoder: Encoder,
    decoder: Decoder,
}

impl AutoencoderGenerator {
    /// Builds the generator with random weights or those of a checkpoint.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where the weights of a checkpoint do not fit.
    pub fn new(
        parameters: &mut Parameters,
        config: &AutoencoderConfig,
    ) -> Result<AutoencoderGenerator> {
        Ok(AutoencoderGenerator {
            encoder: Encoder::new(parameters, &config.map_channels)?,
            decoder: Decoder::new(parameters, &config.map_channels)?,
        })
    }
}

impl Generator for AutoencoderGenerator {
    fn encode(&self, slices: &Tensor) -> Result<Features> {
        Ok(Features::new(self.encoder.forward(slices)?))
    }

    fn decode(&self, pair: Pair, alpha: &Tensor) -> Result<Tensor> {
        let [first, second] = pair.slices;
        self.decoder.forward(&blend(first.maps()?, second.maps()?, alpha)?)
    }
}
