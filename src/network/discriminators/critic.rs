//! D1, the critic: guesses the alpha at which an image was mixed.

use tch::Tensor;

use crate::error::Result;
use crate::network::autoencoder::encoder::Encoder;
use crate::network::nn::parameters::Parameters;

/// Channels of the trunk's last map, which is averaged.
const MAP_CHANNELS: [i64; 1] = [16];

/// The encoder trunk of ACAI with weights of its own (parameters omega of the paper); its map at
/// stride 16 is averaged to one number.
pub struct Critic {
    trunk: Encoder,
}

impl Critic {
    /// From drawn or stored weights.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where stored weights do not fit.
    pub fn new(parameters: &mut Parameters) -> Result<Critic> {
        Ok(Critic { trunk: Encoder::new(parameters, &MAP_CHANNELS)? })
    }

    /// Images `[N, 1, H, W]`, sides multiples of 16, to guesses of alpha `[N]`: 0 for a real slice
    /// or its reconstruction. Nothing bounds a guess.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] for another shape.
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
    fn one_number_an_image_that_depends_on_that_image_alone() {
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
