//! End of the process while threads work: libtorch is kept until they have stopped.
//!
//! When a process ends, libtorch's own clean-up runs; a thread that still computes then crashes,
//! and with it the process. A hook that libc runs earlier stops the jobs and waits for them. From
//! then on every call is refused, and what is to be freed is left to the end of the process.

use std::cell::Cell;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use tch::{Device, Kind, TchError, Tensor};

use crate::runtime::workers;

/// Time after which a job that does not stop is given up: a callback of its host may hang.
const PATIENCE: Duration = Duration::from_secs(10);

static ENDING: AtomicBool = AtomicBool::new(false);
/// Calls in the library, of all threads; nested calls count each.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
/// The process of the counted calls: a forked one has none of its threads.
static PROCESS: AtomicU32 = AtomicU32::new(0);

thread_local! {
    /// Calls of this thread in the library: a callback may call it again.
    static MINE: Cell<usize> = const { Cell::new(0) };
}

/// A call in the library, until it is dropped.
pub(super) struct Inside;

/// Counts a call; `None` where the process is ending and libtorch must not be used.
pub(super) fn enter() -> Option<Inside> {
    INSIDE.fetch_add(1, SeqCst);
    MINE.set(MINE.get() + 1);
    let inside = Inside;
    (!is_ending()).then_some(inside)
}

impl Drop for Inside {
    fn drop(&mut self) {
        MINE.set(MINE.get() - 1);
        INSIDE.fetch_sub(1, SeqCst);
    }
}

/// Whether jobs must stop because the process ends.
pub(super) fn is_ending() -> bool {
    ENDING.load(SeqCst)
}

/// Whether this process was forked from one that had used libtorch: it has none of the threads that
/// libgomp keeps, and would wait for them without end.
pub(super) fn is_forked() -> bool {
    let first = PROCESS.load(SeqCst);
    first != 0 && first != std::process::id()
}

/// Sets the hook, once, before the first network is built.
///
/// libc runs hooks from the last to the first, and libtorch sets up what its convolutions need,
/// with hooks of its own, when the first ones run. So they run here before ours is set.
pub(super) fn prepare() {
    static PREPARED: Once = Once::new();
    PREPARED.call_once(|| {
        // A failure will show again in the first job.
        let _ = convolve();
        PROCESS.store(std::process::id(), SeqCst);
        // On failure (no memory) the process ends as it would without the hook.
        // SAFETY: `end` neither panics nor needs anything that is gone when the process ends.
        let _ = unsafe { libc::atexit(end) };
    });
}

/// Convolutions of both kinds, forward and backward, of a size that libtorch hands to oneDNN.
fn convolve() -> Result<(), TchError> {
    let zeros = |shape: [i64; 4]| Tensor::f_zeros(shape, (Kind::Float, Device::Cpu));
    let kernel = |side: i64| zeros([8, 8, side, side])?.f_set_requires_grad(true);
    let (down, up) = (kernel(3)?, kernel(2)?);
    let none = None::<Tensor>;
    let maps = zeros([2, 8, 32, 32])?.f_conv2d(&down, none.as_ref(), [2, 2], [1, 1], [1, 1], 1)?;
    let maps = maps.f_conv_transpose2d(&up, none.as_ref(), [2, 2], [0, 0], [0, 0], 1, [1, 1])?;
    maps.f_sum(Kind::Float)?.f_backward()
}

extern "C" fn end() {
    if std::process::id() != PROCESS.load(SeqCst) {
        return;
    }
    ENDING.store(true, SeqCst);
    let start = Instant::now();
    // A callback may end the process: its own calls are not waited for.
    while INSIDE.load(SeqCst) > MINE.get() && start.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(1));
    }
    // Those of its own calls compute on while it is in the callback.
    workers::stop(PATIENCE.saturating_sub(start.elapsed()));
}
