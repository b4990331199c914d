//! Threads that compute for a job beside the calling one, and how the end of a process stops them.
//!
//! A callback of a host may end the process while such threads compute; libtorch's clean-up would
//! then crash them. [`stop`] lets them finish the slice at hand first.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};

static STATE: Mutex<State> = Mutex::new(State { computing: 0, is_ending: false, is_over: false });
static CHANGED: Condvar = Condvar::new();

struct State {
    /// Workers that compute or end, and not those that wait for the calling thread.
    computing: usize,
    is_ending: bool,
    /// Whether nobody waits for workers any more.
    is_over: bool,
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
    ///
    /// # Errors
    /// [`Error::Cancelled`] where the process ends.
    pub(crate) fn wait<T>(&self, wait: impl FnOnce() -> T) -> Result<T> {
        end();
        let result = wait();
        match begin() {
            true => Err(Error::Cancelled),
            false => Ok(result),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        end();
    }
}

/// Counts a thread; whether the process is ending. Once nobody waits any more it does not return.
fn begin() -> bool {
    let mut state = state();
    while state.is_over {
        state = CHANGED.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    state.computing += 1;
    state.is_ending
}

fn end() {
    state().computing -= 1;
    CHANGED.notify_all();
}

/// Stops all workers for the end of the process, and waits until they have stopped, at most for
/// `patience`.
pub(crate) fn stop(patience: Duration) {
    let mut state = state();
    state.is_ending = true;
    let computing = |state: &mut State| state.computing > 0;
    let waited = CHANGED.wait_timeout_while(state, patience, computing);
    let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
    state.is_over = true;
}
