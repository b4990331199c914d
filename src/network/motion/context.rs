//! The known slices beyond a pair, warped to a plane between its slices.
//!
//! Tissue that moves from the second slice to the first is taken to move as much again to the slice
//! before it, and the other way round after the second.

use tch::Tensor;

use crate::error::Result;
use crate::network::features::{ContextSlices, Pair};
use crate::network::motion::features::MotionFeatures;
use crate::network::nn::conv::concat_channels;
use crate::network::nn::warp::warp;

/// Features of a pair and of the known slices beyond it.
#[derive(Clone, Copy)]
pub(crate) struct MotionPair<'a> {
    pub(crate) first: &'a MotionFeatures,
    pub(crate) second: &'a MotionFeatures,
    /// Where the slices beyond the pair are absent, the pair's own slice next to them.
    before: &'a MotionFeatures,
    after: &'a MotionFeatures,
    /// 1 where the slice before and the one after are present, 0 where they are absent.
    present: Option<&'a [Tensor; 2]>,
}

impl<'a> MotionPair<'a> {
    /// Reads the features of a pair.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] for features of another kind of generator.
    pub(crate) fn of(pair: Pair<'a>) -> Result<MotionPair<'a>> {
        let [first, second] = pair.slices;
        let (first, second) = (first.maps()?, second.maps()?);
        Ok(match pair.context {
            Some(ContextSlices { slices: [before, after], present }) => MotionPair {
                first,
                second,
                before: before.maps()?,
                after: after.maps()?,
                present: Some(present),
            },
            None => MotionPair { first, second, before: first, after: second, present: None },
        })
    }

    /// Context maps of a level (0 for stride 2), side by side; `None` where it sees no context.
    pub(crate) fn context(self, level: usize) -> Result<Option<Tensor>> {
        match (&self.before.context[level], &self.after.context[level]) {
            (Some(before), Some(after)) => Ok(Some(concat_channels(&[before, after])?)),
            _ => Ok(None),
        }
    }

    /// Context maps of a level, warped along `flow`; `None` where it sees no context.
    pub(crate) fn warped_context(self, level: usize, flow: &Tensor) -> Result<Option<Tensor>> {
        match (&self.before.context[level], &self.after.context[level]) {
            (Some(before), Some(after)) => Ok(Some(self.warp_beyond(before, after, flow)?)),
            _ => Ok(None),
        }
    }

    /// The slices beyond the pair themselves, warped along `flow`: `[N, 2, H, W]`.
    pub(crate) fn warped_context_images(self, flow: &Tensor) -> Result<Tensor> {
        self.warp_beyond(&self.before.image, &self.after.image, flow)
    }

    /// The slice before, the pair and the slice after, unwarped: `[N, 4, H, W]`.
    pub(crate) fn images(self) -> Result<Tensor> {
        let slices = [self.before, self.first, self.second, self.after];
        Ok(Tensor::f_cat(&slices.map(|slice| &slice.image), 1)?)
    }

    /// 1 where the slice before and the one after are present, else 0; `None` where the batch has
    /// neither.
    pub(crate) fn present(self) -> Option<&'a [Tensor; 2]> {
        self.present
    }

    /// Maps of the slices beyond the pair, warped along the flow as it continues there: from the
    /// second slice to the first it is their difference, and as much again to the slice before.
    fn warp_beyond(self, before: &Tensor, after: &Tensor, flow: &Tensor) -> Result<Tensor> {
        let (first, second) = (flow.f_narrow(1, 0, 2)?, flow.f_narrow(1, 2, 2)?);
        let Some([before_present, after_present]) = self.present else {
            return concat_channels(&[&warp(before, &first)?, &warp(after, &second)?]);
        };
        let step = first.f_sub(&second)?;
        let before = warp(before, &first.f_add(&step.f_mul(before_present)?)?)?;
        let after = warp(after, &second.f_sub(&step.f_mul(after_present)?)?)?;
        concat_channels(&[&before, &after])
    }
}
