//! Where work is done: devices, and threads of the CPU.

use std::ffi::{CString, c_char};
use std::sync::OnceLock;

use tch::Cuda;

use crate::capi::call::{call, wrong};
use crate::capi::status::HrinetStatus;
use crate::error::Error;
use crate::runtime::cuda;
use crate::runtime::device;

/// Names and descriptions of all usable devices, for the life of the process.
fn devices() -> &'static [[CString; 2]] {
    static DEVICES: OnceLock<Vec<[CString; 2]>> = OnceLock::new();
    DEVICES.get_or_init(|| {
        cuda::load();
        let text = |text: String| CString::new(text).unwrap_or_default();
        let usable = device::available().into_iter();
        usable.map(|device| [text(device.name), text(device.description)]).collect()
    })
}

/// The device of this name, CUDA's too.
pub(super) fn named(name: &str) -> Result<tch::Device, Error> {
    cuda::load();
    device::parse(name)
}

fn of_device(index: u32, which: usize) -> *const c_char {
    let mut found = std::ptr::null();
    call(|| {
        if let Some(texts) = devices().get(index as usize) {
            found = texts[which].as_ptr();
        }
        Ok(())
    });
    found
}

/// How many devices can be used: the CPU, and each CUDA device. What is found at the first call
/// holds for the life of the process.
#[unsafe(no_mangle)]
pub extern "C" fn hrinet_device_count() -> u32 {
    let mut count = 0;
    call(|| {
        count = devices().len() as u32;
        Ok(())
    });
    count
}

/// The name of a device, as `hrinet_model_load` takes it: `"cpu"` for index 0, then `"cuda:0"`, ...
/// UTF-8, valid for the life of the process; NULL where there is no such device.
#[unsafe(no_mangle)]
pub extern "C" fn hrinet_device_name(index: u32) -> *const c_char {
    of_device(index, 0)
}

/// What a device is, for people: `"CPU, 8 cores"`. UTF-8, valid for the life of the process; NULL
/// where there is no such device.
#[unsafe(no_mangle)]
pub extern "C" fn hrinet_device_description(index: u32) -> *const c_char {
    of_device(index, 1)
}

/// Whether a CUDA device can be used: 1 or 0.
#[unsafe(no_mangle)]
pub extern "C" fn hrinet_cuda_is_available() -> i32 {
    let mut available = 0;
    call(|| {
        cuda::load();
        available = i32::from(Cuda::is_available());
        Ok(())
    });
    available
}

/// Sets how many CPU threads the calling thread's work uses from now on, at least 1.
#[unsafe(no_mangle)]
pub extern "C" fn hrinet_set_num_threads(threads: i32) -> HrinetStatus {
    call(|| {
        if threads < 1 {
            return Err(wrong(format!("{threads} threads; at least 1")));
        }
        tch::set_num_threads(threads);
        Ok(())
    })
}

/// How many CPU threads the calling thread's work uses.
#[unsafe(no_mangle)]
pub extern "C" fn hrinet_num_threads() -> i32 {
    let mut threads = 0;
    call(|| {
        threads = tch::get_num_threads();
        Ok(())
    });
    threads
}
