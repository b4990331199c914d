//! Environment variables that libraries read before `main`.
//!
//! The program starts with these settings, except those that the user has set:
//! - libgomp lets idle threads spin, which on shared cores makes small operations ten and more
//!   times slower: let them sleep;
//! - glibc returns large blocks to the system when they are freed, and gets them zeroed page by
//!   page for the next operation, a fifth of a training step: keep them.

use std::io::Error;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

const SETTINGS: [(&str, &str); 3] = [
    ("OMP_WAIT_POLICY", "PASSIVE"),
    ("MALLOC_MMAP_THRESHOLD_", "1073741824"),
    ("MALLOC_TRIM_THRESHOLD_", "17179869184"),
];

/// Replaces this process by a program beside this one, or by this one again, with the same
/// arguments and the settings. Returns, with its path, only where it cannot be started.
pub fn continue_in(name: Option<&str>) -> (PathBuf, Error) {
    let this = match std::env::current_exe() {
        Ok(this) => this,
        Err(error) => return (name.unwrap_or_default().into(), error),
    };
    let program = name.map_or(this.clone(), |name| this.with_file_name(name));
    let mut arguments = std::env::args_os();
    let shown = arguments.next().unwrap_or_else(|| "hrinet".into());
    let error = Command::new(&program).arg0(shown).args(arguments).envs(missing()).exec();
    (program, error)
}

/// Restarts this program where settings are missing, as they are where it is started directly.
///
/// # Errors
/// That of the system where it cannot be restarted; the work is then slower, not wrong.
pub fn settle() -> Result<(), Error> {
    match missing().next() {
        None => Ok(()),
        Some(_) => Err(continue_in(None).1),
    }
}

fn missing() -> impl Iterator<Item = (&'static str, &'static str)> {
    SETTINGS.into_iter().filter(|(name, _)| std::env::var_os(name).is_none())
}
