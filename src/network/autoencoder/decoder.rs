//! The paper's decoder: mixed feature maps to a slice.

use tch::Tensor;

use crate::error::Result;
use crate::network::autoencoder::encoder::{FIRST_MAP, TRUNK};
use crate::network::features::Features;
use crate::network::nn::conv::{Convolution, ConvolutionPair, Init};
use crate::network::nn::parameters::Parameters;

/// Starts at the deepest map, takes the finer ones on the way up, and goes on to the full plane.
pub struct Decoder {
    /// Each after nearest upsampling by 2, with the mixed map of that scale beside: the DE blocks.
    blocks: Vec<ConvolutionPair>,
    exit: Convolution,
}

impl Decoder {
    /// For maps of these channel counts at strides 16, 32, ...
    pub fn new(parameters: &mut Parameters, map_channels: &[i64]) -> Result<Decoder> {
        let start = Init::LeakyNormal;
        let coarsest_level = FIRST_MAP - 1 + map_channels.len();
        let mut inputs = map_channels[map_channels.len() - 1];
        let mut blocks = Vec::new();
        // `halvings`: of the plane that the block puts out. Its width is the trunk's at that stride.
        for halvings in (0..coarsest_level).rev() {
            let outputs = TRUNK[halvings.saturating_sub(1)];
            let beside = match halvings.checked_sub(FIRST_MAP) {
                Some(map) => map_channels[map],
                None => 0,
            };
            let name = format!("decoder.stride{}", 1 << halvings);
            blocks.push(ConvolutionPair::new(parameters, &name, (inputs + beside, outputs))?);
            inputs = outputs;
        }
        let exit = Convolution::new(parameters, "decoder.exit", (inputs, 1), (3, 1), start)?;
        Ok(Decoder { blocks, exit })
    }

    /// Maps `[N, C, H / 16, W / 16]`, ... to a slice `[N, 1, H, W]`, linear at the end.
    pub fn forward(&self, mixed: &Features) -> Result<Tensor> {
        let mut refine_level = mixed.maps.iter().rev();
        let mut wide = match refine_level.next() {
            Some(map) => map.shallow_clone(),
            None => return Err(crate::Error::Argument("no feature map to decode".into())),
        };
        for block in &self.blocks {
            let (_, _, rows, columns) = wide.size4()?;
            wide = wide.f_upsample_nearest2d([2 * rows, 2 * columns], None, None)?;
            if let Some(map) = refine_level.next() {
                wide = Tensor::f_cat(&[&wide, map], 1)?;
            }
            wide = block.forward(&wide)?;
        }
        self.exit.forward(&wide)
    }
}
