//! Runs Python oracles: independent readers and reference results.

use std::path::Path;
use std::process::Command;

/// Runs `tests/oracles/SCRIPT` with the project's Python and returns its output.
///
/// Panics where the script fails or the Python environment is missing.
pub fn run(script: &str, arguments: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join(".venv/bin/python");
    assert!(python.exists(), "{} is missing: run scripts/dev/setup-python", python.display());
    let output = Command::new(&python)
        .arg(root.join("tests/oracles").join(script))
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", python.display()));
    assert!(
        output.status.success(),
        "{script} {arguments:?} failed ({}):\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("Python prints UTF-8")
}
