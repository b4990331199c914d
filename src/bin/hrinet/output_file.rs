//! Writing of a volume or of label maps, with its progress.

use std::path::Path;

use hrinet::{Result, io};

use crate::interrupt;
use crate::messages::Verbosity;
use crate::progress::Progress;

/// Writes a file, which must not be left half written, and shows that it does.
///
/// # Errors
/// Those of `write`.
pub fn write_file(
    path: &Path,
    overwrite: bool,
    verbosity: &Verbosity,
    write: impl FnOnce(&io::WriteOptions) -> Result<()>,
) -> Result<()> {
    let busy = Progress::busy(verbosity, &format!("writing {}", path.display()));
    let files = io::output_files(path);
    let _in_progress: Vec<_> =
        files.iter().map(|file| interrupt::in_progress(io::partial_path(file))).collect();
    let written = write(&io::WriteOptions { overwrite, cancelled: Some(&interrupt::raised) });
    busy.finish();
    written
}
