//! Less usual files of all formats, as NiBabel, pynrrd and SimpleITK read them.

use std::path::Path;

use crate::common::python;
use crate::common::volumes::{Description, describe, written_by};
use hrinet::io;
use serde::Deserialize;

/// float32 of NIfTI-1 at a distance of 40 mm.
const FLOAT32_MM: f64 = 1e-5;

/// A file, and what is in it.
#[derive(Deserialize)]
struct Case {
    path: String,
    #[serde(flatten)]
    description: Description,
}

#[test]
fn less_usual_files_are_read_as_by_other_readers() {
    let folder = tempfile::tempdir().unwrap();
    let text = python::run("io_formats_cases.py", &[folder.path().to_str().unwrap()]);
    let cases: Vec<Case> = serde_json::from_str(&text).expect("JSON of io_formats_cases.py");
    assert_eq!(cases.len(), 37);
    for (index, case) in cases.into_iter().enumerate() {
        let (path, mut description) = (case.path, case.description);
        description.bytes = std::fs::read(folder.path().join(format!("{index}.raw"))).unwrap();
        let volume = io::read(Path::new(&path)).unwrap_or_else(|error| panic!("{error}"));
        description.assert_same(&volume, FLOAT32_MM, &path);
    }
}

#[test]
fn pairs_are_written_as_simpleitk_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let sources = written_by("io_make.py", folder.path(), &[".nrrd"]);
    let expected = describe(&sources);
    for (ending, data, tolerance) in
        [(".mhd", ".raw", 1e-6), (".nhdr", ".raw", 1e-6), (".hdr", ".img", 2e-4)]
    {
        let copies: Vec<String> =
            sources.iter().map(|path| path.replace(".nrrd", &format!("-2{ending}"))).collect();
        for (source, copy) in sources.iter().zip(&copies) {
            let volume = io::read(Path::new(source)).unwrap();
            io::write(Path::new(copy), &volume, true).unwrap();
            assert!(Path::new(&copy.replace(ending, data)).is_file());
        }
        let found = describe(&copies);
        for ((copy, description), expected) in copies.iter().zip(&found).zip(&expected) {
            let volume = io::read(Path::new(copy)).unwrap();
            description.assert_same(&volume, tolerance, copy);
            expected.assert_same(&volume, tolerance, copy);
        }
    }
}
