//! Batches drawn by a thread of their own while earlier steps are computed.

use std::ops::Range;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use tch::Device;

use crate::error::{Error, Result};
use crate::runtime::threads;
use crate::training::data::batch::Batch;
use crate::training::data::sampler::Sampler;
use crate::training::distillation::Teacher;
use crate::training::settings::Settings;

/// Capacity of the queue of drawn batches.
const CAPACITY: usize = 2;

/// The batches of a range of steps, in order.
pub(crate) struct Prefetch(Receiver<Result<Batch>>);

impl Prefetch {
    /// Runs `work` with the batches of `steps`, which a second thread draws until `work` ends. The
    /// teacher works in that thread.
    ///
    /// # Errors
    /// [`Error::Device`] where the thread cannot be started; those of `work`.
    pub(crate) fn run<T>(
        sampler: &Sampler,
        teacher: Option<Teacher>,
        settings: &Settings,
        steps: Range<u64>,
        work: impl FnOnce(&Prefetch) -> Result<T>,
    ) -> Result<T> {
        thread::scope(|scope| {
            let (give, take) = sync_channel(CAPACITY);
            let draw = move || {
                for step in steps {
                    let random = sampler.batch(settings.batch_number(step), Device::Cpu);
                    let batch = random.and_then(|batch| match &teacher {
                        Some(teacher) => teacher.blend(&batch),
                        None => Ok(batch),
                    });
                    // The receiver is gone: training was stopped.
                    if give.send(batch).is_err() {
                        return;
                    }
                }
            };
            thread::Builder::new().spawn_scoped(scope, draw).map_err(threads::unavailable)?;
            work(&Prefetch(take))
        })
    }

    /// Takes the next batch, on the device.
    ///
    /// # Errors
    /// [`Error::Torch`] where the device has too little memory.
    pub(crate) fn next(&self, device: Device) -> Result<Batch> {
        let ended = |_| Error::Training("the thread that draws batches ended".into());
        self.0.recv().map_err(ended)??.to_device(device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::System;
    use crate::volume::slice_stack::SliceStack;
    use ndarray::Array3;

    #[test]
    fn batches_come_in_order_and_stopping_early_does_not_hang() {
        let slices = Array3::from_shape_fn((20, 40, 40), |(k, j, i)| (10 * k + j * i) as i16);
        let stacks = [SliceStack { name: "a".into(), slices, spacing_mm: 3.0 }];
        let settings = Settings::default_for(System::HrinetMotion);
        let sampler = Sampler::new(&stacks, 16, 4, &[2, 6], 1).unwrap();
        let taken = Prefetch::run(&sampler, None, &settings, 5..1000, |batches| {
            Ok((0..3).map(|_| batches.next(Device::Cpu).unwrap().truth).collect::<Vec<_>>())
        });
        for (step, truth) in (5..).zip(taken.unwrap()) {
            let number = settings.batch_number(step);
            assert_eq!(truth, sampler.batch(number, Device::Cpu).unwrap().truth);
        }
    }
}
