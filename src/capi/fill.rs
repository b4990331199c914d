//! Filling of label maps between the slices on which they are drawn.

use std::ffi::c_void;

use crate::capi::guard::{
    Refusal, borrow, call, check_size, compute, flag, invalid_argument, require,
};
use crate::capi::job::{HrinetProgressCallback, report};
use crate::capi::job_arrays::{check_overlap, check_type};
use crate::capi::plan::axis_of;
use crate::capi::status::HrinetStatus;
use crate::capi::volume::HrinetVolume;
use crate::labels::fill::{FillOptions, fill};
use crate::volume::{Axis, Geometry};

/// A label map to fill between drawn slices. Set it up with `hrinet_fill_job_init`.
#[repr(C)]
pub struct HrinetFillJob {
    /// Size of this struct as the host knows it.
    pub struct_size: usize,
    /// The image: its geometry counts, its grey values may be of any unit.
    pub image: *const HrinetVolume,
    /// Labels on the grid of the image, of any voxel type; their geometry and rescale are not read.
    /// A slice is drawn for a label where it has a voxel of it; 0 is the background.
    pub labels: *const HrinetVolume,
    /// Place for the filled labels, of the voxel type of `labels`; its geometry and rescale are not
    /// read.
    pub output: *const HrinetVolume,
    /// Called after every few slices; may be NULL.
    pub progress: HrinetProgressCallback,
    /// Passed to `progress`.
    pub user: *mut c_void,
    /// Index of the first slice to fill.
    pub first_slice: usize,
    /// Number of slices to fill, others stay as they are drawn; 0: all from `first_slice` on.
    pub slice_count: usize,
    /// The axis across the drawn slices: 0 (i), 1 (j) or 2 (k, the default).
    pub axis: i32,
    /// 1 (the default): a label tapers beyond its first and last drawn slice, for less than the
    /// distance to its next drawn one; 0: it ends there.
    pub tapers: i32,
}

/// Sets all fields to their defaults.
///
/// # Safety
/// `job` points to a struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_fill_job_init(job: *mut HrinetFillJob) -> HrinetStatus {
    call(|| {
        require(job, "job")?;
        let defaults = HrinetFillJob {
            struct_size: size_of::<HrinetFillJob>(),
            image: std::ptr::null(),
            labels: std::ptr::null(),
            output: std::ptr::null(),
            progress: None,
            user: std::ptr::null_mut(),
            first_slice: 0,
            slice_count: 0,
            axis: Axis::K as i32,
            tapers: 1,
        };
        // SAFETY: not NULL, and a place for the struct, as the caller promises.
        unsafe { job.write(defaults) };
        Ok(())
    })
}

/// Fills every label between the slices on which it is drawn, by its outlines there and by the
/// image of the slices between; reads `labels`, writes `output`, with any strides. Drawn voxels are
/// copied bit for bit. Needs no model, and computes on the calling thread.
///
/// The memory from the first to the last voxel of `output` must not overlap that of an input.
///
/// Fails with `HRINET_INVALID_ARGUMENT` for volumes of different sizes, an output of another voxel
/// type, overlapping memory, labels that are not finite and slices that are not there;
/// `HRINET_CANCELLED`. The voxels of the output are then unspecified.
///
/// # Safety
/// `job` points to a struct, its pointers are what they say or NULL; `data` of each volume
/// reaches as far as size and strides; meanwhile no other thread touches the voxels of the output
/// or writes those of inputs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_fill_labels(job: *const HrinetFillJob) -> HrinetStatus {
    compute(|| {
        // SAFETY: a struct or NULL, as the caller promises.
        let job = unsafe { borrow(job, "job")? };
        check_size::<HrinetFillJob>("job", job.struct_size)?;
        // SAFETY: volumes or NULL, as the struct's page says.
        let (image, labels, output) = unsafe {
            (
                borrow(job.image, "image")?,
                borrow(job.labels, "labels")?,
                borrow(job.output, "output")?,
            )
        };
        for (name, volume) in [("image", image), ("labels", labels), ("output", output)] {
            volume.check(name)?;
        }
        check_type("output", output, labels.voxel_type)?;
        let memory = output.memory()?;
        check_overlap("output", &memory, "image", &image.memory()?)?;
        check_overlap("output", &memory, "labels", &labels.memory()?)?;
        // SAFETY: NULL or as many positions, as the caller promises.
        let geometry = unsafe { image.geometry()? };
        let options = options(job, &geometry)?;
        // SAFETY: voxels wherever size and strides lead, as the caller promises; the output
        // overlaps nothing, which was checked.
        let (grey, drawn, place) =
            unsafe { (image.voxels()?, labels.voxels()?, output.voxels_mut()?) };
        // SAFETY: the host's callback, called as its type says.
        fill(&grey, &drawn, place, &geometry, &options, &mut |done| unsafe {
            report(job.progress, job.user, done)
        })?;
        Ok(())
    })
}

/// The options of a job.
fn options(job: &HrinetFillJob, geometry: &Geometry) -> Result<FillOptions, Refusal> {
    let axis = axis_of(job.axis)?;
    let count = geometry.length(axis);
    let end = match job.slice_count {
        0 => Some(count.max(job.first_slice)),
        given => job.first_slice.checked_add(given),
    };
    let end = end.ok_or_else(|| {
        invalid_argument(format!("{} slices are to be filled, of {count}", job.slice_count))
    })?;
    let slices = Some(job.first_slice..end);
    Ok(FillOptions { axis, tapers: flag("tapers", job.tapers)?, slices })
}
