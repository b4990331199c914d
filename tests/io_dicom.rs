//! DICOM series against SimpleITK (GDCM).

#[path = "common/python.rs"]
mod python;
#[path = "common/volumes.rs"]
mod volumes;

use std::path::Path;

use hrinet::io;
use volumes::describe;

/// The series that scripts/fetch-samples puts there.
fn samples() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".samples/dicom");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: {} is missing (scripts/fetch-samples dicom)", folder.display());
        return Vec::new();
    };
    let folders = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    folders.map(|path| path.to_str().unwrap().to_string()).collect()
}

#[test]
fn real_series_are_read_as_gdcm_reads_them() {
    let folders = samples();
    for (path, description) in folders.iter().zip(describe(&folders)) {
        let volume = io::read(Path::new(path)).unwrap();
        description.assert_same(&volume, 1e-6, path);
    }
}
