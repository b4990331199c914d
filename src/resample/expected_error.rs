//! Summary of the expected errors that a network predicts beside its slices.
//!
//! The error head of a network predicts for every interpolated voxel the mean absolute error in HU
//! that it saw in training. It is no bound: single voxels have larger errors. Outside the grey
//! window of the network, which it does not see, half the difference of the two known slices there
//! is added.

use crate::resample::{Plan, SliceSource};
use crate::volume::voxels::{slice, with_voxels};
use crate::volume::{Volume, Voxel};

/// Mean over the voxels of all interpolated slices, in HU; `None` for a plan without such slices.
pub fn mean_expected_error(errors: &Volume, plan: &Plan) -> Option<f64> {
    let sources = plan.slices().iter().enumerate();
    let interpolated =
        sources.filter(|(_, source)| matches!(source, SliceSource::Interpolated { .. }));
    // Without the padding of straightened slices.
    let [columns, rows] = plan.axis().others().map(|axis| plan.stack().length(axis));
    let (mut sum, mut count) = (0.0, 0);
    with_voxels!(errors.voxels(), array => {
        for (index, _) in interpolated {
            let plane = slice(array, plan.axis(), index);
            sum += plane.iter().map(|&error| Voxel::to_f64(error)).sum::<f64>();
            count += columns * rows;
        }
    });
    (count > 0).then(|| sum / count as f64)
}
