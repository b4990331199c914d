//! The perceptual content loss, equation 6, and P: the frozen encoder that it compares by.

use std::collections::BTreeMap;

use tch::{Device, Tensor};

use crate::error::{Error, Result};
use crate::network::autoencoder::encoder::Encoder;
use crate::network::{Architecture, Parameters, Precision};
use crate::training::forward::cast;
use crate::training::losses::paper::eq6_perceptual_content;
use crate::training::state_dict::StateDict;

/// Group of a checkpoint that holds the weights of P.
pub(crate) const GROUP: &str = "perceptual";

/// P, an encoder as Stage I left it, which never changes again.
pub struct Perceptual {
    encoder: Encoder,
    weights: Vec<(String, Tensor)>,
}

impl Perceptual {
    /// Copies the weights of an encoder (`encoder.*`); others are ignored.
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

    /// The content loss (equation 6) between images `[N, 1, H, W]`.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn content(
        &self,
        truth: &Tensor,
        generated: &Tensor,
        precision: Precision,
    ) -> Result<Tensor> {
        let truth = tch::no_grad(|| self.encoder.forward(&cast(truth, precision)?))?;
        eq6_perceptual_content(&truth, &self.encoder.forward(&cast(generated, precision)?)?)
    }

    /// Adds the weights to the group `perceptual`.
    pub(crate) fn save_weights(&self, state: &mut StateDict) {
        for (name, tensor) in &self.weights {
            state.insert(GROUP, name, tensor);
        }
    }
}
