//! What lies above the grey window: dense bone, teeth, metal.
//!
//! A network sees grey values up to 1. What is above is carried past it, and moves with the tissue: it is warped
//! and mixed as the network warps and mixes the slices themselves. Left where it stands, a bone that moved would
//! lose its core and leave two shadows of it. Where both slices are the same above the window it does stay: a wire
//! would be smeared by a tenth of a pixel of motion that is only guessed.

use tch::Tensor;

use super::mixing::Pair;
use super::warp::warp_both;
use crate::error::Result;

/// Above the window by more than this part of its width (100 HU of 2000) in both slices, the network has seen
/// nothing but saturation.
const SATURATED: f64 = 0.05;

/// Root of the mean squared difference of both slices above the window, in grey values, at which half of the motion
/// is trusted (20 HU of a window of 2000).
const NOTICED: f64 = 0.01;

/// Pixels between the places where that mean is taken, over twice as many.
const STEP: i64 = 8;

/// What of two slices lies above the window, in grey values: 0 within it.
pub struct Above([Tensor; 2]);

impl Above {
    /// Of a pair, as it stands; `None` where nothing does.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub fn of(pair: &Pair) -> Result<Option<Above>> {
        let [first, second] = pair.slices.map(|slice| slice.above.as_ref());
        let nothing = |like: &Tensor| like.f_zeros_like();
        Ok(match (first, second) {
            (None, None) => None,
            (Some(first), None) => Some(Above([first.shallow_clone(), nothing(first)?])),
            (None, Some(second)) => Some(Above([nothing(second)?, second.shallow_clone()])),
            (Some(first), Some(second)) => {
                Some(Above([first.shallow_clone(), second.shallow_clone()]))
            }
        })
    }

    /// Moved to planes in between as far as both slices differ around: `motion` `[N, 4, H, W]` as of
    /// [`super::motion::Motion::fields`], sides multiples of 16.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub fn moved(&self, motion: &Tensor) -> Result<Above> {
        let [first, second] = &self.0;
        let squares = first.f_sub(second)?.f_square()?;
        let around = squares.f_avg_pool2d(2 * STEP, STEP, STEP / 2, false, false, None)?;
        let trust = around.f_div(&around.f_add_scalar(NOTICED * NOTICED)?)?;
        let (_, _, rows, columns) = squares.size4()?;
        let trust = trust.f_upsample_bilinear2d([rows, columns], false, None, None)?;
        let (moved_first, moved_second) = warp_both(first, second, motion)?;
        Ok(Above([
            first.f_lerp_tensor(&moved_first, &trust)?,
            second.f_lerp_tensor(&moved_second, &trust)?,
        ]))
    }

    /// Grey values `[N, 1, H, W]` in [0, 1] that a network made, and what lies above them: `share` of the first
    /// slice's, 0 to 1, and the rest of the second's.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub fn onto(&self, made: &Tensor, share: &Tensor) -> Result<Tensor> {
        let [first, second] = &self.0;
        let seen = made.f_where_self(&self.saturated()?.f_logical_not()?, &made.f_ones_like()?)?;
        Ok(seen.f_add(&second.f_lerp_tensor(first, share)?)?)
    }

    /// What is expected to be off, in grey values: of the network's own part, and half of what is between both
    /// slices above the window. None of that half is learnt: halfway between both a mixture is off by at most as
    /// much if the truth lies between them.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub fn doubt(&self, expected: &Tensor) -> Result<Tensor> {
        let [first, second] = &self.0;
        let seen = expected.f_masked_fill(&self.saturated()?, 0.0)?;
        Ok(seen.f_add(&first.f_sub(second)?.f_abs()?.f_mul_scalar(0.5)?)?)
    }

    fn saturated(&self) -> Result<Tensor> {
        let [first, second] = &self.0;
        Ok(first.f_minimum(second)?.f_gt(SATURATED)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[f32]) -> Tensor {
        Tensor::from_slice(values).view([1, 1, 1, -1])
    }

    #[test]
    fn it_is_mixed_and_where_both_are_far_above_it_stands_alone() {
        let above = Above([row(&[1.0, 1.0, 0.02, 0.0]), row(&[0.2, 0.0, 0.04, 0.0])]);
        let share = row(&[0.25; 4]);
        let near = |found: Tensor, expected: [f32; 4]| {
            let apart = (found - row(&expected)).abs().max().double_value(&[]);
            assert!(apart < 1e-6, "{apart}");
        };
        near(above.onto(&row(&[0.9; 4]), &share).unwrap(), [1.4, 1.15, 0.935, 0.9]);
        near(above.doubt(&row(&[0.1; 4])).unwrap(), [0.4, 0.6, 0.11, 0.1]);
    }
}
