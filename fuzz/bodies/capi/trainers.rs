//! Trainers: create, train a step of a tiny network, save, resume, copy to a model.

use std::ffi::CString;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::ptr::{null, null_mut};

use hrinet::capi::model::hrinet_model_free;
use hrinet::capi::status::*;
use hrinet::capi::trainer::{
    HrinetStepLosses, HrinetTrainer, HrinetTrainingBatch, hrinet_trainer_create,
    hrinet_trainer_create_from_model, hrinet_trainer_free, hrinet_trainer_iterations,
    hrinet_trainer_load, hrinet_trainer_model, hrinet_trainer_save, hrinet_trainer_step,
    hrinet_training_batch_init,
};
use hrinet::capi::trainer_options::{HrinetTrainerOptions, hrinet_trainer_options_init};

use super::super::files::in_folder;
use super::models::tiny;
use super::{MAX_HANDLES, Numbers, Session, expect};

/// Side of the planes of a batch, pixels.
const SIDE: usize = 16;

/// Options of a tiny training.
fn options() -> HrinetTrainerOptions {
    let mut options = MaybeUninit::uninit();
    // SAFETY: a string, and a place for the struct, which the call fills.
    let mut options: HrinetTrainerOptions = unsafe {
        let status = hrinet_trainer_options_init(c"hrinet-motion".as_ptr(), options.as_mut_ptr());
        assert_eq!(status, HRINET_OK);
        options.assume_init()
    };
    (options.size, options.iterations) = (SIDE as u32, 3);
    options
}

/// Makes options wrong; gives the code that follows.
fn spoil(numbers: &mut Numbers, options: &mut HrinetTrainerOptions) -> HrinetStatus {
    match numbers.byte() % 12 {
        0 => options.struct_size = 1,
        1 => options.system = null(),
        2 => options.system = c"hrinet-tomorrow".as_ptr(),
        3 => options.system = c"\xff".as_ptr(),
        4 => options.size = 17,
        5 => options.iterations = 0,
        6 => options.learning_rate = -numbers.number().abs(),
        7 => options.optimizer = 2,
        8 => options.gamma = 1.5,
        9 => options.lambda = 1.0,
        10 => options.trainable_prefix = c"\xc3".as_ptr(),
        _ => options.weight_decay = f64::NAN,
    }
    match () {
        () if options.struct_size == 1 => HRINET_INVALID_STRUCT_SIZE,
        () if options.system.is_null() => HRINET_NULL_POINTER,
        // SAFETY: a string.
        () if unsafe { *options.system.cast::<u8>() } == 0xff => HRINET_INVALID_TEXT,
        () if !options.trainable_prefix.is_null() => HRINET_INVALID_TEXT,
        () => HRINET_INVALID_ARGUMENT,
    }
}

impl Session {
    /// Creates a trainer: from a tiny network where networks may run, else with wrong options.
    pub(super) fn create_trainer(&mut self, numbers: &mut Numbers) {
        let (mut options, mut trainer) = (options(), null_mut());
        if !self.has_networks || numbers.one_in(4) {
            let code = spoil(numbers, &mut options);
            // SAFETY: a struct, a string, a place for a pointer.
            let status = unsafe {
                hrinet_trainer_create(&raw const options, c"cpu".as_ptr(), &raw mut trainer)
            };
            expect("hrinet_trainer_create", status, &[code]);
            return;
        }
        options.optimizer = i32::from(numbers.byte() % 2);
        options.content = i32::from(numbers.byte() % 2);
        options.beta = if numbers.one_in(8) { 0.01 } else { 0.0 };
        options.trainable_prefix =
            numbers.pick(&[null(), null(), c"refinement".as_ptr(), c"no-such".as_ptr()]);
        let is_known = options.trainable_prefix != c"no-such".as_ptr();
        let expected = if is_known { HRINET_OK } else { HRINET_INVALID_ARGUMENT };
        let model = tiny();
        // SAFETY: a struct, a model, a place for a pointer; the model is freed once.
        let status = unsafe {
            let status =
                hrinet_trainer_create_from_model(&raw const options, model, &raw mut trainer);
            hrinet_model_free(model);
            status
        };
        if expect("hrinet_trainer_create_from_model", status, &[expected]) {
            self.keep_trainer(trainer);
        }
    }

    fn keep_trainer(&mut self, trainer: *mut HrinetTrainer) {
        self.trainers.push(trainer);
        if self.trainers.len() > MAX_HANDLES {
            // SAFETY: a trainer of this session, which is forgotten.
            unsafe { hrinet_trainer_free(self.trainers.remove(0)) };
        }
    }

    pub(super) fn use_trainer(&mut self, numbers: &mut Numbers) {
        let trainer = self.trainers.last().copied().unwrap_or(null_mut());
        match numbers.byte() % 4 {
            0 => self.snapshot(trainer),
            1 => self.save_and_load(numbers, trainer),
            _ => step(numbers, trainer),
        }
    }

    /// Copies a trainer's generator to a model.
    fn snapshot(&mut self, trainer: *mut HrinetTrainer) {
        let mut model = null_mut();
        // SAFETY: a trainer or NULL, and a place for a pointer.
        let status = unsafe { hrinet_trainer_model(trainer, &raw mut model) };
        let expected = if trainer.is_null() { HRINET_NULL_POINTER } else { HRINET_OK };
        if expect("hrinet_trainer_model", status, &[expected]) {
            self.keep_model(model);
        }
    }

    /// Saves a trainer, and resumes from its file, whole or truncated.
    fn save_and_load(&mut self, numbers: &mut Numbers, trainer: *mut HrinetTrainer) {
        in_folder(|folder| {
            let path = folder.join("trainer.safetensors");
            let text = CString::new(path.as_os_str().as_bytes()).expect("a path");
            // SAFETY: a trainer or NULL, and a string.
            let status = unsafe { hrinet_trainer_save(trainer, text.as_ptr()) };
            if trainer.is_null() {
                expect("hrinet_trainer_save", status, &[HRINET_NULL_POINTER]);
                return;
            }
            expect("hrinet_trainer_save", status, &[HRINET_OK]);
            let mut bytes = std::fs::read(&path).expect("a checkpoint");
            let is_whole = !numbers.one_in(3);
            if !is_whole {
                bytes.truncate(usize::from(numbers.byte()) * bytes.len() / 256);
                std::fs::write(&path, &bytes).expect("a file");
            }
            let mut again = null_mut();
            // SAFETY: strings, and a place for a pointer.
            let status =
                unsafe { hrinet_trainer_load(text.as_ptr(), c"cpu".as_ptr(), &raw mut again) };
            let damaged = [HRINET_FILE_DAMAGED, HRINET_FILE_UNSUPPORTED];
            let expected = if is_whole { &[HRINET_OK][..] } else { &damaged };
            if expect("hrinet_trainer_load", status, expected) {
                // SAFETY: trainers.
                let iterations =
                    unsafe { [trainer, again].map(|it| hrinet_trainer_iterations(it)) };
                assert_eq!(iterations[0], iterations[1]);
                self.keep_trainer(again);
            }
        });
    }
}

/// Trains a step on a batch, which may be wrong.
fn step(numbers: &mut Numbers, trainer: *mut HrinetTrainer) {
    let mut batch = MaybeUninit::uninit();
    // SAFETY: a place for the struct, which the call fills.
    let mut batch: HrinetTrainingBatch = unsafe {
        assert_eq!(hrinet_training_batch_init(batch.as_mut_ptr()), HRINET_OK);
        batch.assume_init()
    };
    let mut hu: Vec<f32> =
        (0..3 * SIDE * SIDE).map(|index| (index * 131 % 2003) as f32 - 1001.0).collect();
    (batch.groups, batch.group_slices, batch.rows, batch.columns) = (1, 3, SIDE, SIDE);
    // SAFETY: numbers.
    let mut losses: HrinetStepLosses = unsafe { MaybeUninit::zeroed().assume_init() };
    losses.struct_size = size_of::<HrinetStepLosses>();
    let mut code = if trainer.is_null() { HRINET_NULL_POINTER } else { HRINET_OK };
    let mut wrong = |wrong| {
        if !trainer.is_null() || wrong == HRINET_INVALID_STRUCT_SIZE {
            code = wrong;
        }
    };
    let kind = numbers.byte() % 16;
    match kind {
        0 => (batch.struct_size, losses.struct_size) = (9, 9),
        1 => losses.struct_size = 9,
        2 => (batch.rows, batch.columns) = (SIDE / 2, SIDE),
        3 => batch.groups = 0,
        4 => batch.columns = usize::MAX,
        5 => batch.group_slices = 2,
        6 => hu[usize::from(numbers.byte())] = f32::NAN,
        _ => {}
    }
    match kind {
        0 | 1 => wrong(HRINET_INVALID_STRUCT_SIZE),
        2..=6 => wrong(HRINET_INVALID_ARGUMENT),
        7 => wrong(HRINET_NULL_POINTER),
        _ => {}
    }
    batch.slices_hu = if kind == 7 { null() } else { hu.as_ptr() };
    // SAFETY: a trainer or NULL.
    let before = unsafe { hrinet_trainer_iterations(trainer) };
    // SAFETY: a trainer or NULL, structs, and as many numbers as the batch says.
    let status = unsafe { hrinet_trainer_step(trainer, &raw const batch, &raw mut losses) };
    // Right images may be too small for the PatchGAN of the trainer's system.
    let expected: &[_] = match code {
        HRINET_OK => &[HRINET_OK, HRINET_TRAINING, HRINET_INVALID_ARGUMENT],
        _ => &[code],
    };
    if expect("hrinet_trainer_step", status, expected) {
        // SAFETY: a trainer.
        assert_eq!(unsafe { hrinet_trainer_iterations(trainer) }, before + 1);
        assert!(losses.iteration == before + 1 && losses.step_two.is_finite());
    }
}
