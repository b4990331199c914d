//! Locks: a file or a folder for one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::error::{Error, Result};

/// Makes a file where there is none, and locks it for this process, until it is closed.
///
/// # Errors
/// [`Error::Argument`] with the message `in_use` where another process has it; [`Error::Io`].
pub fn lock_at(path: &Path, in_use: impl FnOnce() -> String) -> Result<File> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).open(path);
    let file = file.map_err(|error| Error::io(path, error))?;
    lock(&file, in_use)?;
    Ok(file)
}

/// Locks an open file or folder for this process, until it is closed.
///
/// # Errors
/// [`Error::Argument`] with the message `in_use` where another process has it.
pub(crate) fn lock(file: &File, in_use: impl FnOnce() -> String) -> Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(Error::Argument(in_use())),
        // Not every file system has locks.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}
