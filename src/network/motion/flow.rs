//! What HRINet-Motion finds of a pair level by level: how its slices move to meet at a plane in between.

use tch::Tensor;

use crate::error::Result;
use crate::network::nn::conv::split;

/// The two motion fields: columns and rows towards the first slice, then towards the second.
pub(crate) const MOTION: i64 = 4;

/// What is known of a pair when a level has aligned it.
pub(crate) struct FlowState {
    /// At the plane that the level ends with; at full resolution after the last.
    pub(crate) motion: Tensor,
    /// The hidden map beside it.
    pub(crate) hidden: Tensor,
    /// The hidden map of the level before, from which both were made.
    pub(crate) coarse: Tensor,
}

/// What is known of a pair once for all planes between its slices: how they move to the one halfway.
pub struct MidpointFlow(pub(crate) FlowState);

impl MidpointFlow {
    /// To begin with at planes at `fraction` `[N, 1, 1, 1]`: tissue moves on evenly, so far.
    pub(crate) fn at(&self, fraction: &Tensor) -> Result<FlowState> {
        let FlowState { motion, hidden, coarse } = &self.0;
        let twice = fraction.f_mul_scalar(2.0)?;
        let share = twice.f_neg()?.f_add_scalar(2.0)?;
        let (first, second) = split(motion, MOTION / 2)?;
        let motion = Tensor::f_cat(&[&first.f_mul(&twice)?, &second.f_mul(&share)?], 1)?;
        let count = fraction.size()[0];
        let all = |map: &Tensor| map.f_expand([count, -1, -1, -1], false);
        Ok(FlowState { motion, hidden: all(hidden)?, coarse: all(coarse)? })
    }
}
