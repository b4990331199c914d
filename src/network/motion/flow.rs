//! The flow fields of a pair, refined level by level.

use tch::Tensor;

use crate::error::Result;
use crate::network::nn::conv::split_channels;

/// Channels of a pair's flow fields: columns and rows to the first slice, then to the second.
pub(crate) const FLOW_CHANNELS: i64 = 4;

/// Flow fields and hidden maps after a decoder level.
pub(crate) struct FlowState {
    /// Flow fields at the resolution that the level ends with; full resolution after the last.
    pub(crate) flow: Tensor,
    /// Hidden map at the same resolution.
    pub(crate) hidden: Tensor,
    /// Hidden map of the level before, at half the resolution.
    pub(crate) coarse_hidden: Tensor,
}

/// Flow of a pair at the plane midway between its slices, shared by all planes between them.
pub struct MidpointFlow(pub(crate) FlowState);

impl MidpointFlow {
    /// Flow at planes at `fraction` `[N, 1, 1, 1]`, if tissue moves evenly.
    pub(crate) fn at(&self, fraction: &Tensor) -> Result<FlowState> {
        let FlowState { flow, hidden, coarse_hidden } = &self.0;
        let to_first = fraction.f_mul_scalar(2.0)?;
        let to_second = to_first.f_neg()?.f_add_scalar(2.0)?;
        let (first, second) = split_channels(flow, FLOW_CHANNELS / 2)?;
        let flow = Tensor::f_cat(&[&first.f_mul(&to_first)?, &second.f_mul(&to_second)?], 1)?;
        let count = fraction.size()[0];
        let repeated = |map: &Tensor| map.f_expand([count, -1, -1, -1], false);
        Ok(FlowState { flow, hidden: repeated(hidden)?, coarse_hidden: repeated(coarse_hidden)? })
    }
}
