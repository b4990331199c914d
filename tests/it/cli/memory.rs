//! Memory is counted by headers: before voxels are read, and without those of a reference.

use crate::common::phantom::{moving_discs, write};
use crate::common::program::{fails, succeeds};
use crate::common::volumes::written_by;
use hrinet::io;
use serde_json::{Value, json};

#[test]
fn job_larger_than_memory_is_rejected_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    // 2700 x 2700 x 2 voxels to 2700 x 2700 x 49,001: 715 GB with the work. A picture needs it all.
    write(&folder.path().join("in.nii.gz"), &moving_discs(2700, 2, 0));
    let arguments = ["resample", "in.nii.gz", "out.nii.gz", "--factor", "49000"];
    let more = ["--model", "linear", "--picture", "plane.png"];
    let line = fails(folder.path(), &[&arguments[..], &more].concat(), 1);
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
    for (output, picture) in [("fine/", &[][..]), ("fine.nrrd", &["--picture", "plane.png"])] {
        let refused = |factor: &str| {
            let arguments = ["resample", "ct", output, "--model", "linear", "--factor", factor];
            fails(folder.path(), &[&arguments[..], picture].concat(), 1)
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

#[test]
fn memory_limit_bounds_the_peak_and_keeps_the_voxels() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("large.nrrd"), &moving_discs(256, 7, 0));
    write(&at("small.nrrd"), &moving_discs(64, 4, 0));
    let run = |input: &str, factor: &str, limit: &str| -> (u64, Vec<u8>) {
        let line = format!(
            "resample {input}.nrrd out.nii --overwrite --model hrinet-motion-small --threads 4 \
             --factor {factor} --json - {limit}"
        );
        let (report, _) = succeeds(folder.path(), &line.split_whitespace().collect::<Vec<_>>());
        let report: Value = serde_json::from_str(&report).unwrap();
        let peak = match limit.contains("--dry-run") {
            true => report["memory"]["needed_bytes"].as_u64(),
            false => report["peak_memory_bytes"].as_u64(),
        };
        (peak.unwrap(), std::fs::read(at("out.nii")).unwrap())
    };
    let (free_peak, free) = run("large", "3", "");
    let (limited_peak, limited) = run("large", "3", "--memory 300M");
    assert!(limited_peak < 330_000_000 && limited_peak < free_peak, "{limited_peak} {free_peak}");
    assert!(limited == free, "the voxels differ");
    assert!(run("large", "3", "--memory 300M --dry-run").0 <= 300_000_000);
    assert!(run("large", "3", "--dry-run").0 > 500_000_000);
    // A slice of 64 x 64 takes 2.9 MB: two of the eight between a pair at once, one pair at a time.
    assert!(run("small", "9", "").1 == run("small", "9", "--memory 206.5M").1);
    let arguments = ["resample", "large.nrrd", "new.nii", "--factor", "3", "--memory"];
    let refused = |limit: &str| fails(folder.path(), &[&arguments[..], &[limit]].concat(), 1);
    let line = refused("200M");
    assert!(line.contains("at least 249 MB") && line.contains("limit of 200 MB"), "{line}");
    assert!(line.contains("larger spacing"), "{line}");
}
