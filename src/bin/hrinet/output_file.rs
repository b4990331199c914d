//! Writing of a volume or of label maps, with its progress.

use std::path::Path;

use hrinet::{Result, io};

use crate::interrupt::{self, InProgress};
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
    let _in_progress = in_progress(path);
    let written = write(&options(overwrite));
    busy.finish();
    written
}

/// Registers the files of an output, which must not be left half written.
pub fn in_progress(path: &Path) -> Vec<InProgress> {
    let files = io::output_files(path);
    files.iter().map(|file| interrupt::in_progress(io::partial_path(file))).collect()
}

/// Options of writing that the user can stop.
pub fn options(overwrite: bool) -> io::WriteOptions<'static> {
    io::WriteOptions { overwrite, cancelled: Some(&interrupt::raised) }
}
