//! Models: load, describe, free.

use std::ffi::{CString, c_char};

use tch::Cuda;

use super::call::{Refusal, borrow, call, require, text};
use super::status::HrinetStatus;
use crate::network::model::SliceNetwork;
use crate::network::{Checkpoint, Model, device};

/// A network with its weights, ready to make slices. Immutable: any number of threads may use it at
/// once.
pub struct HrinetModel {
    pub(super) model: Model,
    system: CString,
    checksum: CString,
}

// SAFETY: a model's weights are never written after it is built, and libtorch reads a tensor from
// several threads at once.
unsafe impl Sync for HrinetModel {}
// SAFETY: as above; nothing in it belongs to the thread that built it.
unsafe impl Send for HrinetModel {}

/// What a model is.
#[repr(C)]
pub struct HrinetModelInfo {
    /// Size of this struct as the host knows it.
    pub struct_size: usize,
    /// `"hrinet-motion"`, `"hrinet-mse"`, ...: UTF-8, valid as long as the model.
    pub system: *const c_char,
    /// SHA-256 of the checkpoint file in hexadecimal: valid as long as the model.
    pub checksum: *const c_char,
    /// HU that become 0 and 1 of the network's grey window.
    pub window_low_hu: f64,
    /// See `window_low_hu`.
    pub window_high_hu: f64,
    /// How many numbers were learnt.
    pub parameter_count: u64,
}

/// Whether a CUDA device can be used: 1 or 0.
#[unsafe(no_mangle)]
pub extern "C" fn hrinet_cuda_is_available() -> i32 {
    let mut available = 0;
    call(|| {
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
            let message = format!("{threads} threads; at least 1");
            return Err(Refusal::Library(crate::Error::Argument(message)));
        }
        tch::set_num_threads(threads);
        Ok(())
    })
}

/// Loads a shipped model by its name (`"hrinet-motion"`) or a checkpoint file by its path onto a
/// device: `"auto"`, `"cpu"`, `"cuda"` or `"cuda:N"`. Free it with `hrinet_model_free`.
///
/// Fails with `HRINET_INVALID_ARGUMENT` (no such name), the file's codes, `HRINET_NO_DEVICE`.
///
/// # Safety
/// `name_or_path` and `device` are strings; `model` points to a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_model_load(
    name_or_path: *const c_char,
    device: *const c_char,
    model: *mut *mut HrinetModel,
) -> HrinetStatus {
    call(|| {
        require(model, "model")?;
        // SAFETY: strings or NULL, as the caller promises.
        let (name, device) =
            unsafe { (text(name_or_path, "name_or_path")?, text(device, "device")?) };
        let loaded = Model::load(name, device::device(device)?)?;
        // SAFETY: not NULL, and a place for a pointer, as the caller promises.
        unsafe { model.write(boxed(loaded)) };
        Ok(())
    })
}

/// Loads a checkpoint from `size` bytes in memory, which are not needed after the call.
///
/// # Safety
/// `bytes` points to `size` bytes; `device` is a string; `model` points to a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_model_load_from_memory(
    bytes: *const u8,
    size: usize,
    device: *const c_char,
    model: *mut *mut HrinetModel,
) -> HrinetStatus {
    call(|| {
        require(model, "model")?;
        require(bytes.cast_mut(), "bytes")?;
        // SAFETY: a string or NULL, as the caller promises.
        let device = device::device(unsafe { text(device, "device")? })?;
        // SAFETY: `size` bytes, as the caller promises.
        let bytes = unsafe { std::slice::from_raw_parts(bytes, size) };
        let checkpoint = Checkpoint::from_bytes("memory".as_ref(), bytes)?;
        let loaded = Model::new(checkpoint, device)?;
        // SAFETY: not NULL, and a place for a pointer, as the caller promises.
        unsafe { model.write(boxed(loaded)) };
        Ok(())
    })
}

/// Describes a model. `info->struct_size` must be set to `sizeof(HrinetModelInfo)`.
///
/// # Safety
/// `model` is a loaded model; `info` points to a struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_model_info(
    model: *const HrinetModel,
    info: *mut HrinetModelInfo,
) -> HrinetStatus {
    call(|| {
        // SAFETY: a loaded model or NULL, as the caller promises.
        let model = unsafe { borrow(model, "model")? };
        // SAFETY: a struct or NULL, as the caller promises.
        let struct_size = unsafe { borrow(info, "info")? }.struct_size;
        if struct_size != size_of::<HrinetModelInfo>() {
            return Err(Refusal::StructSize("info", struct_size));
        }
        let [window_low_hu, window_high_hu] = model.model.window_hu();
        let described = HrinetModelInfo {
            struct_size,
            system: model.system.as_ptr(),
            checksum: model.checksum.as_ptr(),
            window_low_hu,
            window_high_hu,
            parameter_count: model.model.parameter_count() as u64,
        };
        // SAFETY: not NULL, and of this size.
        unsafe { info.write(described) };
        Ok(())
    })
}

/// Frees a model; NULL is allowed. No other thread may be using it.
///
/// # Safety
/// `model` is NULL or a loaded model, which must not be used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_model_free(model: *mut HrinetModel) {
    if !model.is_null() {
        call(|| {
            // SAFETY: it came from `boxed`, and is freed once.
            drop(unsafe { Box::from_raw(model) });
            Ok(())
        });
    }
}

fn boxed(model: Model) -> *mut HrinetModel {
    let text = |text: &str| CString::new(text).unwrap_or_default();
    let system = text(model.system().name());
    let checksum = text(model.checksum());
    Box::into_raw(Box::new(HrinetModel { model, system, checksum }))
}
