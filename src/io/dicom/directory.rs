//! Files that a DICOMDIR names.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use dicom_dictionary_std::tags;

use crate::io::dicom::attributes::items;
use crate::io::dicom::file::DicomFile;

/// Files that a DICOMDIR names, sorted, and the number of those that are missing. Their names are
/// below its folder, in upper or lower case.
pub(crate) fn files(directory: &DicomFile, folder: &Path) -> (Vec<PathBuf>, usize) {
    let mut names = Names::default();
    let (mut found, mut missing) = (Vec::new(), 0);
    for record in items(&directory.object, tags::DIRECTORY_RECORD_SEQUENCE) {
        let parts = record.get(tags::REFERENCED_FILE_ID).and_then(|id| id.to_multi_str().ok());
        let Some(parts) = parts.filter(|parts| !parts.is_empty()) else {
            continue;
        };
        match names.resolve(folder, &parts) {
            Some(path) => found.push(path),
            None => missing += 1,
        }
    }
    found.sort();
    found.dedup();
    (found, missing)
}

/// Names in folders that were listed, by their lower case.
#[derive(Default)]
struct Names {
    of_folder: HashMap<PathBuf, HashMap<String, OsString>>,
}

impl Names {
    /// File below a folder by the parts of its path.
    fn resolve(&mut self, folder: &Path, parts: &[String]) -> Option<PathBuf> {
        let mut path = folder.to_path_buf();
        for part in parts {
            let part = part.trim_matches(['\0', ' ']).to_lowercase();
            let names = self.of_folder.entry(path.clone()).or_insert_with(|| listed(&path));
            // Folders are listed without `.` and `..`, so that nothing outside is found.
            path.push(names.get(&part)?);
        }
        path.is_file().then_some(path)
    }
}

fn listed(folder: &Path) -> HashMap<String, OsString> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name());
    names.map(|name| (name.to_string_lossy().to_lowercase(), name)).collect()
}
