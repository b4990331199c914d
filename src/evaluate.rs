//! How well a method makes slices that are known: drop the inner slices of every group, make them
//! again, compare (section 4.3 and Table 2 of the paper).

use std::ops::Range;

use ndarray::{Axis as ArrayAxis, Zip};

use crate::error::{Error, Result};
use crate::expected_error::{self, interpolate_with_error};
use crate::interpolate::{Method, Progress, interpolate};
use crate::metrics::calibration::Calibration;
use crate::metrics::tissue::{self, TissueSums};
use crate::metrics::{Mean, SliceScores};
use crate::training::Stack;
use crate::volume::voxels::{slice, with_voxels};
use crate::volume::{
    Axis, Geometry, Plan, Rescale, SliceSource, Spacing, Volume, Voxel, Voxels, Window,
};

/// The mean scores of one volume at one gap.
pub struct Evaluation {
    /// Slices that were dropped, made again and compared.
    pub slices: usize,
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
    method: &Method,
    on_progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<Evaluation> {
    let axis = volume.geometry().slice_axis();
    let count = volume.geometry().length(axis);
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
    if volume.geometry().uneven_slices().is_some() {
        return Err(Error::Geometry("the slices are unevenly spaced; groups would differ".into()));
    }
    let groups = (slices - 1) / gap;
    let thinned = thinned(volume, axis, range.start, gap, groups + 1)?;
    let plan = Plan::new(thinned.geometry(), Some(axis), &Spacing::Factor(gap))?;
    let (made, expected) = match expected_error::check(method) {
        Ok(()) => {
            let (made, expected, _) = interpolate_with_error(&thinned, &plan, method, on_progress)?;
            (made, Some(expected))
        }
        Err(_) => (interpolate(&thinned, &plan, method, on_progress)?.0, None),
    };

    let mut mean = Mean::default();
    let mut tissues = [TissueSums::default(); 4];
    let mut calibration = expected.as_ref().map(|_| Calibration::default());
    for (index, source) in plan.slices().iter().enumerate() {
        if matches!(source, SliceSource::Between { .. }) {
            let truth = hounsfield(volume, axis, range.start + index);
            let prediction = hounsfield(&made, axis, index);
            mean.add(SliceScores::of(truth.view(), prediction.view(), Window::CT)?);
            tissue::add(&mut tissues, truth.view(), prediction.view());
            if let (Some(calibration), Some(expected)) = (&mut calibration, &expected) {
                let expected = hounsfield(expected, axis, index);
                Zip::from(&expected).and(&truth).and(&prediction).for_each(
                    |&expected, &truth, &prediction| {
                        let clip = |hu: f64| hu.clamp(Window::CT.low, Window::CT.high);
                        calibration.add(expected, (clip(truth) - clip(prediction)).abs());
                    },
                );
            }
        }
    }
    let scores = mean.scores().unwrap_or_default();
    Ok(Evaluation { slices: mean.count(), scores, tissues, calibration })
}

/// The volume as the paper measures it: planes across the slice axis scaled to `side` x `side` pixels
/// (bilinear, with the smoothing that a smaller picture needs), HU clipped to the window -1000..1000
/// and rounded. Of its place in space only the slice spacing is kept. `None` for a label map.
///
/// # Errors
/// As [`Stack::of_ct`] and [`Stack::resized`].
pub fn resized(volume: &Volume, side: usize) -> Result<Option<Volume>> {
    let input = volume.geometry();
    let axis = input.slice_axis();
    let Some(stack) = Stack::of_ct("", volume)? else { return Ok(None) };
    let slices = stack.resized(side)?.slices;
    let apart = input.spacing(axis);
    // Finer in the plane than across, so that the slice axis is found again.
    let steps = [[0.5 * apart, 0.0, 0.0], [0.0, 0.5 * apart, 0.0], [0.0, 0.0, apart]];
    let geometry = Geometry::new([side, side, slices.dim().0], [0.0; 3], steps)?;
    Volume::new(slices.into(), Rescale::IDENTITY, geometry).map(Some)
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
        let measured = evaluate(&resized, 2, None, &Method::Linear, &mut |_| Ok(())).unwrap();
        assert_eq!((measured.slices, measured.scores.rmse), (2, 0.0));
    }
}
