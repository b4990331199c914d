//! Threads of the CPU.
//!
//! libgomp, which computes for libtorch, ends the process where it cannot start a thread. So their
//! number is bounded, and they are started once for trial before libtorch is told of them.

use std::io;
use std::sync::Mutex;
use std::thread;

use crate::error::{Error, Result, count_of};

/// Largest number of threads for each core.
const PER_CORE: usize = 4;

/// Number of threads that every machine may use.
const ALWAYS: usize = 16;

/// Largest number of threads: four for each core, 16 on small machines.
pub fn max() -> usize {
    ALWAYS.max(PER_CORE * cores())
}

/// Cores that this process may use.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Sets the number of threads for the work of the calling thread; `None`: as many as libtorch
/// chooses, which are only tried.
///
/// # Errors
/// [`Error::Argument`] for 0 and for more than [`max`]; [`Error::Device`] where so many cannot be
/// started.
pub fn set(threads: Option<usize>) -> Result<()> {
    let most = max();
    let in_words = threads.map_or("as many as libtorch chooses".into(), |n| n.to_string());
    log::debug!("threads: {in_words}, on {}", count_of(cores(), "core"));
    let Some(threads) = threads else { return try_to_start(cores().min(most)) };
    if !(1..=most).contains(&threads) {
        return Err(Error::Argument(format!(
            "{}; use 1 to {most} (this machine has {})",
            count_of(threads, "thread"),
            count_of(cores(), "core")
        )));
    }
    try_to_start(threads)?;
    set_current(threads);
    Ok(())
}

/// Threads that libtorch uses within an operation of the calling thread.
pub fn current() -> usize {
    usize::try_from(tch::get_num_threads()).unwrap_or(1).max(1)
}

/// Sets [`current`] for the calling thread.
pub fn set_current(threads: usize) {
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
}

/// Restores [`current`] of the calling thread when it is dropped. Threads that have not used
/// libtorch yet begin with the number that any thread set last, so that who starts threads with
/// another number needs it.
pub struct Restored(usize);

/// Remembers the number of threads.
pub fn restored() -> Restored {
    Restored(current())
}

impl Drop for Restored {
    fn drop(&mut self) {
        set_current(self.0);
    }
}

/// Starts so many threads at once, the calling one included, and ends them.
fn try_to_start(threads: usize) -> Result<()> {
    let gate = Mutex::new(());
    let closed = gate.lock();
    thread::scope(|scope| {
        let wait = || drop(gate.lock());
        let mut started = (1..threads).map(|_| thread::Builder::new().spawn_scoped(scope, wait));
        let refused = started.find_map(io::Result::err);
        drop(closed);
        refused.map_or(Ok(()), |error| Err(unavailable(error)))
    })
}

/// Error of a thread that cannot be started.
pub fn unavailable(error: io::Error) -> Error {
    Error::Device(format!(
        "no further thread can be started ({error}); use fewer threads, or raise the limits of \
         processes and memory (ulimit -u, ulimit -v)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_threads_are_bounded() {
        let before = tch::get_num_threads();
        for refused in [0, max() + 1, usize::MAX] {
            let text = set(Some(refused)).unwrap_err().to_string();
            assert!(text.contains(&format!("use 1 to {}", max())), "{text}");
        }
        assert_eq!(tch::get_num_threads(), before);
        set(Some(max())).unwrap();
        assert_eq!(tch::get_num_threads() as usize, max());
        tch::set_num_threads(before);
        set(None).unwrap();
        assert_eq!(tch::get_num_threads(), before);
    }
}
