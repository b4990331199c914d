//! No output of a command replaces an input or another output, whatever it is called.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::common::phantom::{moving_discs, patients, write};
use crate::common::program::{fails, succeeds};

/// Runs a command that must be refused, with every file in the folder as it was.
fn refused(folder: &Path, line: &str) -> String {
    let content = |folder: &Path| {
        crate::common::program::files(folder)
            .into_iter()
            .map(|path| (std::fs::read(&path).unwrap_or_default(), path))
            .collect::<Vec<_>>()
    };
    let before = content(folder);
    let arguments: Vec<&str> = line.split(' ').collect();
    let said = fails(folder, &arguments, 1);
    assert!(content(folder) == before, "{line}: a file has changed");
    said
}

/// The word `ct` in a file of two bytes each, so that a header may name it.
fn mhd(folder: &Path, header: &str, data: &str) {
    let volume = folder.join("made.mha");
    write(&volume, &moving_discs(16, 9, 0));
    let bytes = std::fs::read(&volume).unwrap();
    std::fs::remove_file(&volume).unwrap();
    let key = b"ElementDataFile = ";
    let at = bytes.windows(key.len()).position(|window| window == key).unwrap() + key.len();
    let end = at + bytes[at..].iter().position(|&byte| byte == b'\n').unwrap();
    std::fs::write(folder.join(header), [&bytes[..at], data.as_bytes(), b"\n"].concat()).unwrap();
    std::fs::write(folder.join(data), &bytes[end + 1..]).unwrap();
}

#[test]
fn outputs_of_resample_are_neither_inputs_nor_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("in.nrrd"), &moving_discs(16, 9, 0));
    write(&at("labels.nrrd"), &moving_discs(16, 9, 0));
    mhd(folder.path(), "head.mhd", "voxels.json");
    std::fs::hard_link(at("in.nrrd"), at("hard.json")).unwrap();
    symlink("in.nrrd", at("soft.json")).unwrap();
    symlink("nothing-yet.nii", at("to-out.json")).unwrap();
    std::fs::create_dir(at("sub")).unwrap();
    let base = "resample in.nrrd out.nii --model linear --threads 1";
    for (options, other) in [
        ("--json in.nrrd", "INPUT"),
        ("--json ./sub/../in.nrrd", "INPUT"),
        ("--json hard.json", "INPUT"),
        ("--json soft.json", "INPUT"),
        ("--json out.nii", "OUTPUT"),
        ("--json sub/../out.nii", "OUTPUT"),
        ("--json a.png --picture a.png", "--picture"),
        ("--labels labels.nrrd l.nii --json labels.nrrd", "label map"),
        ("--labels labels.nrrd l.nii --json l.nii", "--labels"),
        ("--labels labels.nrrd out.nii", "OUTPUT"),
        ("--labels labels.nrrd labels.nrrd --overwrite", "label map"),
        ("--expected-error out.nii", "OUTPUT"),
        ("--reference labels.nrrd --json labels.nrrd", "--reference"),
    ] {
        let line = refused(folder.path(), &format!("{base} {options}"));
        assert!(line.contains("is the same file as") && line.contains(other), "{options}: {line}");
    }
    let line = "resample in.nrrd nothing-yet.nii --model linear --json to-out.json";
    assert!(refused(folder.path(), line).contains("OUTPUT"));
    let line = "resample head.mhd out.nii --model linear --json voxels.json";
    assert!(refused(folder.path(), line).contains("INPUT"));
    std::fs::copy(at("in.nrrd"), at("m.safetensors")).unwrap();
    let line = "resample in.nrrd out.nii --model m.safetensors --json m.safetensors";
    assert!(refused(folder.path(), line).contains("--model"));
    // Other files are replaced.
    std::fs::write(at("linear"), "").unwrap();
    let line = format!("{base} --json other.json -q");
    succeeds(folder.path(), &line.split(' ').collect::<Vec<_>>());
}

#[test]
fn outputs_of_evaluate_are_no_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    patients(&at("data"), 2, (16, 9));
    std::fs::create_dir(at("data/series")).unwrap();
    // What a DICOM file begins with.
    std::fs::write(at("data/series/1"), [&[0; 128][..], b"DICM and more"].concat()).unwrap();
    mhd(&at("data"), "head.mhd", "voxels.bin");
    std::fs::hard_link(at("data/patient1.nrrd"), at("hard.json")).unwrap();
    let base = "evaluate --models linear --gap 2 --threads 1 --data";
    for options in [
        "data/patient0.nrrd --json data/patient0.nrrd",
        "data --json data/patient0.nrrd",
        "data --json data/series/1",
        "data --json data/voxels.bin",
        "data --json hard.json",
        "data --picture a.png --json a.png",
    ] {
        let line = refused(folder.path(), &format!("{base} {options}"));
        assert!(line.contains("is the same file as"), "{options}: {line}");
    }
    let line = format!("{base} data/patient0.nrrd --json data/scores.json");
    for _ in 0..2 {
        succeeds(folder.path(), &line.split(' ').collect::<Vec<_>>());
    }
}

#[test]
fn slices_of_the_series_that_is_read_are_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("series")).unwrap();
    std::fs::write(at("series/1.dcm"), [&[0; 128][..], b"DICM and more"].concat()).unwrap();
    let line = "resample series out.nii --model linear --json series/1.dcm";
    assert!(refused(folder.path(), line).contains("INPUT"));
}
