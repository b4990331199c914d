//! Runs of training: their folder, their lock, how they are resumed and stopped.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::phantom::patients;
use crate::common::program::{at_a_terminal, command, fails, succeeds};

const SETTINGS: &str = "--size 32 --batch 2 --hold-out 1 --threads 1 --device cpu --pictures 0";

/// Words of a training of the folder's `data`.
fn words(options: &str) -> Vec<String> {
    format!("train --data data {options}").split(' ').map(String::from).collect()
}

fn trains(folder: &Path, options: &str) -> String {
    let words = words(options);
    succeeds(folder, &words.iter().map(String::as_str).collect::<Vec<_>>()).1
}

fn refused(folder: &Path, options: &str) -> String {
    let words = words(options);
    fails(folder, &words.iter().map(String::as_str).collect::<Vec<_>>(), 1)
}

/// A folder with the `data` of three patients.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    patients(&folder.path().join("data"), 3, (40, 9));
    folder
}

/// Waits until the run has written a file; at most two minutes.
fn wait_for(path: &Path, run: &mut Child) {
    let start = Instant::now();
    while !path.exists() {
        assert!(run.try_wait().unwrap().is_none(), "the run ended early");
        assert!(start.elapsed() < Duration::from_secs(120), "{} is not written", path.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn resumed_run_takes_its_settings_from_the_checkpoint() {
    let folder = folder();
    let first = format!("--out run {SETTINGS} --iterations 4 --until 2 --seed 3 --every 2");
    trains(folder.path(), &first);
    let line = refused(folder.path(), &format!("--out run --resume {SETTINGS} --batch 4 --seed 5"));
    assert!(line.contains("batch is 4, not 2, ") && line.contains("seed is 5, not 3"), "{line}");
    let said = trains(folder.path(), "--out run --resume --config run/config.toml --threads 1");
    assert!(said.contains("resuming after step 2"), "{said}");
    let losses = std::fs::read_to_string(folder.path().join("run/losses.csv")).unwrap();
    assert_eq!(losses.lines().count(), 1 + 4);
    let config = std::fs::read_to_string(folder.path().join("run/config.toml")).unwrap();
    assert!(config.contains("batch = 2") && config.contains("seed = 3"), "{config}");

    let line = refused(folder.path(), &format!("--out other --resume {SETTINGS}"));
    assert!(line.contains("other: there is no checkpoint.safetensors to resume"), "{line}");
}

#[test]
fn a_folder_has_one_run_at_a_time_and_ctrl_c_says_how_to_go_on() {
    let folder = folder();
    let options = format!("--out run {SETTINGS} --iterations 100000 --every 1");
    let mut run = at_a_terminal(folder.path(), &[])
        .args(words(&options))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(&folder.path().join("run/hrinet-motion.safetensors"), &mut run);
    let line = Command::new(env!("CARGO_BIN_EXE_hrinet"))
        .current_dir(folder.path())
        .args(words(&format!("{options} --resume")))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&line.stderr);
    assert_eq!(line.status.code(), Some(1), "{said}");
    assert!(said.contains("another training is running"), "{said}");
    let killed = Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let ended = run.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("which is saved in run/checkpoint.safetensors"), "{said}");
    assert!(said.contains("--resume goes on"), "{said}");
}

#[test]
fn files_of_others_are_not_replaced() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    for name in ["config.toml", "data.csv", "losses.csv", "hrinet-motion.safetensors"] {
        std::fs::write(at(name), "of another").unwrap();
        let line = refused(folder.path(), &format!("--out . {SETTINGS}"));
        assert!(line.contains(name) && line.contains("there already"), "{line}");
        assert_eq!(std::fs::read_to_string(at(name)).unwrap(), "of another");
        std::fs::remove_file(at(name)).unwrap();
    }
    std::fs::write(at("config.toml"), "batch = 3\n").unwrap();
    let line = refused(folder.path(), "--out . --config config.toml");
    assert!(line.contains("--config") && line.contains("same file"), "{line}");
    std::fs::remove_file(at("config.toml")).unwrap();
    // What a run left that was ended before its first checkpoint is its own.
    let options = format!("--out run {SETTINGS} --iterations 2");
    trains(folder.path(), &options);
    for name in ["checkpoint.safetensors", "hrinet-motion.safetensors"] {
        std::fs::remove_file(at("run").join(name)).unwrap();
    }
    trains(folder.path(), &options);
}

#[test]
fn shipped_models_and_names_that_are_no_text_are_taken() {
    let folder = folder();
    let name = std::ffi::OsStr::from_bytes(b"r\xffn");
    let options =
        format!("{SETTINGS} --iterations 1 --from hrinet-motion-small --hold-out 7 --out");
    let output = command(folder.path(), &[]).args(words(&options)).arg(name).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(folder.path().join(name).join("hrinet-motion.safetensors").exists());
    assert!(said.contains("7 volumes were to be held out; 2 of 3 volumes are"), "{said}");
    assert!(said.contains("1 volume, 2 held out, 1 step on"), "{said}");
    let line = refused(folder.path(), &format!("{SETTINGS} --from hrinet-motoin --out b"));
    assert!(line.contains("hrinet-motoin") && line.contains("hrinet-motion-small"), "{line}");
}
