//! What libraries read from the environment before `main`.
//!
//! The program starts itself again with these settings, in the same process, except where the user
//! chose otherwise:
//! - libgomp lets idle threads spin, which on cores that others use too makes small operations ten
//!   and more times slower: let them sleep;
//! - glibc hands large blocks back to the system when they are freed and fetches them anew, zeroed
//!   page by page, at the next operation: a fifth of a training step. Keep them.

use std::os::unix::process::CommandExt;
use std::process::Command;

const SETTINGS: [(&str, &str); 3] = [
    ("OMP_WAIT_POLICY", "PASSIVE"),
    ("MALLOC_MMAP_THRESHOLD_", "1073741824"),
    ("MALLOC_TRIM_THRESHOLD_", "17179869184"),
];

/// Starts this program again with the settings that are not there yet.
pub fn settle() {
    let missing = SETTINGS.into_iter().filter(|(name, _)| std::env::var_os(name).is_none());
    let missing: Vec<_> = missing.collect();
    if missing.is_empty() {
        return;
    }
    if let Ok(program) = std::env::current_exe() {
        let arguments = std::env::args_os().skip(1);
        let error = Command::new(program).args(arguments).envs(missing).exec();
        // It only comes back where it failed; the work is slower then, not wrong.
        log::debug!("the environment could not be set: {error}");
    }
}
