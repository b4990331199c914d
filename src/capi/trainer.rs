//! Training, step by step, on slices that the host has.

use std::ffi::c_char;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, TryLockError};

use ndarray::ArrayView4;

use crate::capi::call::{Refusal, borrow, call, check_size, require, text, wrong};
use crate::capi::device::named;
use crate::capi::exit;
use crate::capi::model::{HrinetModel, boxed_network};
use crate::capi::status::HrinetStatus;
use crate::capi::trainer_options::HrinetTrainerOptions;
use crate::error::Error;
use crate::io::atomic_write::write_atomically;
use crate::network::{Checkpoint, Model};
use crate::training::{Batch, Settings, StepLosses, Trainer};

/// A generator in training, with its discriminators and optimisers. One thread at a time may use it;
/// a second one is refused with `HRINET_IN_USE`.
pub struct HrinetTrainer {
    trainer: Mutex<Trainer>,
}

/// The losses of one iteration, before its optimiser steps. What a stage or a system does not have
/// is NaN.
#[repr(C)]
pub struct HrinetLosses {
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
    /// Equation 9, Step II: the slices in between; hrinet-motion's only loss.
    pub step_two: f64,
    /// Equation 2: the critic's own loss.
    pub critic: f64,
    /// Equation 1: the PatchGAN's own loss.
    pub patch_gan: f64,
    /// Norm of the generator's gradient, before it is cut.
    pub gradient_norm: f64,
    /// The learning rate of the iteration.
    pub learning_rate: f64,
}

/// A trainer with new weights, drawn from the seed, on a device. Free it with `hrinet_trainer_free`.
///
/// Fails with `HRINET_INVALID_ARGUMENT` for options that make no sense, `HRINET_NO_DEVICE`.
///
/// # Safety
/// `options` points to a struct; `device` is a string; `trainer` points to a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_trainer_create(
    options: *const HrinetTrainerOptions,
    device: *const c_char,
    trainer: *mut *mut HrinetTrainer,
) -> HrinetStatus {
    call(|| {
        require(trainer, "trainer")?;
        // SAFETY: a struct and a string or NULL, as the caller promises.
        let (settings, device) =
            unsafe { (borrow(options, "options")?.settings()?, text(device, "device")?) };
        let device = named(device)?;
        exit::prepare();
        let made = Trainer::new(settings, device)?;
        // SAFETY: not NULL, and a place for a pointer, as the caller promises.
        unsafe { trainer.write(boxed(made)) };
        Ok(())
    })
}

/// A trainer that begins with a model's weights, on the model's device: fine-tuning. The model stays
/// as it is. Free it with `hrinet_trainer_free`.
///
/// Fails with `HRINET_INVALID_ARGUMENT` for `"linear"` and `"cubic"`, which learn nothing, and for a
/// model with another kind of generator than the options' system.
///
/// # Safety
/// `options` points to a struct; `model` is a model; `trainer` points to a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_trainer_create_from_model(
    options: *const HrinetTrainerOptions,
    model: *const HrinetModel,
    trainer: *mut *mut HrinetTrainer,
) -> HrinetStatus {
    call(|| {
        require(trainer, "trainer")?;
        // SAFETY: a struct and a model or NULL, as the caller promises.
        let (settings, model) =
            unsafe { (borrow(options, "options")?.settings()?, borrow(model, "model")?) };
        let network = model.network().ok_or_else(|| {
            wrong("a plain interpolator has no weights to begin from; load a network".into())
        })?;
        let made = Trainer::begin_from(&network.checkpoint()?, settings, network.device())?;
        // SAFETY: not NULL, and a place for a pointer, as the caller promises.
        unsafe { trainer.write(boxed(made)) };
        Ok(())
    })
}

/// A trainer that goes on where `hrinet_trainer_save`, or the program's training, stopped. Free it
/// with `hrinet_trainer_free`.
///
/// Fails with the file's codes, `HRINET_FILE_DAMAGED` also for a checkpoint without training state (a
/// model); `HRINET_NO_DEVICE`.
///
/// # Safety
/// `path` and `device` are strings; `trainer` points to a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_trainer_load(
    path: *const c_char,
    device: *const c_char,
    trainer: *mut *mut HrinetTrainer,
) -> HrinetStatus {
    call(|| {
        require(trainer, "trainer")?;
        // SAFETY: strings or NULL, as the caller promises.
        let (path, device) = unsafe { (text(path, "path")?, text(device, "device")?) };
        let (path, device) = (Path::new(path), named(device)?);
        exit::prepare();
        let checkpoint = Checkpoint::read(path)?;
        let resume = |checkpoint: Checkpoint| {
            let settings = Settings::of_checkpoint(&checkpoint)?;
            Trainer::resume(checkpoint, settings, device)
        };
        let made = resume(checkpoint).map_err(|error| error.in_file(path))?;
        // SAFETY: not NULL, and a place for a pointer, as the caller promises.
        unsafe { trainer.write(boxed(made)) };
        Ok(())
    })
}

/// One iteration on `groups` groups of `group_slices` consecutive slices of `rows` x `columns` pixels
/// each: `slices_hu` holds `groups` x `group_slices` x `rows` x `columns` HU, column by column
/// fastest. The first and the last slice of each group are given to the network, the others are what
/// it should make, evenly in between (the paper's n is 7). HU are clipped to the grey window.
///
/// Which stage it is follows from the options and the iterations so far: Stage I (equations 2 and 3),
/// or Stage II with Step I (equations 1, 2, 4) and Step II (equation 9). More iterations than the
/// options say go on as the last one.
///
/// `losses->struct_size` must be set to `sizeof(HrinetLosses)`; NULL where they are not wanted.
///
/// Fails with `HRINET_INVALID_ARGUMENT` for sides that the network cannot halve often enough, groups
/// of fewer than 3 slices, voxels that are no numbers; `HRINET_TRAINING` where a loss is no
/// number: the trainer is of no use then, what was saved is; `HRINET_IN_USE`.
///
/// # Safety
/// `trainer` is a trainer; `slices_hu` reaches as far as said; `losses` is NULL or points to a struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_trainer_step(
    trainer: *mut HrinetTrainer,
    slices_hu: *const f32,
    groups: usize,
    group_slices: usize,
    rows: usize,
    columns: usize,
    losses: *mut HrinetLosses,
) -> HrinetStatus {
    let shape = [groups, group_slices, rows, columns];
    // SAFETY: as the caller promises; nothing lies beyond.
    call(|| unsafe { step(trainer, slices_hu, None, shape, losses) })
}

/// The same with the known slices beyond each group, which hrinet-motion sees as well when it makes the slices
/// of a volume: a training for volumes should show them. `beyond_hu` holds `groups` x 2 x `rows` x `columns`
/// HU: the slice before the first and the one after the last, each as far from it as both from each other;
/// NaN alone where the volume has none. Other systems leave them out.
///
/// Fails as `hrinet_trainer_step`, and with `HRINET_INVALID_ARGUMENT` for a slice beyond that is NaN in part.
///
/// # Safety
/// `trainer` is a trainer; `slices_hu` and `beyond_hu` reach as far as said; `losses` is NULL or points to a struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_trainer_step_with_beyond(
    trainer: *mut HrinetTrainer,
    slices_hu: *const f32,
    beyond_hu: *const f32,
    groups: usize,
    group_slices: usize,
    rows: usize,
    columns: usize,
    losses: *mut HrinetLosses,
) -> HrinetStatus {
    let shape = [groups, group_slices, rows, columns];
    call(|| {
        require(beyond_hu.cast_mut(), "beyond_hu")?;
        // SAFETY: as the caller promises.
        unsafe { step(trainer, slices_hu, Some(beyond_hu), shape, losses) }
    })
}

/// # Safety
/// As [`hrinet_trainer_step_with_beyond`], whose slices beyond may be left out.
unsafe fn step(
    trainer: *mut HrinetTrainer,
    slices_hu: *const f32,
    beyond_hu: Option<*const f32>,
    shape: [usize; 4],
    losses: *mut HrinetLosses,
) -> Result<(), Refusal> {
    require(slices_hu.cast_mut(), "slices_hu")?;
    if !losses.is_null() {
        // SAFETY: not NULL, and a struct, as the caller promises.
        let struct_size = unsafe { (*losses).struct_size };
        check_size::<HrinetLosses>("losses", struct_size)?;
    }
    // SAFETY: a trainer or NULL, as the caller promises.
    let mut trainer = unsafe { use_alone(trainer)? };
    let [groups, _, rows, columns] = shape;
    // SAFETY: not NULL, and as many numbers as the shape has, as the caller promises.
    let slices = unsafe { planes(slices_hu, shape)? };
    trainer.check_sides([rows, columns])?;
    let draw = (trainer.settings().seed, trainer.steps());
    let mut batch = Batch::of_groups(slices, draw, trainer.device())?;
    if let Some(beyond_hu) = beyond_hu {
        // SAFETY: the same.
        let beyond = unsafe { planes(beyond_hu, [groups, 2, rows, columns])? };
        if trainer.architecture().has_context() {
            batch = batch.with_beyond(beyond)?;
        }
    }
    let made = trainer.step(&batch)?;
    if !losses.is_null() {
        // SAFETY: not NULL, and of this size.
        unsafe { losses.write(described(&made, trainer.steps())) };
    }
    Ok(())
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
    let count = count.ok_or_else(|| wrong(format!("{shape:?} voxels are none to train on")))?;
    // SAFETY: not NULL, and `count` numbers, as the caller promises.
    let values = unsafe { std::slice::from_raw_parts(values, count) };
    ArrayView4::from_shape(shape, values).map_err(|error| wrong(error.to_string()))
}

/// The losses of an iteration as C sees them.
fn described(made: &StepLosses, iteration: u64) -> HrinetLosses {
    let or_nan = |loss: Option<f64>| loss.unwrap_or(f64::NAN);
    HrinetLosses {
        struct_size: size_of::<HrinetLosses>(),
        iteration,
        content: or_nan(made.content),
        against_critic: or_nan(made.against_critic),
        against_patch_gan: or_nan(made.against_patch_gan),
        step_two: or_nan(made.step_two),
        critic: or_nan(made.critic),
        patch_gan: or_nan(made.patch_gan),
        gradient_norm: made.gradient_norm,
        learning_rate: made.learning_rate,
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

/// Writes a checkpoint that `hrinet_trainer_load` goes on from, bit for bit on a CPU. A file of that
/// name is replaced when the new one is whole.
///
/// Fails with `HRINET_INVALID_ARGUMENT` for a folder that is not there, `HRINET_FILE_SYSTEM` where
/// writing fails: what was there is still there.
///
/// # Safety
/// `trainer` is a trainer; `path` is a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_trainer_save(
    trainer: *mut HrinetTrainer,
    path: *const c_char,
) -> HrinetStatus {
    call(|| {
        // SAFETY: a trainer and a string or NULL, as the caller promises.
        let (trainer, path) = unsafe { (use_alone(trainer)?, text(path, "path")?) };
        let (path, bytes) = (Path::new(path), trainer.checkpoint()?);
        write_atomically(path, true, |file| {
            file.write_all(&bytes).map_err(|error| Error::io(path, error))
        })?;
        Ok(())
    })
}

/// The generator as it is now, as a model on the trainer's device that interpolates; training goes on
/// without it. Free it with `hrinet_model_free`.
///
/// # Safety
/// `trainer` is a trainer; `model` points to a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_trainer_model(
    trainer: *mut HrinetTrainer,
    model: *mut *mut HrinetModel,
) -> HrinetStatus {
    call(|| {
        require(model, "model")?;
        // SAFETY: a trainer or NULL, as the caller promises.
        let trainer = unsafe { use_alone(trainer)? };
        let checkpoint = Checkpoint::from_bytes("a trainer".as_ref(), &trainer.model()?)?;
        let snapshot = Model::new(checkpoint, trainer.device())?;
        // SAFETY: not NULL, and a place for a pointer, as the caller promises.
        unsafe { model.write(boxed_network(snapshot)) };
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
            "an earlier step of this trainer failed half way; load what was saved".into(),
        ))),
    }
}
