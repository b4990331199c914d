//! How well a method makes slices that are known: drop the inner slices of every group, make them
//! again, compare (section 4.3 and Table 2 of the paper).

use std::ops::Range;

use ndarray::{Axis as ArrayAxis, Zip};

use crate::error::{Error, Result};
use crate::metrics::calibration::Calibration;
use crate::metrics::tissue;
use crate::metrics::tissue::TissueSums;
use crate::metrics::{Mean, SliceScores};
use crate::resample::Interpolator;
use crate::resample::expected_error;
use crate::resample::expected_error::interpolate_with_error;
use crate::resample::interpolate::{Progress, interpolate};
use crate::resample::{Plan, SliceSource, Spacing};
use crate::volume::slice_stack::SliceStack;
use crate::volume::voxels::{slice, slice_mut, with_voxels};
use crate::volume::{Axis, Geometry, Rescale, Volume, Voxel, Voxels, Window};

/// The mean scores of one volume at one gap.
pub struct Evaluation {
    /// Slices that were dropped, made again and compared.
    pub slices: usize,
    /// Wall-clock time that making them took.
    pub seconds: f64,
    /// Means over these slices.
    pub scores: SliceScores,
    /// Bias and noise in each of [`tissue::TISSUES`], over these slices.
    pub tissues: [TissueSums; 4],
    /// Expected and real errors of their voxels, for a network with a confidence. Real ones are of grey
    /// values clipped to the window, as the network learnt them.
    pub calibration: Option<Calibration>,
}

/// Keeps every `gap`-th of the slices in `range` (all, if `None`), makes the others with `method`,
/// and compares them with the real ones in the window -1000..1000 HU.
///
/// # Errors
/// [`Error::Argument`] for a gap below 2, or one that leaves no whole group; as [`interpolate`].
pub fn evaluate(
    volume: &Volume,
    gap: usize,
    range: Option<Range<usize>>,
    method: &Interpolator,
    on_progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<Evaluation> {
    let comparison = Comparison { known: volume, truth: volume, gap, range, confidence: false };
    evaluate_against(comparison, method, on_progress)
}

/// What is kept, and what is compared with it.
#[derive(Clone)]
pub struct Comparison<'a> {
    /// Slices of this volume are kept.
    pub known: &'a Volume,
    /// Slices of this one, on the same grid, are what should come out in between.
    pub truth: &'a Volume,
    /// Every how many slices one is kept.
    pub gap: usize,
    /// The slices that are looked at; `None`: all.
    pub range: Option<Range<usize>>,
    /// Whether expected errors are compared with real ones, where the method has any.
    pub confidence: bool,
}

/// As [`evaluate`], with known slices and truth from two volumes.
///
/// # Errors
/// As [`evaluate`]; [`Error::Geometry`] for volumes of different size.
pub fn evaluate_against(
    Comparison { known, truth, gap, range, confidence }: Comparison,
    method: &Interpolator,
    on_progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<Evaluation> {
    let axis = truth.geometry().slice_axis();
    let count = truth.geometry().length(axis);
    let sizes = [known, truth].map(|volume| volume.geometry().size());
    if sizes[0] != sizes[1] {
        return Err(Error::Geometry(format!(
            "known slices of a volume of {:?} voxels, the truth of one of {:?}",
            sizes[0], sizes[1]
        )));
    }
    let range = range.unwrap_or(0..count);
    let slices = range.end.min(count).saturating_sub(range.start);
    if gap < 2 {
        return Err(Error::Argument(format!("a gap of {gap}; 2 drops every second slice")));
    }
    if slices <= gap {
        return Err(Error::Argument(format!(
            "{slices} slices are too few for a gap of {gap}: it needs {} or more",
            gap + 1
        )));
    }
    if truth.geometry().uneven_slices().is_some() {
        return Err(Error::Geometry("the slices are unevenly spaced; groups would differ".into()));
    }
    let groups = (slices - 1) / gap;
    let thinned = thinned(known, axis, range.start, gap, groups + 1)?;
    let plan = Plan::new(thinned.geometry(), Some(axis), &Spacing::Factor(gap))?;
    let (made, expected, work) = if confidence && expected_error::check(method).is_ok() {
        let (made, expected, work) = interpolate_with_error(&thinned, &plan, method, on_progress)?;
        (made, Some(expected), work)
    } else {
        let (made, work) = interpolate(&thinned, &plan, method, on_progress)?;
        (made, None, work)
    };

    let mut mean = Mean::default();
    let mut tissues = [TissueSums::default(); 4];
    let mut calibration = expected.as_ref().map(|_| Calibration::default());
    for (index, source) in plan.slices().iter().enumerate() {
        if matches!(source, SliceSource::Between { .. }) {
            let truth = hounsfield(truth, axis, range.start + index);
            let prediction = hounsfield(&made, axis, index);
            mean.add(SliceScores::of(truth.view(), prediction.view(), Window::CT)?);
            tissue::add(&mut tissues, truth.view(), prediction.view());
            if let (Some(calibration), Some(expected)) = (&mut calibration, &expected) {
                let expected = hounsfield(expected, axis, index);
                Zip::from(&expected).and(&truth).and(&prediction).for_each(
                    |&expected, &truth, &prediction| {
                        // Noise of air below the window was never learnt.
                        let seen = |hu: f64| hu.max(Window::CT.low);
                        calibration.add(expected, (seen(truth) - seen(prediction)).abs());
                    },
                );
            }
        }
    }
    let scores = mean.scores().unwrap_or_default();
    let seconds = work.time.as_secs_f64();
    Ok(Evaluation { slices: mean.count(), seconds, scores, tissues, calibration })
}

/// The volume as the paper measures it: planes across the slice axis scaled to `side` x `side` pixels
/// (bilinear, with the smoothing that a smaller picture needs), HU clipped to the window -1000..1000
/// and rounded. Of its place in space only the slice spacing is kept. `None` for a label map.
///
/// # Errors
/// As [`SliceStack::of_ct`] and [`SliceStack::resized`].
pub fn resized(volume: &Volume, side: usize) -> Result<Option<Volume>> {
    let input = volume.geometry();
    let axis = input.slice_axis();
    let Some(stack) = SliceStack::of_ct("", volume)? else { return Ok(None) };
    let slices = stack.resized(side)?.slices;
    let apart = input.spacing(axis);
    // Finer in the plane than across, so that the slice axis is found again.
    let steps = [[0.5 * apart, 0.0, 0.0], [0.0, 0.5 * apart, 0.0], [0.0, 0.0, apart]];
    let geometry = Geometry::new([side, side, slices.dim().0], [0.0; 3], steps)?;
    Volume::new(slices.into(), Rescale::IDENTITY, geometry).map(Some)
}

/// The volume as a scanner with slices `count` times as thick sees it: each slice the mean of `count`
/// around it, in HU; fewer at both ends, see [`whole_averages`]. A thick slice is an average over its
/// thickness, not a sample.
///
/// # Errors
/// [`Error::Argument`] for an even count, whose averages would lie between the slices.
pub fn averaged(volume: &Volume, count: usize) -> Result<Volume> {
    if count.is_multiple_of(2) {
        return Err(Error::Argument(format!(
            "averages of {count} slices lie between slices; take an odd number"
        )));
    }
    let axis = volume.geometry().slice_axis();
    let slices = volume.geometry().length(axis);
    let [i, j, k] = volume.geometry().size();
    let mut averages = ndarray::Array3::<f32>::zeros((k, j, i));
    for index in 0..slices {
        let members = index.saturating_sub(count / 2)..(index + count / 2 + 1).min(slices);
        let share = 1.0 / members.len() as f64;
        let mut mean = ndarray::Array2::<f64>::zeros(slice(&averages, axis, index).dim());
        for member in members {
            mean.scaled_add(share, &hounsfield(volume, axis, member));
        }
        slice_mut(&mut averages, axis, index).assign(&mean.mapv(|hu| hu as f32));
    }
    Volume::new(averages.into(), Rescale::IDENTITY, volume.geometry().clone())
}

/// Those of the slices `0..slices` in `range` whose average is over `count` slices.
pub fn whole_averages(range: Range<usize>, slices: usize, count: usize) -> Range<usize> {
    range.start.max(count / 2)..range.end.min(slices.saturating_sub(count / 2))
}

/// `count` slices of a volume, one every `gap`, from `first` on.
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
pub(crate) fn hounsfield(volume: &Volume, axis: Axis, index: usize) -> ndarray::Array2<f64> {
    let rescale = volume.rescale();
    with_voxels!(volume.voxels(), array => {
        slice(array, axis, index).map(|&stored| rescale.to_hu(Voxel::to_f64(stored)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    /// A ramp is its own average away from its ends, and a single bright slice is spread evenly.
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
        // Thick slices that are thinned and blended: the ramp again, of either truth.
        let truth = volume(&|k| 100 * k as i16);
        let known = &ramp;
        let range = Some(1..8);
        let comparison = Comparison { known, truth: &truth, gap: 2, range, confidence: false };
        let measured = evaluate_against(comparison, &Interpolator::Linear, &mut |_| Ok(()));
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
        // A ramp along the slice axis is its own linear blend.
        let measured = evaluate(&resized, 2, None, &Interpolator::Linear, &mut |_| Ok(())).unwrap();
        assert_eq!((measured.slices, measured.scores.rmse), (2, 0.0));
    }
}
