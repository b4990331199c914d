//! How far off the slices in between are expected to be, and where nobody should rely on that.
//!
//! A network with a confidence says for every new voxel how large its absolute error is on average, in
//! HU, as it learnt on slices that it was shown afterwards. It is no bound: single voxels are off by
//! more. It knows the patients, scanners and slice distances of its training.

use ndarray::{Array3, ArrayRef3};

use crate::error::{Error, Result};
use crate::interpolate::{Method, Progress, Work, run};
use crate::network::model::shipped_with_confidence;
use crate::volume::voxels::{slice, with_voxels};
use crate::volume::{Plan, Rescale, SliceSource, Volume, Voxel, Voxels};

/// Known slices may lie this much further apart than in training without a word.
const TOLERANCE: f64 = 1.01;

/// As [`crate::interpolate::interpolate`], and the expected absolute error of every voxel: a float32
/// volume on the same grid, in HU, 0 in known slices.
///
/// To what lies beyond the network's grey window (metal, padding), which the network does not see, half the
/// difference of the two known slices there is added.
///
/// # Errors
/// As [`crate::interpolate::interpolate`]; [`Error::Argument`] for a method without a confidence.
pub fn interpolate_with_error(
    volume: &Volume,
    plan: &Plan,
    method: &Method,
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
/// As [`interpolate_with_error`]; [`Error::Geometry`] where an output is not as large as the plan says.
/// What both hold after an error is not specified.
pub fn interpolate_into_with_error<T: Voxel>(
    (input, rescale): (&ArrayRef3<T>, Rescale),
    plan: &Plan,
    method: &Method,
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
/// [`Error::Argument`].
pub fn check(method: &Method) -> Result<()> {
    match method {
        Method::Network(network) if network.has_confidence() => Ok(()),
        _ => Err(without_confidence()),
    }
}

/// What to say of a method that expects nothing.
pub(crate) fn without_confidence() -> Error {
    let advice = match shipped_with_confidence().as_slice() {
        [] => "train one for a model by `hrinet train --confidence`".to_string(),
        names => format!("of the shipped models there is one in {}", names.join(", ")),
    };
    Error::Argument(format!("this model has learnt no expected error; {advice}"))
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

/// What the user should know where known slices lie further apart than the method was trained for.
pub fn beyond_training(plan: &Plan, method: &Method) -> Option<String> {
    let Method::Network(network) = method else { return None };
    let trained = network.longest_gap_mm()?;
    let positions = plan.known_positions();
    let gaps = plan.pairs().into_iter().map(|(first, _)| positions[first + 1] - positions[first]);
    let longest = gaps.map(f64::abs).reduce(f64::max)?;
    (longest > TOLERANCE * trained).then(|| {
        format!(
            "slices lie {longest:.1} mm apart, further than the {trained:.1} mm that the model was \
             trained for; what it makes between them is less certain than usual"
        )
    })
}
