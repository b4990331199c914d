//! Bad input: one line with the file and the value, exit status 1 (usage: 2), no partial file.
//! `fails` checks the last two each time.

use crate::common::program;
use std::path::Path;
use std::process::Command;

use crate::common::phantom::{moving_discs, write};
use crate::common::program::{fails, succeeds};
use hrinet::volume::{Geometry, Rescale, Volume};
use ndarray::Array3;

/// Resamples a file in the folder by linear interpolation; returns the error line.
fn refused(folder: &Path, input: &str) -> String {
    fails(folder, &["resample", input, "out.nii.gz", "--model", "linear"], 1)
}

/// A NIfTI-1 file of int16 zeros with fields of its header overwritten.
fn nifti(path: &Path, fields: &[(usize, &[u8])]) {
    let folder = path.parent().expect("a folder");
    let plain = folder.join("plain.nii");
    if !plain.exists() {
        write(&plain, &moving_discs(16, 4, 0));
    }
    let mut bytes = std::fs::read(&plain).unwrap();
    for (offset, value) in fields {
        bytes[*offset..offset + value.len()].copy_from_slice(value);
    }
    std::fs::write(path, bytes).unwrap();
}

/// Offsets of NIfTI-1 header fields.
const DIM: usize = 40;
const DATATYPE: usize = 70;
const BITPIX: usize = 72;
const PIXDIM: usize = 76;

#[test]
fn missing_truncated_and_contradictory_files_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert!(refused(folder.path(), "nowhere.nii").contains("nowhere.nii: No such file"));
    for ending in ["nii", "nii.gz", "nrrd"] {
        let whole = at(&format!("whole.{ending}"));
        write(&whole, &moving_discs(16, 4, 0));
        let bytes = std::fs::read(&whole).unwrap();
        let cut = format!("cut.{ending}");
        for part in [0, 1, 3, 20, 60, 90, 97, 99] {
            std::fs::write(at(&cut), &bytes[..bytes.len() * part / 100]).unwrap();
            let line = refused(folder.path(), &cut);
            assert!(line.contains(&cut), "{line}");
        }
    }
    // 32000 x 32000 x 32000 voxels in a file of a few hundred bytes.
    let huge: Vec<u8> = [3i16, 32000, 32000, 32000].iter().flat_map(|n| n.to_le_bytes()).collect();
    nifti(&at("huge.nii"), &[(DIM, &huge)]);
    assert!(refused(folder.path(), "huge.nii").contains("huge.nii"));
    std::fs::write(at("note.txt"), "no volume").unwrap();
    assert!(refused(folder.path(), "note.txt").contains("unknown ending"));
    std::fs::create_dir(at("empty")).unwrap();
    assert!(refused(folder.path(), "empty").contains("empty"));
    std::fs::create_dir(at("files")).unwrap();
    write(&at("files/b.nii"), &moving_discs(16, 4, 0));
    write(&at("files/a.nrrd"), &moving_discs(16, 4, 1));
    let line = refused(folder.path(), "files");
    assert!(line.contains("2 volumes in files, such as a.nrrd; give one"), "{line}");
}

#[test]
fn volumes_that_cannot_be_resampled_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let spacing = |value: f32| value.to_le_bytes();
    nifti(&at("zero.nii"), &[(PIXDIM + 12, &spacing(0.0))]);
    assert!(refused(folder.path(), "zero.nii").contains("zero.nii"));
    nifti(&at("negative.nii"), &[(PIXDIM + 12, &spacing(-5.0))]);
    assert!(refused(folder.path(), "negative.nii").contains("contradicts itself"));

    let four: Vec<u8> = [4i16, 16, 16, 2, 2].iter().flat_map(|n| n.to_le_bytes()).collect();
    nifti(&at("4d.nii"), &[(DIM, &four)]);
    let line = refused(folder.path(), "4d.nii");
    assert!(line.contains("4d.nii") && line.contains("3"), "{line}");
    nifti(&at("rgb.nii"), &[(DATATYPE, &128i16.to_le_bytes()), (BITPIX, &24i16.to_le_bytes())]);
    assert!(refused(folder.path(), "rgb.nii").contains("RGB"));

    let header = "NRRD0004\ntype: short\ndimension: 3\nsizes: 2 2 2\nencoding: raw\n\
                  endian: little\nspace: left-posterior-superior\nspace origin: (0,0,0)\n";
    let nrrd = |name: &str, directions: &str| {
        let mut bytes = format!("{header}space directions: {directions}\n\n").into_bytes();
        bytes.extend([0u8; 16]);
        std::fs::write(at(name), bytes).unwrap();
    };
    nrrd("sheared.nrrd", "(1,0,0) (0,1,0) (0,3,3)");
    let line = refused(folder.path(), "sheared.nrrd");
    assert!(line.contains("sheared.nrrd") && line.contains("degrees instead of 90"), "{line}");
    nrrd("flat.nrrd", "(1,0,0) (0,1,0) (0,0,0)");
    assert!(refused(folder.path(), "flat.nrrd").contains("0 mm"));

    for (name, values, reason) in [
        ("nan.nrrd", [f32::NAN; 2], "all voxels are NaN"),
        ("infinite.nrrd", [0.0, f32::NEG_INFINITY], "non-finite voxel at (0, 1, 2)"),
    ] {
        let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 3.0]];
        let geometry = Geometry::new([3, 3, 3], [0.0; 3], steps).unwrap();
        let mut array = Array3::<f32>::from_elem((3, 3, 3), values[0]);
        array[(2, 1, 0)] = values[1];
        write(&at(name), &Volume::new(array.into(), Rescale::IDENTITY, geometry).unwrap());
        let line = refused(folder.path(), name);
        assert!(line.contains(name) && line.contains(reason), "{line}");
    }

    write(&at("one.nrrd"), &moving_discs(16, 1, 0));
    let line = refused(folder.path(), "one.nrrd");
    assert!(line.contains("one.nrrd") && line.contains("single slice"), "{line}");
    // Two slices are enough.
    write(&at("two.nrrd"), &moving_discs(16, 2, 0));
    succeeds(folder.path(), &["resample", "two.nrrd", "out.nrrd", "--model", "cubic", "-q"]);
}

#[test]
fn outputs_that_cannot_be_written_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("in.nrrd"), &moving_discs(16, 4, 0));
    let refused = |output: &str, more: &[&str]| {
        let arguments = ["resample", "in.nrrd", output, "--model", "linear"];
        fails(folder.path(), &[&arguments[..], more].concat(), 1)
    };
    assert!(refused("no/such/out.nii", &[]).contains("no/such"));
    assert!(refused("out.tif", &[]).contains(".nrrd"));
    assert!(refused("in.nrrd", &[]).contains("in.nrrd"));
    assert!(refused("in.nrrd", &["--overwrite"]).contains("same file"));
    assert!(refused("out.nii", &["--json", "no/report.json"]).contains("no/report.json"));

    write(&at("old.nrrd"), &moving_discs(16, 2, 0));
    let old = std::fs::read(at("old.nrrd")).unwrap();
    let line = refused("old.nrrd", &[]);
    assert!(line.contains("old.nrrd") && line.contains("--overwrite"), "{line}");
    assert_eq!(std::fs::read(at("old.nrrd")).unwrap(), old);
}

/// A limit on the size of files, in place of a full disk: the write fails in the middle.
#[test]
fn full_disk_leaves_the_old_file_and_no_partial_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("in.nrrd"), &moving_discs(64, 8, 0));
    std::fs::write(at("out.nii"), "the old file").unwrap();
    let before = program::files(folder.path());
    let line = "trap '' XFSZ; ulimit -f 20; exec \"$0\" \"$@\"";
    let output = Command::new("bash")
        .current_dir(folder.path())
        .args(["-c", line, env!("CARGO_BIN_EXE_hrinet")])
        .args(["resample", "in.nrrd", "out.nii", "--overwrite", "--model", "linear", "-q"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("out.nii") && said.lines().count() == 1, "{said}");
    assert_eq!(std::fs::read(at("out.nii")).unwrap(), b"the old file");
    assert_eq!(program::files(folder.path()), before);
}

#[test]
fn invalid_arguments_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in.nrrd"), &moving_discs(16, 4, 0));
    let base = ["resample", "in.nrrd", "out.nrrd"];
    let refused = |more: &[&str]| {
        fails(folder.path(), &[&base[..], &["--model", "linear"], more].concat(), 1)
    };
    assert!(refused(&["--factor", "0"]).contains("factor of 0"));
    assert!(refused(&["--spacing=-1"]).contains("-1 mm"));
    assert!(refused(&["--exact-spacing", "0"]).contains("0 mm"));
    assert!(refused(&["--exact-spacing"]).contains("--exact-spacing needs a value"));
    assert!(refused(&["--spacing", "0.0000001"]).contains("slices"));
    assert!(refused(&["--device", "gpu"]).contains("cuda:N"));
    assert!(refused(&["--threads", "0"]).contains("use 1 to"));
    assert!(refused(&["--reference", "nowhere.nrrd"]).contains("nowhere.nrrd"));
    // 4 slices to 900,000: more memory than any machine that runs this test has.
    let line = refused(&["--exact-spacing", "0.00001", "--axis", "i"]);
    assert!(line.contains("slices") || line.contains("memory"), "{line}");

    let model = |name: &str| fails(folder.path(), &[&base[..], &["--model", name]].concat(), 1);
    assert!(model("nearest").contains("linear, cubic"));
    assert!(model("in.nrrd").contains("not an HRINet checkpoint"));
    assert!(model("nowhere.safetensors").contains("nowhere.safetensors"));

    // Usage: clap says it in its own lines, with status 2.
    for usage in [
        &["resample", "in.nrrd"][..],
        &["resample", "in.nrrd", "out.nrrd", "--axis", "x"],
        &["resample", "in.nrrd", "out.nrrd", "--factor", "2", "--spacing", "1"],
        &["resample", "in.nrrd", "out.nrrd", "--factor", "two"],
        &["evaluate", "--data", "in.nrrd", "--slices", "9"],
        &["nonsense"],
    ] {
        let output = program::output(folder.path(), usage);
        assert_eq!(output.status.code(), Some(2), "{usage:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn closed_output_pipe_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut info = program::command(folder.path(), &["info", "hrinet-motion"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Reading the weights takes longer than this.
    drop(info.stdout.take());
    let ended = info.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && said.is_empty(), "{said}");
}
