//! JSON files that the program writes.

use std::path::Path;

use hrinet::{Error, Result, io};
use serde::Serialize;

/// Writes a value as readable JSON, in place of a file that exists.
///
/// # Errors
/// [`Error::Io`].
pub fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| Error::Argument(format!("{}: {error}", path.display())))?;
    text.push(b'\n');
    io::atomic_write::write_atomically(path, true, |file| {
        file.write_all(&text).map_err(|error| Error::io(path, error))
    })
}
