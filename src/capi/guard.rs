//! Entry into the library: errors become codes and a message, panics stop here.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::capi::exit;
use crate::capi::floating_point;
use crate::capi::status;
use crate::capi::status::HrinetStatus;
use crate::error::{Error, one_line};

thread_local! {
    static MESSAGE: RefCell<CString> = RefCell::new(CString::default());
}

/// Reason for which a call failed.
pub(super) enum Refusal {
    /// A pointer of this name is NULL.
    Null(&'static str),
    /// A struct of this name has an unknown size.
    StructSize(&'static str, usize),
    /// Text of this name is not UTF-8.
    Text(&'static str),
    /// A handle of this name is in use by another thread.
    InUse(&'static str),
    /// The process was forked, without the threads that libtorch counts on.
    Forked,
    /// An error of the library.
    Library(Error),
}

/// Refuses a struct of another size than this library's.
pub(super) fn check_size<T>(name: &'static str, struct_size: usize) -> Result<(), Refusal> {
    if struct_size == size_of::<T>() { Ok(()) } else { Err(Refusal::StructSize(name, struct_size)) }
}

/// Refuses a value that is none of an enumeration's.
pub(super) fn unknown(what: &str, value: i32) -> Refusal {
    invalid_argument(format!("{what} of {value} is unknown; use a value of hrinet.h"))
}

/// Reads 0 as no and 1 as yes.
pub(super) fn flag(name: &str, value: i32) -> Result<bool, Refusal> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(invalid_argument(format!("{name} is {other}; use 0 or 1"))),
    }
}

/// Refuses an argument.
pub(super) fn invalid_argument(message: String) -> Refusal {
    Refusal::Library(Error::Argument(message))
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::Library(error)
    }
}

impl Refusal {
    fn status(&self) -> HrinetStatus {
        match self {
            Refusal::Null(_) => status::HRINET_NULL_POINTER,
            Refusal::StructSize(..) => status::HRINET_INVALID_STRUCT_SIZE,
            Refusal::Text(_) => status::HRINET_INVALID_TEXT,
            Refusal::InUse(_) => status::HRINET_IN_USE,
            Refusal::Forked => status::HRINET_FORKED,
            Refusal::Library(error) => status::of(error),
        }
    }

    fn message(&self) -> String {
        match self {
            Refusal::Null(name) => format!("{name} is NULL"),
            Refusal::StructSize(name, size) => format!(
                "{name}: struct_size is {size}; initialise the struct with its _init function"
            ),
            Refusal::Text(name) => format!("{name} is not UTF-8"),
            Refusal::InUse(name) => format!("another thread is using this {name}; wait for it"),
            Refusal::Forked => "this process was forked from one that had used the library, and \
                                lacks its threads: start a new process instead (Python's \
                                multiprocessing: \"spawn\"), or call hrinet_set_num_threads(1)"
                .into(),
            Refusal::Library(error) => error.to_string(),
        }
    }
}

/// Runs the body of a call. Its error becomes a status and this thread's message; a panic becomes
/// `HRINET_INTERNAL`.
pub(super) fn call(body: impl FnOnce() -> Result<(), Refusal>) -> HrinetStatus {
    static QUIET: Once = Once::new();
    // A library prints nothing; the message of a panic goes to the log.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|panic| log::error!("{panic}"))));
    let Some(_inside) = exit::enter() else {
        return refused(status::HRINET_CANCELLED, "the process is ending".into());
    };
    let _default = floating_point::enter();
    let (status, message) = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return status::HRINET_OK,
        Ok(Err(refusal)) => (refusal.status(), refusal.message()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
            let line = text.lines().next().unwrap_or_default();
            (status::HRINET_INTERNAL, format!("a defect of this library: {line}"))
        }
    };
    refused(status, message)
}

/// Runs the body of a call that computes, as [`call`] does, but in a forked process on one thread
/// alone.
pub(super) fn compute(body: impl FnOnce() -> Result<(), Refusal>) -> HrinetStatus {
    call(|| match exit::is_forked() && tch::get_num_threads() > 1 {
        true => Err(Refusal::Forked),
        false => body(),
    })
}

/// Keeps the message for this thread.
fn refused(status: HrinetStatus, message: String) -> HrinetStatus {
    let message = CString::new(one_line(&message)).unwrap_or_default();
    // Destructors of a host may call after the thread-local storage is gone.
    let _ = MESSAGE.try_with(|last| *last.borrow_mut() = message);
    status
}

/// Message of the last call of this thread that did not return `HRINET_OK`: one line of UTF-8 with
/// the value, path or shape. Valid until the next call of this thread fails; empty before the first
/// failure.
#[unsafe(no_mangle)]
pub extern "C" fn hrinet_last_error_message() -> *const c_char {
    MESSAGE.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// Borrows the target of a pointer.
///
/// # Safety
/// `pointer` is NULL or points to a valid `T` that lives as long as `'a`.
pub(super) unsafe fn borrow<'a, T>(
    pointer: *const T,
    name: &'static str,
) -> Result<&'a T, Refusal> {
    // SAFETY: as the caller promises.
    unsafe { pointer.as_ref() }.ok_or(Refusal::Null(name))
}

/// Refuses NULL for an output before the work for it is done.
pub(super) fn require<T>(pointer: *mut T, name: &'static str) -> Result<(), Refusal> {
    if pointer.is_null() { Err(Refusal::Null(name)) } else { Ok(()) }
}

/// Reads UTF-8 text.
///
/// # Safety
/// `pointer` is NULL or points to a zero-terminated string that lives as long as `'a`.
pub(super) unsafe fn text<'a>(
    pointer: *const c_char,
    name: &'static str,
) -> Result<&'a str, Refusal> {
    if pointer.is_null() {
        return Err(Refusal::Null(name));
    }
    // SAFETY: not NULL, and a string as the caller promises.
    unsafe { CStr::from_ptr(pointer) }.to_str().map_err(|_| Refusal::Text(name))
}
