//! Known slices as a network encodes them: once each, for all pairs and threads that need them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::Result;
use crate::network::EncodedSlice;

/// The encoded slices that pairs to come still need.
pub(super) struct EncodedSlices {
    slots: Vec<Mutex<Slot>>,
    count: AtomicUsize,
}

#[derive(Default)]
struct Slot {
    /// How often the slice will still be taken.
    uses: usize,
    encoded: Option<EncodedSlice>,
}

impl EncodedSlices {
    /// Prepares for slices that will be taken once for each time that `uses` names them.
    pub(super) fn new(uses: impl IntoIterator<Item = usize>) -> EncodedSlices {
        let mut slots: Vec<Slot> = Vec::new();
        for index in uses {
            if slots.len() <= index {
                slots.resize_with(index + 1, Slot::default);
            }
            slots[index].uses += 1;
        }
        let slots = slots.into_iter().map(Mutex::new).collect();
        EncodedSlices { slots, count: AtomicUsize::new(0) }
    }

    /// Takes slice `index`, which `encode` encodes if no pair did before. A thread that needs a
    /// slice that another one is encoding waits for it. The features are freed with their last use.
    pub(super) fn take(
        &self,
        index: usize,
        encode: impl FnOnce() -> Result<EncodedSlice>,
    ) -> Result<EncodedSlice> {
        let mut slot = self.slots[index].lock().unwrap_or_else(PoisonError::into_inner);
        let encoded = match slot.encoded.take() {
            Some(encoded) => encoded,
            None => {
                self.count.fetch_add(1, Ordering::Relaxed);
                encode()?
            }
        };
        slot.uses = slot.uses.saturating_sub(1);
        if slot.uses > 0 {
            slot.encoded = Some(encoded.share()?);
        }
        Ok(encoded)
    }

    /// How many slices were encoded so far.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}
