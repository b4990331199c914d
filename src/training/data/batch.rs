//! The batch of one training step.

use ndarray::{ArrayView4, Axis as ArrayAxis};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Tensor};

use crate::error::{Error, Result, count_of};
use crate::volume::Window;

/// N groups of consecutive slices: the known ones at both ends, and one or all inner slices.
pub struct Batch {
    /// The first slice of each group, `[N, 1, H, W]`, grey values on [0, 1].
    pub first: Tensor,
    /// The last slice of each group, `[N, 1, H, W]`.
    pub second: Tensor,
    /// The inner slices, `[N * inner, 1, H, W]`, group by group.
    pub truth: Tensor,
    /// Alphas of the inner slices, `[N * inner]`: 1 is the first slice (the paper's convention).
    pub alpha: Tensor,
    /// Number of slice steps from the first slice to the second, `[N]`, int64.
    pub gap: Tensor,
    /// An alpha of each group from U(0, 1), `[N]`, for blended images that have no truth.
    pub random_alpha: Tensor,
    /// The known slices beyond each group, for generators that see them.
    pub context: Option<BatchContext>,
}

/// The known slices beyond groups, as far from their ends as the ends from each other.
pub struct BatchContext {
    /// The slices before the first and after the last of each group, `[N, 1, H, W]`; the first and
    /// the last where there is none.
    pub slices: [Tensor; 2],
    /// 1 where the slice is present, else 0: `[N, 1, 1, 1]`.
    pub present: [Tensor; 2],
}

impl Batch {
    /// Makes a batch of groups of evenly spaced slices, `[groups, slices, rows, columns]` in HU,
    /// which are clipped to the grey window. Each group's first and last slices are the known ones.
    /// `random_alpha` depends on the seed and the number of the step.
    ///
    /// # Errors
    /// [`Error::Argument`] for groups of fewer than three slices and for non-finite voxels.
    pub fn from_hu(
        slices_hu: ArrayView4<f32>,
        seed: u64,
        step: u64,
        device: Device,
    ) -> Result<Batch> {
        let (groups, length, _, _) = slices_hu.dim();
        if groups == 0 || length < 3 {
            return Err(Error::Argument(format!(
                "{} of {}; at least one group, of at least 3 slices",
                count_of(groups, "group"),
                count_of(length, "slice")
            )));
        }
        if let Some((at, hu)) = slices_hu.indexed_iter().find(|(_, hu)| !hu.is_finite()) {
            return Err(Error::Argument(format!(
                "non-finite voxel {hu} at {at:?} (group, slice, row, column)"
            )));
        }
        let tensor = |range: std::ops::Range<usize>| {
            to_grey(slices_hu.slice_axis(ArrayAxis(1), range.into()), device)
        };
        let inner = length - 2;
        let alpha: Vec<f32> = (0..groups * inner)
            .map(|index| 1.0 - (index % inner + 1) as f32 / (length - 1) as f32)
            .collect();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(step);
        let random_alpha: Vec<f32> = (0..groups).map(|_| random.random::<f32>()).collect();
        Ok(Batch {
            first: tensor(0..1)?,
            second: tensor(length - 1..length)?,
            truth: tensor(1..length - 1)?,
            alpha: Tensor::f_from_slice(&alpha)?.f_to_device(device)?,
            gap: Tensor::f_from_slice(&vec![length as i64 - 1; groups])?.f_to_device(device)?,
            random_alpha: Tensor::f_from_slice(&random_alpha)?.f_to_device(device)?,
            context: None,
        })
    }

    /// Adds the context slices of each group, `[groups, 2, rows, columns]` in HU, clipped to the
    /// grey window: the one before the first slice and the one after the last. A slice of NaN alone
    /// is absent.
    ///
    /// # Errors
    /// [`Error::Argument`] for another shape than the groups', and for slices that are non-finite
    /// in part.
    pub fn with_context(self, slices_hu: ArrayView4<f32>) -> Result<Batch> {
        let (groups, _, rows, columns) = self.first.size4()?;
        let (count, ends, high, wide) = slices_hu.dim();
        let shape = [groups, 2, rows, columns];
        if [count as i64, ends as i64, high as i64, wide as i64] != shape {
            return Err(Error::Argument(format!(
                "context slices of shape {:?}; the groups need {shape:?}",
                [count, ends, high, wide]
            )));
        }
        let device = self.first.device();
        let context = |end: usize, own: &Tensor| -> Result<[Tensor; 2]> {
            let planes = slices_hu.index_axis(ArrayAxis(1), end);
            let mut flags = Vec::with_capacity(count);
            for (group, plane) in planes.outer_iter().enumerate() {
                let present = plane.iter().any(|hu| !hu.is_nan());
                if present && plane.iter().any(|hu| !hu.is_finite()) {
                    let side = ["before", "after"][end];
                    return Err(Error::Argument(format!(
                        "the context slice {side} group {group} is non-finite in part; an absent \
                         slice is NaN alone"
                    )));
                }
                flags.push(if present { 1f32 } else { 0.0 });
            }
            let present = Tensor::f_from_slice(&flags)?.f_view([-1, 1, 1, 1])?;
            let present = present.f_to_device(device)?;
            let given = to_grey(planes.insert_axis(ArrayAxis(1)), device)?;
            Ok([given.f_where_self(&present.f_gt(0.0)?, own)?, present])
        };
        let [before, has_before] = context(0, &self.first)?;
        let [after, has_after] = context(1, &self.second)?;
        let context = BatchContext { slices: [before, after], present: [has_before, has_after] };
        Ok(Batch { context: Some(context), ..self })
    }

    /// Copies the batch to a device.
    ///
    /// # Errors
    /// [`Error::Torch`] where the device has too little memory.
    pub fn to_device(&self, device: Device) -> Result<Batch> {
        let copy = |tensor: &Tensor| Ok(tensor.f_to_device(device)?);
        self.map(copy, copy)
    }

    /// Applies `of_group` to every tensor with a row a group, `of_inner` to those with a row an
    /// inner slice.
    fn map(
        &self,
        of_group: impl Fn(&Tensor) -> Result<Tensor>,
        of_inner: impl Fn(&Tensor) -> Result<Tensor>,
    ) -> Result<Batch> {
        let context = match &self.context {
            None => None,
            Some(BatchContext { slices: [before, after], present: [has_before, has_after] }) => {
                Some(BatchContext {
                    slices: [of_group(before)?, of_group(after)?],
                    present: [of_group(has_before)?, of_group(has_after)?],
                })
            }
        };
        Ok(Batch {
            first: of_group(&self.first)?,
            second: of_group(&self.second)?,
            truth: of_inner(&self.truth)?,
            alpha: of_inner(&self.alpha)?,
            gap: of_group(&self.gap)?,
            random_alpha: of_group(&self.random_alpha)?,
            context,
        })
    }

    /// Number of groups, N.
    ///
    /// # Errors
    /// [`Error::Torch`] where `random_alpha` has another shape than documented.
    pub fn groups(&self) -> Result<i64> {
        Ok(self.random_alpha.size1()?)
    }

    /// Number of inner slices of each group.
    ///
    /// # Errors
    /// [`Error::Torch`] where a tensor has another shape than documented.
    pub fn inner(&self) -> Result<i64> {
        Ok(self.alpha.size1()? / self.groups()?.max(1))
    }

    /// The known slices at the ends of all groups, `[2 N, 1, H, W]`: first slices, then second
    /// ones.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn endpoints(&self) -> Result<Tensor> {
        Ok(Tensor::f_cat(&[&self.first, &self.second], 0)?)
    }

    /// All known slices, `[2 N or 4 N, 1, H, W]`: the endpoints, then the context slices before and
    /// after.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn known_slices(&self) -> Result<Tensor> {
        match &self.context {
            None => self.endpoints(),
            Some(BatchContext { slices: [before, after], .. }) => {
                Ok(Tensor::f_cat(&[&self.first, &self.second, before, after], 0)?)
            }
        }
    }

    /// Splits the batch into `count` parts of nearly equal size, fewer where there are fewer
    /// groups.
    ///
    /// # Errors
    /// [`Error::Torch`] where a tensor has another shape than documented.
    pub(crate) fn parts(&self, count: i64) -> Result<Vec<Batch>> {
        let (groups, inner) = (self.groups()?, self.inner()?);
        let count = count.clamp(1, groups.max(1));
        let part = |index: i64| -> Result<Batch> {
            let (start, end) = (groups * index / count, groups * (index + 1) / count);
            let rows = |tensor: &Tensor, each: i64| {
                Ok(tensor.f_narrow(0, start * each, (end - start) * each)?)
            };
            self.map(|tensor| rows(tensor, 1), |tensor| rows(tensor, inner))
        };
        (0..count).map(part).collect()
    }

    /// The linear blend in place of each inner slice, `[N * inner, 1, H, W]`.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn linear_blend(&self) -> Result<Tensor> {
        let inner = self.inner()?;
        let each = |ends: &Tensor| ends.f_repeat_interleave_self_int(inner, 0, None::<i64>);
        let (first, second) = (each(&self.first)?, each(&self.second)?);
        let alpha = self.alpha.f_view([-1, 1, 1, 1])?;
        Ok(second.f_add(&first.f_sub(&second)?.f_mul(&alpha)?)?)
    }
}

/// Slices in HU, `[groups, slices, rows, columns]`, to clipped grey values on [0, 1],
/// `[groups * slices, 1, rows, columns]`.
fn to_grey(slices_hu: ArrayView4<f32>, device: Device) -> Result<Tensor> {
    let (_, _, rows, columns) = slices_hu.dim();
    let unit = slices_hu.iter().map(|&hu| Window::CT.to_unit(f64::from(hu)) as f32);
    let flat = Tensor::f_from_slice(&unit.collect::<Vec<_>>())?;
    Ok(flat.f_view([-1, 1, rows as i64, columns as i64])?.f_to_device(device)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array4, s};

    #[test]
    fn groups_become_endpoints_truth_and_alpha() {
        // HU are 100 x group + 10 x slice: between the ends they are their blend at alpha.
        let slices = Array4::from_shape_fn((2, 5, 3, 4), |(g, k, _, _)| (100 * g + 10 * k) as f32);
        let batch = Batch::from_hu(slices.view(), 1, 0, Device::Cpu).unwrap();
        assert_eq!(batch.first.size(), [2, 1, 3, 4]);
        assert_eq!(batch.truth.size(), [6, 1, 3, 4]);
        let unit = |hu: f64| (hu + 1000.0) / 2000.0;
        assert!((batch.second.double_value(&[1, 0, 2, 3]) - unit(140.0)).abs() < 1e-6);
        assert!((batch.truth.double_value(&[4, 0, 0, 0]) - unit(120.0)).abs() < 1e-6);
        assert!((batch.alpha.double_value(&[0]) - 0.75).abs() < 1e-6);
        let error = (batch.linear_blend().unwrap() - &batch.truth).abs().max();
        assert!(error.double_value(&[]) < 1e-6);
        let again = Batch::from_hu(slices.view(), 1, 0, Device::Cpu).unwrap();
        let later = Batch::from_hu(slices.view(), 1, 1, Device::Cpu).unwrap();
        assert_eq!(batch.random_alpha, again.random_alpha);
        assert_ne!(batch.random_alpha, later.random_alpha);
    }

    #[test]
    fn absent_context_slices_are_flagged_and_filled() {
        let slices = Array4::from_shape_fn((2, 3, 4, 4), |(g, k, _, _)| (100 * g + 10 * k) as f32);
        let mut context = Array4::from_shape_fn((2, 2, 4, 4), |(g, end, _, _)| {
            100.0 * g as f32 + [-20.0, 40.0][end]
        });
        context.slice_mut(s![1, 0, .., ..]).fill(f32::NAN);
        let batch = || Batch::from_hu(slices.view(), 1, 0, Device::Cpu).unwrap();
        let BatchContext { slices: [before, after], present } =
            batch().with_context(context.view()).unwrap().context.unwrap();
        let hu = |tensor: &Tensor, group| 2000.0 * tensor.double_value(&[group, 0, 1, 2]) - 1000.0;
        // An absent slice is replaced by the end of its group.
        let found = [hu(&before, 0), hu(&before, 1), hu(&after, 0), hu(&after, 1)];
        for (found, expected) in found.iter().zip([-20.0, 100.0, 40.0, 140.0]) {
            assert!((found - expected).abs() < 1e-3, "{found} instead of {expected}");
        }
        let present = present.map(|flags| Vec::<f32>::try_from(flags.flatten(0, -1)).unwrap());
        assert_eq!(present, [vec![1.0, 0.0], vec![1.0, 1.0]]);
        // Slices that are NaN in part are rejected, as are other shapes.
        context[(0, 1, 2, 3)] = f32::NAN;
        let error = batch().with_context(context.view()).err().unwrap().to_string();
        assert!(error.contains("after group 0"), "{error}");
        assert!(batch().with_context(context.slice(s![..1, .., .., ..])).is_err());
    }

    #[test]
    fn short_groups_and_non_finite_voxels_are_rejected() {
        let pair = Array4::zeros((1, 2, 3, 4));
        let error = Batch::from_hu(pair.view(), 0, 0, Device::Cpu).err().unwrap();
        assert!(error.to_string().contains("1 group of 2 slices"), "{error}");
        let mut broken = Array4::zeros((1, 3, 3, 4));
        broken[(0, 1, 2, 3)] = f32::NAN;
        let error = Batch::from_hu(broken.view(), 0, 0, Device::Cpu).err().unwrap();
        assert!(error.to_string().contains("NaN at (0, 1, 2, 3)"), "{error}");
    }
}
