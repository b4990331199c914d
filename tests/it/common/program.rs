//! Runs the program as users do.

use std::path::Path;
use std::process::{Command, Output};

/// Command of the program in `folder`.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hrinet"));
    command.current_dir(folder).args(arguments);
    // Those of the machine that tests.
    ["HRINET_MODEL", "HRINET_THREADS", "HRINET_DEVICE"].iter().for_each(|name| {
        command.env_remove(name);
    });
    command
}

/// Like [`command`], but with Ctrl-C as in a terminal: a test in the background may have inherited
/// that it is ignored.
pub fn at_a_terminal(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal=INT", env!("CARGO_BIN_EXE_hrinet")]);
    command.current_dir(folder).args(arguments);
    command
}

/// Runs the program and returns its output.
pub fn output(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().expect("the program starts")
}

/// Runs the program, which must succeed; returns standard output and standard error.
pub fn succeeds(folder: &Path, arguments: &[&str]) -> (String, String) {
    let output = output(folder, arguments);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{arguments:?} failed: {err}");
    (out, err)
}

/// Runs the program, which must fail with this exit status, print the reason in one line and leave
/// no new file; returns the line.
pub fn fails(folder: &Path, arguments: &[&str], status: i32) -> String {
    let before = files(folder);
    let output = output(folder, arguments);
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {err}");
    let lines: Vec<&str> = err.lines().filter(|line| line.starts_with("hrinet:")).collect();
    assert_eq!(lines.len(), 1, "{arguments:?}: {err}");
    assert!(err.trim_end().ends_with(lines[0]), "{arguments:?}: {err}");
    assert_eq!(files(folder), before, "{arguments:?} left something behind");
    lines[0].to_string()
}

/// All files below a folder, sorted.
pub fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.display().to_string()),
            }
        }
    }
    found.sort();
    found
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
