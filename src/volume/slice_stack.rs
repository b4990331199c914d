//! The slices of a CT along its slice axis, in Hounsfield units.

use ndarray::{Array3, ArrayView2, Axis as ArrayAxis};
use tch::Tensor;

use crate::error::{Error, Result};
use crate::runtime::memory;
use crate::volume::voxels::with_voxels;
use crate::volume::{Volume, Voxel, Window};

/// Range of values, HU, below which a volume counts as a label map.
const MIN_CT_RANGE_HU: f64 = 100.0;

/// Slices of a CT along its slice axis.
#[derive(Debug)]
pub struct SliceStack {
    /// Name of the volume: that of its file, without folder and ending.
    pub name: String,
    /// HU, clipped to [`Window::CT`], `[slices, rows, columns]`.
    pub slices: Array3<i16>,
    /// Slice spacing, mm.
    pub spacing_mm: f64,
}

impl SliceStack {
    /// Slices of a volume in HU; `None` for a label map.
    ///
    /// # Errors
    /// [`Error::Argument`] for non-finite voxels, [`Error::Geometry`] for uneven slice spacing and
    /// a tilted gantry, [`Error::Memory`].
    pub fn of_ct(name: &str, volume: &Volume) -> Result<Option<SliceStack>> {
        if is_label_map(volume)? {
            return Ok(None);
        }
        if volume.geometry().uneven_slices().is_some() {
            return Err(Error::Geometry(
                "uneven slice spacing; give a volume with even slices".into(),
            ));
        }
        check_upright(volume)?;
        // Two copies of 16 bits, one in the order of the file.
        let [i, j, k] = volume.geometry().size();
        let bytes = [i, j, k].into_iter().fold(4u64, |all, n| all.saturating_mul(n as u64));
        memory::check(bytes, "use smaller volumes, or fewer")?;
        let rescale = volume.rescale();
        let window = Window::CT;
        let slice_axis = volume.geometry().slice_axis();
        let spacing_mm = volume.geometry().spacing(slice_axis);
        let axis = slice_axis.array_axis();
        let slices = with_voxels!(volume.voxels(), array => {
            let hu = |&stored: &_| {
                rescale.to_hu(Voxel::to_f64(stored)).clamp(window.low, window.high).round() as i16
            };
            let mut view = array.view();
            // Moves the slice axis to the front.
            for step in (0..axis).rev() {
                view.swap_axes(step, step + 1);
            }
            view.map(hu)
        });
        let slices = slices.as_standard_layout().into_owned();
        Ok(Some(SliceStack { name: name.to_string(), slices, spacing_mm }))
    }

    /// Resizes each slice to `size` x `size` pixels, bilinear with antialiasing. A slice that is
    /// not square is stretched.
    ///
    /// # Errors
    /// [`Error::Memory`], [`Error::Torch`].
    pub fn resized(self, size: usize) -> Result<SliceStack> {
        let (count, rows, columns) = self.slices.dim();
        if (rows, columns) == (size, size) {
            return Ok(self);
        }
        let bytes = [count, size, size].into_iter().fold(2, |all, n| n.saturating_mul(all));
        memory::check(bytes as u64, "choose a smaller size")?;
        let side = size as i64;
        let mut slices = Array3::zeros((count, size, size));
        for (from, mut to) in self.slices.outer_iter().zip(slices.outer_iter_mut()) {
            let values: Vec<f32> = from.iter().map(|&hu| f32::from(hu)).collect();
            let plane =
                Tensor::f_from_slice(&values)?.f_view([1, 1, rows as i64, columns as i64])?;
            let plane = plane.f_internal_upsample_bilinear2d_aa([side, side], false, None, None)?;
            let mut scaled = vec![0f32; size * size];
            plane.f_copy_data(&mut scaled, size * size)?;
            for (to, from) in to.iter_mut().zip(scaled) {
                *to = from.round() as i16;
            }
        }
        Ok(SliceStack { slices, ..self })
    }

    /// A slice in HU.
    pub fn slice(&self, index: usize) -> ArrayView2<'_, i16> {
        self.slices.index_axis(ArrayAxis(0), index)
    }
}

/// Refuses the slices of a tilted gantry, which no network has been trained or measured on.
///
/// # Errors
/// [`Error::Geometry`].
pub fn check_upright(volume: &Volume) -> Result<()> {
    match volume.geometry().tilt_degrees() {
        None => Ok(()),
        Some(degrees) => Err(Error::Geometry(format!(
            "the gantry is tilted by {degrees:.2} degrees; straighten the slices first, by \
             `hrinet resample --factor 1`"
        ))),
    }
}

/// Whether a volume is a label map rather than a CT, judged by the range of its values.
///
/// # Errors
/// [`Error::Argument`] for non-finite voxels.
pub fn is_label_map(volume: &Volume) -> Result<bool> {
    let (low, high) = volume.voxels().range()?;
    Ok((high - low) * volume.rescale().slope.abs() < MIN_CT_RANGE_HU)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::{Geometry, Rescale};

    #[test]
    fn slices_are_taken_along_the_slice_axis_in_hu() {
        // Size (i, j, k) = (2, 3, 4), thick along i.
        let steps = [[4.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let geometry = Geometry::new([2, 3, 4], [0.0; 3], steps).unwrap();
        let array = Array3::from_shape_fn((4, 3, 2), |(k, j, i)| (100 * i + 10 * j + k) as u16);
        let rescale = Rescale { slope: 2.0, intercept: -100.0 };
        let volume = Volume::new(array.into(), rescale, geometry).unwrap();
        let stack = SliceStack::of_ct("a", &volume).unwrap().expect("a CT");
        // [slices along i, rows along k, columns along j].
        assert_eq!(stack.slices.dim(), (2, 4, 3));
        assert_eq!(stack.spacing_mm, 4.0);
        assert_eq!(stack.slices[(1, 3, 2)], 2 * 123 - 100);
    }

    #[test]
    fn resizing_keeps_a_linear_ramp() {
        let slices = Array3::from_shape_fn((2, 64, 96), |(k, j, i)| (100 * k + j + 2 * i) as i16);
        let stack = SliceStack { name: "a".into(), slices, spacing_mm: 3.0 }.resized(32).unwrap();
        assert_eq!(stack.slices.dim(), (2, 32, 32));
        // A ramp stays a ramp: pixel centres (j + 0.5) * 2 - 0.5 and (i + 0.5) * 3 - 0.5.
        for (j, i) in [(10, 10), (15, 20), (20, 7)] {
            let expected = 100.0 + (2.0 * j as f64 + 0.5) + 2.0 * (3.0 * i as f64 + 1.0);
            assert!((f64::from(stack.slices[(1, j, i)]) - expected).abs() <= 0.51);
        }
        let again = SliceStack { name: "b".into(), slices: stack.slices.clone(), spacing_mm: 3.0 };
        let same = again.resized(32).unwrap();
        assert_eq!(same.slices, stack.slices);
    }

    #[test]
    fn label_map_gives_no_stack() {
        let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 4.0]];
        let geometry = Geometry::new([2, 2, 2], [0.0; 3], steps).unwrap();
        let array = Array3::from_shape_fn((2, 2, 2), |(k, _, _)| k as u8);
        let volume = Volume::new(array.into(), Rescale::IDENTITY, geometry).unwrap();
        assert!(SliceStack::of_ct("a", &volume).unwrap().is_none());
    }
}
