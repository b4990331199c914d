//! Memory of a job: of its inputs, of its outputs, and of the work on them.

use crate::error::{Error, Result, bytes_in_words};
use crate::labels::{self, LabelMethod};
use crate::resample::output_slices::PARTS_IN_MEMORY;
use crate::resample::share::ShareCost;
use crate::resample::{Interpolator, Plan};
use crate::runtime::memory;
use crate::volume::VoxelType;

/// Bytes of the expected error of a voxel.
const ERROR_BYTES: usize = size_of::<f32>();

/// What the memory of a job depends on; the voxels themselves are not needed.
pub(super) struct JobMemory<'a> {
    pub(super) plan: &'a Plan,
    pub(super) interpolator: &'a Interpolator,
    /// Voxel type of the CT.
    pub(super) image: VoxelType,
    /// Whether a copy of the CT takes the place of one with NaN.
    pub(super) is_filled: bool,
    pub(super) expected_error: bool,
    /// Slices of a part, where the resampled CT is made part by part.
    pub(super) part_slices: Option<usize>,
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
        self.output_bytes().saturating_add(self.work_bytes())
    }

    /// Bytes of all inputs and outputs.
    pub(super) fn array_bytes(&self) -> u64 {
        let grid = self.plan.input_shape();
        let maps = self.label_maps.iter().map(|map| bytes(grid, map.bytes()));
        [self.input_bytes(), self.output_bytes()]
            .into_iter()
            .chain(maps)
            .fold(0, u64::saturating_add)
    }

    /// Bytes of the process at its peak, with all that a network does at once within `limit`.
    pub(super) fn peak_bytes(&self, limit: Option<u64>) -> u64 {
        let work_limit = self.work_limit(limit);
        self.process_bytes(&|cost| cost.bytes(cost.choose(work_limit, memory::available())))
    }

    /// Bytes that a network may take within `limit`.
    pub(super) fn work_limit(&self, limit: Option<u64>) -> Option<u64> {
        limit.map(|limit| limit.saturating_sub(self.array_bytes()))
    }

    /// Refuses a limit below the least that the process takes.
    ///
    /// # Errors
    /// [`Error::Argument`] that names the least.
    pub(super) fn check_limit(&self, limit: Option<u64>) -> Result<()> {
        let least = self.process_bytes(&ShareCost::least_bytes);
        match limit.filter(|&limit| limit < least) {
            None => Ok(()),
            Some(limit) => Err(Error::Argument(format!(
                "this takes at least {} of memory, more than the limit of {}; allow more, or {}",
                bytes_in_words(least),
                bytes_in_words(limit),
                super::job::MEMORY_ADVICE
            ))),
        }
    }

    /// Bytes of the process, with those of a network's work.
    fn process_bytes(&self, of_network: &dyn Fn(&ShareCost) -> u64) -> u64 {
        // That of a network counts libtorch.
        let beside = memory::PROCESS_BYTES;
        let image = match self.interpolator.network().filter(|_| !self.plan.is_copy()) {
            Some(network) => of_network(&ShareCost::new(self.plan, network)).max(beside),
            None => self.interpolator.work_bytes(self.plan) + beside,
        };
        let labels = match self.label_maps.is_empty() {
            true => 0,
            false => self.label_work_bytes().saturating_add(beside),
        };
        self.array_bytes().saturating_add(image.max(labels))
    }

    /// Bytes of the outputs.
    fn output_bytes(&self) -> u64 {
        let grid = self.plan.output_shape();
        let outputs = self.label_maps.iter().map(|map| bytes(grid, map.bytes()));
        let filled = if self.is_filled { self.input_bytes() } else { 0 };
        let straightening = self.plan.straightening_bytes(self.image_bytes() as u64);
        let expected_error = if self.expected_error { bytes(grid, ERROR_BYTES) } else { 0 };
        [self.image_output_bytes(), expected_error, filled, straightening]
            .into_iter()
            .chain(outputs)
            .fold(0, u64::saturating_add)
    }

    /// Bytes of the resampled CT, as much as there is of it at a time.
    fn image_output_bytes(&self) -> u64 {
        let mut shape = self.plan.output_shape();
        if let Some(part) = self.part_slices {
            let slices = &mut shape[self.plan.axis().array_axis()];
            *slices = part.saturating_mul(PARTS_IN_MEMORY).min(*slices);
        }
        bytes(shape, self.image.bytes())
    }

    /// Bytes of a voxel of the CT and of its expected error.
    fn image_bytes(&self) -> usize {
        self.image.bytes() + if self.expected_error { ERROR_BYTES } else { 0 }
    }

    /// Bytes of interpolating: the image first, then one label map after the other.
    fn work_bytes(&self) -> u64 {
        let image = self.interpolator.work_bytes(self.plan);
        if self.label_maps.is_empty() {
            return image;
        }
        image.max(self.label_work_bytes())
    }

    fn label_work_bytes(&self) -> u64 {
        let network = match self.label_method {
            LabelMethod::Anatomy => self.interpolator.network(),
            _ => None,
        };
        labels::work_bytes(self.plan, network)
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
            part_slices: None,
            label_maps: Vec::new(),
            label_method: LabelMethod::Nearest,
        };
        assert_eq!(memory.input_bytes(), 2 * 400);
        assert_eq!(memory.output_and_work_bytes(), 2 * 1360 + linear);
        let process = memory::PROCESS_BYTES;
        assert_eq!(memory.peak_bytes(None), 2 * 400 + 2 * 1360 + linear + process);
        assert_eq!(memory.peak_bytes(Some(0)), memory.peak_bytes(None));
        assert!(memory.check_limit(Some(memory.peak_bytes(None))).is_ok());
        let refused = memory.check_limit(Some(process)).unwrap_err().to_string();
        assert!(refused.contains("at least 130 MB") && refused.contains("limit"), "{refused}");
        let more = JobMemory { is_filled: true, expected_error: true, ..memory };
        assert_eq!(more.output_and_work_bytes(), (2 + 4) * 1360 + 2 * 400 + linear);
        let none = JobMemory { is_filled: false, expected_error: false, ..more };
        let alone = none.output_and_work_bytes();
        let parts = JobMemory { part_slices: Some(3), ..none };
        assert_eq!(parts.output_and_work_bytes(), 2 * 12 * 80 + linear);
        let none = JobMemory { part_slices: Some(5), ..parts };
        assert_eq!(none.output_and_work_bytes(), alone, "no more than all");
        let labels = JobMemory { label_maps: vec![VoxelType::UInt8, VoxelType::UInt16], ..none };
        let work = labels::work_bytes(&plan, None).max(linear);
        assert_eq!(labels.array_bytes(), (2 + 3) * 400 + (2 + 3) * 1360);
        assert_eq!(labels.output_and_work_bytes(), alone - linear + 3 * 1360 + work);
    }
}
