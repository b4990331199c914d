//! Volumes of a host: geometry, and voxels that stay the host's.

use std::ffi::c_void;
use std::ops::Range;

use ndarray::{ArrayView3, ArrayViewMut3, Ix3, ShapeBuilder};

use crate::capi::guard::{Refusal, call, check_size, invalid_argument, require};
use crate::capi::status::HrinetStatus;
use crate::error::Error;
use crate::volume::{Geometry, Rescale, Voxel, VoxelType, VoxelsView, VoxelsViewMut};

/// Evaluates an expression with `$T` as the Rust type of a voxel type from C; returns the error of
/// a value that is none.
macro_rules! with_voxel_type {
    ($value:expr, $T:ident => $body:expr) => {
        $crate::volume::voxel_type::with_voxel_type!(
            $crate::capi::volume::voxel_type($value)?, $T => $body
        )
    };
}

/// Voxel type: one of the `HRINET_INT8`, ... values.
pub type HrinetVoxelType = i32;

/// 8-bit signed integers.
pub const HRINET_INT8: HrinetVoxelType = 1;
/// 8-bit unsigned integers.
pub const HRINET_UINT8: HrinetVoxelType = 2;
/// 16-bit signed integers.
pub const HRINET_INT16: HrinetVoxelType = 3;
/// 16-bit unsigned integers.
pub const HRINET_UINT16: HrinetVoxelType = 4;
/// 32-bit signed integers.
pub const HRINET_INT32: HrinetVoxelType = 5;
/// 32-bit unsigned integers.
pub const HRINET_UINT32: HrinetVoxelType = 6;
/// 64-bit signed integers.
pub const HRINET_INT64: HrinetVoxelType = 7;
/// 64-bit unsigned integers.
pub const HRINET_UINT64: HrinetVoxelType = 8;
/// 32-bit floating point.
pub const HRINET_FLOAT32: HrinetVoxelType = 9;
/// 64-bit floating point.
pub const HRINET_FLOAT64: HrinetVoxelType = 10;

/// Description of a volume; owns nothing. Set it up with `hrinet_volume_init`.
#[repr(C)]
pub struct HrinetVolume {
    /// Size of this struct as the host knows it.
    pub struct_size: usize,
    /// Voxel type.
    pub voxel_type: HrinetVoxelType,
    /// The first voxel, (0, 0, 0), aligned to its type. NULL where only the geometry matters.
    pub data: *mut c_void,
    /// Number of voxels along i, j, k.
    pub size: [usize; 3],
    /// Bytes from one voxel to the next along i, j, k, each greater than zero; all 0 for voxels
    /// without gaps, i fastest.
    pub strides: [isize; 3],
    /// Matrix from (i, j, k, 1) to RAS in mm, row by row.
    pub ijk_to_ras: [f64; 16],
    /// Positions of the k slices in mm from the first, for unevenly spaced slices; else NULL.
    /// `size[2]` numbers, valid while the struct is used.
    pub slice_positions_mm: *const f64,
    /// `HU = rescale_slope * stored + rescale_intercept`.
    pub rescale_slope: f64,
    /// See `rescale_slope`.
    pub rescale_intercept: f64,
}

/// Sets all fields to their defaults: no voxels, size 0, spacing 1 mm, stored values are HU.
///
/// # Safety
/// `volume` points to a struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_volume_init(volume: *mut HrinetVolume) -> HrinetStatus {
    call(|| {
        require(volume, "volume")?;
        let mut ijk_to_ras = [0.0; 16];
        for diagonal in [0, 5, 10, 15] {
            ijk_to_ras[diagonal] = 1.0;
        }
        let defaults = HrinetVolume {
            struct_size: size_of::<HrinetVolume>(),
            voxel_type: HRINET_INT16,
            data: std::ptr::null_mut(),
            size: [0; 3],
            strides: [0; 3],
            ijk_to_ras,
            slice_positions_mm: std::ptr::null(),
            rescale_slope: 1.0,
            rescale_intercept: 0.0,
        };
        // SAFETY: not NULL, and a place for the struct, as the caller promises.
        unsafe { volume.write(defaults) };
        Ok(())
    })
}

// The header needs literal values; the table decides.
const _: () = {
    assert!(HRINET_INT8 == VoxelType::Int8.c_value());
    assert!(HRINET_UINT8 == VoxelType::UInt8.c_value());
    assert!(HRINET_INT16 == VoxelType::Int16.c_value());
    assert!(HRINET_UINT16 == VoxelType::UInt16.c_value());
    assert!(HRINET_INT32 == VoxelType::Int32.c_value());
    assert!(HRINET_UINT32 == VoxelType::UInt32.c_value());
    assert!(HRINET_INT64 == VoxelType::Int64.c_value());
    assert!(HRINET_UINT64 == VoxelType::UInt64.c_value());
    assert!(HRINET_FLOAT32 == VoxelType::Float32.c_value());
    assert!(HRINET_FLOAT64 == VoxelType::Float64.c_value());
};

/// Voxel type of a value from C.
pub(super) fn voxel_type(value: HrinetVoxelType) -> Result<VoxelType, Error> {
    VoxelType::from_c_value(value).ok_or_else(|| {
        Error::Argument(format!(
            "a voxel_type of {value}; it is one of HRINET_INT8 (1) to HRINET_FLOAT64 (10)"
        ))
    })
}

/// Bytes of one voxel of a type from C.
pub(super) fn voxel_bytes(value: HrinetVoxelType) -> Result<usize, Error> {
    Ok(voxel_type(value)?.bytes())
}

impl HrinetVolume {
    /// Refuses a struct that was not initialised, and an unknown voxel type.
    pub(super) fn check(&self, name: &'static str) -> Result<(), Refusal> {
        check_size::<HrinetVolume>(name, self.struct_size)?;
        voxel_type(self.voxel_type)?;
        Ok(())
    }

    /// Geometry of the volume.
    ///
    /// # Safety
    /// `slice_positions_mm` is NULL or points to `size[2]` numbers.
    pub(super) unsafe fn geometry(&self) -> Result<Geometry, Error> {
        let entry = |row: usize, column: usize| self.ijk_to_ras[4 * row + column];
        let last = &self.ijk_to_ras[12..];
        if last != [0.0, 0.0, 0.0, 1.0] {
            return Err(Error::Geometry(format!(
                "the last row of ijk_to_ras is {last:?}; it must be 0, 0, 0, 1"
            )));
        }
        let column = |axis: usize| [entry(0, axis), entry(1, axis), entry(2, axis)];
        let steps = [column(0), column(1), column(2)];
        let geometry = Geometry::new(self.size, column(3), steps)?;
        if self.slice_positions_mm.is_null() {
            return Ok(geometry);
        }
        // SAFETY: not NULL, and `size[2]` numbers, as the caller promises.
        let positions =
            unsafe { std::slice::from_raw_parts(self.slice_positions_mm, self.size[2]) };
        geometry.with_slice_positions(positions.to_vec())
    }

    /// Conversion of stored values to HU.
    pub(super) fn rescale(&self) -> Result<Rescale, Error> {
        let (slope, intercept) = (self.rescale_slope, self.rescale_intercept);
        if slope == 0.0 || !slope.is_finite() || !intercept.is_finite() {
            return Err(Error::Argument(format!(
                "a rescale of {slope} * stored + {intercept}; the slope must not be zero"
            )));
        }
        Ok(Rescale { slope, intercept })
    }

    /// The voxels as an array `[k, j, i]`.
    ///
    /// # Safety
    /// `data` points to voxels of type `T` wherever size and strides lead, valid for `'a` and not
    /// written meanwhile.
    pub(super) unsafe fn view<'a, T: Voxel>(&self) -> Result<ArrayView3<'a, T>, Refusal> {
        let shape = self.shape::<T>()?;
        // SAFETY: the pointer is aligned and not NULL, strides are positive multiples of the type;
        // the rest as the caller promises.
        Ok(unsafe { ArrayView3::from_shape_ptr(shape, self.data.cast::<T>().cast_const()) })
    }

    /// As [`HrinetVolume::view`], to be written to.
    ///
    /// # Safety
    /// As [`HrinetVolume::view`]; no other thread reads or writes the voxels meanwhile.
    pub(super) unsafe fn view_mut<'a, T: Voxel>(&self) -> Result<ArrayViewMut3<'a, T>, Refusal> {
        let shape = self.shape::<T>()?;
        // SAFETY: as in `view`; no two voxels share an address, which `shape` checked.
        Ok(unsafe { ArrayViewMut3::from_shape_ptr(shape, self.data.cast::<T>()) })
    }

    /// The voxels as an array `[k, j, i]` of whatever type they have.
    ///
    /// # Safety
    /// As [`HrinetVolume::view`].
    pub(super) unsafe fn voxels<'a>(&self) -> Result<VoxelsView<'a>, Refusal> {
        // SAFETY: as the caller promises, for the type that the struct names.
        with_voxel_type!(self.voxel_type, T => Ok(unsafe { self.view::<T>()? }.into()))
    }

    /// As [`HrinetVolume::voxels`], to be written to.
    ///
    /// # Safety
    /// As [`HrinetVolume::view_mut`].
    pub(super) unsafe fn voxels_mut<'a>(&self) -> Result<VoxelsViewMut<'a>, Refusal> {
        // SAFETY: as the caller promises, for the type that the struct names.
        with_voxel_type!(self.voxel_type, T => Ok(unsafe { self.view_mut::<T>()? }.into()))
    }

    /// Addresses from the first voxel to behind the last one.
    pub(super) fn memory(&self) -> Result<Range<usize>, Refusal> {
        let bytes = with_voxel_type!(self.voxel_type, T => {
            self.shape::<T>()?;
            size_of::<T>()
        });
        let [i, j, _] = self.size;
        let strides = match self.strides {
            [0, 0, 0] => [bytes, bytes * i, bytes * i * j],
            strides => strides.map(|stride| stride as usize),
        };
        let last: usize = self.size.iter().zip(strides).map(|(n, stride)| (n - 1) * stride).sum();
        let start = self.data.addr();
        Ok(start..start.saturating_add(last + bytes))
    }

    fn shape<T>(&self) -> Result<ndarray::StrideShape<Ix3>, Refusal> {
        if self.data.is_null() {
            return Err(Refusal::Null("data"));
        }
        if !self.data.cast::<T>().is_aligned() {
            let message =
                format!("data at {:p} is not aligned to {} bytes", self.data, align_of::<T>());
            return Err(invalid_argument(message));
        }
        let [i, j, k] = self.size;
        let voxels = i.checked_mul(j).and_then(|plane| plane.checked_mul(k));
        let bytes = voxels.and_then(|voxels| voxels.checked_mul(size_of::<T>()));
        if bytes.is_none_or(|bytes| bytes > isize::MAX as usize) {
            return Err(invalid_argument(format!(
                "a size of {:?} voxels is beyond any memory",
                self.size
            )));
        }
        if self.strides == [0; 3] {
            return Ok((k, j, i).strides((i * j, i, 1)));
        }
        let each = size_of::<T>() as isize;
        if self.strides.iter().any(|&stride| stride <= 0 || stride % each != 0) {
            return Err(invalid_argument(format!(
                "strides of {:?} bytes; each must be a positive multiple of {each}",
                self.strides
            )));
        }
        let [along_i, along_j, along_k] = self.strides.map(|stride| (stride / each) as usize);
        // From the smallest stride up, each must step over the extent of the smaller ones.
        let mut axes = [(along_i, i), (along_j, j), (along_k, k)];
        axes.sort_unstable();
        let mut reach = 1usize;
        for (stride, length) in axes {
            if length > 1 && stride < reach {
                let message = format!("strides of {:?} bytes let voxels overlap", self.strides);
                return Err(invalid_argument(message));
            }
            reach = stride
                .checked_mul(length.saturating_sub(1))
                .and_then(|last| last.checked_add(reach))
                .filter(|&reach| reach <= isize::MAX as usize / size_of::<T>())
                .ok_or_else(|| {
                    invalid_argument(format!("strides of {:?} bytes are too large", self.strides))
                })?;
        }
        Ok((k, j, i).strides((along_k, along_j, along_i)))
    }
}
