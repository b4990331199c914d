//! Memory is counted by headers: before voxels are read, and without those of a reference.

use crate::common::phantom::{moving_discs, write};
use crate::common::program::{fails, succeeds};
use crate::common::volumes::written_by;
use hrinet::io;
use serde_json::json;

#[test]
fn job_larger_than_memory_is_rejected_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    // 2700 x 2700 x 2 voxels to 2700 x 2700 x 49,001: 715 GB with the work.
    write(&folder.path().join("in.nii.gz"), &moving_discs(2700, 2, 0));
    let arguments = ["resample", "in.nii.gz", "out.nii.gz", "--factor", "49000"];
    let line = fails(folder.path(), &[&arguments[..], &["--model", "linear"]].concat(), 1);
    assert!(line.contains("715 GB") && line.contains("choose a larger spacing"), "{line}");
}

#[test]
fn dicom_series_is_counted_before_its_pixels_are_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let positions = [[0, 0, 0], [0, 0, 5], [0, 0, 10]];
    // Bits that no pixel can have: an error of whoever decodes it.
    let case = json!({"rows": 2000, "columns": 2000, "positions": positions,
        "extra": {"HighBit": 3}});
    written_by("io_stack_make.py", &folder.path().join("ct"), &[&case.to_string()]);
    for output in ["fine/", "fine.nrrd"] {
        let refused = |factor: &str| {
            let arguments = ["resample", "ct", output, "--model", "linear", "--factor", factor];
            fails(folder.path(), &arguments, 1)
        };
        assert!(refused("2").contains("HighBit 3"), "{output}");
        // 2000 x 2000 x 49,000 voxels of int16.
        let line = refused("24500");
        assert!(line.contains("392 GB") && line.contains("larger spacing"), "{output}: {line}");
    }
}

#[test]
fn reference_is_read_without_its_voxels() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("in.nrrd"), &moving_discs(16, 4, 0));
    for (ending, header) in [("nii", 352), ("nrrd", 400), ("mha", 400)] {
        let (whole, cut) = (format!("whole.{ending}"), format!("cut.{ending}"));
        write(&at(&whole), &moving_discs(64, 3, 0));
        let bytes = std::fs::read(at(&whole)).unwrap();
        std::fs::write(at(&cut), &bytes[..header.max(bytes.len() / 2)]).unwrap();
        let resampled = |reference: &str, output: &str| {
            let arguments = ["resample", "in.nrrd", output, "--model", "linear", "--overwrite"];
            succeeds(folder.path(), &[&arguments[..], &["--reference", reference]].concat());
            io::read(&at(output)).unwrap()
        };
        let (expected, found) = (resampled(&whole, "a.nrrd"), resampled(&cut, "b.nrrd"));
        assert_eq!(found.geometry(), expected.geometry(), "{ending}");
        assert_eq!(found.voxels(), expected.voxels(), "{ending}");
    }
}
