//! Volumes in a folder, and their names.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::format::without_ending;
use crate::io::is_volume_file;

/// Paths of the volumes in a folder, sorted: volume files, and all subfolders (as DICOM series).
///
/// # Errors
/// [`Error::Io`].
pub fn volumes_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|error| Error::io(folder, error))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Error::io(folder, error))?.path();
        if path.is_dir() || is_volume_file(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Name of a volume: that of its file, without folder and ending.
pub fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    without_ending(&name).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stem_drops_folder_and_ending_in_any_case() {
        for name in ["ct/CT.NII.GZ", "CT.nii.gz", "CT.Nii", "a/b/CT.NRRD", "series/CT"] {
            assert_eq!(stem(Path::new(name)), "CT", "{name}");
        }
    }
}
