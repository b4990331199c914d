//! NIfTI files against SimpleITK.

#[path = "common/python.rs"]
mod python;
#[path = "common/volumes.rs"]
mod volumes;

use std::path::Path;

use hrinet::io;
use volumes::{describe, made_by_simpleitk};

/// float32 at a distance of 1300 mm: half a unit in the last place is 6e-5 mm.
const FLOAT32_MM: f64 = 2e-4;

#[test]
fn files_of_simpleitk_are_read_as_it_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    for ending in [".nii", ".nii.gz"] {
        let paths = made_by_simpleitk(folder.path(), ending);
        assert_eq!(paths.len(), 50);
        for (path, description) in paths.iter().zip(describe(&paths)) {
            let volume = io::read(Path::new(path)).unwrap();
            description.assert_same(&volume, FLOAT32_MM, path);
        }
    }
}
