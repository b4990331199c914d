//! The smallest voxel type that holds Hounsfield units exactly, for formats without a rescale and
//! for series whose slices differ in theirs.

use crate::volume::VoxelType;

/// Voxel types that hold every value seen so far exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExactTypes {
    int16: bool,
    int32: bool,
    float32: bool,
}

impl ExactTypes {
    /// All types, before the first value.
    pub(crate) const ALL: ExactTypes = ExactTypes { int16: true, int32: true, float32: true };

    /// Drops the types that do not hold `value` exactly.
    pub(crate) fn with(self, value: f64) -> ExactTypes {
        ExactTypes {
            int16: self.int16 && f64::from(value as i16) == value,
            int32: self.int32 && f64::from(value as i32) == value,
            float32: self.float32 && (f64::from(value as f32) == value || value.is_nan()),
        }
    }

    /// Smallest of int16, int32 and float32 that holds all values exactly, else float64.
    pub(crate) fn smallest(self) -> VoxelType {
        match self {
            ExactTypes { int16: true, .. } => VoxelType::Int16,
            ExactTypes { int32: true, .. } => VoxelType::Int32,
            ExactTypes { float32: true, .. } => VoxelType::Float32,
            _ => VoxelType::Float64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smallest_exact_type_is_chosen() {
        let smallest = |values: &[f64]| {
            values.iter().fold(ExactTypes::ALL, |types, &value| types.with(value)).smallest()
        };
        assert_eq!(smallest(&[-32768.0, 0.0, 32767.0]), VoxelType::Int16);
        assert_eq!(smallest(&[0.0, 32768.0]), VoxelType::Int32);
        assert_eq!(smallest(&[0.0, 0.5]), VoxelType::Float32);
        assert_eq!(smallest(&[0.5, f64::NAN, f64::INFINITY]), VoxelType::Float32);
        assert_eq!(smallest(&[0.1]), VoxelType::Float64);
        // float32 does not hold the first, int32 not the second.
        assert_eq!(smallest(&[16_777_217.0, 0.5]), VoxelType::Float64);
    }
}
