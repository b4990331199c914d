//! The volumes that lie in a folder.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::is_volume_file;

/// The volumes in a folder by name: image files, and subfolders. A file is itself.
///
/// # Errors
/// [`Error::Io`].
pub fn volumes_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let listed = std::fs::read_dir(folder).map_err(|error| Error::io(folder, error))?;
    let mut paths = Vec::new();
    for entry in listed {
        let path = entry.map_err(|error| Error::io(folder, error))?.path();
        if path.is_dir() || is_volume_file(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// A volume's name: that of its file, without folder and ending.
pub fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let known = [".nii.gz", ".nii", ".nrrd"];
    known.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name).to_string()
}
