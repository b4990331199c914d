//! How far a slice in between is expected to be off: HRINet-Motion's second output.
//!
//! A small network of its own, which looks at what the generator had in hand when it finished a slice
//! and gives the expected absolute error of every pixel. The slice itself is the same with it and
//! without it. Where both warped slices agree, where the plane is calm and little moved, it expects
//! little; where they differ, or the mask was torn between them, much.

use tch::Tensor;

use crate::error::Result;
use crate::network::motion::config::MotionConfig;
use crate::network::motion::outputs::{MAPS, MotionOutputs, WINDOW_WIDTH_HU};
use crate::network::nn::conv::{Convolution, ConvolutionPrelu, Init};
use crate::network::nn::parameters::Parameters;

/// Channels at full resolution, and of the wider view.
const CHANNELS: i64 = 8;
const WIDE_CHANNELS: i64 = 16;

/// The wider view sees means of this many pixels squared.
const WIDE_STRIDE: i64 = 4;

/// Less than this is expected nowhere: HU.
pub const MIN_HU: f64 = 0.1;

/// A new head expects about 20 HU everywhere: softplus(-4.6) is 0.01.
const BEGINNING: f64 = -4.6;

/// The mean over squares of `stride` pixels.
fn pooled(x: &Tensor, stride: i64) -> Result<Tensor> {
    let stride = [stride; 2];
    Ok(x.f_avg_pool2d(stride, stride, [0, 0], false, false, None::<i64>)?)
}

/// The head: a few convolutions, a wider view beside them.
pub struct ErrorHead {
    entry: ConvolutionPrelu,
    wide: [ConvolutionPrelu; 2],
    joint: ConvolutionPrelu,
    exit: Convolution,
}

impl ErrorHead {
    /// For a generator of these config.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where stored weights do not fit.
    pub fn new(parameters: &mut Parameters, config: &MotionConfig) -> Result<ErrorHead> {
        let inputs = MAPS + config.hidden;
        let mut unit = |name, channels| ConvolutionPrelu::new(parameters, name, channels, 1);
        let entry = unit("entry", (inputs, CHANNELS))?;
        let wide = [
            unit("wide.first", (inputs + config.widths[0], WIDE_CHANNELS))?,
            unit("wide.second", (WIDE_CHANNELS, CHANNELS))?,
        ];
        let joint = unit("joint", (CHANNELS, CHANNELS))?;
        let exit = Convolution::new(parameters, "exit", (CHANNELS, 1), (3, 1), Init::Zero)?;
        Ok(ErrorHead { entry, wide, joint, exit })
    }

    /// The expected absolute error `[N, 1, H, W]` in grey units, of which 1 is the width of the window;
    /// sides are multiples of 4.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub fn forward(&self, outputs: &MotionOutputs) -> Result<Tensor> {
        let seen = outputs.maps()?;
        let (_, _, rows, columns) = seen.size4()?;
        let around = Tensor::f_cat(
            &[pooled(&seen, WIDE_STRIDE)?, pooled(&outputs.coarse_hidden, WIDE_STRIDE / 2)?],
            1,
        )?;
        let coarse = self.wide[1].forward(&self.wide[0].forward(&around)?)?;
        let wide = coarse.f_upsample_bilinear2d([rows, columns], false, None, None)?;
        let both = self.entry.forward(&seen)?.f_add(&wide)?;
        let exit = self.exit.forward(&self.joint.forward(&both)?)?;
        let expected = exit.f_add_scalar(BEGINNING)?.f_softplus()?;
        Ok(expected.f_add_scalar(MIN_HU / WINDOW_WIDTH_HU)?)
    }
}
