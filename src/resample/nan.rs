//! Voxels without a value (NaN), which some software writes outside of the scanned region.
//!
//! An interpolator gets a copy of the volume with another value in their place. Known voxels stay
//! NaN; an interpolated one is NaN where one of its two known voxels is, unless the caller chose
//! the value.

use std::ops::Range;

use ndarray::{ArrayRef3, Zip};

use crate::error::{Error, Result};
use crate::resample::{Plan, SliceSource};
use crate::volume::voxels::{range, slice, slice_mut};
use crate::volume::{Rescale, Voxel, Voxels};

/// Voxels without NaN, and their smallest and largest stored value.
pub(super) struct Filled {
    /// Copy with values in place of NaN; `None` where there is no NaN.
    pub(super) voxels: Option<Voxels>,
    pub(super) range: (f64, f64),
}

/// Puts `nan_as` HU, else the smallest value of the array, in place of NaN.
///
/// # Errors
/// [`Error::Argument`] for an infinite voxel, with its index, for an array of NaN alone, and for a
/// `nan_as` that is not finite.
pub(super) fn fill<T>(array: &ArrayRef3<T>, rescale: Rescale, nan_as: Option<f64>) -> Result<Filled>
where
    T: Voxel,
    Voxels: From<ndarray::Array3<T>>,
{
    if let Some(hu) = nan_as.filter(|hu| !hu.is_finite()) {
        return Err(Error::Argument(format!("NaN as {hu} HU; give a finite number")));
    }
    if !array.iter().any(is_nan) {
        return Ok(Filled { voxels: None, range: range(array)? });
    }
    let numbers = array.iter().filter(|&value| !is_nan(value)).map(|&value| value.to_f64());
    let low = numbers.reduce(f64::min).ok_or_else(|| {
        Error::Argument("all voxels are NaN; there is nothing to interpolate".into())
    })?;
    let value = T::from_f64(nan_as.map_or(low, |hu| rescale.from_hu(hu)));
    let filled = array.map(|&voxel| if is_nan(&voxel) { value } else { voxel });
    let range = range(&filled)?;
    Ok(Filled { voxels: Some(filled.into()), range })
}

/// Puts NaN back into output slices of a range, made of the filled copy of `input`: into known
/// ones, and with `spreads` into interpolated ones.
pub(super) fn restore<T: Voxel>(
    input: &ArrayRef3<T>,
    (plan, range): (&Plan, Range<usize>),
    spreads: bool,
    output: &mut ArrayRef3<T>,
) {
    let axis = plan.axis();
    for (index, source) in plan.slices()[range].iter().enumerate() {
        let mut plane = slice_mut(output, axis, index);
        let mut put_back = |known: usize| {
            Zip::from(&mut plane).and(&slice(input, axis, known)).for_each(|out, &voxel| {
                if is_nan(&voxel) {
                    *out = voxel;
                }
            });
        };
        match *source {
            SliceSource::Known(known) => put_back(known),
            SliceSource::Interpolated { first, .. } if spreads => {
                put_back(first);
                put_back(first + 1);
            }
            SliceSource::Interpolated { .. } => {}
        }
    }
}

/// Whether a value differs from itself.
#[allow(clippy::eq_op)]
fn is_nan<T: Voxel>(value: &T) -> bool {
    value != value
}
