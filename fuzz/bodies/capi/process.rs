//! What concerns the process: log, devices, threads, versions.

use std::ffi::{CStr, c_char, c_void};
use std::ptr::null_mut;

use hrinet::capi::device::{
    hrinet_cuda_is_available, hrinet_device_count, hrinet_device_description, hrinet_device_name,
    hrinet_num_threads, hrinet_set_num_threads,
};
use hrinet::capi::log::hrinet_set_log_callback;
use hrinet::capi::status::*;
use hrinet::capi::version::{HRINET_ABI_VERSION, hrinet_abi_version, hrinet_version};

use super::{Numbers, expect};

unsafe extern "C" fn logged(level: i32, line: *const c_char, user: *mut c_void) {
    // SAFETY: a string that is valid during the call.
    let line = unsafe { CStr::from_ptr(line) };
    assert!((1..=4).contains(&level) && user.is_null() && line.to_str().is_ok());
}

/// Makes one call.
pub(super) fn call(numbers: &mut Numbers) {
    match numbers.byte() % 4 {
        0 => log(numbers),
        1 => devices(numbers),
        2 => threads(numbers),
        _ => {
            assert_eq!(hrinet_abi_version(), HRINET_ABI_VERSION);
            // SAFETY: a string that is valid for the life of the process.
            assert!(!unsafe { CStr::from_ptr(hrinet_version()) }.is_empty());
        }
    }
}

fn log(numbers: &mut Numbers) {
    let level = i32::from(numbers.byte() % 8) - 1;
    let expected = if (0..=4).contains(&level) { HRINET_OK } else { HRINET_INVALID_ARGUMENT };
    let callback = (!numbers.one_in(3)).then_some(logged as _);
    // SAFETY: a function of this signature, or NULL.
    let status = unsafe { hrinet_set_log_callback(callback, level, null_mut()) };
    expect("hrinet_set_log_callback", status, &[expected]);
}

fn devices(numbers: &mut Numbers) {
    let (count, index) = (hrinet_device_count(), numbers.count() as u32);
    assert!(count >= 1 && (0..=1).contains(&hrinet_cuda_is_available()));
    let (name, description) = (hrinet_device_name(index), hrinet_device_description(index));
    assert_eq!([name.is_null(), description.is_null()], [index >= count; 2]);
}

fn threads(numbers: &mut Numbers) {
    let (wished, before) = (numbers.number() as i32, hrinet_num_threads());
    if (2..=1024).contains(&wished) {
        return; // Threads that are started cost time.
    }
    let expected = if wished == 1 { HRINET_OK } else { HRINET_INVALID_ARGUMENT };
    if !expect("hrinet_set_num_threads", hrinet_set_num_threads(wished), &[expected]) {
        assert_eq!(hrinet_num_threads(), before);
    }
}
