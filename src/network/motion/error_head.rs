//! The error head of HRINet-Motion: predicts the expected error of interpolated slices.
//!
//! A small network of its own, whose input is the full-resolution maps that a slice was decoded
//! from. The slice is the same with and without it. Where both warped slices agree and the flow is
//! short, it expects small errors; where they differ or the blend mask is undecided, large ones.

use tch::Tensor;

use crate::error::Result;
use crate::network::motion::config::MotionConfig;
use crate::network::motion::outputs::{MAPS, MotionOutputs, WINDOW_WIDTH_HU};
use crate::network::nn::conv::{Convolution, ConvolutionConfig, ConvolutionPrelu, Init};
use crate::network::nn::parameters::Parameters;

/// Channels at full resolution, and of the coarse path.
const CHANNELS: i64 = 8;
const COARSE_CHANNELS: i64 = 16;

/// The coarse path sees means over squares of this many pixels.
const COARSE_STRIDE: i64 = 4;

/// The smallest expected error in HU.
pub const MIN_HU: f64 = 0.1;

/// Bias of the output: an untrained head expects about 20 HU everywhere, as softplus(-4.6) is 0.01.
const OUTPUT_BIAS: f64 = -4.6;

/// A few convolutions at full resolution, and a coarse path beside the first of them.
pub struct ErrorHead {
    entry: ConvolutionPrelu,
    coarse: [ConvolutionPrelu; 2],
    joint: ConvolutionPrelu,
    exit: Convolution,
}

impl ErrorHead {
    /// Builds the head of a generator of these sizes.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where the weights of a checkpoint do not fit.
    pub fn new(parameters: &mut Parameters, config: &MotionConfig) -> Result<ErrorHead> {
        let inputs = MAPS + config.hidden;
        let mut unit = |name, inputs, outputs| {
            ConvolutionPrelu::new(parameters, name, ConvolutionConfig::new(inputs, outputs))
        };
        let entry = unit("entry", inputs, CHANNELS)?;
        let coarse = [
            unit("wide.first", inputs + config.widths[0], COARSE_CHANNELS)?,
            unit("wide.second", COARSE_CHANNELS, CHANNELS)?,
        ];
        let joint = unit("joint", CHANNELS, CHANNELS)?;
        let exit = ConvolutionConfig::new(CHANNELS, 1).init(Init::Zero);
        let exit = Convolution::new(parameters, "exit", exit)?;
        Ok(ErrorHead { entry, coarse, joint, exit })
    }

    /// Predicts absolute errors `[N, 1, H, W]` as parts of the window's width; sides are multiples
    /// of 4.
    pub fn forward(&self, outputs: &MotionOutputs) -> Result<Tensor> {
        let maps = outputs.maps()?;
        let (_, _, rows, columns) = maps.size4()?;
        // The hidden map has half the resolution already.
        let hidden = pooled(&outputs.coarse_hidden, COARSE_STRIDE / 2)?;
        let coarse = Tensor::f_cat(&[pooled(&maps, COARSE_STRIDE)?, hidden], 1)?;
        let coarse = self.coarse[1].forward(&self.coarse[0].forward(&coarse)?)?;
        let coarse = coarse.f_upsample_bilinear2d([rows, columns], false, None, None)?;
        let joint = self.joint.forward(&self.entry.forward(&maps)?.f_add(&coarse)?)?;
        let output = self.exit.forward(&joint)?.f_add_scalar(OUTPUT_BIAS)?;
        Ok(output.f_softplus()?.f_add_scalar(MIN_HU / WINDOW_WIDTH_HU)?)
    }
}

/// Mean over squares of `stride` pixels.
fn pooled(maps: &Tensor, stride: i64) -> Result<Tensor> {
    let stride = [stride; 2];
    Ok(maps.f_avg_pool2d(stride, stride, [0, 0], false, false, None::<i64>)?)
}
