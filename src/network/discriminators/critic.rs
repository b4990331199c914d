//! D1, the critic: estimates the alpha at which an image was decoded.

use tch::Tensor;

use crate::error::Result;
use crate::network::autoencoder::encoder::Encoder;
use crate::network::nn::parameters::Parameters;

/// Channels of the trunk's map.
const MAP_CHANNELS: [i64; 1] = [16];

/// The encoder trunk of ACAI with weights of its own (parameters omega of the paper), whose map at
/// stride 16 is averaged to one value per image.
pub struct Critic {
    trunk: Encoder,
}

impl Critic {
    /// Builds the network with random weights or those of a checkpoint.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where the weights of a checkpoint do not fit.
    pub fn new(parameters: &mut Parameters) -> Result<Critic> {
        Ok(Critic { trunk: Encoder::new(parameters, &MAP_CHANNELS)? })
    }

    /// Estimates alpha `[N]`, unbounded, of images `[N, 1, H, W]` whose sides are multiples of 16;
    /// 0 stands for a real slice or its reconstruction.
    pub fn guess(&self, images: &Tensor) -> Result<Tensor> {
        let map = &self.trunk.forward(images)?.maps[0];
        Ok(map.f_mean_dim([1i64, 2, 3].as_slice(), false, None)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn estimate_of_an_image_is_independent_of_its_batch() {
        let mut parameters = Parameters::random(3, Device::Cpu);
        let critic = Critic::new(&mut parameters).unwrap();
        let images = Tensor::rand([3, 1, 32, 48], (Kind::Float, Device::Cpu));
        let guesses = critic.guess(&images).unwrap();
        assert_eq!(guesses.size(), [3]);
        let alone = critic.guess(&images.narrow(0, 1, 1)).unwrap().double_value(&[0]);
        assert!((guesses.double_value(&[1]) - alone).abs() < 1e-6);
        assert_ne!(guesses.double_value(&[0]), guesses.double_value(&[1]));
    }
}
