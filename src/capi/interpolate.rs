//! The work itself: a volume, or what lies between two slices.

use std::ffi::c_void;

use ndarray::ArrayView2;

use crate::capi::call::{Refusal, borrow, call, require, wrong};
use crate::capi::exit;
use crate::capi::model::{HrinetModel, method};
use crate::capi::plan::HrinetPlan;
use crate::capi::status::HrinetStatus;
use crate::capi::volume::{HRINET_FLOAT32, HrinetVolume, with_voxel_type};
use crate::error::Error;
use crate::resample::expected_error::interpolate_into_with_error;
use crate::resample::interpolate::{Progress, between_slices, interpolate_into};

/// How far a job has come.
#[repr(C)]
pub struct HrinetProgress {
    /// Size of this struct as the library knows it.
    pub struct_size: usize,
    /// New slices made so far.
    pub slices_done: u32,
    /// New slices in all.
    pub slices_total: u32,
}

/// Told after every few slices, from the thread that called the job. Anything but 0 cancels the job:
/// it returns `HRINET_CANCELLED`. It may call the library, but not free what the job uses.
pub type HrinetProgressCallback =
    Option<unsafe extern "C" fn(progress: *const HrinetProgress, user: *mut c_void) -> i32>;

/// Tells the host; an error where it cancels, or where the process ends.
///
/// # Safety
/// `progress` is NULL or a function that may be called with `user`.
pub(super) unsafe fn tell(
    progress: HrinetProgressCallback,
    user: *mut c_void,
    done: Progress,
) -> Result<(), Error> {
    if exit::is_ending() {
        return Err(Error::Cancelled);
    }
    let Some(progress) = progress else { return Ok(()) };
    let told = HrinetProgress {
        struct_size: size_of::<HrinetProgress>(),
        slices_done: done.done as u32,
        slices_total: done.total as u32,
    };
    // SAFETY: as the caller promises.
    match unsafe { progress(&raw const told, user) } {
        0 => Ok(()),
        _ => Err(Error::Cancelled),
    }
}

/// A plan, its input and its output; refuses volumes that were not set up or are not of its sizes.
///
/// # Safety
/// Handles and structs that live as long as `'a`, or NULL.
pub(super) unsafe fn on_plan<'a>(
    plan: *const HrinetPlan,
    input: *const HrinetVolume,
    output: *const HrinetVolume,
) -> Result<(&'a HrinetPlan, &'a HrinetVolume, &'a HrinetVolume), Refusal> {
    // SAFETY: as the caller promises.
    let (plan, input, output) =
        unsafe { (borrow(plan, "plan")?, borrow(input, "input")?, borrow(output, "output")?) };
    let sizes = [("input", input, plan.known_size), ("output", output, plan.plan.output().size())];
    for (name, volume, size) in sizes {
        volume.check(name)?;
        if volume.size != size {
            return Err(wrong(format!(
                "{name} has size {:?}, the plan's {name} {size:?}",
                volume.size
            )));
        }
    }
    Ok((plan, input, output))
}

/// Refuses volumes of another type than the plan's.
fn check_types(
    plan: &HrinetPlan,
    input: &HrinetVolume,
    output: &HrinetVolume,
) -> Result<(), Refusal> {
    for (name, volume) in [("input", input), ("output", output)] {
        if volume.voxel_type != plan.voxel_type {
            return Err(wrong(format!(
                "{name} has voxel_type {}, the plan {}",
                volume.voxel_type, plan.voxel_type
            )));
        }
    }
    Ok(())
}

/// Makes the planned volume: reads `input`, writes the voxels of `output`, both of the plan's type
/// and sizes, with any strides, and not overlapping.
///
/// Known slices are copied bit for bit. `model` may be NULL: then slices in between are the linear
/// blend. Several jobs may use one model and one plan at once.
///
/// Fails with `HRINET_INVALID_ARGUMENT` for a type or a size that is not the plan's and for voxels
/// that are NaN or infinite, `HRINET_CANCELLED`, `HRINET_TORCH`. The voxels of `output` are then
/// unspecified.
///
/// # Safety
/// Handles and structs are what they say; `data` of both volumes reaches as far as their sizes and
/// strides; nobody else touches the voxels of `output`, or writes those of `input`, meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_interpolate_volume(
    model: *const HrinetModel,
    plan: *const HrinetPlan,
    input: *const HrinetVolume,
    progress: HrinetProgressCallback,
    user: *mut c_void,
    output: *const HrinetVolume,
) -> HrinetStatus {
    call(|| {
        // SAFETY: handles and structs or NULL, as the caller promises.
        let (plan, input, output) = unsafe { on_plan(plan, input, output)? };
        // SAFETY: a model or NULL, as the caller promises.
        let method = unsafe { method(model) };
        check_types(plan, input, output)?;
        // SAFETY: the host's callback, called as its type says.
        let mut tell = |done| unsafe { tell(progress, user, done) };
        let rescale = input.rescale()?;
        with_voxel_type!(plan.voxel_type, T => {
            // SAFETY: voxels of this type wherever size and strides lead, as the caller promises.
            let (from, mut to) = unsafe { (input.view::<T>()?, output.view_mut::<T>()?) };
            interpolate_into(&from, rescale, &plan.plan, &method, &mut to, &mut tell)?;
        });
        Ok(())
    })
}

/// As `hrinet_interpolate_volume`, and writes to `expected_error` how far off every voxel of `output` is
/// expected to be: mean absolute errors in HU, 0 in known slices. `expected_error` is of
/// `HRINET_FLOAT32` and of the plan's output size, with any strides, and overlaps neither of the others;
/// of its geometry and rescale nothing is read. The voxels of `output` are the same as without.
///
/// An expected error is no bound: single voxels are off by more. To what lies outside the model's grey
/// window, which it does not see, half the difference of the two known slices there is added.
///
/// Fails also with `HRINET_INVALID_ARGUMENT` for a model that has learnt none
/// (`hrinet_model_has_confidence`).
///
/// # Safety
/// As `hrinet_interpolate_volume`, `expected_error` as `output`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_interpolate_with_confidence(
    model: *const HrinetModel,
    plan: *const HrinetPlan,
    input: *const HrinetVolume,
    progress: HrinetProgressCallback,
    user: *mut c_void,
    output: *const HrinetVolume,
    expected_error: *const HrinetVolume,
) -> HrinetStatus {
    call(|| {
        // SAFETY: handles and structs or NULL, as the caller promises.
        let (plan, input, output) = unsafe { on_plan(plan, input, output)? };
        check_types(plan, input, output)?;
        // SAFETY: as above.
        let (model, errors) =
            unsafe { (borrow(model, "model")?, borrow(expected_error, "expected_error")?) };
        errors.check("expected_error")?;
        let size = plan.plan.output().size();
        if errors.size != size || errors.voxel_type != HRINET_FLOAT32 {
            return Err(wrong(format!(
                "expected_error has size {:?} and voxel_type {}; the plan's output has size \
                 {size:?}, expected errors are of HRINET_FLOAT32, {HRINET_FLOAT32}",
                errors.size, errors.voxel_type
            )));
        }
        // SAFETY: the host's callback, called as its type says.
        let mut tell = |done| unsafe { tell(progress, user, done) };
        let rescale = input.rescale()?;
        // SAFETY: floats wherever size and strides lead, as the caller promises.
        let mut errors = unsafe { errors.view_mut::<f32>()? };
        with_voxel_type!(plan.voxel_type, T => {
            // SAFETY: voxels of this type wherever size and strides lead, as the caller promises.
            let (from, mut to) = unsafe { (input.view::<T>()?, output.view_mut::<T>()?) };
            let (from, to) = ((&*from, rescale), (&mut *to, &mut *errors));
            interpolate_into_with_error(from, &plan.plan, &model.method(), to, &mut tell)?;
        });
        Ok(())
    })
}

/// Makes the slices between two known ones: the paper's operation, for interactive hosts.
///
/// `first`, `second`: `rows` x `columns` in HU, row by row. `alphas`: `count` numbers from 0 to 1,
/// 1 is `first`. `made`: room for `count` x `rows` x `columns` HU. HU outside the model's window are
/// blended as in a volume. `model` may be NULL: then they are the linear blend.
///
/// # Safety
/// `model` is NULL or a model; the pointers reach as far as said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_interpolate_slices(
    model: *const HrinetModel,
    first: *const f32,
    second: *const f32,
    rows: usize,
    columns: usize,
    alphas: *const f64,
    count: usize,
    made: *mut f32,
) -> HrinetStatus {
    call(|| {
        require(made, "made")?;
        require(alphas.cast_mut(), "alphas")?;
        // SAFETY: a model or NULL, as the caller promises.
        let method = unsafe { method(model) };
        let too_large = || Error::Argument(format!("{count} slices of {rows} x {columns} pixels"));
        let pixels =
            rows.checked_mul(columns).filter(|&pixels| pixels > 0).ok_or_else(too_large)?;
        let total = pixels.checked_mul(count).filter(|&n| n > 0 && n < isize::MAX as usize / 8);
        let total = total.ok_or_else(too_large)?;
        let plane = |pointer: *const f32, name| {
            require(pointer.cast_mut(), name)?;
            // SAFETY: not NULL, and `rows` x `columns` numbers, as the caller promises.
            let values = unsafe { std::slice::from_raw_parts(pointer, pixels) };
            let plane = ArrayView2::from_shape((rows, columns), values);
            plane.map_err(|error| wrong(error.to_string()))
        };
        let (first, second) = (plane(first, "first")?, plane(second, "second")?);
        // SAFETY: not NULL, and `count` numbers, as the caller promises.
        let alphas = unsafe { std::slice::from_raw_parts(alphas, count) };
        let values = between_slices(first, second, alphas, &method)?.into_raw_vec_and_offset().0;
        // SAFETY: not NULL, and room for as many numbers, as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(made, total) }.copy_from_slice(&values);
        Ok(())
    })
}
