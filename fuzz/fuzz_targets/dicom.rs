#![no_main]

#[path = "../bodies/mod.rs"]
mod bodies;

use std::panic::{catch_unwind, set_hook};
use std::sync::Mutex;

/// Message of the latest panic.
static LATEST: Mutex<String> = Mutex::new(String::new());

// The reader catches panics of the decoders that it uses. libFuzzer's hook would end the process at
// each of them; here only one that gets out of the reader does.
libfuzzer_sys::fuzz_target!(
    init: set_hook(Box::new(|panic| {
        if let Ok(mut latest) = LATEST.lock() {
            *latest = panic.to_string();
        }
    })),
    |bytes: &[u8]| {
        if catch_unwind(|| bodies::dicom(bytes)).is_err() {
            eprintln!("{}", LATEST.lock().map(|latest| latest.clone()).unwrap_or_default());
            std::process::abort();
        }
    }
);
