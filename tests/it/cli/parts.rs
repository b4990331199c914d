//! Large outputs are written as they are made: memory, bytes, Ctrl-C and a full disk.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hrinet::io;
use serde_json::Value;

use super::resample::stopped_within_a_second;
use crate::common::phantom::{moving_discs, write};
use crate::common::program::{at_a_terminal, fails, files, succeeds};

/// 512 x 512 x 40 voxels of int16, 21 MB: 20 MB for each of the factor.
fn input(folder: &Path) {
    write(&folder.join("in.nii"), &moving_discs(512, 40, 0));
}

/// Peak memory, or that which a dry run finds.
fn memory(folder: &Path, line: &str) -> u64 {
    let line = format!("resample in.nii {line} --model linear --overwrite --json -");
    let (report, _) = succeeds(folder, &line.split_whitespace().collect::<Vec<_>>());
    let report: Value = serde_json::from_str(&report).expect("a report");
    let found = &report[if line.contains("--dry-run") { "memory" } else { "peak_memory_bytes" }];
    found["needed_bytes"].as_u64().or(found.as_u64()).expect("a number")
}

#[test]
fn large_outputs_take_bounded_memory_and_are_the_same_files() {
    let folder = tempfile::tempdir().expect("a folder");
    input(folder.path());
    let at = |name: &str| folder.path().join(name);
    // 469 slices, 246 MB: input, four parts of 34 MB and the program are 285 MB.
    let whole = memory(folder.path(), "whole.nii.gz --factor 12 --picture plane.png");
    let parts = memory(folder.path(), "parts.nii.gz --factor 12");
    assert!(parts < 290_000_000 && whole > 340_000_000, "{parts} and {whole}");
    let read = |name: &str| std::fs::read(at(name)).expect("a file");
    assert!(read("whole.nii.gz") == read("parts.nii.gz"));
    // No more for more slices: 1,171, 614 MB.
    let more = memory(folder.path(), "more.nii --factor 30");
    assert!(more < 290_000_000, "{more}");
    let planned = memory(folder.path(), "new.nii --factor 30 --dry-run");
    assert!((more..300_000_000).contains(&planned), "{planned}");
    memory(folder.path(), "new.nii --factor 30 --dry-run --memory 300M");
    let line = "resample in.nii new.nii --factor 30 --model linear --memory 300M --picture p.png";
    let refused = fails(folder.path(), &line.split_whitespace().collect::<Vec<_>>(), 1);
    assert!(refused.contains("at least 7") && refused.contains("limit of 300 MB"), "{refused}");
}

#[test]
fn ctrl_c_and_a_full_disk_leave_nothing_of_an_output_in_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    input(folder.path());
    let before = files(folder.path());
    let arguments = ["resample", "in.nii", "out.nii.gz", "--factor", "400", "--model", "cubic"];
    let mut run = at_a_terminal(folder.path(), &arguments);
    let run = run.stderr(Stdio::piped()).spawn().expect("starts");
    let partial = io::partial_path(&folder.path().join("out.nii.gz"));
    let start = Instant::now();
    let size = || std::fs::metadata(&partial).map_or(0, |data| data.len());
    while size() < 1_000_000 {
        assert!(start.elapsed() < Duration::from_secs(60), "no part is written");
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = stopped_within_a_second(run);
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(files(folder.path()), before);
    // As on a full disk: 50 MB of 205.
    let output = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 50000; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_hrinet"))
        .args(["resample", "in.nii", "out.nii", "--factor", "10", "--model", "linear"])
        .current_dir(folder.path())
        .output()
        .expect("starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("out.nii") && said.contains("too large"), "{said}");
    assert_eq!(files(folder.path()), before);
}
