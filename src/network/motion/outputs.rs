//! Full-resolution maps of HRINet-Motion's decoder, the input of the error head.

use tch::{Kind, Tensor};

use crate::error::Result;

/// Input channels of the error head beside the hidden map.
pub(crate) const MAPS: i64 = 10;

/// Width in HU of the grey window that error heads are trained in; other widths are refused.
pub(crate) const WINDOW_WIDTH_HU: f64 = 2000.0;

/// Maps that slices were decoded from: grey values on [0, 1], `[N, C, H, W]`.
pub struct MotionOutputs {
    /// Interpolated slices, one channel.
    pub slices: Tensor,
    /// The known slices of the pair, unwarped.
    pub known: [Tensor; 2],
    /// The known slices warped to the planes.
    pub warped: [Tensor; 2],
    /// Blend of the warped slices by the mask, before residual and refinement.
    pub merged: Tensor,
    /// Share of the first warped slice in `merged`, 0 to 1.
    pub blend_mask: Tensor,
    /// Flow fields to both slices in pixels, four channels.
    pub flow: Tensor,
    /// Hidden map of the last decoder level.
    pub hidden: Tensor,
    /// Hidden map of the level before, `[N, C, H / 2, W / 2]`.
    pub coarse_hidden: Tensor,
    /// Fraction of the way from the first slice to the second: `[N, 1, 1, 1]`.
    pub fraction: Tensor,
}

impl MotionOutputs {
    /// Input of the error head, `[N, MAPS + hidden, H, W]`.
    pub(crate) fn maps(&self) -> Result<Tensor> {
        let MotionOutputs {
            slices, known, warped, merged, blend_mask, flow, hidden, fraction, ..
        } = self;
        let abs_diff = |a: &Tensor, b: &Tensor| -> Result<Tensor> { Ok(a.f_sub(b)?.f_abs()?) };
        let between_slices = flow.f_narrow(1, 0, 2)?.f_sub(&flow.f_narrow(1, 2, 2)?)?;
        let squares = between_slices.f_square()?;
        let (_, _, rows, columns) = slices.size4()?;
        let nearer = fraction.f_minimum(&fraction.f_neg()?.f_add_scalar(1.0)?)?;
        let length = squares.f_sum_dim_intlist([1i64].as_slice(), true, Kind::Float)?.f_sqrt()?;
        Ok(Tensor::f_cat(
            &[
                &warped[0],
                &warped[1],
                slices,
                blend_mask,
                &nearer.f_expand([-1, 1, rows, columns], false)?,
                &compressed(&abs_diff(&warped[0], &warped[1])?)?,
                &compressed(&abs_diff(&known[0], &known[1])?)?,
                &compressed(&abs_diff(slices, merged)?)?,
                &compressed(&abs_diff(slices, &smooth(slices)?)?)?,
                &length.f_log1p()?,
                hidden,
            ],
            1,
        )?)
    }
}

/// Logarithm of a difference of grey values, in which 1 HU and 100 HU both differ from 0.
fn compressed(difference: &Tensor) -> Result<Tensor> {
    let in_hu = difference.f_mul_scalar(WINDOW_WIDTH_HU)?;
    Ok(in_hu.f_log1p()?.f_mul_scalar(0.2)?)
}

/// Mean over 3 x 3 pixels.
fn smooth(x: &Tensor) -> Result<Tensor> {
    Ok(x.f_avg_pool2d([3, 3], [1, 1], [1, 1], false, false, None::<i64>)?)
}
