//! Evaluation of interpolators: inner slices of every group are dropped, interpolated and compared
//! with the real ones (section 4.3 and Table 2 of the paper).

use std::ops::Range;

use ndarray::{Array2, Array3, Axis as ArrayAxis, Zip};

use crate::error::{Error, Result, count_of};
use crate::metrics::calibration::Calibration;
use crate::metrics::sharpness::{Sharpness, SharpnessMeasures};
use crate::metrics::tissue;
use crate::metrics::tissue::TissueSums;
use crate::metrics::{Mean, SliceScores};
use crate::resample::{Interpolator, Job, OnProgress, Outputs, Plan, SliceSource, Spacing};
use crate::runtime::memory;
use crate::volume::slice_stack::{SliceStack, check_upright};
use crate::volume::voxels::{slice, slice_mut, with_voxels};
use crate::volume::{Axis, Geometry, Rescale, Volume, Voxel, Voxels, Window};

/// Mean scores of one volume at one gap.
pub struct Evaluation {
    /// Slices that were dropped, interpolated and compared.
    pub slices: usize,
    /// Wall-clock time of their interpolation.
    pub seconds: f64,
    /// Means over these slices.
    pub scores: SliceScores,
    /// Means over the slices 1, 2, ... steps after a known one, `gap - 1` of them.
    pub positions: Vec<SliceScores>,
    /// Bias and noise in each of [`tissue::TISSUES`], over these slices.
    pub tissues: [TissueSums; 4],
    /// Expected and real errors of their voxels, for a network with an error head. Real errors are
    /// of grey values clipped to the window from below, as in training.
    pub calibration: Option<Calibration>,
    /// Sharpness of the interpolated slices, where it is asked for.
    pub sharpness: Option<Sharpness>,
}

/// Known slices and truth of an evaluation.
#[derive(Clone)]
pub struct Comparison<'a> {
    /// Volume of the known slices.
    pub known: &'a Volume,
    /// Volume of the real slices, on the same grid.
    pub truth: &'a Volume,
    /// Slice steps between two known slices; 2 drops every second slice.
    pub gap: usize,
    /// Slices to use; `None`: all.
    pub range: Option<Range<usize>>,
    /// Whether to compare expected with real errors, where the interpolator predicts them.
    pub expected_error: bool,
    /// Measures of sharpness to compute; `None`: none.
    pub sharpness: Option<SharpnessMeasures<'a>>,
}

impl<'a> Comparison<'a> {
    /// A comparison of all slices of a volume with its own known slices, without expected errors
    /// and sharpness.
    pub fn new(volume: &'a Volume, gap: usize) -> Comparison<'a> {
        Comparison {
            known: volume,
            truth: volume,
            gap,
            range: None,
            expected_error: false,
            sharpness: None,
        }
    }

    /// Sharpness of the real slices, at the places of the interpolated ones; `None` where it is not
    /// asked for.
    ///
    /// # Errors
    /// As [`evaluate`].
    pub fn true_sharpness(&self) -> Result<Option<Sharpness>> {
        let Some(measures) = &self.sharpness else { return Ok(None) };
        let axis = self.truth.geometry().slice_axis();
        let range = self.slices(self.truth.geometry().length(axis))?;
        let groups = (range.len() - 1) / self.gap;
        let mut sharpness = Sharpness::default();
        for index in (0..groups * self.gap).filter(|index| index % self.gap != 0) {
            let slice = hounsfield(self.truth, axis, range.start + index);
            sharpness.add(measures, slice.view())?;
        }
        Ok(Some(sharpness))
    }

    /// The slices to use, of `count`.
    fn slices(&self, count: usize) -> Result<Range<usize>> {
        let range = self.range.clone().unwrap_or(0..count);
        let (gap, slices) = (self.gap, range.end.min(count).saturating_sub(range.start));
        if gap < 2 {
            return Err(Error::Argument(format!("a gap of {gap}; use 2 or more")));
        }
        if slices <= gap {
            return Err(Error::Argument(format!(
                "{}, too few for a gap of {gap}: it needs {} or more",
                count_of(slices, "slice"),
                gap + 1
            )));
        }
        Ok(range.start..range.start + slices)
    }

    fn check_volumes(&self) -> Result<()> {
        let [known, truth] = [self.known, self.truth].map(|volume| volume.geometry().size());
        if known != truth {
            return Err(Error::Geometry(format!(
                "known slices from a volume of {known:?} voxels, real ones from {truth:?}; use \
                 volumes of one grid"
            )));
        }
        check_upright(self.truth)?;
        match self.truth.geometry().uneven_slices() {
            None => Ok(()),
            Some(_) => Err(Error::Geometry(
                "the slices are unevenly spaced; evaluate on an even volume".into(),
            )),
        }
    }
}

/// Keeps every `gap`-th slice of a comparison, interpolates the others and compares them with the
/// real ones in the window -1000 to 1000 HU.
///
/// # Errors
/// [`Error::Argument`] for a gap below 2 and one that leaves no whole group; [`Error::Geometry`]
/// for volumes of different size and unevenly spaced slices; [`Error::Memory`]; as [`Job::run`].
pub fn evaluate(
    comparison: &Comparison,
    interpolator: &Interpolator,
    on_progress: OnProgress,
) -> Result<Evaluation> {
    let Comparison { known, truth, gap, .. } = *comparison;
    let axis = truth.geometry().slice_axis();
    comparison.check_volumes()?;
    let range = comparison.slices(truth.geometry().length(axis))?;
    let groups = (range.len() - 1) / gap;
    let thinned = thinned(known, axis, range.start, gap, groups + 1)?;
    let plan = Plan::new(thinned.geometry(), Some(axis), &Spacing::Factor(gap))?;
    let mut job = Job::new(&plan, interpolator, &thinned);
    job.expected_error = comparison.expected_error && interpolator.predicts_error();
    memory::check(job.memory_needed(), "evaluate fewer slices, or a smaller volume")?;
    let outputs = job.run(on_progress)?;
    compare(comparison, range.start, &plan, &outputs)
}

/// Compares the interpolated slices with the real ones, of which `start` is the first.
fn compare(
    comparison: &Comparison,
    start: usize,
    plan: &Plan,
    outputs: &Outputs,
) -> Result<Evaluation> {
    let Comparison { truth, sharpness: measures, .. } = comparison;
    let mut sharpness = measures.map(|_| Sharpness::default());
    let axis = plan.axis();
    let mut mean = Mean::default();
    let mut positions = vec![Mean::default(); comparison.gap - 1];
    let mut tissues = [TissueSums::default(); 4];
    let mut calibration = outputs.others.expected_error.as_ref().map(|_| Calibration::default());
    for (index, source) in plan.slices().iter().enumerate() {
        if matches!(source, SliceSource::Known(_)) {
            continue;
        }
        let real = hounsfield(truth, axis, start + index);
        let interpolated = hounsfield(&outputs.volume, axis, index);
        let scores = SliceScores::of(real.view(), interpolated.view(), Window::CT)?;
        mean.add(scores);
        positions[index % comparison.gap - 1].add(scores);
        tissue::add(&mut tissues, real.view(), interpolated.view());
        if let (Some(measures), Some(sharpness)) = (measures, &mut sharpness) {
            sharpness.add(measures, interpolated.view())?;
        }
        if let (Some(calibration), Some(expected)) =
            (&mut calibration, &outputs.others.expected_error)
        {
            let expected = hounsfield(expected, axis, index);
            Zip::from(&expected).and(&real).and(&interpolated).for_each(|&expected, &a, &b| {
                // Noise of air below the window is not part of the training.
                let clipped = |hu: f64| hu.max(Window::CT.low);
                calibration.add(expected, (clipped(a) - clipped(b)).abs());
            });
        }
    }
    let scores = mean.scores().unwrap_or_default();
    let positions = positions.iter().filter_map(Mean::scores).collect();
    let (slices, seconds) = (mean.count(), outputs.others.work.time.as_secs_f64());
    Ok(Evaluation { slices, seconds, scores, positions, tissues, calibration, sharpness })
}

/// Prepares a volume as the paper does: slices scaled to `side` x `side` pixels (bilinear, with
/// antialiasing), HU clipped to the window -1000 to 1000 and rounded. Of the geometry only the
/// slice spacing is kept. `None` for a label map.
///
/// # Errors
/// As [`SliceStack::of_ct`] and [`SliceStack::resized`].
pub fn resized(volume: &Volume, side: usize) -> Result<Option<Volume>> {
    let input = volume.geometry();
    let axis = input.slice_axis();
    let Some(stack) = SliceStack::of_ct("", volume)? else { return Ok(None) };
    let slices = stack.resized(side)?.slices;
    let spacing = input.spacing(axis);
    // Finer in the plane than along the slice axis, so that the same axis is found again.
    let steps = [[0.5 * spacing, 0.0, 0.0], [0.0, 0.5 * spacing, 0.0], [0.0, 0.0, spacing]];
    let geometry = Geometry::new([side, side, slices.dim().0], [0.0; 3], steps)?;
    Volume::new(slices.into(), Rescale::IDENTITY, geometry).map(Some)
}

/// Averages slices as a scanner with slices `count` times as thick does: each one is the mean of
/// `count` slices around it, in HU; of fewer at both ends, see [`whole_averages`].
///
/// # Errors
/// [`Error::Argument`] for an even count, whose averages would be between the slices;
/// [`Error::Memory`].
pub fn averaged(volume: &Volume, count: usize) -> Result<Volume> {
    if count.is_multiple_of(2) {
        return Err(Error::Argument(format!(
            "averages of {count} slices are between slices; use an odd number"
        )));
    }
    let axis = volume.geometry().slice_axis();
    let slices = volume.geometry().length(axis);
    let [i, j, k] = volume.geometry().size();
    let bytes = [i, j, k].into_iter().fold(4u64, |all, n| all.saturating_mul(n as u64));
    memory::check(bytes, "use a smaller volume")?;
    let mut averages = Array3::<f32>::zeros((k, j, i));
    for index in 0..slices {
        let members = index.saturating_sub(count / 2)..(index + count / 2 + 1).min(slices);
        let share = 1.0 / members.len() as f64;
        let mut mean = Array2::<f64>::zeros(slice(&averages, axis, index).dim());
        for member in members {
            mean.scaled_add(share, &hounsfield(volume, axis, member));
        }
        slice_mut(&mut averages, axis, index).assign(&mean.mapv(|hu| hu as f32));
    }
    Volume::new(averages.into(), Rescale::IDENTITY, volume.geometry().clone())
}

/// Slices of `range`, out of `slices`, whose average is over `count` whole slices.
pub fn whole_averages(range: Range<usize>, slices: usize, count: usize) -> Range<usize> {
    range.start.max(count / 2)..range.end.min(slices.saturating_sub(count / 2))
}

/// Takes `count` slices of a volume, one every `gap`, from `first` on.
pub(crate) fn thinned(
    volume: &Volume,
    axis: Axis,
    first: usize,
    gap: usize,
    count: usize,
) -> Result<Volume> {
    let input = volume.geometry();
    let offset = first as f64 * input.spacing(axis);
    let geometry = input.with_slices(axis, offset, 1.0 / gap as f64, count);
    let kept: Vec<usize> = (0..count).map(|index| first + index * gap).collect();
    let voxels = with_voxels!(volume.voxels(), array => {
        Voxels::from(array.select(ArrayAxis(axis.array_axis()), &kept))
    });
    Volume::new(voxels, volume.rescale(), geometry)
}

/// One slice in HU.
pub fn hounsfield(volume: &Volume, axis: Axis, index: usize) -> Array2<f64> {
    let rescale = volume.rescale();
    with_voxels!(volume.voxels(), array => {
        slice(array, axis, index).map(|&stored| rescale.to_hu(Voxel::to_f64(stored)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Array3;

    /// A ramp equals its average away from its ends, and a single bright slice is spread evenly.
    #[test]
    fn thick_slices_are_averages() {
        let steps = [[0.5, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 1.0]];
        let geometry = Geometry::new([12, 14, 9], [0.0; 3], steps).unwrap();
        let rescale = Rescale { slope: 2.0, intercept: -1000.0 };
        let volume = |value: &dyn Fn(usize) -> i16| {
            let array = Array3::from_shape_fn((9, 14, 12), |(k, _, _)| value(k));
            Volume::new(array.into(), rescale, geometry.clone()).unwrap()
        };
        let hu = |volume: &Volume, k: usize| hounsfield(volume, Axis::K, k)[(1, 2)];
        let ramp = averaged(&volume(&|k| 100 * k as i16), 3).unwrap();
        let flash = averaged(&volume(&|k| if k == 4 { 300 } else { 0 }), 5).unwrap();
        assert_eq!(whole_averages(0..9, 9, 3), 1..8);
        for k in 1..8 {
            assert!((hu(&ramp, k) - (200.0 * k as f64 - 1000.0)).abs() < 1e-3);
        }
        for k in 2..7 {
            assert!((hu(&flash, k) - (600.0 / 5.0 - 1000.0)).abs() < 1e-3, "{k}");
        }
        assert!(averaged(&volume(&|_| 0), 4).unwrap_err().to_string().contains("odd"));
        // Thick slices that are thinned and interpolated: the ramp again.
        let truth = volume(&|k| 100 * k as i16);
        let comparison =
            Comparison { known: &ramp, range: Some(1..8), ..Comparison::new(&truth, 2) };
        let measured = evaluate(&comparison, &Interpolator::Linear, &mut |_| Ok(()));
        assert_eq!(measured.unwrap().scores.rmse, 0.0);
    }

    #[test]
    fn resized_planes_stay_across_the_slice_axis() {
        // Thick along i, planes of 96 x 64 of one grey each: they stay that grey.
        let array = Array3::from_shape_fn((96, 64, 5), |(_, _, i)| 300 * i as i16 - 600);
        let steps = [[0.7, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.5]];
        let geometry = Geometry::new([5, 64, 96], [0.0; 3], steps).unwrap();
        let volume = Volume::new(array.into(), Rescale::IDENTITY, geometry).unwrap();
        let resized = resized(&volume, 32).unwrap().expect("a CT");
        assert_eq!(resized.geometry().size(), [32, 32, 5]);
        assert_eq!(resized.geometry().slice_axis(), Axis::K);
        for index in 0..5 {
            let plane = hounsfield(&resized, Axis::K, index);
            assert!(plane.iter().all(|&hu| hu == 300.0 * index as f64 - 600.0));
        }
        // A ramp along the slice axis is its own linear interpolation.
        let comparison = Comparison::new(&resized, 2);
        let measured = evaluate(&comparison, &Interpolator::Linear, &mut |_| Ok(())).unwrap();
        assert_eq!((measured.slices, measured.scores.rmse), (2, 0.0));
    }
}
