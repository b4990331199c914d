//! Which library a host has loaded.

use std::ffi::c_char;

/// The version of this interface. It grows with every change that a compiled host would notice;
/// wrappers compare it when they load.
pub const HRINET_ABI_VERSION: u32 = 1;

/// The version of the interface of the library that is loaded: `HRINET_ABI_VERSION` of its header.
#[unsafe(no_mangle)]
pub extern "C" fn hrinet_abi_version() -> u32 {
    HRINET_ABI_VERSION
}

/// The version of the library, `"0.1.0"`: UTF-8, valid for the life of the process.
#[unsafe(no_mangle)]
pub extern "C" fn hrinet_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
