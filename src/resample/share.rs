//! How much of a network's work is done at once: more is faster and takes more memory. The voxels
//! are the same: within an operation, on whose threads they may depend, there are always as many.

use crate::network::SliceNetwork;
use crate::resample::Plan;
use crate::runtime::threads;

/// Work that is done at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// Pairs of slices that are decoded side by side.
    pub(super) workers: usize,
    /// Slices of a pair that are decoded at once.
    pub(super) batch: usize,
}

/// Memory of the work of a network on a plan.
#[derive(Clone, Copy)]
pub(super) struct ShareCost {
    /// Bytes whatever is done at once: libtorch and the weights.
    fixed: u64,
    /// Bytes for each slice that is decoded at once.
    each: u64,
    /// The most that can be done at once.
    most: Share,
    /// Threads within an operation.
    inside: usize,
}

impl ShareCost {
    /// The cost of a network for the pairs of a plan, by the threads of the calling one.
    pub(super) fn new(plan: &Plan, network: &dyn SliceNetwork) -> ShareCost {
        let [columns, rows] = plan.axis().others().map(|axis| plan.stack().length(axis));
        let (pixels, pairs) = (rows * columns, plan.pairs());
        let batch = network.decode_batch(pixels).max(1);
        let (fixed, each) = (network.working_bytes(0), network.slice_bytes(pixels));
        let each = each.saturating_add(waiting_bytes(plan, pixels));
        let longest = pairs.iter().map(|(_, members)| members.len()).max().unwrap_or(1);
        let most = Share {
            workers: threads::current().min(pairs.len()).max(1),
            batch: batch.min(longest),
        };
        let inside = (threads::current() / most.workers).max(1);
        ShareCost { fixed, each: each.max(1), most, inside }
    }

    /// Threads within an operation of a worker; `None` where the calling thread is to do all.
    pub(super) fn threads_inside(&self) -> Option<usize> {
        (self.most.workers > 1).then_some(self.inside)
    }

    /// Bytes of a share.
    pub(super) fn bytes(&self, share: Share) -> u64 {
        let at_once = (share.workers * share.batch) as u64;
        self.fixed.saturating_add(self.each.saturating_mul(at_once))
    }

    /// Bytes of the least share.
    pub(super) fn least_bytes(&self) -> u64 {
        self.bytes(Share { workers: 1, batch: 1 })
    }

    /// The most within `limit` bytes, which count all of [`ShareCost::bytes`], and within `free`
    /// bytes, which count that of each slice alone; at least the least.
    pub(super) fn choose(&self, limit: Option<u64>, free: u64) -> Share {
        let left = limit.map_or(free, |limit| free.min(limit.saturating_sub(self.fixed)));
        let at_once = usize::try_from(left / self.each).unwrap_or(usize::MAX);
        let workers = (at_once / self.most.batch).min(self.most.workers);
        match (workers, limit) {
            // Without a limit batches stay as they are.
            (0, Some(_)) => Share { workers: 1, batch: at_once.clamp(1, self.most.batch) },
            (workers, _) => Share { workers: workers.max(1), ..self.most },
        }
    }
}

/// Bytes of the thin slices that wait for others of their slab, for each slice that is decoded at
/// once: those of two slabs.
fn waiting_bytes(plan: &Plan, pixels: usize) -> u64 {
    let slices = 2 * plan.thin_factor().unwrap_or(0) as u64;
    slices.saturating_mul((pixels * size_of::<f64>()) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_takes_workers_first_and_then_slices_of_a_batch() {
        let most = Share { workers: 4, batch: 5 };
        let cost = ShareCost { fixed: 1000, each: 10, most, inside: 2 };
        let choose = |limit| cost.choose(limit, 1_000_000);
        let share = |workers, batch| Share { workers, batch };
        assert_eq!((choose(None), cost.threads_inside()), (most, Some(2)));
        assert_eq!(choose(Some(1200)), share(4, 5));
        assert_eq!(choose(Some(1199)), share(3, 5));
        assert_eq!(choose(Some(1050)), share(1, 5));
        assert_eq!(choose(Some(1049)), share(1, 4));
        assert_eq!([choose(Some(1010)), choose(Some(0))], [share(1, 1); 2]);
        assert_eq!([cost.bytes(share(3, 5)), cost.least_bytes()], [1150, 1010]);
        assert_eq!(cost.choose(None, 120), share(2, 5));
        assert_eq!(cost.choose(Some(2000), 70), share(1, 5));
        assert_eq!(cost.choose(None, 0), share(1, 5));
    }
}
