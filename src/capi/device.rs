//! Devices, and threads of the CPU.

use std::ffi::{CString, c_char};

use once_cell::sync::OnceCell;
use tch::Cuda;

use crate::capi::guard::{call, invalid_argument};
use crate::capi::status::HrinetStatus;
use crate::error::Error;
use crate::runtime::cuda;
use crate::runtime::device;
use crate::runtime::threads;

/// Names and descriptions of all available devices, kept for the life of the process.
fn devices() -> Result<&'static [[CString; 2]], Error> {
    static DEVICES: OnceCell<Vec<[CString; 2]>> = OnceCell::new();
    let devices = DEVICES.get_or_try_init(|| {
        cuda::load();
        let text = |text: String| {
            CString::new(text).map_err(|error| Error::Device(format!("device name: {error}")))
        };
        let available = device::available().into_iter();
        available.map(|device| Ok([text(device.name)?, text(device.description)?])).collect()
    });
    devices.map(Vec::as_slice)
}

/// Finds a device by name, CUDA devices included.
pub(super) fn parse_device(name: &str) -> Result<tch::Device, Error> {
    cuda::load();
    device::parse(name)
}

fn of_device(index: u32, which: usize) -> *const c_char {
    let mut found = std::ptr::null();
    call(|| {
        if let Some(texts) = devices()?.get(index as usize) {
            found = texts[which].as_ptr();
        }
        Ok(())
    });
    found
}

/// Number of usable devices: the CPU and each CUDA device. The list of the first call is kept for
/// the life of the process.
#[unsafe(no_mangle)]
pub extern "C" fn hrinet_device_count() -> u32 {
    let mut count = 0;
    call(|| {
        count = devices()?.len() as u32;
        Ok(())
    });
    count
}

/// Name of a device, as `HrinetModelOptions` takes it: `"cpu"` for index 0, then `"cuda:0"`, ...
/// UTF-8, valid for the life of the process; NULL where there is no such device.
#[unsafe(no_mangle)]
pub extern "C" fn hrinet_device_name(index: u32) -> *const c_char {
    of_device(index, 0)
}

/// Description of a device for people: `"CPU, 8 cores"`. UTF-8, valid for the life of the process;
/// NULL where there is no such device.
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

/// Sets the number of CPU threads for the work of the calling thread: from 1 to four for each core,
/// or 16 on machines of fewer than four cores. A network decodes as many pairs of slices side by
/// side; callbacks come on the calling thread alone.
///
/// Fails with `HRINET_INVALID_ARGUMENT` for other numbers, `HRINET_NO_DEVICE` where the system does
/// not start so many.
#[unsafe(no_mangle)]
pub extern "C" fn hrinet_set_num_threads(threads: i32) -> HrinetStatus {
    call(|| {
        if threads < 1 {
            return Err(invalid_argument(format!("{threads} threads; use 1 or more")));
        }
        Ok(threads::set(Some(threads as usize))?)
    })
}

/// Number of CPU threads for the work of the calling thread.
#[unsafe(no_mangle)]
pub extern "C" fn hrinet_num_threads() -> i32 {
    let mut threads = 0;
    call(|| {
        threads = tch::get_num_threads();
        Ok(())
    });
    threads
}
