//! Slices between two known ones: the paper's operation.

use ndarray::ArrayView2;

use crate::capi::guard::{compute, invalid_argument, require};
use crate::capi::model::{HrinetModel, interpolator};
use crate::capi::status::HrinetStatus;
use crate::error::Error;
use crate::resample::between_slices;

/// Interpolates slices between two known ones: the paper's operation, for interactive hosts.
///
/// `first`, `second`: `rows` x `columns` in HU, row by row. `alphas`: `count` interpolation
/// coefficients from 0 to 1; 1 is `first`, 0 is `second`. `slices`: place for `count` x `rows` x
/// `columns` HU, which must not overlap the inputs. HU outside the model's window are interpolated
/// as in a volume. `model` may be NULL for linear interpolation.
///
/// Fails with `HRINET_INVALID_ARGUMENT` for no pixels, an alpha outside 0 to 1, non-finite pixels
/// and overlapping memory; `HRINET_TORCH`.
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
    slices: *mut f32,
) -> HrinetStatus {
    compute(|| {
        require(slices, "slices")?;
        require(alphas.cast_mut(), "alphas")?;
        // SAFETY: a model or NULL, as the caller promises.
        let interpolator = unsafe { interpolator(model) };
        let wrong_size = || Error::Argument(format!("{count} slices of {rows} x {columns} pixels"));
        let pixels =
            rows.checked_mul(columns).filter(|&pixels| pixels > 0).ok_or_else(wrong_size)?;
        let total = pixels.checked_mul(count).filter(|&n| n > 0 && n < isize::MAX as usize / 8);
        let total = total.ok_or_else(wrong_size)?;
        let memory = slices.addr()..slices.addr() + total * size_of::<f32>();
        let plane = |pointer: *const f32, name: &'static str| {
            require(pointer.cast_mut(), name)?;
            let end = pointer.addr() + pixels * size_of::<f32>();
            if pointer.addr() < memory.end && memory.start < end {
                return Err(invalid_argument(format!("slices overlaps {name} in memory")));
            }
            // SAFETY: not NULL, and `rows` x `columns` numbers, as the caller promises.
            let values = unsafe { std::slice::from_raw_parts(pointer, pixels) };
            let plane = ArrayView2::from_shape((rows, columns), values);
            plane.map_err(|error| invalid_argument(error.to_string()))
        };
        let (first, second) = (plane(first, "first")?, plane(second, "second")?);
        // SAFETY: not NULL, and `count` numbers, as the caller promises.
        let alphas = unsafe { std::slice::from_raw_parts(alphas, count) };
        let values = between_slices(first, second, alphas, interpolator)?;
        let values = values.into_raw_vec_and_offset().0;
        // SAFETY: not NULL, and room for as many numbers, as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(slices, total) }.copy_from_slice(&values);
        Ok(())
    })
}
