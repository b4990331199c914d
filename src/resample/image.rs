//! A CT as an interpolator sees it: without NaN, and with the conversion of its values to HU.

use std::ops::Range;

use ndarray::Array2;

use crate::error::Result;
use crate::resample::{Plan, nan};
use crate::volume::views::{with_view, with_views};
use crate::volume::voxels::slice;
use crate::volume::{Axis, Rescale, Voxel, Voxels, VoxelsView, VoxelsViewMut, Window};

/// A CT as an array `[k, j, i]` of voxels that are finite or NaN.
pub struct Image<'a> {
    pub(super) voxels: VoxelsView<'a>,
    /// Copy with values in place of NaN, where there is any.
    filled: Option<Voxels>,
    /// HU that the caller gave for NaN.
    nan_as: Option<f64>,
    pub(super) rescale: Rescale,
    range: (f64, f64),
    /// Meaning of the values by the header, where they are no HU.
    pub(super) quantity: Option<&'a str>,
    /// HU of the network per grey value of the volume; 1 unless a window maps them.
    pub(super) hu_per_value: f64,
}

impl<'a> Image<'a> {
    /// Takes voxels and their conversion to HU. Known voxels that are NaN stay so, and between
    /// slices a voxel is NaN where one of its two known voxels is.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] for an infinite voxel: it names the first one.
    pub fn new(voxels: VoxelsView<'a>, rescale: Rescale) -> Result<Image<'a>> {
        Image::with_nan_as(voxels, rescale, None)
    }

    /// Like [`Image::new`], but between slices NaN counts as `nan_as` HU, where that is given.
    ///
    /// # Errors
    /// As [`Image::new`]; [`crate::Error::Argument`] for a `nan_as` that is not finite.
    pub fn with_nan_as(
        voxels: VoxelsView<'a>,
        rescale: Rescale,
        nan_as: Option<f64>,
    ) -> Result<Image<'a>> {
        let filled = with_view!(&voxels, array => nan::fill(array, rescale, nan_as))?;
        let (filled, range) = (filled.voxels, filled.range);
        Ok(Image { voxels, filled, nan_as, rescale, range, quantity: None, hu_per_value: 1.0 })
    }

    /// Voxels without NaN.
    pub(super) fn numbers(&self) -> VoxelsView<'_> {
        match &self.filled {
            Some(filled) => filled.view(),
            None => with_view!(&self.voxels, array => array.view().into()),
        }
    }

    /// Puts NaN back into output slices of a range, made of the voxels without NaN, on the stack of
    /// a plan.
    pub(super) fn restore_nan(&self, plan: &Plan, range: Range<usize>, output: &mut VoxelsViewMut) {
        if self.filled.is_some() {
            with_views!(&self.voxels, output, (input, output) => {
                nan::restore(input, (plan, range), self.nan_as.is_none(), output)
            }, _ => {});
        }
    }

    /// Names what the values are where they are no HU.
    pub fn with_quantity(mut self, quantity: Option<&'a str>) -> Image<'a> {
        self.quantity = quantity;
        self
    }

    /// Shows a network the grey values of `window` as those of its own window, HU.
    pub(super) fn mapped(mut self, window: Window, network: Window) -> Image<'a> {
        self.hu_per_value = network.width() / window.width();
        let Rescale { slope, intercept } = self.rescale;
        self.rescale = Rescale {
            slope: slope * self.hu_per_value,
            intercept: network.low + (intercept - window.low) * self.hu_per_value,
        };
        self
    }

    /// Stored value of the lowest HU, for places where nothing was scanned.
    pub(super) fn padding<T: Voxel>(&self) -> T {
        let (low, high) = self.range;
        T::from_f64(if self.rescale.slope < 0.0 { high } else { low })
    }

    /// Slice `index` across `axis` as grey values of a window, clipped to 0 to 1.
    pub(crate) fn unit_slice(&self, axis: Axis, index: usize, window: Window) -> Array2<f32> {
        with_view!(&self.numbers(), array => slice(array, axis, index).map(|&stored| {
            window.to_unit(self.rescale.to_hu(Voxel::to_f64(stored))) as f32
        }))
    }
}
