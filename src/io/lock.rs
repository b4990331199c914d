//! Locks: a file or a folder for one process at a time.

use std::fs::{File, TryLockError};

use crate::error::{Error, Result};

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
