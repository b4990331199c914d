//! Memory of the volumes in work, within a limit.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use hrinet::{Error, Result};

use crate::interrupt;

/// Time between two looks at whether the user wants to stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Bytes that the volumes in work may take.
pub struct Budget {
    limit: u64,
    used: Mutex<u64>,
    changed: Condvar,
}

/// Bytes that are taken until this is dropped.
pub struct Taken {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Budget {
    pub fn new(limit: u64) -> Arc<Budget> {
        Arc::new(Budget { limit, used: Mutex::new(0), changed: Condvar::new() })
    }

    /// Waits until `bytes` of a volume fit beside those in work, and `work` on one of them.
    ///
    /// # Errors
    /// [`Error::Memory`] for a volume that does not fit alone; [`Error::Cancelled`].
    pub fn take(self: &Arc<Budget>, bytes: u64, work: u64) -> Result<Taken> {
        let needed = bytes.saturating_add(work);
        if needed > self.limit {
            let advice = "allow more by --memory, or choose a larger spacing".to_string();
            return Err(Error::Memory { needed, available: self.limit, advice });
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while *used > 0 && used.saturating_add(needed) > self.limit {
            interrupt::check()?;
            let waited = self.changed.wait_timeout(used, LOOK_EVERY);
            used = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *used += bytes;
        Ok(Taken { budget: self.clone(), bytes })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        *self.budget.used.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.budget.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_wait_for_memory_and_too_large_ones_are_refused() {
        let budget = Budget::new(100);
        assert!(matches!(budget.take(90, 20), Err(Error::Memory { .. })));
        let first = budget.take(60, 30).unwrap();
        let start = std::time::Instant::now();
        let waiting = budget.clone();
        let second = std::thread::spawn(move || waiting.take(60, 30).map(drop));
        std::thread::sleep(Duration::from_millis(100));
        drop(first);
        second.join().unwrap().unwrap();
        assert!(start.elapsed() >= Duration::from_millis(100));
        assert_eq!(*budget.used.lock().unwrap(), 0);
    }
}
