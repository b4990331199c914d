//! Ctrl-C and SIGTERM: stop within a second, leave nothing behind.
//!
//! The first signal raises a flag that the work looks at between slices. Where the work does not
//! get there in time (a long read, one slow slice), the files in progress are removed from here and
//! the process ends without waiting.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hrinet::{Error, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Exit status of a cancelled run, as shells know it.
pub const EXIT_CODE: u8 = 130;

/// How long the work may take to notice, unless it asks for more.
const PATIENCE_MS: u64 = 600;

static PATIENCE: AtomicU64 = AtomicU64::new(PATIENCE_MS);

static RAISED: AtomicBool = AtomicBool::new(false);
static IN_PROGRESS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Watches for signals from now on.
///
/// # Errors
/// [`Error::Argument`] where the system does not let it.
pub fn watch() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])
        .map_err(|error| Error::Argument(format!("signals cannot be watched: {error}")))?;
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            RAISED.store(true, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(PATIENCE.load(Ordering::SeqCst)));
            for path in IN_PROGRESS.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                let _ = std::fs::remove_file(path);
            }
            eprintln!("hrinet: cancelled");
            // Not `std::process::exit`: it would run destructors of libtorch under its threads.
            signal_hook::low_level::exit(i32::from(EXIT_CODE));
        }
    });
    Ok(())
}

/// Whether the user asked to stop.
pub fn raised() -> bool {
    RAISED.load(Ordering::SeqCst)
}

/// An error where the user asked to stop.
///
/// # Errors
/// [`Error::Cancelled`].
pub fn check() -> Result<()> {
    if raised() { Err(Error::Cancelled) } else { Ok(()) }
}

/// Work that has something to save when it is told to stop: how long that may take.
pub fn allow(patience: Duration) {
    PATIENCE.store(patience.as_millis() as u64, Ordering::SeqCst);
}

/// Names a file that must not stay behind half written.
pub fn in_progress(path: PathBuf) {
    IN_PROGRESS.lock().unwrap_or_else(PoisonError::into_inner).push(path);
}
