//! Models: load, describe, free.

use std::ffi::{CString, c_char};

use crate::capi::exit;
use crate::capi::guard::{
    Refusal, borrow, call, check_size, compute, flag, require, text, unknown,
};
use crate::capi::status::HrinetStatus;
use crate::network::{Checkpoint, Model, Precision, PrecisionChoice, SliceNetwork};
use crate::resample::{Interpolator, InterpolatorOptions};
use crate::runtime::device;

/// Number format of a network's computation: one of the `HRINET_PRECISION_*` values.
pub type HrinetPrecision = i32;

/// Float32, the default: on a CPU the same bits every time.
pub const HRINET_PRECISION_FLOAT32: HrinetPrecision = 0;
/// Bfloat16: faster on processors and cards that compute in it, less exact. hrinet-motion finds and
/// follows the flow in float32 all the same; no training of it in bfloat16.
pub const HRINET_PRECISION_BFLOAT16: HrinetPrecision = 1;
/// Bfloat16 on processors that compute in it, else float32; for models alone, not for training.
pub const HRINET_PRECISION_AUTO: HrinetPrecision = 2;

/// An interpolator: a network with its weights, linear or cubic interpolation. Immutable: any
/// number of threads may use it at once.
pub struct HrinetModel {
    interpolator: Interpolator,
    system: CString,
    checksum: CString,
    device: CString,
}

/// Options of a model. Set it up with `hrinet_model_options_init`.
#[repr(C)]
pub struct HrinetModelOptions {
    /// Size of this struct as the host knows it.
    pub struct_size: usize,
    /// `"auto"` (CUDA where there is one; the default), `"cpu"`, `"cuda"` or `"cuda:N"`: UTF-8.
    pub device: *const c_char,
    /// `HRINET_PRECISION_FLOAT32` (the default), `HRINET_PRECISION_BFLOAT16` or
    /// `HRINET_PRECISION_AUTO`. The systems of the paper compute in float32 alone, and refuse
    /// bfloat16.
    pub precision: HrinetPrecision,
    /// 1: interpolate every slice twice, with the pair in either order, and take the mean; a little
    /// more accurate, at nearly twice the time. 0 (the default): once.
    pub ensemble: i32,
    /// 1 (the default): carry the detail that an autoencoder (the paper's systems) loses of the
    /// known slices into interpolated ones. 0: do not.
    pub detail_carry: i32,
}

/// Description of a model.
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
    /// The device that computes, `"cpu"` or `"cuda:N"`: valid as long as the model.
    pub device: *const c_char,
    /// HU that become 0 and 1 of the network's grey window: minus and plus infinity for `"linear"`
    /// and `"cubic"`, which have none.
    pub window_low_hu: f64,
    /// See `window_low_hu`.
    pub window_high_hu: f64,
    /// Number of trained parameters.
    pub parameter_count: u64,
    /// 1 for a model with an error head, which a job with `expected_error` needs; else 0.
    pub predicts_error: i32,
    /// 1 for a model that finds flow, which `HRINET_LABELS_ANATOMY` needs; else 0.
    pub has_flow: i32,
}

// SAFETY: a model's weights are never written after it is built, and libtorch reads a tensor from
// several threads at once.
unsafe impl Sync for HrinetModel {}
// SAFETY: as above; nothing in it belongs to the thread that built it.
unsafe impl Send for HrinetModel {}

impl HrinetModel {
    /// Moves an interpolator into a handle that the host frees.
    pub(super) fn into_handle(interpolator: Interpolator) -> *mut HrinetModel {
        let (system, checksum) = match (&interpolator, interpolator.model()) {
            (_, Some(model)) => (model.system().name(), model.checksum()),
            (Interpolator::Cubic, None) => ("cubic", ""),
            (_, None) => ("linear", ""),
        };
        let text = |text: &str| CString::new(text).unwrap_or_default();
        let (system, checksum) = (text(system), text(checksum));
        let device = text(&device::name(interpolator.device()));
        Box::into_raw(Box::new(HrinetModel { interpolator, system, checksum, device }))
    }

    /// The interpolator.
    pub(super) fn interpolator(&self) -> &Interpolator {
        &self.interpolator
    }

    /// The network with its weights; `None` for linear and cubic interpolation.
    pub(super) fn network(&self) -> Option<&Model> {
        self.interpolator.model()
    }
}

/// The interpolator of a model; linear interpolation for NULL.
///
/// # Safety
/// `model` is NULL or a model that lives as long as `'a`.
pub(super) unsafe fn interpolator<'a>(model: *const HrinetModel) -> &'a Interpolator {
    // SAFETY: as the caller promises.
    unsafe { model.as_ref() }.map_or(&Interpolator::Linear, HrinetModel::interpolator)
}

pub(super) fn precision(value: HrinetPrecision) -> Result<Precision, Refusal> {
    match value {
        HRINET_PRECISION_FLOAT32 => Ok(Precision::Float32),
        HRINET_PRECISION_BFLOAT16 => Ok(Precision::Bfloat16),
        other => Err(unknown("a precision", other)),
    }
}

/// Sets all fields to their defaults: device `"auto"`, float32, no ensemble, detail carry.
///
/// # Safety
/// `options` points to a struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_model_options_init(
    options: *mut HrinetModelOptions,
) -> HrinetStatus {
    call(|| {
        require(options, "options")?;
        let defaults = HrinetModelOptions {
            struct_size: size_of::<HrinetModelOptions>(),
            device: c"auto".as_ptr(),
            precision: HRINET_PRECISION_FLOAT32,
            ensemble: 0,
            detail_carry: 1,
        };
        // SAFETY: not NULL, and a place for the struct, as the caller promises.
        unsafe { options.write(defaults) };
        Ok(())
    })
}

/// The options of the library; defaults for NULL.
///
/// # Safety
/// `options` is NULL or points to a struct, whose `device` is NULL or a string.
unsafe fn interpolator_options(
    options: *const HrinetModelOptions,
) -> Result<InterpolatorOptions, Refusal> {
    // SAFETY: as the caller promises.
    let Some(options) = (unsafe { options.as_ref() }) else {
        return Ok(InterpolatorOptions::default());
    };
    check_size::<HrinetModelOptions>("options", options.struct_size)?;
    Ok(InterpolatorOptions {
        // SAFETY: a string or NULL, as the caller promises.
        device: unsafe { text(options.device, "options->device")? }.into(),
        precision: match options.precision {
            HRINET_PRECISION_AUTO => PrecisionChoice::Auto,
            other => PrecisionChoice::Only(precision(other)?),
        },
        ensemble: flag("options->ensemble", options.ensemble)?,
        detail_carry: flag("options->detail_carry", options.detail_carry)?,
    })
}

/// Loads a model by name (`"hrinet-motion"`, `"linear"`, `"cubic"`) or a checkpoint file by its
/// path; `options` may be NULL for the defaults. `"linear"` and `"cubic"` compute on the CPU
/// whatever the device. Free it with `hrinet_model_free`.
///
/// Fails with `HRINET_INVALID_ARGUMENT` for an unknown name; the file's codes; `HRINET_NO_DEVICE`.
///
/// # Safety
/// `name_or_path` is a string, `options` NULL or a struct, `model` a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_model_load(
    name_or_path: *const c_char,
    options: *const HrinetModelOptions,
    model: *mut *mut HrinetModel,
) -> HrinetStatus {
    compute(|| {
        require(model, "model")?;
        // SAFETY: a string or NULL, as the caller promises.
        let name = unsafe { text(name_or_path, "name_or_path")? };
        // SAFETY: a struct or NULL, as the caller promises.
        let options = unsafe { interpolator_options(options)? };
        exit::prepare();
        let loaded = HrinetModel::into_handle(Interpolator::load(name, &options)?);
        // SAFETY: not NULL, and a place for a pointer, as the caller promises.
        unsafe { model.write(loaded) };
        Ok(())
    })
}

/// Loads a checkpoint from `size` bytes in memory, which are not needed after the call; `options`
/// may be NULL for the defaults. Fails as `hrinet_model_load`.
///
/// # Safety
/// `bytes` has `size` bytes, `options` is NULL or a struct, `model` a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_model_load_from_memory(
    bytes: *const u8,
    size: usize,
    options: *const HrinetModelOptions,
    model: *mut *mut HrinetModel,
) -> HrinetStatus {
    compute(|| {
        require(model, "model")?;
        require(bytes.cast_mut(), "bytes")?;
        // SAFETY: a struct or NULL, as the caller promises.
        let options = unsafe { interpolator_options(options)? };
        // SAFETY: `size` bytes, as the caller promises.
        let bytes = unsafe { std::slice::from_raw_parts(bytes, size) };
        exit::prepare();
        let checkpoint = Checkpoint::from_bytes("memory".as_ref(), bytes)?;
        let interpolator = Interpolator::from_checkpoint(checkpoint, &options)?;
        // SAFETY: not NULL, and a place for a pointer, as the caller promises.
        unsafe { model.write(HrinetModel::into_handle(interpolator)) };
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
            predicts_error: i32::from(model.interpolator.predicts_error()),
            has_flow: i32::from(model.interpolator.has_flow()),
        };
        // SAFETY: not NULL, and of this size.
        unsafe { info.write(described) };
        Ok(())
    })
}

/// Whether a model makes thin slices from thick ones (`"hrinet-thin"`): 1 or 0, 0 for NULL. Then
/// `hrinet_resample` makes every slice, and keeps no known one, whatever `hrinet_plan_slice` says;
/// known slices are the averages over their thickness. Its plan must divide evenly spaced slices by
/// a whole number.
///
/// # Safety
/// `model` is NULL or a loaded model.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_model_is_thin(model: *const HrinetModel) -> i32 {
    let mut is_thin = 0;
    call(|| {
        // SAFETY: a loaded model or NULL, as the caller promises.
        is_thin = i32::from(unsafe { interpolator(model) }.is_thin());
        Ok(())
    });
    is_thin
}

/// Frees a model; NULL is allowed. No other thread may be using it.
///
/// # Safety
/// `model` is NULL or a loaded model, which must not be used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_model_free(model: *mut HrinetModel) {
    if !model.is_null() {
        call(|| {
            // SAFETY: it came from `into_handle`, and is freed once.
            drop(unsafe { Box::from_raw(model) });
            Ok(())
        });
    }
}
