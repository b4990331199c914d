//! What HRINet-Motion had in hand when it finished slices.

use tch::{Kind, Tensor};

use crate::error::Result;

/// Maps of the evidence beside the hidden ones.
pub(crate) const MAPS: i64 = 10;

/// HU from grey 0 to grey 1, in the window that all networks here are trained with.
pub(crate) const WINDOW_HU: f64 = 2000.0;

/// What the generator had in hand at full resolution. Grey values on [0, 1]; `[N, C, H, W]`.
pub struct MotionOutputs {
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

impl MotionOutputs {
    /// All of it side by side, `[N, MAPS + hidden, H, W]`.
    pub(crate) fn maps(&self) -> Result<Tensor> {
        let MotionOutputs { made, pair, warped, merged, mask, motion, hidden, fraction, .. } = self;
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
