//! Closed and full standard streams, signals and limits of the system: results are written all the
//! same, and messages are lines of text.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::common::phantom::{moving_discs, write};
use crate::common::program::{command, fails, files};

/// Runs a line of bash in a folder, with the program as `$0`.
fn bash(folder: &Path, line: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_hrinet");
    Command::new("bash").current_dir(folder).args(["-c", line, program]).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const RESAMPLE: &str = "\"$0\" resample in.nrrd out.nii --overwrite --model linear --threads 1";

#[test]
fn full_and_closed_streams_do_not_end_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("in.nrrd"), &moving_discs(16, 9, 0));
    let evaluate =
        "\"$0\" evaluate --data in.nrrd --gap 2 --models linear --threads 1 --json a.json";
    for (line, result) in [
        (format!("{RESAMPLE} 2>/dev/full"), "out.nii"),
        (format!("{RESAMPLE} 2>&-"), "out.nii"),
        (format!("{RESAMPLE} -vv >&- 2>&-"), "out.nii"),
        (format!("{evaluate} >&-"), "a.json"),
        (format!("{evaluate} 2>/dev/full >/dev/null"), "a.json"),
    ] {
        let output = bash(folder.path(), &line);
        assert!(output.status.success(), "{line}: {:?} {}", output.status, said(&output));
        assert!(at(result).exists(), "{line}");
        std::fs::remove_file(at(result)).unwrap();
    }
    // Results that do not arrive are an error, after those that do.
    let output = bash(folder.path(), &format!("{evaluate} >/dev/full"));
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("standard output: No space left"), "{}", said(&output));
    assert!(at("a.json").exists());
}

#[test]
fn readers_that_leave_do_not_end_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("in.nrrd"), &moving_discs(16, 9, 0));
    let resample = ["resample", "in.nrrd", "out.nii", "--model", "linear", "--threads", "1"];
    let evaluate = "evaluate --data in.nrrd --gap 2 --models linear --threads 1 --json out.json";
    let evaluate: Vec<&str> = evaluate.split(' ').collect();
    for (arguments, result) in [(&resample[..], "out.nii"), (&evaluate, "out.json")] {
        let mut run = command(folder.path(), arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop((run.stdout.take(), run.stderr.take()));
        assert!(run.wait().unwrap().success(), "{arguments:?}");
        assert!(at(result).exists(), "{arguments:?}");
    }
}

#[test]
fn file_beyond_the_limit_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in.nrrd"), &moving_discs(64, 8, 0));
    let before = files(folder.path());
    let output = bash(folder.path(), &format!("ulimit -f 20; exec {RESAMPLE} -q"));
    assert_eq!(output.status.code(), Some(1), "{:?}", output.status);
    assert!(said(&output).contains("out.nii: File too large"), "{}", said(&output));
    assert_eq!(files(folder.path()), before);
}

#[test]
fn files_that_were_written_before_an_error_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["in.nrrd", "labels.nrrd"] {
        write(&at(name), &moving_discs(64, 8, 0));
    }
    let line = "resample in.nrrd out.nii.gz --labels labels.nrrd labels.nii --model linear -q";
    let output = bash(folder.path(), &format!("ulimit -f 60; exec \"$0\" {line} --factor 9"));
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(said.starts_with("out.nii.gz was written before the error\nhrinet: "), "{said}");
    assert!(at("out.nii.gz").exists() && !at("labels.nii").exists());
}

#[test]
fn partial_files_of_a_killed_run_are_removed_by_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("in.nrrd"), &moving_discs(16, 4, 0));
    let partial = hrinet::io::partial_path(&at("out.nii"));
    std::fs::write(&partial, "half of it").unwrap();
    assert!(bash(folder.path(), RESAMPLE).status.success());
    assert!(!partial.exists() && at("out.nii").exists());
}

#[test]
fn threads_that_are_not_to_be_had_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in.nrrd"), &moving_discs(16, 4, 0));
    let threads = |count: &str| {
        let base = ["resample", "in.nrrd", "out.nii", "--model", "linear", "--threads"];
        fails(folder.path(), &[&base[..], &[count]].concat(), 1)
    };
    for count in ["0", "1000000000", "18446744073709551615"] {
        let line = threads(count);
        assert!(line.contains("--threads: ") && line.contains("use 1 to "), "{line}");
    }
    // A stack that no memory holds.
    let line = format!("RUST_MIN_STACK=1000000000000000 {RESAMPLE}");
    let output = bash(folder.path(), &line);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("hrinet: no further thread"), "{}", said(&output));
}

#[test]
fn messages_hold_no_control_characters_and_no_endless_numbers() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in.nrrd"), &moving_discs(16, 4, 0));
    let name = std::ffi::OsStr::from_bytes(b"a\x1b[31m\nb\xff.nii");
    write(&folder.path().join("c\u{1b}[2J.nrrd"), &moving_discs(16, 4, 0));
    let digits = "9".repeat(600);
    let run = |arguments: &[&std::ffi::OsStr]| {
        let output = command(folder.path(), &[]).args(arguments).output().unwrap();
        let said = said(&output);
        let control = |letter: char| letter.is_control() && letter != '\n';
        assert!(!said.contains(control) && !said.contains(&digits[..50]), "{said}");
        (output.status.code(), said)
    };
    let text = std::ffi::OsStr::new;
    let (status, line) = run(&[text("info"), name]);
    assert_eq!(status, Some(1));
    assert!(line.contains("a\\u{1b}[31m\\nb") && line.lines().count() == 1, "{line}");
    let linear = ["--model", "linear", "--threads", "1"].map(text);
    let input = text("c\u{1b}[2J.nrrd");
    let (status, lines) = run(&[&[text("resample"), input, text("out.nii")], &linear[..]].concat());
    assert_eq!((status, lines.contains("c\\u{1b}[2J.nrrd")), (Some(0), true), "{lines}");
    for option in ["--factor", "--spacing", "--exact-spacing"] {
        let number = format!("{option}={digits}");
        let base = [text("resample"), text("in.nrrd"), text("o.nii"), text(&number)];
        let (status, said) = run(&[&base[..], &linear[..]].concat());
        assert!(matches!(status, Some(1 | 2)), "{option}: {said}");
    }
}
