//! Voxels in the type in which they were stored, and their rescale to Hounsfield units.

use ndarray::{Array3, ArrayRef3, ArrayView2, ArrayViewMut2, Axis as ArrayAxis};

use crate::error::{Error, Result};
use crate::volume::axis::Axis;
use crate::volume::voxel_type::{VoxelType, voxel_type_table};

/// Rescale from stored values to Hounsfield units: `HU = slope * stored + intercept`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rescale {
    /// HU per stored unit; never zero.
    pub slope: f64,
    /// HU of a stored 0.
    pub intercept: f64,
}

impl Rescale {
    /// Rescale of voxels that are stored in Hounsfield units.
    pub const IDENTITY: Rescale = Rescale { slope: 1.0, intercept: 0.0 };

    /// HU of a stored value.
    pub fn to_hu(self, stored: f64) -> f64 {
        self.slope * stored + self.intercept
    }

    /// Stored value of a value in HU, not yet rounded to the voxel type.
    pub fn from_hu(self, hu: f64) -> f64 {
        (hu - self.intercept) / self.slope
    }
}

/// A Rust type that a voxel can have.
pub trait Voxel:
    Copy + PartialEq + PartialOrd + Default + Send + Sync + std::str::FromStr + 'static
{
    /// Voxel type of this Rust type.
    const TYPE: VoxelType;
    /// Value as a double (exact up to 2^53 for the 64-bit integers).
    fn to_f64(self) -> f64;
    /// Nearest value of this type, saturating; halves round away from zero.
    fn from_f64(value: f64) -> Self;
    /// Bit pattern, different for every value of this type.
    fn key(self) -> u64;
    /// Decodes one voxel of exactly [`VoxelType::bytes`] little-endian bytes.
    fn from_le_bytes(bytes: &[u8]) -> Self;
    /// Decodes one voxel of exactly [`VoxelType::bytes`] big-endian bytes.
    fn from_be_bytes(bytes: &[u8]) -> Self;
    /// Appends the voxel's bytes, little endian.
    fn append_le_bytes(self, bytes: &mut Vec<u8>);
}

macro_rules! define_voxels {
    ($(
        $variant:ident $type:ident $name:literal $c_value:literal $nifti:literal
        $meta_image:tt $nrrd:tt,
    )*) => {
        /// Voxels of one of ten types, shape `[k, j, i]`.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Voxels {
            $(
                #[doc = concat!("Voxels of type `", $name, "`.")]
                $variant(Array3<$type>),
            )*
        }

        $(
            impl Voxel for $type {
                const TYPE: VoxelType = VoxelType::$variant;

                fn to_f64(self) -> f64 {
                    self as f64
                }
                fn from_f64(value: f64) -> Self {
                    if Self::TYPE.is_integer() { value.round() as $type } else { value as $type }
                }
                fn key(self) -> u64 {
                    let mut bytes = [0; 8];
                    bytes[..size_of::<$type>()].copy_from_slice(&self.to_ne_bytes());
                    u64::from_ne_bytes(bytes)
                }
                fn from_le_bytes(bytes: &[u8]) -> Self {
                    let mut array = [0; size_of::<$type>()];
                    array.copy_from_slice(bytes);
                    <$type>::from_le_bytes(array)
                }
                fn from_be_bytes(bytes: &[u8]) -> Self {
                    let mut array = [0; size_of::<$type>()];
                    array.copy_from_slice(bytes);
                    <$type>::from_be_bytes(array)
                }
                fn append_le_bytes(self, bytes: &mut Vec<u8>) {
                    bytes.extend_from_slice(&self.to_le_bytes());
                }
            }

            impl From<Array3<$type>> for Voxels {
                fn from(array: Array3<$type>) -> Voxels {
                    Voxels::$variant(array)
                }
            }
        )*

        /// Evaluates an expression with `$array` as the array of whatever type the voxels have.
        macro_rules! with_voxels {
            ($voxels:expr, $array:ident => $body:expr) => {
                match $voxels {
                    $($crate::volume::Voxels::$variant($array) => $body,)*
                }
            };
        }
        pub(crate) use with_voxels;

        impl Voxels {
            /// Type of the voxels.
            pub fn voxel_type(&self) -> VoxelType {
                match self {
                    $(Voxels::$variant(_) => VoxelType::$variant,)*
                }
            }
        }
    };
}

voxel_type_table!(define_voxels);

impl Voxels {
    /// Number of voxels along `[k, j, i]`.
    pub fn shape(&self) -> [usize; 3] {
        with_voxels!(self, array => array.dim().into())
    }

    /// Bytes of all voxels.
    pub fn bytes(&self) -> u64 {
        self.shape().iter().product::<usize>() as u64 * self.voxel_type().bytes() as u64
    }

    /// Stored values as doubles, i fastest.
    pub fn values(&self) -> Box<dyn Iterator<Item = f64> + '_> {
        with_voxels!(self, array => Box::new(array.iter().map(|value| value.to_f64())))
    }

    /// Stored values as bytes, little endian, i fastest.
    pub fn to_le_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes() as usize);
        with_voxels!(self, array => {
            array.iter().for_each(|value| value.append_le_bytes(&mut bytes));
        });
        bytes
    }

    /// Whether a voxel is NaN.
    pub fn has_nan(&self) -> bool {
        !self.voxel_type().is_integer() && self.values().any(f64::is_nan)
    }

    /// Smallest and largest stored value.
    ///
    /// # Errors
    /// [`Error::Argument`] for a non-finite voxel, with its index.
    pub fn range(&self) -> Result<(f64, f64)> {
        with_voxels!(self, array => range(array))
    }
}

/// Smallest and largest stored value of an array `[k, j, i]`.
///
/// # Errors
/// [`Error::Argument`] for a non-finite voxel, with its index.
pub fn range<T: Voxel>(array: &ArrayRef3<T>) -> Result<(f64, f64)> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for ((k, j, i), &value) in array.indexed_iter() {
        let value = value.to_f64();
        if !value.is_finite() {
            return Err(Error::Argument(format!(
                "non-finite voxel at ({i}, {j}, {k}): {value}; replace such voxels by finite values"
            )));
        }
        low = low.min(value);
        high = high.max(value);
    }
    Ok((low, high))
}

/// Plane of slice `index` along `axis`; the two other axes are in the order of `[k, j, i]`.
pub fn slice<T>(array: &ArrayRef3<T>, axis: Axis, index: usize) -> ArrayView2<'_, T> {
    array.index_axis(ArrayAxis(axis.array_axis()), index)
}

/// Like [`slice()`], but mutable.
pub fn slice_mut<T>(array: &mut ArrayRef3<T>, axis: Axis, index: usize) -> ArrayViewMut2<'_, T> {
    array.index_axis_mut(ArrayAxis(axis.array_axis()), index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_round_and_saturate() {
        assert_eq!(i16::from_f64(2.5), 3);
        assert_eq!(i16::from_f64(-2.5), -3);
        assert_eq!(u8::from_f64(300.0), 255);
        assert_eq!(u8::from_f64(-3.0), 0);
        assert_eq!(f32::from_f64(2.5), 2.5);
    }

    #[test]
    fn non_finite_voxel_is_rejected_with_its_index() {
        let mut array = Array3::<f32>::zeros((2, 3, 4));
        array[(1, 2, 3)] = f32::NAN;
        let text = Voxels::from(array).range().unwrap_err().to_string();
        assert!(text.contains("(3, 2, 1)") && text.contains("NaN"), "{text}");
    }
}
