//! The paper's encoder: a slice to up to three squeezed feature maps (Table 1).

use tch::Tensor;

use crate::error::Result;
use crate::network::autoencoder::features::AutoencoderFeatures;
use crate::network::nn::conv::{Convolution, ConvolutionConfig, ConvolutionPair, Init};
use crate::network::nn::parameters::Parameters;

/// Channels of the trunk after each halving of the plane.
pub const TRUNK: [i64; 6] = [16, 32, 64, 128, 128, 128];

/// Halvings of the plane before the first map: stride 16.
pub const FIRST_MAP: usize = 4;

/// The trunk and the bottlenecks that squeeze its maps at strides 16, 32 and 64.
pub struct Encoder {
    entry: Convolution,
    /// The EN blocks without their 2x2 average pooling.
    blocks: Vec<ConvolutionPair>,
    bottlenecks: Vec<Convolution>,
}

impl Encoder {
    /// Builds the encoder with maps of these channels at strides 16, 32, ...
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where the weights of a checkpoint do not fit.
    pub fn new(parameters: &mut Parameters, map_channels: &[i64]) -> Result<Encoder> {
        let convolution =
            |inputs, outputs| ConvolutionConfig::new(inputs, outputs).init(Init::LeakyNormal);
        let entry = convolution(1, TRUNK[0]).kernel(1);
        let entry = Convolution::new(parameters, "encoder.entry", entry)?;
        let mut blocks = Vec::new();
        let mut bottlenecks = Vec::new();
        let mut inputs = TRUNK[0];
        for (level, outputs) in
            TRUNK.into_iter().take(FIRST_MAP - 1 + map_channels.len()).enumerate()
        {
            let stride = 2 << level;
            let name = format!("encoder.stride{stride}");
            blocks.push(ConvolutionPair::new(parameters, &name, inputs, outputs)?);
            if level + 1 >= FIRST_MAP {
                let bottleneck = convolution(outputs, map_channels[level + 1 - FIRST_MAP]);
                let name = format!("{name}.bottleneck");
                bottlenecks.push(Convolution::new(parameters, &name, bottleneck)?);
            }
            inputs = outputs;
        }
        Ok(Encoder { entry, blocks, bottlenecks })
    }

    /// Encodes slices `[N, 1, H, W]` to one map per stride: `[N, C, H / 16, W / 16]`, and so on.
    /// The trunk continues with the wide features, not with the squeezed ones.
    pub fn forward(&self, slices: &Tensor) -> Result<AutoencoderFeatures> {
        let mut wide = self.entry.forward(slices)?;
        let mut maps = Vec::new();
        for (level, block) in self.blocks.iter().enumerate() {
            wide = block.forward(&wide)?;
            wide = wide.f_avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None)?;
            if level + 1 >= FIRST_MAP {
                maps.push(self.bottlenecks[level + 1 - FIRST_MAP].forward(&wide)?);
            }
        }
        Ok(AutoencoderFeatures { maps })
    }
}
