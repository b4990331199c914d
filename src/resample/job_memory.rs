//! Memory of a job: of its inputs, of its outputs, and of the work on them.

use crate::labels::{self, LabelMethod};
use crate::resample::{Interpolator, Plan};
use crate::volume::VoxelType;

/// What the memory of a job depends on; the voxels themselves are not needed.
pub(super) struct JobMemory<'a> {
    pub(super) plan: &'a Plan,
    pub(super) interpolator: &'a Interpolator,
    /// Voxel type of the CT.
    pub(super) image: VoxelType,
    /// Whether a copy of the CT takes the place of one with NaN.
    pub(super) is_filled: bool,
    pub(super) expected_error: bool,
    /// Voxel types of the label maps.
    pub(super) label_maps: Vec<VoxelType>,
    pub(super) label_method: LabelMethod,
}

impl JobMemory<'_> {
    /// Bytes of the CT.
    pub(super) fn input_bytes(&self) -> u64 {
        bytes(self.plan.input_shape(), self.image.bytes())
    }

    /// Bytes of the outputs and of the work on them.
    pub(super) fn output_and_work_bytes(&self) -> u64 {
        let grid = self.plan.output_shape();
        let outputs = self.label_maps.iter().map(|map| bytes(grid, map.bytes()));
        let filled = if self.is_filled { self.input_bytes() } else { 0 };
        let straightening = self.plan.straightening_bytes(self.image_bytes() as u64);
        [bytes(grid, self.image_bytes()), filled, straightening, self.work_bytes()]
            .into_iter()
            .chain(outputs)
            .fold(0, u64::saturating_add)
    }

    /// Bytes of a voxel of the CT and of its expected error.
    fn image_bytes(&self) -> usize {
        self.image.bytes() + if self.expected_error { size_of::<f32>() } else { 0 }
    }

    /// Bytes of interpolating: the image first, then one label map after the other.
    fn work_bytes(&self) -> u64 {
        let image = self.interpolator.work_bytes(self.plan);
        if self.label_maps.is_empty() {
            return image;
        }
        let network = match self.label_method {
            LabelMethod::Anatomy => self.interpolator.network(),
            _ => None,
        };
        image.max(labels::work_bytes(self.plan, network))
    }
}

/// Bytes of an array, at most what 64 bits hold.
fn bytes(shape: [usize; 3], each: usize) -> u64 {
    shape.iter().fold(each as u64, |all, &side| all.saturating_mul(side as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::Spacing;
    use crate::volume::Geometry;

    /// A volume of 10 x 8 x 5 voxels; 17 slices by a factor of 4.
    fn plan() -> Plan {
        let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 4.0]];
        let geometry = Geometry::new([10, 8, 5], [0.0; 3], steps).unwrap();
        Plan::new(&geometry, None, &Spacing::Factor(4)).unwrap()
    }

    #[test]
    fn every_array_of_a_job_is_counted() {
        let plan = plan();
        let linear = 3 * 8 * 80;
        let memory = JobMemory {
            plan: &plan,
            interpolator: &Interpolator::Linear,
            image: VoxelType::Int16,
            is_filled: false,
            expected_error: false,
            label_maps: Vec::new(),
            label_method: LabelMethod::Nearest,
        };
        assert_eq!(memory.input_bytes(), 2 * 400);
        assert_eq!(memory.output_and_work_bytes(), 2 * 1360 + linear);
        let more = JobMemory { is_filled: true, expected_error: true, ..memory };
        assert_eq!(more.output_and_work_bytes(), (2 + 4) * 1360 + 2 * 400 + linear);
        let none = JobMemory { is_filled: false, expected_error: false, ..more };
        let alone = none.output_and_work_bytes();
        let labels = JobMemory { label_maps: vec![VoxelType::UInt8, VoxelType::UInt16], ..none };
        let work = labels::work_bytes(&plan, None).max(linear);
        assert_eq!(labels.output_and_work_bytes(), alone - linear + 3 * 1360 + work);
    }
}
