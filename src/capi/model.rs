//! Models: load, describe, free.

use std::ffi::{CString, c_char};

use crate::capi::call::{Refusal, borrow, call, check_size, require, text, unknown};
use crate::capi::device::named;
use crate::capi::exit;
use crate::capi::status::HrinetStatus;
use crate::network::{Checkpoint, Model, Precision, SliceNetwork};
use crate::resample::Interpolator;
use crate::runtime::device;

/// The numbers that a network computes in: one of the `HRINET_PRECISION_*` values.
pub type HrinetPrecision = i32;

/// Float32, the default: on a CPU the same bits every time.
pub const HRINET_PRECISION_FLOAT32: HrinetPrecision = 0;
/// Bfloat16: half the memory, less exact; not for hrinet-motion.
pub const HRINET_PRECISION_BFLOAT16: HrinetPrecision = 1;

/// A way to make slices: a network with its weights, the linear blend or the cubic spline.
/// Immutable: any number of threads may use it at once.
pub struct HrinetModel {
    maker: Maker,
    system: CString,
    checksum: CString,
    device: CString,
}

enum Maker {
    Linear,
    Cubic,
    Network(Box<Model>),
}

impl HrinetModel {
    /// For `interpolate`.
    pub(super) fn method(&self) -> Interpolator<'_> {
        match &self.maker {
            Maker::Linear => Interpolator::Linear,
            Maker::Cubic => Interpolator::Cubic,
            Maker::Network(model) => Interpolator::Network(model.as_ref()),
        }
    }

    /// The network, where it is one.
    pub(super) fn network(&self) -> Option<&Model> {
        match &self.maker {
            Maker::Network(model) => Some(model),
            _ => None,
        }
    }
}

/// The method of a model, the linear blend for NULL.
///
/// # Safety
/// `model` is NULL or a model that lives as long as `'a`.
pub(super) unsafe fn method<'a>(model: *const HrinetModel) -> Interpolator<'a> {
    // SAFETY: as the caller promises.
    unsafe { model.as_ref() }.map_or(Interpolator::Linear, HrinetModel::method)
}

pub(super) fn precision(value: HrinetPrecision) -> Result<Precision, Refusal> {
    match value {
        HRINET_PRECISION_FLOAT32 => Ok(Precision::Float32),
        HRINET_PRECISION_BFLOAT16 => Ok(Precision::Bfloat16),
        other => Err(unknown("a precision", other)),
    }
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
    /// `"hrinet-motion"`, `"hrinet-mse"`, ..., `"linear"` or `"cubic"`: UTF-8, valid as long as the
    /// model.
    pub system: *const c_char,
    /// SHA-256 of the checkpoint file in hexadecimal, empty for `"linear"` and `"cubic"`: valid as
    /// long as the model.
    pub checksum: *const c_char,
    /// Where it computes, `"cpu"` or `"cuda:N"`: valid as long as the model.
    pub device: *const c_char,
    /// HU that become 0 and 1 of the network's grey window: minus and plus infinity for `"linear"`
    /// and `"cubic"`, which have none.
    pub window_low_hu: f64,
    /// See `window_low_hu`.
    pub window_high_hu: f64,
    /// How many numbers were learnt.
    pub parameter_count: u64,
}

/// Loads a shipped model by its name (`"hrinet-motion"`) or a checkpoint file by its path onto a
/// device: `"auto"` (CUDA where there is one), `"cpu"`, `"cuda"` or `"cuda:N"`. `"linear"` and
/// `"cubic"` are the plain interpolators, which compute on the CPU whatever the device. Free it with
/// `hrinet_model_free`.
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
    // SAFETY: as the caller promises.
    unsafe {
        hrinet_model_load_with_precision(name_or_path, device, HRINET_PRECISION_FLOAT32, model)
    }
}

/// As `hrinet_model_load`, for a network that computes in another precision.
///
/// Fails also with `HRINET_INVALID_ARGUMENT` for a precision that the network cannot compute in.
///
/// # Safety
/// As `hrinet_model_load`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_model_load_with_precision(
    name_or_path: *const c_char,
    device: *const c_char,
    precision: HrinetPrecision,
    model: *mut *mut HrinetModel,
) -> HrinetStatus {
    call(|| {
        require(model, "model")?;
        // SAFETY: strings or NULL, as the caller promises.
        let (name, device) =
            unsafe { (text(name_or_path, "name_or_path")?, text(device, "device")?) };
        let (device, precision) = (named(device)?, self::precision(precision)?);
        let made = match name {
            "linear" => boxed(Maker::Linear),
            "cubic" => boxed(Maker::Cubic),
            _ => {
                exit::prepare();
                boxed_network(Model::load(name, device)?.with_precision(precision)?)
            }
        };
        // SAFETY: not NULL, and a place for a pointer, as the caller promises.
        unsafe { model.write(made) };
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
        let device = named(unsafe { text(device, "device")? })?;
        // SAFETY: `size` bytes, as the caller promises.
        let bytes = unsafe { std::slice::from_raw_parts(bytes, size) };
        exit::prepare();
        let checkpoint = Checkpoint::from_bytes("memory".as_ref(), bytes)?;
        let loaded = Model::new(checkpoint, device)?;
        // SAFETY: not NULL, and a place for a pointer, as the caller promises.
        unsafe { model.write(boxed_network(loaded)) };
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
        check_size::<HrinetModelInfo>("info", struct_size)?;
        let no_window = [f64::NEG_INFINITY, f64::INFINITY];
        let [window_low_hu, window_high_hu] =
            model.network().map_or(no_window, |network| network.window_hu());
        let described = HrinetModelInfo {
            struct_size,
            system: model.system.as_ptr(),
            checksum: model.checksum.as_ptr(),
            device: model.device.as_ptr(),
            window_low_hu,
            window_high_hu,
            parameter_count: model.network().map_or(0, Model::parameter_count) as u64,
        };
        // SAFETY: not NULL, and of this size.
        unsafe { info.write(described) };
        Ok(())
    })
}

/// Whether a model has learnt how far off its slices are expected to be, so that
/// `hrinet_interpolate_with_confidence` takes it: 1 or 0; 0 for NULL.
///
/// # Safety
/// `model` is NULL or a loaded model.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_model_has_confidence(model: *const HrinetModel) -> i32 {
    let mut has = 0;
    call(|| {
        // SAFETY: a loaded model or NULL, as the caller promises.
        let model = unsafe { borrow(model, "model")? };
        has = i32::from(model.network().is_some_and(Model::predicts_error));
        Ok(())
    });
    has
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

pub(super) fn boxed_network(model: Model) -> *mut HrinetModel {
    boxed(Maker::Network(Box::new(model)))
}

fn boxed(maker: Maker) -> *mut HrinetModel {
    let (system, checksum, device) = match &maker {
        Maker::Linear => ("linear", "", "cpu".to_string()),
        Maker::Cubic => ("cubic", "", "cpu".to_string()),
        Maker::Network(model) => {
            (model.system().name(), model.checksum(), device::name(model.device()))
        }
    };
    let text = |text: &str| CString::new(text).unwrap_or_default();
    let (system, checksum, device) = (text(system), text(checksum), text(&device));
    Box::into_raw(Box::new(HrinetModel { maker, system, checksum, device }))
}
