//! Threads that compute for a job beside the calling one, and how the end of a process stops them.
//!
//! A callback of a host may end the process while such threads compute; libtorch's clean-up would
//! then crash them. [`stop`] lets them finish the slice at hand; then they sleep until the process
//! has ended, and free nothing.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

static STATE: Mutex<State> = Mutex::new(State { computing: 0, is_ending: false });
static CHANGED: Condvar = Condvar::new();

struct State {
    /// Workers that compute, and not those that wait for the calling thread.
    computing: usize,
    is_ending: bool,
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread that computes, until it is dropped.
pub(crate) struct Worker(());

impl Worker {
    /// Counts the calling thread.
    pub(crate) fn start() -> Worker {
        begin();
        Worker(())
    }

    /// Does what may wait for the calling thread of the job, and does not count meanwhile.
    pub(crate) fn wait<T>(&self, wait: impl FnOnce() -> T) -> T {
        end();
        let result = wait();
        begin();
        result
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        end();
    }
}

/// Counts a thread. Does not return where the process ends.
fn begin() {
    let mut state = state();
    while state.is_ending {
        state = CHANGED.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    state.computing += 1;
}

/// No longer counts a thread. Does not return where the process ends.
fn end() {
    let mut state = state();
    state.computing -= 1;
    CHANGED.notify_all();
    while state.is_ending {
        state = CHANGED.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Stops all workers for the end of the process, and waits until none computes, at most for
/// `patience`. Jobs whose workers still run must be those that wait for this very call.
pub(crate) fn stop(patience: Duration) {
    let mut state = state();
    state.is_ending = true;
    let computing = |state: &mut State| state.computing > 0;
    drop(CHANGED.wait_timeout_while(state, patience, computing));
}
