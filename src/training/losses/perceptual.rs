//! P of equation 6: the encoder as Stage I left it, frozen.

use std::collections::BTreeMap;

use tch::{Device, Tensor};

use crate::error::{Error, Result};
use crate::network::autoencoder::encoder::Encoder;
use crate::network::autoencoder::features::AutoencoderFeatures;
use crate::network::{Architecture, Parameters};

/// An encoder that never changes again.
pub struct Perceptual {
    encoder: Encoder,
    weights: Vec<(String, Tensor)>,
}

impl Perceptual {
    /// From the weights of an encoder (`encoder.*`); they are copied, others are passed over.
    ///
    /// # Errors
    /// [`Error::Argument`] where they do not fit the architecture, or it has no such encoder.
    pub fn new<'a>(
        architecture: &Architecture,
        weights: impl Iterator<Item = (&'a String, &'a Tensor)>,
        device: Device,
    ) -> Result<Perceptual> {
        let Architecture::Autoencoder(config) = architecture else {
            return Err(Error::Argument("hrinet-motion has no perceptual content loss".into()));
        };
        let mut copies = BTreeMap::new();
        for (name, weight) in weights.filter(|(name, _)| name.starts_with("encoder.")) {
            let mut copy = weight.f_detach()?.f_zeros_like()?;
            tch::no_grad(|| copy.f_copy_(weight))?;
            copies.insert(name.clone(), copy);
        }
        let mut parameters = Parameters::from_tensors(copies, device);
        let encoder = Encoder::new(&mut parameters, &config.map_channels)?;
        Ok(Perceptual { encoder, weights: parameters.finish()? })
    }

    /// Images `[N, 1, H, W]` to all of its maps.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn maps(&self, images: &Tensor) -> Result<AutoencoderFeatures> {
        self.encoder.forward(images)
    }

    /// Puts the weights into a checkpoint's group `perceptual`.
    pub fn keep(&self, into: &mut BTreeMap<String, Tensor>) {
        for (name, tensor) in &self.weights {
            into.insert(format!("perceptual.{name}"), tensor.shallow_clone());
        }
    }
}
