//! What one step is computed on.

use ndarray::{ArrayView4, Axis as ArrayAxis};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Tensor};

use crate::error::{Error, Result};
use crate::volume::Window;

/// Groups of slices: the known ones at both ends, and one or all of those in between.
pub struct Batch {
    /// The first slice of each of N groups, `[N, 1, H, W]`, grey values on [0, 1].
    pub first: Tensor,
    /// The last slice of each group.
    pub second: Tensor,
    /// The slices in between, `[N * inner, 1, H, W]`, group by group.
    pub truth: Tensor,
    /// Where they lie, `[N * inner]`: 1 is the first slice (the paper's convention).
    pub alpha: Tensor,
    /// How many slices the second is from the first, `[N]`.
    pub gap: Tensor,
    /// An alpha for each group drawn from U(0, 1), `[N]`, for images that have no truth.
    pub mixed: Tensor,
    /// The known slices beyond each group, for a generator that sees them.
    pub beyond: Option<Beyond>,
}

/// The known slices beyond groups, as far from their ends as the ends from each other.
pub struct Beyond {
    /// The slices before the first and after the last of each group, `[N, 1, H, W]`; where there is
    /// none, the first and the last.
    pub slices: [Tensor; 2],
    /// 1 where there is one, 0 where there is none: `[N, 1, 1, 1]`.
    pub there: [Tensor; 2],
}

impl Batch {
    /// Whole groups of consecutive slices, `[groups, slices, rows, columns]` in HU, which are clipped
    /// to the grey window. The first and the last slice of a group are the known ones, those between
    /// lie evenly. `mixed` is drawn from the seed and the number of the step.
    ///
    /// # Errors
    /// [`Error::Argument`] for groups of fewer than three slices and for voxels that are no numbers.
    pub fn of_groups(
        slices_hu: ArrayView4<f32>,
        (seed, step): (u64, u64),
        device: Device,
    ) -> Result<Batch> {
        let (groups, length, _, _) = slices_hu.dim();
        if groups == 0 || length < 3 {
            return Err(Error::Argument(format!(
                "{groups} groups of {length} slices; at least one group, of at least 3 slices"
            )));
        }
        if let Some((at, hu)) = slices_hu.indexed_iter().find(|(_, hu)| !hu.is_finite()) {
            return Err(Error::Argument(format!(
                "a voxel is {hu} at {at:?} (group, slice, row, column)"
            )));
        }
        let tensor = |range: std::ops::Range<usize>| {
            in_window(slices_hu.slice_axis(ArrayAxis(1), range.into()), device)
        };
        let inner = length - 2;
        let alpha: Vec<f32> = (0..groups * inner)
            .map(|index| 1.0 - (index % inner + 1) as f32 / (length - 1) as f32)
            .collect();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(step);
        let mixed: Vec<f32> = (0..groups).map(|_| random.random::<f32>()).collect();
        Ok(Batch {
            first: tensor(0..1)?,
            second: tensor(length - 1..length)?,
            truth: tensor(1..length - 1)?,
            alpha: Tensor::f_from_slice(&alpha)?.f_to_device(device)?,
            gap: Tensor::f_from_slice(&vec![length as i64 - 1; groups])?.f_to_device(device)?,
            mixed: Tensor::f_from_slice(&mixed)?.f_to_device(device)?,
            beyond: None,
        })
    }

    /// The same with the known slices beyond the groups, `[groups, 2, rows, columns]` in HU, clipped as theirs:
    /// the one before the first and the one after the last, as far from it as both from each other. One of
    /// NaN alone is none.
    ///
    /// # Errors
    /// [`Error::Argument`] for another shape than the groups', and for voxels that are no numbers beside some that
    /// are.
    pub fn with_beyond(self, slices_hu: ArrayView4<f32>) -> Result<Batch> {
        let (groups, _, rows, columns) = self.first.size4()?;
        let (count, ends, high, wide) = slices_hu.dim();
        let shape = [groups, 2, rows, columns];
        if [count as i64, ends as i64, high as i64, wide as i64] != shape {
            return Err(Error::Argument(format!(
                "{count} x {ends} slices of {high} x {wide} pixels beyond groups; these have {shape:?}"
            )));
        }
        let device = self.first.device();
        let beyond = |end: usize, own: &Tensor| -> Result<[Tensor; 2]> {
            let planes = slices_hu.index_axis(ArrayAxis(1), end);
            let mut flags = Vec::with_capacity(count);
            for (group, plane) in planes.outer_iter().enumerate() {
                let there = plane.iter().any(|hu| !hu.is_nan());
                if there && plane.iter().any(|hu| !hu.is_finite()) {
                    let side = ["before", "after"][end];
                    return Err(Error::Argument(format!(
                        "the slice {side} group {group} holds voxels that are no numbers beside some that are; \
                         all are NaN where there is no such slice"
                    )));
                }
                flags.push(if there { 1f32 } else { 0.0 });
            }
            let there = Tensor::f_from_slice(&flags)?.f_view([-1, 1, 1, 1])?.f_to_device(device)?;
            let given = in_window(planes.insert_axis(ArrayAxis(1)), device)?;
            Ok([given.f_where_self(&there.f_gt(0.0)?, own)?, there])
        };
        let [before, is_before] = beyond(0, &self.first)?;
        let [after, is_after] = beyond(1, &self.second)?;
        let beyond = Beyond { slices: [before, after], there: [is_before, is_after] };
        Ok(Batch { beyond: Some(beyond), ..self })
    }

    /// The same on a device.
    ///
    /// # Errors
    /// [`Error::Torch`] where it does not fit onto the device.
    pub fn on(&self, device: Device) -> Result<Batch> {
        let there = |tensor: &Tensor| Ok(tensor.f_to_device(device)?);
        self.mapped(there, there)
    }

    /// Every tensor that has a row a group by `of`, those that have one a slice in between by
    /// `of_inner`.
    fn mapped(
        &self,
        of: impl Fn(&Tensor) -> Result<Tensor>,
        of_inner: impl Fn(&Tensor) -> Result<Tensor>,
    ) -> Result<Batch> {
        let beyond = match &self.beyond {
            None => None,
            Some(Beyond { slices: [before, after], there: [is_before, is_after] }) => {
                Some(Beyond {
                    slices: [of(before)?, of(after)?],
                    there: [of(is_before)?, of(is_after)?],
                })
            }
        };
        Ok(Batch {
            first: of(&self.first)?,
            second: of(&self.second)?,
            truth: of_inner(&self.truth)?,
            alpha: of_inner(&self.alpha)?,
            gap: of(&self.gap)?,
            mixed: of(&self.mixed)?,
            beyond,
        })
    }

    /// Groups in the batch.
    ///
    /// # Errors
    /// [`Error::Torch`] where a tensor has another shape than it says.
    pub fn groups(&self) -> Result<i64> {
        Ok(self.mixed.size1()?)
    }

    /// Both known slices of all groups, `[2 N, 1, H, W]`: first slices, then second ones.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn ends(&self) -> Result<Tensor> {
        Ok(Tensor::f_cat(&[&self.first, &self.second], 0)?)
    }

    /// All slices that the generator may see, `[2 N or 4 N, 1, H, W]`: the ends, then those beyond them.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn known(&self) -> Result<Tensor> {
        match &self.beyond {
            None => self.ends(),
            Some(Beyond { slices: [before, after], .. }) => {
                Ok(Tensor::f_cat(&[&self.first, &self.second, before, after], 0)?)
            }
        }
    }

    /// The batch in `count` parts that are as large as each other as can be, fewer where there are fewer groups.
    ///
    /// # Errors
    /// [`Error::Torch`] where a tensor has another shape than it says.
    pub(crate) fn parts(&self, count: i64) -> Result<Vec<Batch>> {
        let groups = self.groups()?;
        let inner = self.alpha.size1()? / groups.max(1);
        let count = count.clamp(1, groups.max(1));
        let part = |index: i64| -> Result<Batch> {
            let (start, end) = (groups * index / count, groups * (index + 1) / count);
            let rows = |tensor: &Tensor, each: i64| {
                Ok(tensor.f_narrow(0, start * each, (end - start) * each)?)
            };
            self.mapped(|tensor| rows(tensor, 1), |tensor| rows(tensor, inner))
        };
        (0..count).map(part).collect()
    }

    /// The linear blend in place of each slice in between, `[N * inner, 1, H, W]`.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn linear(&self) -> Result<Tensor> {
        let inner = self.alpha.size1()? / self.groups()?;
        let each = |ends: &Tensor| ends.f_repeat_interleave_self_int(inner, 0, None::<i64>);
        let (first, second) = (each(&self.first)?, each(&self.second)?);
        let alpha = self.alpha.f_view([-1, 1, 1, 1])?;
        Ok(second.f_add(&first.f_sub(&second)?.f_mul(&alpha)?)?)
    }
}

/// Slices in HU, `[groups, slices, rows, columns]`, as grey values on [0, 1] of the window, clipped:
/// `[groups * slices, 1, rows, columns]`.
fn in_window(slices_hu: ArrayView4<f32>, device: Device) -> Result<Tensor> {
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
    fn groups_become_ends_truth_and_alpha() {
        // HU are 100 x group + 10 x slice: between the ends they are their blend at alpha.
        let slices = Array4::from_shape_fn((2, 5, 3, 4), |(g, k, _, _)| (100 * g + 10 * k) as f32);
        let batch = Batch::of_groups(slices.view(), (1, 0), Device::Cpu).unwrap();
        assert_eq!(batch.first.size(), [2, 1, 3, 4]);
        assert_eq!(batch.truth.size(), [6, 1, 3, 4]);
        let unit = |hu: f64| (hu + 1000.0) / 2000.0;
        assert!((batch.second.double_value(&[1, 0, 2, 3]) - unit(140.0)).abs() < 1e-6);
        assert!((batch.truth.double_value(&[4, 0, 0, 0]) - unit(120.0)).abs() < 1e-6);
        assert!((batch.alpha.double_value(&[0]) - 0.75).abs() < 1e-6);
        let apart = (batch.linear().unwrap() - &batch.truth).abs().max();
        assert!(apart.double_value(&[]) < 1e-6);
        let again = Batch::of_groups(slices.view(), (1, 0), Device::Cpu).unwrap();
        let later = Batch::of_groups(slices.view(), (1, 1), Device::Cpu).unwrap();
        assert_eq!(batch.mixed, again.mixed);
        assert_ne!(batch.mixed, later.mixed);
    }

    #[test]
    fn slices_beyond_are_where_they_are_given() {
        let slices = Array4::from_shape_fn((2, 3, 4, 4), |(g, k, _, _)| (100 * g + 10 * k) as f32);
        let mut beyond = Array4::from_shape_fn((2, 2, 4, 4), |(g, end, _, _)| {
            100.0 * g as f32 + [-20.0, 40.0][end]
        });
        beyond.slice_mut(s![1, 0, .., ..]).fill(f32::NAN);
        let batch = || Batch::of_groups(slices.view(), (1, 0), Device::Cpu).unwrap();
        let Beyond { slices: [before, after], there } =
            batch().with_beyond(beyond.view()).unwrap().beyond.unwrap();
        let hu = |tensor: &Tensor, group| 2000.0 * tensor.double_value(&[group, 0, 1, 2]) - 1000.0;
        // Where there is none, the group's own end stands.
        let found = [hu(&before, 0), hu(&before, 1), hu(&after, 0), hu(&after, 1)];
        for (found, said) in found.iter().zip([-20.0, 100.0, 40.0, 140.0]) {
            assert!((found - said).abs() < 1e-3, "{found} instead of {said}");
        }
        let there = there.map(|flags| Vec::<f32>::try_from(flags.flatten(0, -1)).unwrap());
        assert_eq!(there, [vec![1.0, 0.0], vec![1.0, 1.0]]);
        // Some numbers and some that are none are a mistake, as is another shape.
        beyond[(0, 1, 2, 3)] = f32::NAN;
        let error = batch().with_beyond(beyond.view()).err().unwrap().to_string();
        assert!(error.contains("after group 0"), "{error}");
        assert!(batch().with_beyond(beyond.slice(s![..1, .., .., ..])).is_err());
    }

    #[test]
    fn groups_that_are_none_are_refused() {
        let pair = Array4::zeros((1, 2, 3, 4));
        let error = Batch::of_groups(pair.view(), (0, 0), Device::Cpu).err().unwrap();
        assert!(error.to_string().contains("1 groups of 2 slices"), "{error}");
        let mut astray = Array4::zeros((1, 3, 3, 4));
        astray[(0, 1, 2, 3)] = f32::NAN;
        let error = Batch::of_groups(astray.view(), (0, 0), Device::Cpu).err().unwrap();
        assert!(error.to_string().contains("NaN at (0, 1, 2, 3)"), "{error}");
    }
}
