//! The program that users start loads libtorch for networks alone.

use std::path::Path;
use std::process::Command;

use crate::common::phantom::{moving_discs, write};
use crate::common::program::{command, fails, succeeds};

/// Whether a run loads libtorch, as the dynamic linker reports.
fn loads_libtorch(folder: &Path, arguments: &[&str]) -> bool {
    let report = folder.join("loaded");
    let output = command(folder, arguments)
        .env("LD_DEBUG", "files")
        .env("LD_DEBUG_OUTPUT", &report)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    let mut loaded = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.with_extension("") == report {
            loaded += &std::fs::read_to_string(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
        }
    }
    assert!(loaded.contains("libc.so.6"), "{arguments:?}: {loaded}");
    loaded.contains("libtorch_cpu.so")
}

#[test]
fn what_needs_no_network_is_answered_without_libtorch() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in.nrrd"), &moving_discs(16, 4, 0));
    write(&folder.path().join("labels.seg.nrrd"), &moving_discs(16, 4, 0));
    let loads = |line: &str| {
        let arguments: Vec<&str> = line.split(' ').collect();
        loads_libtorch(folder.path(), &arguments)
    };
    for line in ["--version", "-h", "--help", "resample --help", "train -h", "--xml"] {
        assert!(!loads(line), "{line}");
    }
    for line in ["info in.nrrd", "info in.nrrd --json", "info .", "completions bash", "manual ."] {
        assert!(!loads(line), "{line}");
    }
    for line in ["--version -v", "info", "info hrinet-motion-small"] {
        assert!(loads(line), "{line}");
    }
    assert!(loads("resample in.nrrd out.nrrd --model hrinet-motion-small"));
}

#[test]
fn program_without_its_other_part_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("hrinet");
    std::fs::copy(env!("CARGO_BIN_EXE_hrinet"), &program).unwrap();
    let run = |argument: &str| Command::new(&program).arg(argument).output().unwrap();
    assert!(run("--version").status.success());
    let output = run("info");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    let missing = folder.path().join("hrinet-torch");
    assert!(said.starts_with(&format!("hrinet: {} cannot", missing.display())), "{said}");
    assert!(said.contains("No such file") && said.contains("install both"), "{said}");
}

#[test]
fn both_parts_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in.nrrd"), &moving_discs(16, 4, 0));
    for arguments in [&["resample", "--help"][..], &["-V"], &["--xml"], &["info", "in.nrrd"]] {
        let whole = Command::new(env!("CARGO_BIN_EXE_hrinet-torch"))
            .current_dir(folder.path())
            .args(arguments)
            .output()
            .unwrap();
        assert!(whole.status.success(), "{arguments:?}");
        let (out, _) = succeeds(folder.path(), arguments);
        assert_eq!(out, String::from_utf8(whole.stdout).unwrap(), "{arguments:?}");
    }
    let line = fails(folder.path(), &["info", "none.nrrd"], 1);
    assert!(line.contains("none.nrrd"), "{line}");
}
