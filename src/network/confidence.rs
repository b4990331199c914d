//! How far a slice in between is expected to be off: HRINet-Motion's second output.
//!
//! A small network of its own, which looks at what the generator had in hand when it finished a slice
//! and gives the expected absolute error of every pixel. The slice itself is the same with it and
//! without it. Where both warped slices agree, where the plane is calm and little moved, it expects
//! little; where they differ, or the mask was torn between them, much.

use tch::{Kind, Tensor};

use super::blocks::{Convolution, ConvolutionPrelu, Start};
use super::motion::MotionSizes;
use super::parameters::Parameters;
use crate::error::Result;

/// Maps of the evidence beside the hidden ones.
const MAPS: i64 = 10;

/// Channels at full resolution, and of the wider view.
const CHANNELS: i64 = 8;
const WIDE_CHANNELS: i64 = 16;

/// The wider view sees means of this many pixels squared.
const WIDE_STRIDE: i64 = 4;

/// Less than this is expected nowhere: HU.
pub const LEAST_HU: f64 = 0.1;

/// HU from grey 0 to grey 1, in the window that all networks here are trained with.
const WINDOW_HU: f64 = 2000.0;

/// A new head expects about 20 HU everywhere: softplus(-4.6) is 0.01.
const BEGINNING: f64 = -4.6;

/// What the generator had in hand at full resolution. Grey values on [0, 1]; `[N, C, H, W]`.
pub struct Evidence {
    /// The finished slices, one channel.
    pub made: Tensor,
    /// The known slices as they stand.
    pub pair: [Tensor; 2],
    /// The same moved to where the new slices lie.
    pub warped: [Tensor; 2],
    /// Their mixture before the refinement.
    pub merged: Tensor,
    /// The share of the first in it, 0 to 1.
    pub mask: Tensor,
    /// Both motion fields in pixels, four channels.
    pub motion: Tensor,
    /// What the decoder handed to the refinement beside them.
    pub hidden: Tensor,
    /// The hidden map at stride 2, which knows more of the surroundings: `[N, C, H / 2, W / 2]`.
    pub coarse: Tensor,
    /// Where the new slices lie, counted from the first: `[N, 1, 1, 1]`.
    pub fraction: Tensor,
}

impl Evidence {
    /// All of it side by side, `[N, MAPS + hidden, H, W]`.
    fn maps(&self) -> Result<Tensor> {
        let Evidence { made, pair, warped, merged, mask, motion, hidden, fraction, .. } = self;
        let apart = |a: &Tensor, b: &Tensor| -> Result<Tensor> { Ok(a.f_sub(b)?.f_abs()?) };
        let towards_each_other = motion.f_narrow(1, 0, 2)?.f_sub(&motion.f_narrow(1, 2, 2)?)?;
        let squares = towards_each_other.f_square()?;
        let (_, _, rows, columns) = made.size4()?;
        let nearer = fraction.f_minimum(&fraction.f_neg()?.f_add_scalar(1.0)?)?;
        let length = squares.f_sum_dim_intlist([1i64].as_slice(), true, Kind::Float)?.f_sqrt()?;
        Ok(Tensor::f_cat(
            &[
                &warped[0],
                &warped[1],
                made,
                mask,
                &nearer.f_expand([-1, 1, rows, columns], false)?,
                &compressed(&apart(&warped[0], &warped[1])?)?,
                &compressed(&apart(&pair[0], &pair[1])?)?,
                &compressed(&apart(made, merged)?)?,
                &compressed(&apart(made, &smooth(made)?)?)?,
                &length.f_log1p()?,
                hidden,
            ],
            1,
        )?)
    }
}

/// A difference of grey values by its logarithm: 1 HU and 100 HU are both told from 0.
fn compressed(difference: &Tensor) -> Result<Tensor> {
    let in_hu = difference.f_mul_scalar(WINDOW_HU)?;
    Ok(in_hu.f_log1p()?.f_mul_scalar(0.2)?)
}

/// The mean over 3 x 3 pixels.
fn smooth(x: &Tensor) -> Result<Tensor> {
    Ok(x.f_avg_pool2d([3, 3], [1, 1], [1, 1], false, false, None::<i64>)?)
}

/// The mean over squares of `stride` pixels.
fn pooled(x: &Tensor, stride: i64) -> Result<Tensor> {
    let stride = [stride; 2];
    Ok(x.f_avg_pool2d(stride, stride, [0, 0], false, false, None::<i64>)?)
}

/// The head: a few convolutions, a wider view beside them.
pub struct Confidence {
    entry: ConvolutionPrelu,
    wide: [ConvolutionPrelu; 2],
    joint: ConvolutionPrelu,
    exit: Convolution,
}

impl Confidence {
    /// For a generator of these sizes.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where stored weights do not fit.
    pub fn new(parameters: &mut Parameters, sizes: &MotionSizes) -> Result<Confidence> {
        let inputs = MAPS + sizes.hidden;
        let mut unit = |name, channels| ConvolutionPrelu::new(parameters, name, channels, 1);
        let entry = unit("entry", (inputs, CHANNELS))?;
        let wide = [
            unit("wide.first", (inputs + sizes.widths[0], WIDE_CHANNELS))?,
            unit("wide.second", (WIDE_CHANNELS, CHANNELS))?,
        ];
        let joint = unit("joint", (CHANNELS, CHANNELS))?;
        let exit = Convolution::new(parameters, "exit", (CHANNELS, 1), (3, 1), Start::Zero)?;
        Ok(Confidence { entry, wide, joint, exit })
    }

    /// The expected absolute error `[N, 1, H, W]` in grey units, of which 1 is the width of the window;
    /// sides are multiples of 4.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub fn forward(&self, evidence: &Evidence) -> Result<Tensor> {
        let seen = evidence.maps()?;
        let (_, _, rows, columns) = seen.size4()?;
        let around = Tensor::f_cat(
            &[pooled(&seen, WIDE_STRIDE)?, pooled(&evidence.coarse, WIDE_STRIDE / 2)?],
            1,
        )?;
        let coarse = self.wide[1].forward(&self.wide[0].forward(&around)?)?;
        let wide = coarse.f_upsample_bilinear2d([rows, columns], false, None, None)?;
        let both = self.entry.forward(&seen)?.f_add(&wide)?;
        let exit = self.exit.forward(&self.joint.forward(&both)?)?;
        let expected = exit.f_add_scalar(BEGINNING)?.f_softplus()?;
        Ok(expected.f_add_scalar(LEAST_HU / WINDOW_HU)?)
    }
}
