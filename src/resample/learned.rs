//! Interpolation by a network: known slices are encoded once, slices between them decoded.
//!
//! On a CPU, pairs are decoded side by side, each by one thread: threads within an operation wait
//! for each other at its end, which costs a fifth of the time of two. The voxels are the same.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};
use std::thread;

use ndarray::{Array3, ArrayView2, Zip};

use crate::error::{Error, Result};
use crate::network::SliceNetwork;
use crate::resample::pair_decoder::{Decoded, PairDecoder};
use crate::resample::pass::Pass;
use crate::resample::share::{Share, ShareCost};
use crate::runtime::workers::Worker;
use crate::runtime::{memory, threads};
use crate::volume::voxels::{slice, slice_mut};
use crate::volume::{Voxel, Window};

/// Interpolates pair by pair. Interpolated voxels are rounded to the voxel type and kept within the
/// range of the input.
pub(super) fn interpolate<T: Voxel>(pass: &mut Pass<T>, network: &dyn SliceNetwork) -> Result<()> {
    let [low, high] = network.window_hu();
    let window = Window { low, high };
    let with_errors = pass.expected_error.is_some();
    let (plan, input) = (pass.plan, pass.input);
    let (share, inside) = pass.share(network);
    let (rescale, has_context) = (pass.rescale, network.has_context());
    let decoder = PairDecoder::new(plan, input, rescale, with_errors, share.batch, has_context);
    let replicas = match inside {
        Some(_) => replicas(network, share.workers)?,
        None => Vec::new(),
    };
    let write = &mut |decoded: Decoded| pass.write(window, &decoded);
    log::debug!("{} pairs by {} threads side by side", decoder.count(), replicas.len().max(1));
    match replicas.is_empty() {
        true => (0..decoder.count()).try_for_each(|pair| decoder.decode(pair, network, write))?,
        false => side_by_side(&decoder, (replicas, inside.unwrap_or(1)), write)?,
    }
    pass.encoded += decoder.encoded();
    Ok(())
}

/// A replica of the network for each thread.
fn replicas(network: &dyn SliceNetwork, count: usize) -> Result<Vec<Box<dyn SliceNetwork + Send>>> {
    let replicas = (0..count).map(|_| network.replica());
    // Without replicas of one, there are none at all.
    Ok(replicas.collect::<Result<Option<Vec<_>>>>()?.unwrap_or_default())
}

/// Decodes pairs by one thread for each replica, and so many within its operations; this thread
/// receives the slices.
fn side_by_side<T: Voxel>(
    decoder: &PairDecoder<T>,
    (replicas, inside): (Vec<Box<dyn SliceNetwork + Send>>, usize),
    receive: &mut dyn FnMut(Decoded) -> Result<()>,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    // Locked while slices are received. A callback may end the process, and what libtorch frees at
    // the end of a thread must not meet what it frees at the end of the process.
    let receiving = Mutex::new(());
    let _restored = threads::restored();
    thread::scope(|scope| {
        let in_reception = receiving.lock().unwrap_or_else(PoisonError::into_inner);
        let (sender, receiver) = sync_channel(replicas.len());
        let mut started = Vec::new();
        for network in replicas {
            let (sender, next, receiving) = (sender.clone(), &next, &receiving);
            let work = move || {
                let worker = Worker::start();
                // Its weights are freed before the worker ends.
                let network = network;
                threads::set_current(inside);
                let send = |decoded| {
                    let sent = worker.wait(|| sender.send(Ok(decoded)).is_ok());
                    sent.then_some(()).ok_or(Error::Cancelled)
                };
                let mut pairs = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)))
                    .take_while(|&pair| pair < decoder.count());
                let done = pairs
                    .try_for_each(|pair| decoder.decode(pair, network.as_ref(), &mut { send }));
                if let Err(error) = done {
                    // Nobody receives any more where another thread failed before.
                    worker.wait(|| sender.send(Err(error)).is_ok());
                }
                drop(sender);
                worker.wait(|| drop(receiving.lock()));
            };
            let thread = thread::Builder::new().spawn_scoped(scope, work);
            started.push(thread.map_err(threads::unavailable)?);
        }
        drop(sender);
        // After an error the receiver is gone, and the threads end with the slice at hand.
        let received = receiver.into_iter().try_for_each(|decoded| receive(decoded?));
        drop(in_reception);
        // The scope alone would not wait for what ends with a thread.
        for thread in started {
            thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
        received
    })
}

impl<T: Voxel> Pass<'_, '_, T> {
    /// How much is done at once, and threads within an operation where workers do it.
    fn share(&self, network: &dyn SliceNetwork) -> (Share, Option<usize>) {
        // Pages of the output that were not written yet count as available.
        let outputs = self.output.as_ref().map_or(0, |output| output.len() * size_of::<T>())
            + self.expected_error.as_ref().map_or(0, |errors| errors.len() * size_of::<f32>());
        let free = memory::available().saturating_sub(outputs as u64);
        let cost = ShareCost::new(self.plan, network);
        (cost.choose(self.work_limit, free), cost.threads_inside())
    }

    /// Writes decoded slices, and reports them.
    fn write(&mut self, window: Window, decoded: &Decoded) -> Result<()> {
        let Decoded { first, members, slices, errors } = decoded;
        let axis = self.plan.axis();
        let known = [slice(self.input, axis, *first), slice(self.input, axis, first + 1)];
        if let Some(errors) = errors {
            self.write_errors(window, members, known.each_ref(), errors);
        }
        self.write_slices(window, members, known.each_ref(), slices);
        self.counter.advance(members.len())
    }

    /// Writes decoded slices `[members, rows, columns]` in the type and range of the volume.
    fn write_slices(
        &mut self,
        window: Window,
        members: &[(usize, f64)],
        [before, after]: [&ArrayView2<T>; 2],
        decoded: &Array3<f32>,
    ) {
        let Some(output) = &mut self.output else { return };
        let (rescale, bounds) = (self.rescale, self.bounds);
        let hu = |stored: T| rescale.to_hu(stored.to_f64());
        for (&(index, fraction), grey) in members.iter().zip(decoded.outer_iter()) {
            let plane = &mut slice_mut(output, self.plan.axis(), index);
            Zip::from(plane).and(before).and(after).and(&grey).for_each(|out, &a, &b, &grey| {
                let hu = window.restore(f64::from(grey), hu(a), hu(b), fraction);
                *out = bounds.voxel(rescale.from_hu(hu));
            });
        }
    }

    /// Writes expected errors `[members, rows, columns]`.
    fn write_errors(
        &mut self,
        window: Window,
        members: &[(usize, f64)],
        [before, after]: [&ArrayView2<T>; 2],
        errors: &Array3<f32>,
    ) {
        let Some(output) = &mut self.expected_error else { return };
        let hu = |stored: T| self.rescale.to_hu(stored.to_f64());
        for (&(index, _), grey) in members.iter().zip(errors.outer_iter()) {
            let plane = &mut slice_mut(output, self.plan.axis(), index);
            Zip::from(plane).and(before).and(after).and(&grey).for_each(|error, &a, &b, &grey| {
                *error = window.expected_error(f64::from(grey), hu(a), hu(b)) as f32;
            });
        }
    }
}
