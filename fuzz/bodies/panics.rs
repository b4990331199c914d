//! Panics under libFuzzer: those that the library catches are no findings, others end the process.

use std::panic::{RefUnwindSafe, catch_unwind, set_hook};
use std::sync::Mutex;

/// Message and place of the latest panic.
static LATEST: Mutex<String> = Mutex::new(String::new());

/// Runs a body. libFuzzer's own hook would end the process at each panic, also at those of decoders
/// and of calls that catch them; here only one that leaves the body does.
pub fn run(body: impl Fn(&[u8]) + RefUnwindSafe, bytes: &[u8]) {
    set_hook(Box::new(|panic| {
        if let Ok(mut latest) = LATEST.lock() {
            *latest = panic.to_string();
        }
    }));
    if catch_unwind(|| body(bytes)).is_err() {
        eprintln!("{}", LATEST.lock().map(|latest| latest.clone()).unwrap_or_default());
        std::process::abort();
    }
}
