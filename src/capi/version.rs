//! Version of the library that a host has loaded.

use std::ffi::c_char;

/// Version of this interface. It grows with every change that breaks compiled hosts; wrappers
/// compare it when they load.
pub const HRINET_ABI_VERSION: u32 = 1;

/// Version of the interface of the loaded library: `HRINET_ABI_VERSION` of its header.
#[unsafe(no_mangle)]
pub extern "C" fn hrinet_abi_version() -> u32 {
    HRINET_ABI_VERSION
}

/// Version of the library, `"0.1.0"`: UTF-8, valid for the life of the process.
#[unsafe(no_mangle)]
pub extern "C" fn hrinet_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
