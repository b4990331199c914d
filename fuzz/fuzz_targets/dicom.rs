#![no_main]

#[path = "../bodies/mod.rs"]
mod bodies;

use std::panic::{catch_unwind, set_hook};

// The reader catches panics of the decoders that it uses. libFuzzer's hook would end the process at
// each of them; here only one that gets out of the reader does.
libfuzzer_sys::fuzz_target!(
    init: set_hook(Box::new(|_| {})),
    |bytes: &[u8]| {
        if catch_unwind(|| bodies::dicom(bytes)).is_err() {
            std::process::abort();
        }
    }
);
