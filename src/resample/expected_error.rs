//! How far off the slices in between are expected to be.
//!
//! A network with a confidence says for every new voxel how large its absolute error is on average, in
//! HU, as it learnt on slices that it was shown afterwards. It is no bound: single voxels are off by
//! more. It knows the patients, scanners and slice distances of its training.

use ndarray::{Array3, ArrayRef3};

use crate::error::Result;
use crate::resample::interpolate::{Progress, Work, run};
use crate::resample::interpolator::{Interpolator, without_expected_error};
use crate::resample::{Plan, SliceSource};
use crate::volume::voxels::{slice, with_voxels};
use crate::volume::{Rescale, Volume, Voxel, Voxels};

/// As [`crate::resample::interpolate::interpolate`], and the expected absolute error of every voxel: a float32
/// volume on the same grid, in HU, 0 in known slices.
///
/// To what lies beyond the network's grey window (metal, padding), which the network does not see, half the
/// difference of the two known slices there is added.
///
/// # Errors
/// As [`crate::resample::interpolate::interpolate`]; [`crate::Error::Argument`] for a method without a confidence.
pub fn interpolate_with_error(
    volume: &Volume,
    plan: &Plan,
    method: &Interpolator,
    on_progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<(Volume, Volume, Work)> {
    let rescale = volume.rescale();
    let [i, j, k] = plan.output().size();
    with_voxels!(volume.voxels(), input => {
        let mut output = Array3::from_elem((k, j, i), Default::default());
        let mut errors = Array3::zeros((k, j, i));
        let work = interpolate_into_with_error(
            (input, rescale), plan, method, (&mut output, &mut errors), on_progress,
        )?;
        let grid = plan.output();
        let errors = Volume::new(Voxels::from(errors), Rescale::IDENTITY, grid.clone())?;
        Ok((Volume::new(Voxels::from(output), rescale, grid.clone())?, errors, work))
    })
}

/// As [`interpolate_with_error`], from an array `[k, j, i]` of a host into two others.
///
/// # Errors
/// As [`interpolate_with_error`]; [`crate::Error::Geometry`] where an output is not as large as the plan says.
/// What both hold after an error is not specified.
pub fn interpolate_into_with_error<T: Voxel>(
    (input, rescale): (&ArrayRef3<T>, Rescale),
    plan: &Plan,
    method: &Interpolator,
    (output, errors): (&mut ArrayRef3<T>, &mut ArrayRef3<f32>),
    on_progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<Work> {
    check(method)?;
    plan.check_shapes(input.shape(), errors.shape())?;
    errors.fill(0.0);
    run((input, rescale), plan, method, (output, Some(errors)), on_progress)
}

/// Checks that a method can say what it expects.
///
/// # Errors
/// [`crate::Error::Argument`].
pub fn check(method: &Interpolator) -> Result<()> {
    match method {
        Interpolator::Network(network) if network.predicts_error() => Ok(()),
        _ => Err(without_expected_error()),
    }
}

/// Bytes that the volume of expected errors takes.
pub fn bytes(plan: &Plan) -> u64 {
    plan.output().size().iter().fold(4, |all, &side| all.saturating_mul(side as u64))
}

/// The mean over the voxels of all new slices, in HU; `None` where there are none.
pub fn mean_of_new(errors: &Volume, plan: &Plan) -> Option<f64> {
    let new = plan.slices().iter().enumerate();
    let new = new.filter(|(_, source)| matches!(source, SliceSource::Between { .. }));
    let (mut sum, mut count) = (0.0, 0);
    with_voxels!(errors.voxels(), array => {
        for (index, _) in new {
            let plane = slice(array, plan.axis(), index);
            sum += plane.iter().map(|&error| Voxel::to_f64(error)).sum::<f64>();
            count += plane.len();
        }
    });
    (count > 0).then(|| sum / count as f64)
}
