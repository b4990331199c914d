//! `-v`, `-vv` and `--log-file`.

use crate::common::phantom::{moving_discs, write};
use crate::common::program::{fails, succeeds};

const RESAMPLE: [&str; 6] = ["resample", "in.nrrd", "out.nrrd", "--overwrite", "--threads", "1"];

#[test]
fn verbose_says_what_is_done_and_more_so_twice() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in.nrrd"), &moving_discs(16, 4, 0));
    let said = |more: &[&str]| succeeds(folder.path(), &[&RESAMPLE[..], more].concat()).1;
    let (plain, once, twice) = (said(&[]), said(&["-v"]), said(&["-vv"]));
    assert!(!plain.contains("debug: "), "{plain}");
    for part in [
        "in.nrrd: 16 x 16 x 4 voxels of int16, read in ",
        "model hrinet-motion: hrinet-motion, ",
        "plan along k for Isotropic: 4 slices known, 9 interpolated",
        "out.nrrd: ",
    ] {
        assert!(once.contains(part), "{once} lacks {part}");
    }
    assert!(!once.contains("trace: ") && twice.contains(" s] trace: "), "{twice}");
    assert!(twice.contains("between known slices 2 and 3"), "{twice}");
}

#[test]
fn log_file_takes_all_that_is_said_run_after_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("in.nrrd"), &moving_discs(16, 4, 0));
    let linear = ["--model", "linear", "-q", "--log-file", "run.log"];
    let (out, said) = succeeds(folder.path(), &[&RESAMPLE[..], &linear].concat());
    assert_eq!((out.as_str(), said.as_str()), ("", ""));
    let log = || std::fs::read_to_string(at("run.log")).unwrap();
    let first = log();
    assert!(first.starts_with("log of hrinet\n"), "{first}");
    for part in [
        "Z run   hrinet ",
        " resample in.nrrd out.nrrd --overwrite",
        "Z said  this takes about ",
        "Z debug hrinet::io: in.nrrd: 16 x 16 x 4 voxels",
        "Z run   ended with status 0 after ",
    ] {
        assert!(first.contains(part), "{first} lacks {part}");
    }
    let missing = ["info", "nowhere.nrrd", "--log-file", "run.log"];
    let line = fails(folder.path(), &missing, 1);
    let both = log();
    assert!(both.starts_with(&first) && both.len() > first.len());
    assert!(both.contains(&format!("Z said  {line}\n")), "{both}");
    assert!(both.trim_end().lines().last().unwrap().contains("ended with status 1"), "{both}");
}

#[test]
fn log_file_is_neither_an_input_nor_an_output_nor_any_other_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("in.nrrd"), &moving_discs(16, 4, 0));
    std::fs::write(at("note.txt"), "a note").unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    for name in ["in.nrrd", "note.txt", "folder", "pipe", "no/such.log"] {
        let before = std::fs::read(at("in.nrrd")).unwrap();
        let linear = ["--model", "linear", "--log-file", name];
        let line = fails(folder.path(), &[&RESAMPLE[..], &linear].concat(), 1);
        assert!(line.contains(name), "{line}");
        assert_eq!(std::fs::read(at("in.nrrd")).unwrap(), before);
    }
    assert_eq!(std::fs::read_to_string(at("note.txt")).unwrap(), "a note");
    std::fs::write(at("a.log"), "").unwrap();
    let line = ["--model", "linear", "--json", "a.log", "--log-file", "a.log"];
    let line = fails(folder.path(), &[&RESAMPLE[..], &line].concat(), 1);
    assert!(line.contains("--log-file is the same file as --json"), "{line}");
}
