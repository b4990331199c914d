//! Training step by step on slices of the host.

use std::ffi::c_char;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, TryLockError};

use ndarray::ArrayView4;

use crate::capi::device::parse_device;
use crate::capi::exit;
use crate::capi::guard::{
    Refusal, borrow, call, check_size, compute, invalid_argument, require, text,
};
use crate::capi::model::HrinetModel;
use crate::capi::status::HrinetStatus;
use crate::capi::trainer_options::HrinetTrainerOptions;
use crate::error::Error;
use crate::io::atomic_write::write_atomically;
use crate::network::{Checkpoint, Model};
use crate::training::{Batch, Settings, StepLosses, Trainer};

/// A generator in training, with its discriminators and optimizers. One thread at a time may use
/// it; a second one is refused with `HRINET_IN_USE`.
pub struct HrinetTrainer {
    trainer: Mutex<Trainer>,
}

/// Losses of one iteration, before its optimizer steps; NaN where the stage or the system has none.
/// `struct_size` must be set to `sizeof(HrinetStepLosses)`.
#[repr(C)]
pub struct HrinetStepLosses {
    /// Size of this struct as the host knows it.
    pub struct_size: usize,
    /// Iterations so far, this one included.
    pub iteration: u64,
    /// Equation 5 or 6: reconstruction.
    pub content: f64,
    /// Equation 7: G against the critic D1.
    pub against_critic: f64,
    /// Equation 8: G against the PatchGAN D2.
    pub against_patch_gan: f64,
    /// Equation 9, Step II: interpolated slices; the only loss of hrinet-motion without D2.
    pub step_two: f64,
    /// Equation 2: loss of the critic.
    pub critic: f64,
    /// Equation 1: loss of the PatchGAN.
    pub patch_gan: f64,
    /// Norm of the generator's gradient before clipping.
    pub gradient_norm: f64,
    /// Learning rate of the iteration.
    pub learning_rate: f64,
}

/// Creates a trainer with random weights by the seed, on a device. Free it with
/// `hrinet_trainer_free`.
///
/// Fails with `HRINET_INVALID_ARGUMENT` for contradictory options, `HRINET_NO_DEVICE`.
///
/// # Safety
/// `options` is a struct, `device` a string, `trainer` a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_trainer_create(
    options: *const HrinetTrainerOptions,
    device: *const c_char,
    trainer: *mut *mut HrinetTrainer,
) -> HrinetStatus {
    compute(|| {
        require(trainer, "trainer")?;
        // SAFETY: a struct and a string or NULL, as the caller promises.
        let (settings, device) =
            unsafe { (borrow(options, "options")?.settings()?, text(device, "device")?) };
        let device = parse_device(device)?;
        exit::prepare();
        let created = Trainer::new(settings, device)?;
        // SAFETY: not NULL, and a place for a pointer, as the caller promises.
        unsafe { trainer.write(boxed(created)) };
        Ok(())
    })
}

/// Creates a trainer with a model's weights, on the model's device: fine-tuning. The model does not
/// change. Free it with `hrinet_trainer_free`.
///
/// Fails with `HRINET_INVALID_ARGUMENT` for `"linear"` and `"cubic"`, which have no weights, and
/// for a model with another kind of generator than the options' system.
///
/// # Safety
/// `options` points to a struct; `model` is a model; `trainer` points to a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_trainer_create_from_model(
    options: *const HrinetTrainerOptions,
    model: *const HrinetModel,
    trainer: *mut *mut HrinetTrainer,
) -> HrinetStatus {
    compute(|| {
        require(trainer, "trainer")?;
        // SAFETY: a struct and a model or NULL, as the caller promises.
        let (settings, model) =
            unsafe { (borrow(options, "options")?.settings()?, borrow(model, "model")?) };
        let network = model.network().ok_or_else(|| {
            invalid_argument(
                "a plain interpolator has no weights to begin from; load a network".into(),
            )
        })?;
        let created = Trainer::begin_from(&network.checkpoint()?, settings, network.device())?;
        // SAFETY: not NULL, and a place for a pointer, as the caller promises.
        unsafe { trainer.write(boxed(created)) };
        Ok(())
    })
}

/// Resumes a training from a checkpoint of `hrinet_trainer_save` or of `hrinet train`. Free the
/// trainer with `hrinet_trainer_free`.
///
/// Fails with the codes of files, `HRINET_FILE_DAMAGED` also for a checkpoint without training
/// state (a model); `HRINET_NO_DEVICE`.
///
/// # Safety
/// `path` and `device` are strings; `trainer` points to a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_trainer_load(
    path: *const c_char,
    device: *const c_char,
    trainer: *mut *mut HrinetTrainer,
) -> HrinetStatus {
    compute(|| {
        require(trainer, "trainer")?;
        // SAFETY: strings or NULL, as the caller promises.
        let (path, device) = unsafe { (text(path, "path")?, text(device, "device")?) };
        let (path, device) = (Path::new(path), parse_device(device)?);
        exit::prepare();
        let checkpoint = Checkpoint::read(path)?;
        let resume = |checkpoint: Checkpoint| {
            let settings = Settings::of_checkpoint(&checkpoint)?;
            Trainer::resume(checkpoint, settings, device)
        };
        let resumed = resume(checkpoint).map_err(|error| error.in_file(path))?;
        // SAFETY: not NULL, and a place for a pointer, as the caller promises.
        unsafe { trainer.write(boxed(resumed)) };
        Ok(())
    })
}

/// Groups of consecutive slices to train on. Set it up with `hrinet_training_batch_init`.
#[repr(C)]
pub struct HrinetTrainingBatch {
    /// Size of this struct as the host knows it.
    pub struct_size: usize,
    /// `groups` x `group_slices` x `rows` x `columns` HU, the column index fastest. The first and
    /// the last slice of each group are the known ones; the others, evenly between them, are the
    /// truth to be interpolated (the paper's n is 7). HU are clipped to the grey window.
    pub slices_hu: *const f32,
    /// `groups` x 2 x `rows` x `columns` HU: the context slices before the first and after the last
    /// slice of each group, each as far from it as both from each other; all NaN where the volume
    /// has none. hrinet-motion sees them when it interpolates volumes, and should be trained with
    /// them; other systems ignore them. NULL: none.
    pub context_hu: *const f32,
    /// Number of groups, at least 1.
    pub groups: usize,
    /// Slices of a group, at least 3.
    pub group_slices: usize,
    /// Rows of a slice.
    pub rows: usize,
    /// Columns of a slice.
    pub columns: usize,
}

/// Sets `struct_size`, all pointers to NULL and all counts to 0.
///
/// # Safety
/// `batch` points to a struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_training_batch_init(
    batch: *mut HrinetTrainingBatch,
) -> HrinetStatus {
    call(|| {
        require(batch, "batch")?;
        let empty = HrinetTrainingBatch {
            struct_size: size_of::<HrinetTrainingBatch>(),
            slices_hu: std::ptr::null(),
            context_hu: std::ptr::null(),
            groups: 0,
            group_slices: 0,
            rows: 0,
            columns: 0,
        };
        // SAFETY: not NULL, and a place for the struct, as the caller promises.
        unsafe { batch.write(empty) };
        Ok(())
    })
}

/// Trains one iteration on a batch.
///
/// The stage follows from the options and the iterations so far: Stage I (equations 2 and 3), or
/// Stage II with Step I (equations 1, 2, 4) and Step II (equation 9). Iterations beyond those of
/// the options belong to the last stage.
///
/// `losses->struct_size` must be set to `sizeof(HrinetStepLosses)`; NULL where they are not wanted.
///
/// Fails with `HRINET_INVALID_ARGUMENT` for sides that the network cannot halve often enough,
/// groups of fewer than 3 slices, non-finite voxels and context slices that are NaN in part;
/// `HRINET_TRAINING` where training diverged: the trainer is of no use then, a saved checkpoint is;
/// `HRINET_IN_USE`.
///
/// # Safety
/// `trainer` is a trainer; `batch` points to a struct whose arrays are as large as it says;
/// `losses` is NULL or points to a struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_trainer_step(
    trainer: *mut HrinetTrainer,
    batch: *const HrinetTrainingBatch,
    losses: *mut HrinetStepLosses,
) -> HrinetStatus {
    compute(|| {
        // SAFETY: a struct or NULL, as the caller promises.
        let batch = unsafe { borrow(batch, "batch")? };
        check_size::<HrinetTrainingBatch>("batch", batch.struct_size)?;
        if !losses.is_null() {
            // SAFETY: not NULL, and a struct, as the caller promises.
            let struct_size = unsafe { (*losses).struct_size };
            check_size::<HrinetStepLosses>("losses", struct_size)?;
        }
        // SAFETY: a trainer or NULL, as the caller promises.
        let mut trainer = unsafe { use_alone(trainer)? };
        // SAFETY: arrays as large as the struct says, as the caller promises.
        let batch = unsafe { batch.for_trainer(&trainer)? };
        let step_losses = trainer.step(&batch)?;
        if !losses.is_null() {
            // SAFETY: not NULL, and of this size.
            unsafe { losses.write(HrinetStepLosses::of(&step_losses, trainer.steps())) };
        }
        Ok(())
    })
}

impl HrinetTrainingBatch {
    /// The batch of a trainer's next iteration.
    ///
    /// # Safety
    /// The arrays are NULL or as large as the struct says.
    unsafe fn for_trainer(&self, trainer: &Trainer) -> Result<Batch, Refusal> {
        let HrinetTrainingBatch { groups, group_slices, rows, columns, .. } = *self;
        require(self.slices_hu.cast_mut(), "batch->slices_hu")?;
        // SAFETY: not NULL, and of this shape, as the caller promises.
        let slices = unsafe { planes(self.slices_hu, [groups, group_slices, rows, columns])? };
        trainer.check_sides([rows, columns])?;
        let (seed, step) = (trainer.settings().seed, trainer.steps());
        let batch = Batch::from_hu(slices, seed, step, trainer.device())?;
        if self.context_hu.is_null() || !trainer.architecture().has_context() {
            return Ok(batch);
        }
        // SAFETY: not NULL, and of this shape, as the caller promises.
        let context = unsafe { planes(self.context_hu, [groups, 2, rows, columns])? };
        Ok(batch.with_context(context)?)
    }
}

/// Slices of the host as an array.
///
/// # Safety
/// `values` is not NULL, and lives and reaches as far as the shape says for `'a`.
unsafe fn planes<'a>(
    values: *const f32,
    shape: [usize; 4],
) -> Result<ArrayView4<'a, f32>, Refusal> {
    let count = shape.iter().try_fold(1usize, |all, &side| all.checked_mul(side));
    let count = count.filter(|&count| count > 0 && count <= isize::MAX as usize / 8);
    let count = count
        .ok_or_else(|| invalid_argument(format!("a batch of {shape:?} voxels; none may be 0")))?;
    // SAFETY: not NULL, and `count` numbers, as the caller promises.
    let values = unsafe { std::slice::from_raw_parts(values, count) };
    ArrayView4::from_shape(shape, values).map_err(|error| invalid_argument(error.to_string()))
}

impl HrinetStepLosses {
    fn of(losses: &StepLosses, iteration: u64) -> HrinetStepLosses {
        let or_nan = |loss: Option<f64>| loss.unwrap_or(f64::NAN);
        HrinetStepLosses {
            struct_size: size_of::<HrinetStepLosses>(),
            iteration,
            content: or_nan(losses.content),
            against_critic: or_nan(losses.against_critic),
            against_patch_gan: or_nan(losses.against_patch_gan),
            step_two: or_nan(losses.step_two),
            critic: or_nan(losses.critic),
            patch_gan: or_nan(losses.patch_gan),
            gradient_norm: losses.gradient_norm,
            learning_rate: losses.learning_rate,
        }
    }
}

/// Iterations so far; 0 for NULL and while another thread uses the trainer.
///
/// # Safety
/// `trainer` is NULL or a trainer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_trainer_iterations(trainer: *mut HrinetTrainer) -> u64 {
    let mut iterations = 0;
    call(|| {
        // SAFETY: a trainer or NULL, as the caller promises.
        iterations = unsafe { use_alone(trainer)? }.steps();
        Ok(())
    });
    iterations
}

/// Writes a checkpoint that `hrinet_trainer_load` resumes, bit for bit on a CPU. A file of that
/// name is replaced once the new one is complete.
///
/// Fails with `HRINET_INVALID_ARGUMENT` for a missing folder, `HRINET_FILE_SYSTEM` where writing
/// fails: an earlier file is kept.
///
/// # Safety
/// `trainer` is a trainer; `path` is a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_trainer_save(
    trainer: *mut HrinetTrainer,
    path: *const c_char,
) -> HrinetStatus {
    compute(|| {
        // SAFETY: a trainer and a string or NULL, as the caller promises.
        let (trainer, path) = unsafe { (use_alone(trainer)?, text(path, "path")?) };
        let (path, bytes) = (Path::new(path), trainer.checkpoint()?);
        write_atomically(path, true, |file| {
            file.write_all(&bytes).map_err(|error| Error::io(path, error))
        })?;
        Ok(())
    })
}

/// Copies the generator as it is now to a model on the trainer's device, which later steps do not
/// change. Free it with `hrinet_model_free`.
///
/// # Safety
/// `trainer` is a trainer; `model` points to a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_trainer_model(
    trainer: *mut HrinetTrainer,
    model: *mut *mut HrinetModel,
) -> HrinetStatus {
    compute(|| {
        require(model, "model")?;
        // SAFETY: a trainer or NULL, as the caller promises.
        let trainer = unsafe { use_alone(trainer)? };
        let checkpoint = Checkpoint::from_bytes("a trainer".as_ref(), &trainer.model()?)?;
        let snapshot = Model::new(checkpoint, trainer.device())?;
        // SAFETY: not NULL, and a place for a pointer, as the caller promises.
        unsafe { model.write(HrinetModel::into_handle(snapshot.into())) };
        Ok(())
    })
}

/// Frees a trainer; NULL is allowed. No other thread may be using it.
///
/// # Safety
/// `trainer` is NULL or a trainer, which must not be used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_trainer_free(trainer: *mut HrinetTrainer) {
    if !trainer.is_null() {
        call(|| {
            // SAFETY: it came from `boxed`, and is freed once.
            drop(unsafe { Box::from_raw(trainer) });
            Ok(())
        });
    }
}

fn boxed(trainer: Trainer) -> *mut HrinetTrainer {
    Box::into_raw(Box::new(HrinetTrainer { trainer: Mutex::new(trainer) }))
}

/// The trainer, for this thread alone.
///
/// # Safety
/// `trainer` is NULL or a trainer that lives as long as `'a`.
unsafe fn use_alone<'a>(trainer: *mut HrinetTrainer) -> Result<MutexGuard<'a, Trainer>, Refusal> {
    // SAFETY: as the caller promises.
    let trainer = unsafe { borrow(trainer.cast_const(), "trainer")? };
    match trainer.trainer.try_lock() {
        Ok(guard) => Ok(guard),
        Err(TryLockError::WouldBlock) => Err(Refusal::InUse("trainer")),
        Err(TryLockError::Poisoned(_)) => Err(Refusal::Library(Error::Training(
            "an earlier step of this trainer failed half way; load its last checkpoint".into(),
        ))),
    }
}
