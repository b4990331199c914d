//! The index of a run's data, which a resumed run must find again.

use std::path::Path;

use crate::error::{Error, Result};
use crate::io::atomic_write::write_atomically;
use crate::io::plain_file;
use crate::training::data::dataset::Dataset;

/// The file in the output folder: every volume, its size, and its part.
pub const DATA: &str = "data.csv";

/// The first line.
pub(crate) const HEADER: &str = "part,volume,slices,rows,columns\n";

/// Largest index that is read.
const MAX_BYTES: u64 = 1 << 28;

/// Writes the index of a run, unless a resumed one has it.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn write(path: &Path, dataset: &Dataset, resumed: bool) -> Result<()> {
    if resumed && path.exists() {
        return Ok(());
    }
    let index = index(dataset);
    let io = |error| Error::io(path, error);
    write_atomically(path, true, |file| file.write_all(index.as_bytes()).map_err(io))
}

/// Compares the index of a resumed run with its data.
///
/// # Errors
/// [`Error::Argument`] where the data has changed; [`Error::Io`].
pub(crate) fn check(path: &Path, dataset: &Dataset) -> Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let index = index(dataset);
    let earlier = plain_file::read_text(path, MAX_BYTES)?;
    let change = |what: String| {
        Err(Error::Argument(format!(
            "{}: {what}; resume with the same data, or begin --from the checkpoint in another \
             folder",
            path.display()
        )))
    };
    let mut lines = earlier.lines().zip(index.lines().chain(std::iter::repeat("nothing")));
    match lines.find(|(earlier, now)| earlier != now) {
        Some((earlier, now)) => {
            change(format!("this run trains on {earlier:?}, the data has {now:?} now"))
        }
        None if earlier.len() != index.len() => {
            change("the data has volumes that this run did not begin with".into())
        }
        None => Ok(()),
    }
}

fn index(dataset: &Dataset) -> String {
    let mut index = String::from(HEADER);
    for (part, stacks) in [("train", &dataset.train), ("held out", &dataset.held_out)] {
        for stack in stacks {
            let (slices, rows, columns) = stack.slices.dim();
            index += &format!("{part},{},{slices},{rows},{columns}\n", stack.name);
        }
    }
    index
}
