//! Memory of the volumes in work, within a limit.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hrinet::{Error, Result};

use crate::interrupt;

/// Time between two looks at whether the user wants to stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Bytes that the volumes in work, and the work on one of them, may take.
pub struct Budget {
    limit: u64,
    used: Mutex<Used>,
    changed: Condvar,
}

/// Bytes of a volume in work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Of the volume and of its outputs.
    pub volume: u64,
    /// Of the least work on it.
    pub least_work: u64,
    /// Of work at full speed.
    pub work: u64,
}

/// Volumes in work, and the work on one of them.
#[derive(Default)]
struct Used {
    volumes: Vec<Need>,
    /// Bytes of the work that is going on.
    working: u64,
}

impl Used {
    fn volumes(&self) -> u64 {
        self.volumes.iter().fold(0, |all, need| all.saturating_add(need.volume))
    }

    /// Bytes with a further volume.
    fn with(&self, need: Need) -> u64 {
        let work = self.volumes.iter().map(|need| need.work).fold(self.working, u64::max);
        self.volumes().saturating_add(need.volume).saturating_add(work.max(need.work))
    }
}

/// Bytes of a volume that are taken until this is dropped.
pub struct Taken {
    budget: Arc<Budget>,
    need: Need,
}

/// Bytes of the work on a volume, until this is dropped.
pub struct Granted {
    budget: Arc<Budget>,
    /// Of the work and of the volume.
    pub bytes: u64,
}

impl Budget {
    pub fn new(limit: u64) -> Arc<Budget> {
        Arc::new(Budget { limit, used: Mutex::default(), changed: Condvar::new() })
    }

    /// Waits until a volume fits beside those in work, and the work on each of them.
    ///
    /// # Errors
    /// [`Error::Memory`] for a volume that does not fit alone; [`Error::Cancelled`].
    pub fn take(self: &Arc<Budget>, need: Need) -> Result<Taken> {
        let needed = need.volume.saturating_add(need.least_work);
        if needed > self.limit {
            let advice = "allow more by --memory, or choose a larger spacing".to_string();
            return Err(Error::Memory { needed, available: self.limit, advice });
        }
        let mut used = self.used();
        while !used.volumes.is_empty() && used.with(need) > self.limit {
            interrupt::check()?;
            let waited = self.changed.wait_timeout(used, LOOK_EVERY);
            used = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        used.volumes.push(need);
        Ok(Taken { budget: self.clone(), need })
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Takes what the volumes in work leave for the work on this one, and leaves room for a further
    /// volume of its size, where full speed allows it.
    pub fn grant(&self) -> Granted {
        let budget = self.budget.clone();
        let mut used = budget.used();
        let left = budget.limit.saturating_sub(used.volumes());
        let beside_next = left.saturating_sub(self.need.volume);
        used.working = if beside_next >= self.need.work { beside_next } else { left };
        let bytes = used.working.saturating_add(self.need.volume);
        drop(used);
        Granted { budget, bytes }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut used = self.budget.used();
        if let Some(index) = used.volumes.iter().position(|need| *need == self.need) {
            used.volumes.swap_remove(index);
        }
        drop(used);
        self.budget.changed.notify_all();
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        self.budget.used().working = 0;
        self.budget.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(volume: u64, least_work: u64, work: u64) -> Need {
        Need { volume, least_work, work }
    }

    #[test]
    fn volumes_wait_for_memory_and_too_large_ones_are_refused() {
        let budget = Budget::new(100);
        assert!(matches!(budget.take(need(90, 20, 20)), Err(Error::Memory { .. })));
        let first = budget.take(need(60, 30, 50)).expect("it fits by the least work");
        let start = std::time::Instant::now();
        let waiting = budget.clone();
        let second = std::thread::spawn(move || waiting.take(need(60, 30, 30)).map(drop));
        std::thread::sleep(Duration::from_millis(100));
        drop(first);
        second.join().unwrap().unwrap();
        assert!(start.elapsed() >= Duration::from_millis(100));
        assert!(budget.used().volumes.is_empty());
    }

    #[test]
    fn work_gets_what_volumes_leave() {
        let budget = Budget::new(100);
        let first = budget.take(need(20, 10, 30)).unwrap();
        let granted = first.grant();
        // A further volume of 20 fits beside 60 of work.
        assert_eq!(granted.bytes, 60 + 20);
        let second = budget.take(need(20, 10, 30)).unwrap();
        drop(granted);
        // No room for a third: 60 are left.
        assert_eq!(second.grant().bytes, 40 + 20);
        let third = budget.take(need(30, 10, 30)).unwrap();
        assert_eq!(third.grant().bytes, 30 + 30);
        drop((first, second, third));
        let tight = budget.take(need(75, 10, 30)).unwrap();
        assert_eq!(tight.grant().bytes, 100);
    }
}
