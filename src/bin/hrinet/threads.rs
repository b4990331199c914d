//! Threads that wait without spinning.
//!
//! libgomp lets idle threads spin. On cores that others use too, that makes small operations ten and
//! more times slower. It reads its settings once, when it is loaded, which is before `main`: so the
//! program starts itself again with them, in the same process.

use std::os::unix::process::CommandExt;
use std::process::Command;

const WAIT_POLICY: &str = "OMP_WAIT_POLICY";

/// Starts this program again with waiting threads that sleep, unless the user chose otherwise.
pub fn sleep_when_idle() {
    if std::env::var_os(WAIT_POLICY).is_some() {
        return;
    }
    if let Ok(program) = std::env::current_exe() {
        let arguments = std::env::args_os().skip(1);
        let error = Command::new(program).args(arguments).env(WAIT_POLICY, "PASSIVE").exec();
        // It only comes back where it failed; the work is slower then, not wrong.
        log::debug!("{WAIT_POLICY} could not be set: {error}");
    }
}
