//! JSON that the program writes: in a file, or on standard output.

use std::path::Path;

use hrinet::{Error, Result, io};
use serde::Serialize;

use crate::messages::print_bytes;

/// Whether a file's name means standard output.
pub fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Writes a value as readable JSON, in place of a file that exists; - is standard output.
///
/// # Errors
/// [`Error::Io`].
pub fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| Error::Argument(format!("{}: {error}", path.display())))?;
    text.push(b'\n');
    if is_stdout(path) {
        return print_bytes(&text);
    }
    io::atomic_write::write_atomically(path, true, |file| {
        file.write_all(&text).map_err(|error| Error::io(path, error))
    })
}
