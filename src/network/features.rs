//! Feature maps and the paper's mixture of them.

use tch::Tensor;

use crate::error::Result;
use crate::network::motion::flow::MidpointFlow;
use crate::network::over_range::OverRange;

/// What an encoder makes of a batch of slices: feature maps `[N, C, H, W]`, the finest first.
/// HRINet-Motion keeps the slice itself as the first of them.
pub struct Features {
    /// The maps, finest first.
    pub maps: Vec<Tensor>,
    /// What of the slices lies above the grey window (metal, teeth) and is carried past the network; `None` where
    /// nothing does.
    pub above: Option<OverRange>,
}

impl Features {
    /// The features of `count` slices of the batch from `start` on; nothing is copied.
    pub fn narrow(&self, start: i64, count: i64) -> Result<Features> {
        self.each(|map| Ok(map.f_narrow(0, start, count)?))
    }

    /// The features of one slice, seen as a batch of `count` equal ones; nothing is copied.
    pub fn repeat(&self, count: i64) -> Result<Features> {
        self.each(|map| Ok(map.f_expand([count, -1, -1, -1], false)?))
    }

    /// Each slice's features `count` times in a row.
    pub fn repeat_each(&self, count: i64) -> Result<Features> {
        self.each(|map| Ok(map.f_repeat_interleave_self_int(count, 0, None::<i64>)?))
    }

    /// Bytes that the maps take.
    pub fn bytes(&self) -> u64 {
        self.maps.iter().map(|map| map.numel() as u64 * 4).sum()
    }

    fn each(&self, change: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Features> {
        Ok(Features {
            maps: self.maps.iter().map(&change).collect::<Result<_>>()?,
            above: self.above.as_ref().map(|above| above.each(&change)).transpose()?,
        })
    }
}

/// The known slices beyond pairs of slices: the one before the first, the one after the second.
pub struct ContextSlices {
    /// Their features. Where one is not there, those of the pair's own slice next to it.
    pub slices: [Features; 2],
    /// 1 where it is there, 0 where it is not: `[N, 1, 1, 1]`.
    pub there: [Tensor; 2],
}

/// A batch of pairs of encoded slices, and the known slices beyond them where there are any.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// The slices between which new ones lie.
    pub slices: [&'a Features; 2],
    /// Those beyond, for a generator that has use for them.
    pub around: Option<&'a ContextSlices>,
    /// What [`Motion::halfway`](super::motion::Motion::halfway) found of the pair, where it was asked before;
    /// of one pair, whatever the batch.
    pub midpoint_flow: Option<&'a MidpointFlow>,
}

impl<'a> Pair<'a> {
    /// Two slices, and nothing beyond them.
    pub fn alone(first: &'a Features, second: &'a Features) -> Pair<'a> {
        Pair { slices: [first, second], around: None, midpoint_flow: None }
    }

    /// What of its slices lies above the window.
    pub fn above(&self) -> [Option<&'a OverRange>; 2] {
        self.slices.map(|slice| slice.above.as_ref())
    }
}

impl ContextSlices {
    /// The same seen from the other end of the stack.
    pub fn reversed(self) -> ContextSlices {
        let ([before, after], [there_before, there_after]) = (self.slices, self.there);
        ContextSlices { slices: [after, before], there: [there_after, there_before] }
    }
}
