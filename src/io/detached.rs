//! Voxels in another file than their header (`.mhd`, `.nhdr`, `.hdr`).
//!
//! A header from elsewhere must not open any file of the computer: the data file is named relative
//! to the folder of the header, lies in it or below it, and is a regular file.

use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::format::strip_ending;
use crate::io::plain_file;

/// Longest header that is searched for the name of its data file.
const MAX_HEADER_BYTES: u64 = 1 << 20;

/// Path of the data file that a header names.
///
/// # Errors
/// [`Error::Unsupported`] for a name that leads out of the folder of the header,
/// [`Error::Damaged`] for a file that does not exist or is no regular file.
pub(super) fn data_path(header: &Path, name: &str) -> Result<PathBuf> {
    let inside = |part: Component| matches!(part, Component::Normal(_) | Component::CurDir);
    if !Path::new(name).components().all(inside) {
        let reason = format!(
            "its voxels are in the file {name:?}, outside of its own folder, which is not opened; \
             put both in one folder and name the file without a path"
        );
        return Err(Error::unsupported(header, reason));
    }
    let path = header.with_file_name("").join(name);
    if !path.is_file() {
        let reason = format!(
            "its voxels are in the file {name:?}, which does not exist; put both in one folder"
        );
        return Err(Error::damaged(header, reason));
    }
    Ok(path)
}

/// The file of the same name with another ending that is there, in the case of the name's own.
pub(super) fn beside(path: &Path, own: &[&str], others: &[&str]) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let stem = own.iter().find_map(|ending| strip_ending(name, ending))?;
    let candidates = others.iter().flat_map(|ending| [ending.to_string(), ending.to_uppercase()]);
    candidates
        .map(|ending| path.with_file_name(format!("{stem}{ending}")))
        .find(|candidate| candidate.is_file())
}

/// The existing files that a header of voxels in other files may name, its twin of NIfTI, and the
/// header of voxels by which a volume is named.
pub fn data_files(header: &Path) -> Vec<PathBuf> {
    if let Some(named_by_voxels) = beside(header, &[".zraw"], &[".mhd"]) {
        let data = data_files(&named_by_voxels);
        return [vec![named_by_voxels], data].concat();
    }
    let ending = header.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let names: Vec<String> = match ending.to_lowercase().as_str() {
        "mhd" | "nhdr" => {
            let bytes = plain_file::read(header, MAX_HEADER_BYTES).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            let value =
                |line: &str| line.rsplit(['=', ':']).next().unwrap_or(line).trim().to_string();
            text.lines().map(value).filter(|name| !name.is_empty()).collect()
        }
        "hdr" | "img" | "gz" => {
            let name = header.file_name().unwrap_or_default().to_string_lossy();
            let twin = |from: &str, to: &str| name.contains(from).then(|| name.replace(from, to));
            let twins = [twin(".hdr", ".img"), twin(".img", ".hdr")].into_iter().flatten();
            twins
                .flat_map(|twin| [twin.trim_end_matches(".gz").into(), format!("{twin}.gz")])
                .collect()
        }
        _ => Vec::new(),
    };
    let files = names.iter().map(|name| header.with_file_name("").join(name));
    files.filter(|file| file.is_file()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_below_the_folder_are_found() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("below/sub")).unwrap();
        for name in ["outside.raw", "below/a b.raw", "below/sub/c.raw"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let header = folder.path().join("below/a.nhdr");
        for name in ["a b.raw", "./a b.raw", "sub/c.raw"] {
            assert!(data_path(&header, name).unwrap().is_file(), "{name}");
        }
        let text = |name: &str| data_path(&header, name).unwrap_err().to_string();
        let outside = folder.path().join("outside.raw");
        let absolute = outside.to_str().unwrap();
        for name in ["../outside.raw", "sub/../../outside.raw", absolute, "/dev/zero", "/"] {
            assert!(text(name).contains("outside of its own folder"), "{name}");
        }
        for name in ["none.raw", "sub", "", "."] {
            assert!(text(name).contains("does not exist"), "{name}");
        }
    }
}
