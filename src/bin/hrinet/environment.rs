//! Environment variables that libraries read before `main`.
//!
//! The program restarts itself with these settings, in the same process, except those that the user
//! has set:
//! - libgomp lets idle threads spin, which on shared cores makes small operations ten and more
//!   times slower: let them sleep;
//! - glibc returns large blocks to the system when they are freed, and gets them zeroed page by
//!   page for the next operation, a fifth of a training step: keep them.

use std::os::unix::process::CommandExt;
use std::process::Command;

const SETTINGS: [(&str, &str); 3] = [
    ("OMP_WAIT_POLICY", "PASSIVE"),
    ("MALLOC_MMAP_THRESHOLD_", "1073741824"),
    ("MALLOC_TRIM_THRESHOLD_", "17179869184"),
];

/// Restarts this program with the settings that are missing.
///
/// # Errors
/// That of the system where it cannot be restarted; the work is then slower, not wrong.
pub fn settle() -> std::io::Result<()> {
    let missing = SETTINGS.into_iter().filter(|(name, _)| std::env::var_os(name).is_none());
    let missing: Vec<_> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    let arguments = std::env::args_os().skip(1);
    Err(Command::new(std::env::current_exe()?).args(arguments).envs(missing).exec())
}
