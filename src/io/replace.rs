//! stub
use crate::{Error, Result};
use std::{io::Write, path::Path};
/// stub
pub fn write_atomically(
    path: &Path,
    _o: bool,
    f: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    let tmp = path.with_extension("partial");
    let mut file = std::fs::File::create(&tmp).map_err(|e| Error::io(path, e))?;
    f(&mut file)?;
    file.sync_all().map_err(|e| Error::io(path, e))?;
    std::fs::rename(&tmp, path).map_err(|e| Error::io(path, e))
}
