//! Plans: the output grid, before any work is done.

use std::ffi::{CString, c_char, c_void};

use crate::capi::guard::{Refusal, borrow, call, check_size, flag, require, unknown};
use crate::capi::model::{HrinetModel, interpolator};
use crate::capi::status::HrinetStatus;
use crate::capi::volume::{HrinetVolume, HrinetVoxelType, voxel_bytes};
use crate::error::Error;
use crate::resample::{Plan, SliceSource, Spacing};
use crate::volume::Axis;

/// Wished spacing of the output slices: one of the `HRINET_SPACING_*` values.
pub type HrinetSpacing = i32;

/// The whole division of the slice spacing closest to the in-plane spacing.
pub const HRINET_SPACING_ISOTROPIC: HrinetSpacing = 0;
/// The slice spacing divided by `factor`.
pub const HRINET_SPACING_FACTOR: HrinetSpacing = 1;
/// The whole division of the slice spacing closest to `spacing_mm`.
pub const HRINET_SPACING_NEAREST: HrinetSpacing = 2;
/// Exactly `spacing_mm`, even where known slices are then missed.
pub const HRINET_SPACING_EXACT: HrinetSpacing = 3;
/// The slices of the grid of `like`, as far as they are within the volume.
pub const HRINET_SPACING_LIKE: HrinetSpacing = 4;

/// Value of `axis` in `HrinetResampleOptions` for the slice axis of the volume.
pub const HRINET_AXIS_AUTO: i32 = -1;

/// Options of a plan. Set it up with `hrinet_resample_options_init`.
#[repr(C)]
pub struct HrinetResampleOptions {
    /// Size of this struct as the host knows it.
    pub struct_size: usize,
    /// Wished spacing of the output slices.
    pub spacing: HrinetSpacing,
    /// For `HRINET_SPACING_FACTOR`.
    pub factor: u32,
    /// For `HRINET_SPACING_NEAREST` and `HRINET_SPACING_EXACT`.
    pub spacing_mm: f64,
    /// Axis along which to interpolate: 0 (i), 1 (j), 2 (k) or `HRINET_AXIS_AUTO`.
    pub axis: i32,
    /// For `HRINET_SPACING_LIKE`: a volume, whose geometry alone is read; else NULL. It is read
    /// when the plan is created, not later.
    pub like: *const HrinetVolume,
    /// 1: the output of a tilted gantry (a sheared `ijk_to_ras`) is sheared like the input, and its
    /// known slices stay bit for bit. 0: slices are moved in their plane, by cubic convolution,
    /// onto a right-angled grid that covers all of them.
    pub keep_tilt: i32,
}

/// Source of an output slice.
#[repr(C)]
pub struct HrinetSlice {
    /// Size of this struct as the host knows it.
    pub struct_size: usize,
    /// 1 for a copy of a known slice, 0 for an interpolated one. With a model of thin slices
    /// (`hrinet_model_is_thin`) none is a copy.
    pub is_known: i32,
    /// The known slice, or the first of the two on both sides.
    pub first: u32,
    /// The known slice, or the second of the two on both sides.
    pub second: u32,
    /// Position between them: 0 at the first, 1 at the second.
    pub fraction: f64,
}

/// Output grid of a volume, and the source of each slice. Immutable.
pub struct HrinetPlan {
    pub(super) plan: Plan,
    pub(super) voxel_type: HrinetVoxelType,
    pub(super) known_size: [usize; 3],
    rescale: [f64; 2],
    remark: CString,
}

/// Sets all fields to their defaults: isotropic, along the slice axis of the volume.
///
/// # Safety
/// `options` points to a struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_resample_options_init(
    options: *mut HrinetResampleOptions,
) -> HrinetStatus {
    call(|| {
        require(options, "options")?;
        let defaults = HrinetResampleOptions {
            struct_size: size_of::<HrinetResampleOptions>(),
            spacing: HRINET_SPACING_ISOTROPIC,
            factor: 1,
            spacing_mm: 0.0,
            axis: HRINET_AXIS_AUTO,
            like: std::ptr::null(),
            keep_tilt: 0,
        };
        // SAFETY: not NULL, and a place for the struct, as the caller promises.
        unsafe { options.write(defaults) };
        Ok(())
    })
}

/// Plans the output grid of a volume, whose `data` is not read. Free it with `hrinet_plan_free`.
///
/// Fails with `HRINET_INVALID_GEOMETRY` for an invalid grid (a single slice, axes sheared further
/// than a tilted gantry),
/// `HRINET_INVALID_ARGUMENT` for invalid options.
///
/// # Safety
/// `volume` and `options` point to structs; `plan` points to a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_plan_create(
    volume: *const HrinetVolume,
    options: *const HrinetResampleOptions,
    plan: *mut *mut HrinetPlan,
) -> HrinetStatus {
    call(|| {
        require(plan, "plan")?;
        // SAFETY: structs or NULL, as the caller promises.
        let (volume, options) = unsafe { (borrow(volume, "volume")?, borrow(options, "options")?) };
        volume.check("volume")?;
        // SAFETY: `like` is NULL or a volume, as the struct's page says.
        let (spacing, axis) = unsafe { options.wishes()? };
        // SAFETY: `size[2]` positions or NULL, as the struct's page says.
        let geometry = unsafe { volume.geometry()? };
        let rescale = volume.rescale()?;
        let plan_of = match flag("options->keep_tilt", options.keep_tilt)? {
            true => Plan::keeping_tilt,
            false => Plan::new,
        };
        let planned = plan_of(&geometry, axis, &spacing)?;
        let remark = planned.remark().unwrap_or_default().replace('\0', " ");
        let created = HrinetPlan {
            plan: planned,
            remark: CString::new(remark).unwrap_or_default(),
            voxel_type: volume.voxel_type,
            known_size: volume.size,
            rescale: [rescale.slope, rescale.intercept],
        };
        // SAFETY: not NULL, and a place for a pointer, as the caller promises.
        unsafe { plan.write(Box::into_raw(Box::new(created))) };
        Ok(())
    })
}

/// Describes the output: size, geometry, voxel type and rescale; `data` is NULL, for voxels without
/// gaps, i fastest. The host sets `output->data`, and may set `strides`.
///
/// # Safety
/// `plan` is a plan; `output` points to a struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_plan_output(
    plan: *const HrinetPlan,
    output: *mut HrinetVolume,
) -> HrinetStatus {
    call(|| {
        require(output, "output")?;
        // SAFETY: a plan or NULL, as the caller promises.
        let plan = unsafe { borrow(plan, "plan")? };
        let geometry = plan.plan.output();
        let mut ijk_to_ras = [0.0; 16];
        for (to, from) in ijk_to_ras.iter_mut().zip(geometry.ijk_to_ras().iter().flatten()) {
            *to = *from;
        }
        let described = HrinetVolume {
            struct_size: size_of::<HrinetVolume>(),
            voxel_type: plan.voxel_type,
            data: std::ptr::null_mut::<c_void>(),
            size: geometry.size(),
            strides: [0; 3],
            ijk_to_ras,
            slice_positions_mm: std::ptr::null(),
            rescale_slope: plan.rescale[0],
            rescale_intercept: plan.rescale[1],
        };
        // SAFETY: not NULL, and a place for the struct, as the caller promises.
        unsafe { output.write(described) };
        Ok(())
    })
}

/// Bytes of the voxels of the output, without gaps; 0 for NULL.
///
/// # Safety
/// `plan` is NULL or a plan.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_plan_output_bytes(plan: *const HrinetPlan) -> usize {
    let mut bytes = 0;
    call(|| {
        // SAFETY: a plan or NULL, as the caller promises.
        let plan = unsafe { borrow(plan, "plan")? };
        let each = voxel_bytes(plan.voxel_type)?;
        let size = plan.plan.output().size();
        bytes = size.iter().fold(each, |all, &side| all.saturating_mul(side));
        Ok(())
    });
    bytes
}

/// Approximate bytes of memory that `hrinet_resample` takes for the volume with a model (NULL:
/// linear interpolation) beside the voxels of input and output; 0 for a NULL plan.
///
/// # Safety
/// `plan` and `model` are NULL or what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_plan_work_bytes(
    plan: *const HrinetPlan,
    model: *const HrinetModel,
) -> u64 {
    let mut bytes = 0;
    call(|| {
        // SAFETY: a plan or NULL, as the caller promises.
        let plan = unsafe { borrow(plan, "plan")? };
        // SAFETY: a model or NULL, as the caller promises.
        let work = unsafe { interpolator(model) }.work_bytes(&plan.plan);
        let each = voxel_bytes(plan.voxel_type)? as u64;
        bytes = work.saturating_add(plan.plan.straightening_bytes(each));
        Ok(())
    });
    bytes
}

/// How the output differs from what was asked for, in words (UTF-8): a volume that is copied,
/// rounded slice positions, slices of a tilted gantry that are moved in their plane. Empty where
/// there is nothing to say, NULL for NULL; valid as long as the plan.
///
/// # Safety
/// `plan` is NULL or a plan.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_plan_remark(plan: *const HrinetPlan) -> *const c_char {
    let mut text = std::ptr::null();
    call(|| {
        // SAFETY: a plan or NULL, as the caller promises.
        text = unsafe { borrow(plan, "plan")? }.remark.as_ptr();
        Ok(())
    });
    text
}

/// Number of output slices along the slice axis; 0 for NULL.
///
/// # Safety
/// `plan` is NULL or a plan.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_plan_slice_count(plan: *const HrinetPlan) -> u32 {
    let mut count = 0;
    call(|| {
        // SAFETY: a plan or NULL, as the caller promises.
        let plan = unsafe { borrow(plan, "plan")? };
        count = plan.plan.slices().len() as u32;
        Ok(())
    });
    count
}

/// The slice axis: 0 (i), 1 (j) or 2 (k); -1 for NULL.
///
/// # Safety
/// `plan` is NULL or a plan.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_plan_axis(plan: *const HrinetPlan) -> i32 {
    let mut axis = -1;
    call(|| {
        // SAFETY: a plan or NULL, as the caller promises.
        axis = unsafe { borrow(plan, "plan")? }.plan.axis() as i32;
        Ok(())
    });
    axis
}

/// Source of output slice `index`. `slice->struct_size` must be set to `sizeof(HrinetSlice)`.
///
/// # Safety
/// `plan` is a plan; `slice` points to a struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_plan_slice(
    plan: *const HrinetPlan,
    index: u32,
    slice: *mut HrinetSlice,
) -> HrinetStatus {
    call(|| {
        // SAFETY: a struct or NULL, as the caller promises.
        let struct_size = unsafe { borrow(slice.cast_const(), "slice")? }.struct_size;
        check_size::<HrinetSlice>("slice", struct_size)?;
        // SAFETY: a plan or NULL, as the caller promises.
        let slices = unsafe { borrow(plan, "plan")? }.plan.slices();
        let source = slices.get(index as usize).ok_or_else(|| {
            Error::Argument(format!("slice {index} of an output with {} slices", slices.len()))
        })?;
        let described = match *source {
            SliceSource::Known(known) => HrinetSlice {
                struct_size,
                is_known: 1,
                first: known as u32,
                second: known as u32,
                fraction: 0.0,
            },
            SliceSource::Interpolated { first, fraction } => HrinetSlice {
                struct_size,
                is_known: 0,
                first: first as u32,
                second: first as u32 + 1,
                fraction,
            },
        };
        // SAFETY: not NULL, and a place for the struct, as the caller promises.
        unsafe { slice.write(described) };
        Ok(())
    })
}

/// Frees a plan; NULL is allowed. No other thread may be using it.
///
/// # Safety
/// `plan` is NULL or a plan, which must not be used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_plan_free(plan: *mut HrinetPlan) {
    if !plan.is_null() {
        // SAFETY: it came from `hrinet_plan_create`, and is freed once.
        drop(unsafe { Box::from_raw(plan) });
    }
}

impl HrinetResampleOptions {
    /// # Safety
    /// `like` is NULL or points to a volume.
    unsafe fn wishes(&self) -> Result<(Spacing, Option<Axis>), Refusal> {
        check_size::<HrinetResampleOptions>("options", self.struct_size)?;
        let spacing = match self.spacing {
            HRINET_SPACING_ISOTROPIC => Spacing::Isotropic,
            HRINET_SPACING_FACTOR => Spacing::Factor(self.factor as usize),
            HRINET_SPACING_NEAREST => Spacing::Nearest(self.spacing_mm),
            HRINET_SPACING_EXACT => Spacing::Exact(self.spacing_mm),
            HRINET_SPACING_LIKE => {
                // SAFETY: a volume or NULL, as the caller promises.
                let like = unsafe { borrow(self.like, "like")? };
                like.check("like")?;
                // SAFETY: `size[2]` positions or NULL, as the struct's page says.
                Spacing::Like(unsafe { like.geometry()? })
            }
            other => return Err(unknown("a spacing", other)),
        };
        let axis = match self.axis {
            HRINET_AXIS_AUTO => None,
            named => Some(axis_of(named)?),
        };
        Ok((spacing, axis))
    }
}

/// The axis of an index: 0 (i), 1 (j) or 2 (k).
pub(super) fn axis_of(index: i32) -> Result<Axis, Refusal> {
    match index {
        0 => Ok(Axis::I),
        1 => Ok(Axis::J),
        2 => Ok(Axis::K),
        other => Err(unknown("an axis", other)),
    }
}
