//! Log lines, which go to the host.

use std::ffi::{CString, c_char, c_void};
use std::sync::{Once, PoisonError, RwLock};

use log::{LevelFilter, Log, Metadata, Record};

use crate::capi::floating_point;
use crate::capi::guard::{Refusal, call};
use crate::capi::status::HrinetStatus;
use crate::error::{Error, one_line};

/// Receives one log line (UTF-8, valid during the call) of a level: 1 error, 2 warning, 3
/// information, 4 debugging. It may be called from any thread, from several at once. It must not
/// call the library.
///
/// A C++ exception that leaves it ends the process; it must not leave by `longjmp` or end its
/// thread either.
pub type HrinetLogCallback =
    Option<unsafe extern "C" fn(level: i32, line: *const c_char, user: *mut c_void)>;

#[derive(Clone, Copy)]
struct Target {
    callback: unsafe extern "C" fn(i32, *const c_char, *mut c_void),
    user: *mut c_void,
}

// SAFETY: the host promises that callback and user may be used from any thread.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

static TARGET: RwLock<Option<Target>> = RwLock::new(None);

struct Forward;

impl Log for Forward {
    fn enabled(&self, _: &Metadata) -> bool {
        true
    }

    fn log(&self, record: &Record) {
        let target = *TARGET.read().unwrap_or_else(PoisonError::into_inner);
        let Some(target) = target else { return };
        let Ok(line) = CString::new(one_line(&record.args().to_string())) else { return };
        // SAFETY: the host gave this callback for calls from any thread; the line outlives the
        // call.
        floating_point::as_host(|| unsafe {
            (target.callback)(record.level() as i32, line.as_ptr(), target.user)
        });
    }

    fn flush(&self) {}
}

/// Sends log lines up to `level` (0 none, 1 errors, 2 warnings, 3 information, 4 debugging) to
/// `callback` with `user`; NULL ends it. Without a callback the library says nothing. `user` must
/// stay valid, and both be usable from any thread, until the callback is replaced.
///
/// # Safety
/// `callback` is a function of this signature.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_set_log_callback(
    callback: HrinetLogCallback,
    level: i32,
    user: *mut c_void,
) -> HrinetStatus {
    call(|| {
        let level = match level {
            0 => LevelFilter::Off,
            1 => LevelFilter::Error,
            2 => LevelFilter::Warn,
            3 => LevelFilter::Info,
            4 => LevelFilter::Debug,
            _ => {
                let message = format!("a log level of {level}; levels are 0 to 4");
                return Err(Refusal::Library(Error::Argument(message)));
            }
        };
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            // A Rust host that links this library may have a logger of its own: then it gets the
            // lines, and this callback none.
            let _ = log::set_logger(&Forward);
        });
        let target = callback.map(|callback| Target { callback, user });
        *TARGET.write().unwrap_or_else(PoisonError::into_inner) = target;
        log::set_max_level(if callback.is_some() { level } else { LevelFilter::Off });
        Ok(())
    })
}
