//! Ctrl-C and SIGTERM: stop within a second and leave no half-written file.
//!
//! The first signal raises a flag that the work checks between slices. Where it does not get there
//! in time (a long read, one slow slice), the files in progress are removed here and the process
//! ends.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hrinet::io::ReadOptions;
use hrinet::runtime::threads;
use hrinet::{Error, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::messages::tell;

/// Exit status of a cancelled run, as shells have it.
pub const EXIT_CODE: u8 = 130;

/// Time the work has to stop, unless it asks for more.
const PATIENCE_MS: u64 = 600;

static PATIENCE: AtomicU64 = AtomicU64::new(PATIENCE_MS);

static RAISED: AtomicBool = AtomicBool::new(false);
static IN_PROGRESS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Starts to watch for signals.
///
/// # Errors
/// [`Error::Argument`] where the system does not allow it; [`Error::Device`] without a thread.
pub fn watch() -> Result<()> {
    // A file beyond `ulimit -f` is an error of the write then, not the end of the process.
    signal_hook::flag::register(libc::SIGXFSZ, Arc::default())
        .map_err(|error| Error::Argument(format!("signals cannot be watched: {error}")))?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])
        .map_err(|error| Error::Argument(format!("signals cannot be watched: {error}")))?;
    let watcher = std::thread::Builder::new().spawn(move || {
        if signals.forever().next().is_some() {
            RAISED.store(true, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(PATIENCE.load(Ordering::SeqCst)));
            for path in IN_PROGRESS.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                let _ = match path.is_dir() {
                    true => std::fs::remove_dir_all(path),
                    false => std::fs::remove_file(path),
                };
            }
            tell("hrinet: cancelled");
            // Not `std::process::exit`: it would run destructors of libtorch under its threads.
            signal_hook::low_level::exit(i32::from(EXIT_CODE));
        }
    });
    watcher.map(drop).map_err(threads::unavailable)
}

/// Whether the user wants to stop.
pub fn raised() -> bool {
    RAISED.load(Ordering::SeqCst)
}

/// Returns an error where the user wants to stop.
///
/// # Errors
/// [`Error::Cancelled`].
pub fn check() -> Result<()> {
    if raised() { Err(Error::Cancelled) } else { Ok(()) }
}

/// Sets the time the work has to stop: longer where it saves something first.
pub fn allow(patience: Duration) {
    PATIENCE.store(patience.as_millis() as u64, Ordering::SeqCst);
}

/// Options of reading that the user can stop, of the DICOM series that is named.
pub fn read_options(series: Option<&str>) -> ReadOptions<'static> {
    let series = series.map(String::from);
    ReadOptions { series, cancelled: Some(&raised), ..ReadOptions::default() }
}

/// A file or folder that must not be left half written, until this is dropped.
#[must_use]
pub struct InProgress(PathBuf);

/// Registers a file or folder that must not be left half written.
pub fn in_progress(path: PathBuf) -> InProgress {
    IN_PROGRESS.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
    InProgress(path)
}

impl Drop for InProgress {
    fn drop(&mut self) {
        let mut paths = IN_PROGRESS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = paths.iter().position(|path| *path == self.0) {
            paths.swap_remove(index);
        }
    }
}
