//! The paper's decoder De: blended feature maps to a slice.

use tch::Tensor;

use crate::error::Result;
use crate::network::autoencoder::encoder::{FIRST_MAP, TRUNK};
use crate::network::autoencoder::features::AutoencoderFeatures;
use crate::network::nn::conv::{Convolution, ConvolutionConfig, ConvolutionPair, Init};
use crate::network::nn::parameters::Parameters;

/// Decodes from the coarsest map, adds the finer ones on the way up, and ends at the full plane.
pub struct Decoder {
    /// The DE blocks: each follows nearest upsampling by 2 and concatenation of the blended map of
    /// that scale.
    blocks: Vec<ConvolutionPair>,
    exit: Convolution,
}

impl Decoder {
    /// Builds the decoder of maps of these channels at strides 16, 32, ...
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where the weights of a checkpoint do not fit.
    pub fn new(parameters: &mut Parameters, map_channels: &[i64]) -> Result<Decoder> {
        let levels = FIRST_MAP - 1 + map_channels.len();
        let mut inputs = map_channels[map_channels.len() - 1];
        let mut blocks = Vec::new();
        // `halvings` of the plane at the block's output; the trunk's width at that stride.
        for halvings in (0..levels).rev() {
            let outputs = TRUNK[halvings.saturating_sub(1)];
            let map = match halvings.checked_sub(FIRST_MAP) {
                Some(index) => map_channels[index],
                None => 0,
            };
            let name = format!("decoder.stride{}", 1 << halvings);
            blocks.push(ConvolutionPair::new(parameters, &name, inputs + map, outputs)?);
            inputs = outputs;
        }
        let exit = ConvolutionConfig::new(inputs, 1).init(Init::LeakyNormal);
        let exit = Convolution::new(parameters, "decoder.exit", exit)?;
        Ok(Decoder { blocks, exit })
    }

    /// Decodes maps `[N, C, H / 16, W / 16]`, ... to slices `[N, 1, H, W]`; the last layer is
    /// linear.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] without any map.
    pub fn forward(&self, blended: &AutoencoderFeatures) -> Result<Tensor> {
        let mut finer_maps = blended.maps.iter().rev();
        let mut wide = match finer_maps.next() {
            Some(map) => map.shallow_clone(),
            None => return Err(crate::Error::Argument("no feature map to decode".into())),
        };
        for block in &self.blocks {
            let (_, _, rows, columns) = wide.size4()?;
            wide = wide.f_upsample_nearest2d([2 * rows, 2 * columns], None, None)?;
            if let Some(map) = finer_maps.next() {
                wide = Tensor::f_cat(&[&wide, map], 1)?;
            }
            wide = block.forward(&wide)?;
        }
        self.exit.forward(&wide)
    }
}
