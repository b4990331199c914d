//! Jobs: a volume, its expected errors and label maps on the output grid of a plan.

use std::ffi::c_void;

use crate::capi::exit;
use crate::capi::floating_point;
use crate::capi::guard::{borrow, call, check_size, compute, require};
use crate::capi::job_arrays::Arrays;
use crate::capi::model::{HrinetModel, interpolator};
use crate::capi::plan::HrinetPlan;
use crate::capi::status::HrinetStatus;
use crate::capi::volume::HrinetVolume;
use crate::error::Error;
use crate::resample::{ArrayJob, Image, Progress};
use crate::volume::Window;

/// Progress of a job.
#[repr(C)]
pub struct HrinetProgress {
    /// Size of this struct as the library knows it.
    pub struct_size: usize,
    /// Slices interpolated so far, of all outputs.
    pub slices_done: u32,
    /// Slices to interpolate, of all outputs: those of the volume (with its expected errors) and of
    /// each label map.
    pub slices_total: u32,
}

/// Called after every few slices, from the thread that called the job. Anything but 0 cancels the
/// job, which then returns `HRINET_CANCELLED`. It may call the library, but not free what the job
/// uses.
///
/// A C++ exception that leaves it ends the process: catch it, return 1 and throw it again after the
/// call, as hrinet.hpp does. It must not leave by `longjmp` or end its thread either.
pub type HrinetProgressCallback =
    Option<unsafe extern "C" fn(progress: *const HrinetProgress, user: *mut c_void) -> i32>;

/// Method for labels between two known slices: one of the `HRINET_LABELS_*` values.
pub type HrinetLabelMethod = i32;

/// The labels of the nearer known slice; of the first one halfway between both.
pub const HRINET_LABELS_NEAREST: HrinetLabelMethod = 0;

/// Outlines between those of both slices, by signed distances in mm, label by label: no staircase;
/// a label that ends between two slices tapers. 0 is the background.
pub const HRINET_LABELS_SHAPE: HrinetLabelMethod = 1;

/// As `HRINET_LABELS_SHAPE`, along the flow that the model finds in the CT: needs a model with
/// `has_flow`, and the job's `input`.
pub const HRINET_LABELS_ANATOMY: HrinetLabelMethod = 2;

/// A label map of a job. Set it up with `hrinet_label_job_init`.
#[repr(C)]
pub struct HrinetLabelJob {
    /// Size of this struct as the host knows it.
    pub struct_size: usize,
    /// Labels on the grid of the CT, of any voxel type; their geometry and rescale are not read.
    pub input: *const HrinetVolume,
    /// Labels on the output grid, of the voxel type of `input`; their geometry and rescale are not
    /// read.
    pub output: *const HrinetVolume,
    /// Method between known slices; `HRINET_LABELS_SHAPE` by default.
    pub method: HrinetLabelMethod,
}

/// A resampling: inputs, plan, model and the wanted outputs. Set it up with `hrinet_job_init`.
#[repr(C)]
pub struct HrinetJob {
    /// Size of this struct as the host knows it.
    pub struct_size: usize,
    /// The model; NULL: linear interpolation.
    pub model: *const HrinetModel,
    /// The plan of `input`.
    pub plan: *const HrinetPlan,
    /// The CT, of the plan's voxel type. May be NULL for label maps whose method is not
    /// `HRINET_LABELS_ANATOMY`.
    pub input: *const HrinetVolume,
    /// Called after every few slices; may be NULL.
    pub progress: HrinetProgressCallback,
    /// Passed to `progress`.
    pub user: *mut c_void,
    /// Place for the resampled CT, of the plan's voxel type and output size; NULL where it is not
    /// wanted.
    pub output: *const HrinetVolume,
    /// Place for the expected absolute error of every voxel in HU, 0 in known slices: of
    /// `HRINET_FLOAT32` and the plan's output size; NULL where it is not wanted. Needs a model with
    /// `predicts_error`. An expected error is a mean, not a bound.
    pub expected_error: *const HrinetVolume,
    /// Label maps to resample; NULL where there are none.
    pub labels: *const HrinetLabelJob,
    /// Number of label maps.
    pub label_count: usize,
    /// Grey values that a network sees as its own window, from here to `window_high`, for volumes
    /// that are not in HU; the expected error is then in these grey values. Both 0: HU.
    pub window_low: f64,
    /// See `window_low`.
    pub window_high: f64,
}

/// Sets all fields to their defaults: NULL and 0, with `HRINET_LABELS_SHAPE`.
///
/// # Safety
/// `labels` points to a struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_label_job_init(labels: *mut HrinetLabelJob) -> HrinetStatus {
    call(|| {
        require(labels, "labels")?;
        let defaults = HrinetLabelJob {
            struct_size: size_of::<HrinetLabelJob>(),
            input: std::ptr::null(),
            output: std::ptr::null(),
            method: HRINET_LABELS_SHAPE,
        };
        // SAFETY: not NULL, and a place for the struct, as the caller promises.
        unsafe { labels.write(defaults) };
        Ok(())
    })
}

/// Sets all fields to their defaults: NULL and 0.
///
/// # Safety
/// `job` points to a struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_job_init(job: *mut HrinetJob) -> HrinetStatus {
    call(|| {
        require(job, "job")?;
        let defaults = HrinetJob {
            struct_size: size_of::<HrinetJob>(),
            model: std::ptr::null(),
            plan: std::ptr::null(),
            input: std::ptr::null(),
            progress: None,
            user: std::ptr::null_mut(),
            output: std::ptr::null(),
            expected_error: std::ptr::null(),
            labels: std::ptr::null(),
            label_count: 0,
            window_low: 0.0,
            window_high: 0.0,
        };
        // SAFETY: not NULL, and a place for the struct, as the caller promises.
        unsafe { job.write(defaults) };
        Ok(())
    })
}

/// Resamples a volume: reads `input` and the label maps, writes the voxels of the wanted outputs,
/// with any strides. Known slices are copied bit for bit, unless the model makes thin slices
/// (`hrinet_model_is_thin`). Several jobs may use one model and one plan at once.
///
/// The memory from the first to the last voxel of an output must not overlap that of an input or of
/// another output.
///
/// A warning goes to the log callback where known slices are farther apart than in the training of
/// the model, and where values look like no Hounsfield units.
///
/// Fails with `HRINET_INVALID_ARGUMENT` for a voxel type or size that does not fit the plan,
/// overlapping memory, infinite voxels, an output that the model does not offer and a job without
/// output; `HRINET_CANCELLED`; `HRINET_TORCH`. The voxels of all outputs are then unspecified.
///
/// # Safety
/// `job` points to a struct, its handles and pointers are what they say or NULL; `data` of each
/// volume reaches as far as size and strides; meanwhile no other thread touches the voxels of
/// outputs or writes those of inputs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_resample(job: *const HrinetJob) -> HrinetStatus {
    compute(|| {
        // SAFETY: a struct or NULL, as the caller promises.
        let job = unsafe { borrow(job, "job")? };
        check_size::<HrinetJob>("job", job.struct_size)?;
        // SAFETY: a plan and volumes or NULL, as the struct's page says.
        let arrays = unsafe { Arrays::of(job)? };
        arrays.check()?;
        // SAFETY: voxels wherever size and strides lead, as the caller promises; outputs overlap
        // nothing, which `check` made sure of.
        let mut array_job = unsafe { arrays.array_job(interpolator(job.model))? };
        array_job.window = window(job);
        // SAFETY: the host's callback, called as its type says.
        array_job.run(&mut |done| unsafe { report(job.progress, job.user, done) })?;
        Ok(())
    })
}

/// Sends the warnings that `hrinet_resample` would give to the log callback, without resampling:
/// for a host that shows them before it offers the job. Of the job it reads model, plan, input and
/// window.
///
/// Fails as `hrinet_resample` does for these.
///
/// # Safety
/// As for `hrinet_resample`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_job_check(job: *const HrinetJob) -> HrinetStatus {
    compute(|| {
        // SAFETY: a struct or NULL, as the caller promises.
        let job = unsafe { borrow(job, "job")? };
        check_size::<HrinetJob>("job", job.struct_size)?;
        // SAFETY: a plan and a volume or NULL, as the struct's page says.
        let (plan, input) = unsafe { (borrow(job.plan, "plan")?, borrow(job.input, "input")?) };
        Arrays::of_input(plan, input).check()?;
        // SAFETY: a model or NULL, as the caller promises.
        let mut array_job = ArrayJob::new(&plan.plan, unsafe { interpolator(job.model) });
        // SAFETY: voxels wherever size and strides lead, as the caller promises.
        array_job.image = Some(Image::new(unsafe { input.voxels()? }, input.rescale()?)?);
        array_job.window = window(job);
        array_job.check()?;
        for warning in array_job.warnings(true) {
            log::warn!("{warning}");
        }
        Ok(())
    })
}

/// Grey values that a network sees as its own window; `None`: HU.
fn window(job: &HrinetJob) -> Option<Window> {
    let [low, high] = [job.window_low, job.window_high];
    ([low, high] != [0.0; 2]).then_some(Window { low, high })
}

/// Reports progress to the host; an error where it cancels, or where the process ends.
///
/// # Safety
/// `progress` is NULL or a function that may be called with `user`.
pub(super) unsafe fn report(
    progress: HrinetProgressCallback,
    user: *mut c_void,
    done: Progress,
) -> Result<(), Error> {
    if exit::is_ending() {
        return Err(Error::Cancelled);
    }
    let Some(progress) = progress else { return Ok(()) };
    let reported = HrinetProgress {
        struct_size: size_of::<HrinetProgress>(),
        slices_done: done.done as u32,
        slices_total: done.total as u32,
    };
    // SAFETY: as the caller promises.
    match floating_point::as_host(|| unsafe { progress(&raw const reported, user) }) {
        0 => Ok(()),
        _ => Err(Error::Cancelled),
    }
}
