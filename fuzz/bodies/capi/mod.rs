//! Sequences of calls of the C API, as a host makes them: correct calls, and the misuse that
//! `hrinet.h` promises to refuse. Each call returns a status that the header names, a refusal
//! leaves a message of one line, known slices are copied bit for bit, and what is freed is gone.
//!
//! [`models`], [`plans`], [`jobs`], [`trainers`] and [`process`] make the calls of a topic.
#![allow(unsafe_code)]

mod buffer;
mod jobs;
mod models;
mod plans;
mod process;
mod trainers;

use std::ffi::CStr;

use hrinet::capi::guard::hrinet_last_error_message;
use hrinet::capi::model::{HrinetModel, hrinet_model_free};
use hrinet::capi::plan::hrinet_plan_free;
use hrinet::capi::status::{HRINET_OK, HrinetStatus};
use hrinet::capi::trainer::{HrinetTrainer, hrinet_trainer_free};

use super::numbers::Numbers;
use plans::Planned;

/// Largest number of calls of a sequence.
const MAX_CALLS: usize = 40;

/// Longest sequence, bytes.
const MAX_BYTES: usize = 1024;

/// Largest number of handles of a kind at a time.
const MAX_HANDLES: usize = 4;

/// One sequence of so many may run networks, which takes a hundred times as long as all else.
const WITH_NETWORKS: u32 = 64;

/// Makes the calls that bytes stand for.
pub fn capi(bytes: &[u8]) {
    if bytes.len() > MAX_BYTES {
        return;
    }
    let numbers = &mut Numbers(bytes);
    let mut session = Session::new(bytes);
    for _ in 0..MAX_CALLS {
        if numbers.is_over() {
            break;
        }
        session.call(numbers);
    }
}

/// Handles of a host, which are freed at the end.
struct Session {
    /// Whether networks may compute.
    has_networks: bool,
    models: Vec<*mut HrinetModel>,
    plans: Vec<Planned>,
    trainers: Vec<*mut HrinetTrainer>,
}

impl Session {
    fn new(bytes: &[u8]) -> Session {
        // By a checksum, so that a search for new paths does not end at networks alone.
        let sum = bytes.iter().fold(1u32, |sum, &byte| sum.wrapping_mul(31) ^ u32::from(byte));
        Session {
            has_networks: (sum >> 5).is_multiple_of(WITH_NETWORKS),
            models: Vec::new(),
            plans: Vec::new(),
            trainers: Vec::new(),
        }
    }

    /// Makes one call, with what it needs.
    fn call(&mut self, numbers: &mut Numbers) {
        match numbers.byte() % 16 {
            0 | 1 => self.load_model(numbers),
            2 => self.load_checkpoint(numbers),
            3 => self.describe_model(numbers),
            4 => self.free_one(numbers),
            5..=7 => self.create_plan(numbers),
            8 => self.describe_plan(numbers),
            9..=11 => self.resample(numbers),
            12 => self.interpolate_slices(numbers),
            13 => self.create_trainer(numbers),
            14 => self.use_trainer(numbers),
            _ => process::call(numbers),
        }
    }

    /// Any model; NULL where there is none, which stands for linear interpolation.
    fn any_model(&self, numbers: &mut Numbers) -> *mut HrinetModel {
        match self.models.is_empty() || numbers.one_in(4) {
            true => std::ptr::null_mut(),
            false => numbers.pick(&self.models),
        }
    }

    fn keep_model(&mut self, model: *mut HrinetModel) {
        self.models.push(model);
        if self.models.len() > MAX_HANDLES {
            // SAFETY: a model of this session, which is forgotten.
            unsafe { hrinet_model_free(self.models.remove(0)) };
        }
    }

    fn free_one(&mut self, numbers: &mut Numbers) {
        // SAFETY: handles of this session, which are forgotten, or NULL.
        unsafe {
            match numbers.byte() % 3 {
                0 => hrinet_model_free(self.models.pop().unwrap_or(std::ptr::null_mut())),
                1 => hrinet_trainer_free(self.trainers.pop().unwrap_or(std::ptr::null_mut())),
                _ => match self.plans.pop() {
                    Some(planned) => drop(planned),
                    None => hrinet_plan_free(std::ptr::null_mut()),
                },
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: handles of this session, which ends.
        unsafe {
            self.models.iter().for_each(|&model| hrinet_model_free(model));
            self.trainers.iter().for_each(|&trainer| hrinet_trainer_free(trainer));
        }
    }
}

/// Checks the status of a call and the message of a refusal; gives whether the call succeeded.
fn expect(call: &str, status: HrinetStatus, expected: &[HrinetStatus]) -> bool {
    // SAFETY: a string that is valid until the next refusal.
    let message = unsafe { CStr::from_ptr(hrinet_last_error_message()) }.to_string_lossy();
    assert!(expected.contains(&status), "{call}: {status} instead of {expected:?}: {message}");
    let is_helpful = !message.is_empty() && !message.contains('\n');
    assert!(status == HRINET_OK || is_helpful, "{call}: {status} with the message {message:?}");
    status == HRINET_OK
}
