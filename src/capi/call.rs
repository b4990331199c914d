//! The way through the boundary: errors become codes and a message, panics stop.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::capi::exit;
use crate::capi::status;
use crate::capi::status::HrinetStatus;
use crate::error::Error;

thread_local! {
    static MESSAGE: RefCell<CString> = RefCell::new(CString::default());
}

/// Why a call did not do what it was asked to.
pub(super) enum Refusal {
    /// A pointer, named, that is NULL.
    Null(&'static str),
    /// A struct, named, of a size that is not known.
    StructSize(&'static str, usize),
    /// Text, named, that is not UTF-8.
    Text(&'static str),
    /// A handle, named, that another thread is using.
    InUse(&'static str),
    /// What the library says.
    Library(Error),
}

/// Refuses a struct of another size than this library's.
pub(super) fn check_size<T>(name: &'static str, struct_size: usize) -> Result<(), Refusal> {
    if struct_size == size_of::<T>() { Ok(()) } else { Err(Refusal::StructSize(name, struct_size)) }
}

/// A value of an enumeration that this library does not know.
pub(super) fn unknown(what: &str, value: i32) -> Refusal {
    wrong(format!("{what} of {value} is none that is known"))
}

/// An argument that makes no sense.
pub(super) fn wrong(message: String) -> Refusal {
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
            Refusal::Library(error) => error.to_string(),
        }
    }
}

/// Runs the body of a call. Its error becomes a status and this thread's message; a panic becomes
/// `HRINET_INTERNAL`.
pub(super) fn call(body: impl FnOnce() -> Result<(), Refusal>) -> HrinetStatus {
    static QUIET: Once = Once::new();
    // A library prints nothing; what a panic says goes to the log.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|panic| log::error!("{panic}"))));
    let Some(_inside) = exit::enter() else {
        return refused(status::HRINET_CANCELLED, "the process is ending".into());
    };
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

/// Keeps the message for this thread.
fn refused(status: HrinetStatus, message: String) -> HrinetStatus {
    let message = CString::new(message.replace('\0', " ")).unwrap_or_default();
    // A host's destructors may call when this thread's own things are gone already.
    let _ = MESSAGE.try_with(|last| *last.borrow_mut() = message);
    status
}

/// What went wrong in the last call of this thread that did not return `HRINET_OK`: one line of
/// UTF-8 with the value, the path or the shape. Valid until this thread's next call fails; empty
/// where none has failed.
#[unsafe(no_mangle)]
pub extern "C" fn hrinet_last_error_message() -> *const c_char {
    MESSAGE.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// What a pointer points to.
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

/// Checks that there is a place for an output, before the work for it is done.
pub(super) fn require<T>(pointer: *mut T, name: &'static str) -> Result<(), Refusal> {
    if pointer.is_null() { Err(Refusal::Null(name)) } else { Ok(()) }
}

/// UTF-8 text.
///
/// # Safety
/// `pointer` is NULL or points to a string that ends with a zero and lives as long as `'a`.
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
