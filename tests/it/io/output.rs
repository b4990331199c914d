//! Atomic writes, cancellation and rejected paths, for every format that is written.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;

use hrinet::io::{ReadOptions, WriteOptions};
use hrinet::volume::{Geometry, Rescale, Volume, Voxels};
use hrinet::{Error, io};
use ndarray::Array3;

const STEPS: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]];

/// Incompressible noise: 200 x 200 x `slices` voxels of 2 bytes.
fn noise(slices: usize) -> Volume {
    let mut state = 1u64;
    let voxels = Array3::from_shape_simple_fn((slices, 200, 200), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 48) as i16
    });
    let geometry = Geometry::new([200, 200, slices], [0.0; 3], STEPS).unwrap();
    Volume::new(Voxels::from(voxels), Rescale::IDENTITY, geometry).unwrap()
}

/// Names of the entries of a folder, sorted.
fn listing(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A file name for every ending that is written.
fn names() -> impl Iterator<Item = String> {
    let written = io::FORMATS.iter().filter(|format| format.is_written());
    written.flat_map(|format| format.endings).map(|ending| format!("a{ending}"))
}

#[test]
fn unwritable_outputs_are_rejected_by_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str, overwrite: bool| {
        io::check_output(&folder.path().join(name), overwrite).unwrap_err().to_string()
    };
    assert!(text("a.jpg", true).contains("a.jpg: unknown ending; volumes are written as .nii"));
    assert!(text("nii", true).contains("unknown ending"));
    let missing = text("none/a.nii", true);
    assert!(missing.contains("the folder") && missing.contains("none does not exist"), "{missing}");
    std::fs::write(folder.path().join("there.nrrd"), "before").unwrap();
    assert!(text("there.nrrd", false).contains("already exists"));
    io::check_output(&folder.path().join("there.nrrd"), true).unwrap();
    io::check_output(&folder.path().join("A.NII.GZ"), false).unwrap();
    assert_eq!(listing(folder.path()), ["there.nrrd"], "the check leaves nothing");

    let error = io::write(&folder.path().join("there.nrrd"), &noise(1), false).unwrap_err();
    assert!(matches!(error, Error::Argument(_)));
    assert_eq!(std::fs::read_to_string(folder.path().join("there.nrrd")).unwrap(), "before");
}

#[test]
fn cancelled_write_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for name in names() {
        let path = folder.path().join(&name);
        let asked = Cell::new(0);
        let cancelled = || {
            assert!(io::partial_path(&path).exists(), "{name}");
            asked.set(asked.get() + 1);
            asked.get() == 2
        };
        let options = WriteOptions { overwrite: false, cancelled: Some(&cancelled) };
        let result = io::write_with(&path, &noise(40), &options);
        assert!(matches!(result, Err(Error::Cancelled)), "{name}: {result:?}");
        assert_eq!(asked.get(), 2, "{name}: continues after it was cancelled");
        assert!(listing(folder.path()).is_empty(), "{name}");
    }
}

#[test]
fn read_can_be_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    for name in names() {
        let path = folder.path().join(&name);
        io::write(&path, &noise(40), true).unwrap();
        let asked = Cell::new(0);
        let cancelled = || {
            asked.set(asked.get() + 1);
            asked.get() == 2
        };
        let options = ReadOptions { cancelled: Some(&cancelled), ..Default::default() };
        let result = io::read_with(&path, &options);
        assert!(matches!(result, Err(Error::Cancelled)), "{name}: {result:?}");
    }
}

#[test]
fn uneven_slices_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let geometry = Geometry::new([1, 1, 3], [0.0; 3], STEPS).unwrap();
    let geometry = geometry.with_slice_positions(vec![0.0, 2.0, 6.0]).unwrap();
    let voxels = Voxels::from(Array3::<i16>::zeros((3, 1, 1)));
    let uneven = Volume::new(voxels, Rescale::IDENTITY, geometry).unwrap();
    let text = io::write(&folder.path().join("a.nii"), &uneven, false).unwrap_err().to_string();
    assert!(text.contains("a.nii") && text.contains("uneven slice spacing"), "{text}");
    assert!(listing(folder.path()).is_empty());
}

#[test]
fn files_of_other_formats_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        io::read(&path).unwrap_err().to_string()
    };
    let unknown = text("a.jpg", b"\xff\xd8");
    assert!(unknown.contains("a.jpg: unknown ending; volumes are read from .nii"), "{unknown}");
    assert!(text("a.nii", b"").contains("a.nii: truncated"));
    assert!(text("a.nrrd", b"P5 1 1 255").contains("not an NRRD file"));
    let dicom = [&[0; 128][..], b"DICM"].concat();
    assert!(text("a.dcm", &dicom).contains("a.dcm"));
    let missing = io::read(&folder.path().join("none")).unwrap_err().to_string();
    assert!(missing.contains("No such file"), "{missing}");
}

/// Environment variable with the file that the child process below writes.
const CHILD: &str = "HRINET_TEST_FULL_DISK";

/// Runs in the child process of the next test; does nothing without it.
#[test]
fn child_process_writes_beyond_its_limit() {
    let Some(path) = std::env::var_os(CHILD).map(PathBuf::from) else {
        return;
    };
    let text = io::write(&path, &noise(10), true).unwrap_err().to_string();
    assert!(text.starts_with(path.to_str().unwrap()), "{text}");
    assert!(text.contains("File too large"), "{text}");
    println!("refused: {text}");
}

#[test]
fn full_disk_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for name in names() {
        let path = folder.path().join(&name);
        std::fs::write(&path, "before").unwrap();
        // 800 kB under a limit of 100 kB. The signal is ignored, so that writing fails as on a full
        // disk.
        let output = Command::new("bash")
            .args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\""])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "io::output::child_process_writes_beyond_its_limit", "--nocapture"])
            .env(CHILD, &path)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("refused"), "{name}: {text}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before", "{name}");
        std::fs::remove_file(&path).unwrap();
        assert!(listing(folder.path()).is_empty(), "{name}: {:?}", listing(folder.path()));
    }
}
