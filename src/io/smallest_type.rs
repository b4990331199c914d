//! The type that Hounsfield units need, where a format knows no rescale or slices differ in theirs.

use crate::io::raw_voxels::NumberType;

/// Which types hold all of the values seen so far, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fit {
    int16: bool,
    int32: bool,
    float32: bool,
}

impl Fit {
    /// Nothing seen yet.
    pub(crate) const ANY: Fit = Fit { int16: true, int32: true, float32: true };

    /// With one more value.
    pub(crate) fn and(self, value: f64) -> Fit {
        Fit {
            int16: self.int16 && f64::from(value as i16) == value,
            int32: self.int32 && f64::from(value as i32) == value,
            float32: self.float32 && (f64::from(value as f32) == value || value.is_nan()),
        }
    }

    /// The smallest of int16, int32 and float32 that holds all values exactly, else float64.
    pub(crate) fn smallest(self) -> NumberType {
        match self {
            Fit { int16: true, .. } => NumberType::Int16,
            Fit { int32: true, .. } => NumberType::Int32,
            Fit { float32: true, .. } => NumberType::Float32,
            _ => NumberType::Float64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_type_that_is_exact_is_taken() {
        let smallest =
            |values: &[f64]| values.iter().fold(Fit::ANY, |fit, &value| fit.and(value)).smallest();
        assert_eq!(smallest(&[-32768.0, 0.0, 32767.0]), NumberType::Int16);
        assert_eq!(smallest(&[0.0, 32768.0]), NumberType::Int32);
        assert_eq!(smallest(&[0.0, 0.5]), NumberType::Float32);
        assert_eq!(smallest(&[0.5, f64::NAN, f64::INFINITY]), NumberType::Float32);
        assert_eq!(smallest(&[0.1]), NumberType::Float64);
        // float32 does not hold the first, int32 not the second.
        assert_eq!(smallest(&[16_777_217.0, 0.5]), NumberType::Float64);
    }
}
