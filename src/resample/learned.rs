//! Interpolation by a network: known slices are encoded once, slices between them decoded.
//!
//! On a CPU, pairs are decoded side by side, each by one thread: threads within an operation wait
//! for each other at its end, which costs a fifth of the time of two. The voxels are the same.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use ndarray::{Array3, ArrayView2, Zip};

use crate::error::{Error, Result};
use crate::network::SliceNetwork;
use crate::resample::output_slices::OutputSlices;
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
    let gate = Gate::new(pass.room_end());
    let write = &mut |decoded: Decoded| {
        pass.write(window, &decoded)?;
        gate.open(pass.room_end());
        Ok(())
    };
    log::debug!("{} pairs by {} threads side by side", decoder.count(), replicas.len().max(1));
    match replicas.is_empty() {
        true => (0..decoder.count()).try_for_each(|pair| decoder.decode(pair, network, write))?,
        false => side_by_side(&decoder, (replicas, inside.unwrap_or(1)), &gate, write)?,
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

/// Holds back slices for which there is no room yet.
struct Gate {
    /// First slice that has to wait.
    end: Mutex<usize>,
    changed: Condvar,
}

impl Gate {
    fn new(end: usize) -> Gate {
        Gate { end: Mutex::new(end), changed: Condvar::new() }
    }

    /// Lets slices before `end` through, too.
    fn open(&self, end: usize) {
        let mut now = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        *now = end.max(*now);
        self.changed.notify_all();
    }

    /// Waits until decoded slices may go through.
    fn pass(&self, decoded: &Decoded) {
        // The last of them may need a part more: a batch is short.
        let first = decoded.members.first().map_or(0, |&(index, _)| index);
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(end, |end| first >= *end));
    }
}

/// Opens a gate for good at the end of a scope, or where that ends by a panic alone.
struct Opening<'a> {
    gate: &'a Gate,
    on_panic_alone: bool,
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        if !self.on_panic_alone || thread::panicking() {
            self.gate.open(usize::MAX);
        }
    }
}

/// Decodes pairs by one thread for each replica, and so many within its operations; this thread
/// receives the slices, which pass a gate.
fn side_by_side<T: Voxel>(
    decoder: &PairDecoder<T>,
    (replicas, inside): (Vec<Box<dyn SliceNetwork + Send>>, usize),
    gate: &Gate,
    receive: &mut dyn FnMut(Decoded) -> Result<()>,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    // Locked while slices are received. A callback may end the process, and what libtorch frees at
    // the end of a thread must not meet what it frees at the end of the process.
    let receiving = Mutex::new(());
    let _restored = threads::restored();
    thread::scope(|scope| {
        let open_at_end = Opening { gate, on_panic_alone: false };
        let in_reception = receiving.lock().unwrap_or_else(PoisonError::into_inner);
        let (sender, receiver) = sync_channel(replicas.len());
        let mut started = Vec::new();
        for network in replicas {
            let (sender, next, receiving) = (sender.clone(), &next, &receiving);
            let work = move || {
                let worker = Worker::start();
                // The others would wait for its slices.
                let _open_on_panic = Opening { gate, on_panic_alone: true };
                // Its weights are freed before the worker ends.
                let network = network;
                threads::set_current(inside);
                let send = |decoded| {
                    let sent = worker.wait(|| {
                        gate.pass(&decoded);
                        sender.send(Ok(decoded)).is_ok()
                    });
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
        drop((in_reception, open_at_end));
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
        let outputs = self.output.as_ref().map_or(0, OutputSlices::bytes)
            + self.expected_error.as_ref().map_or(0, |errors| errors.len() * size_of::<f32>());
        let free = memory::available().saturating_sub(outputs as u64);
        let cost = ShareCost::new(self.plan, network);
        (cost.choose(self.work_limit, free), cost.threads_inside())
    }

    /// First slice that has to wait until the slices before it are written. Those of a slab go
    /// through together: they are written together.
    fn room_end(&self) -> usize {
        let end = self.output.as_ref().map_or(usize::MAX, OutputSlices::room_end);
        end.saturating_add(self.plan.thin_factor().unwrap_or(0))
    }

    /// Writes decoded slices, and reports them.
    fn write(&mut self, window: Window, decoded: &Decoded) -> Result<()> {
        let Decoded { first, members, slices, errors } = decoded;
        let axis = self.plan.axis();
        let known = [slice(self.input, axis, *first), slice(self.input, axis, first + 1)];
        if let Some(errors) = errors {
            self.write_errors(window, members, known.each_ref(), errors);
        }
        self.write_slices(window, members, known.each_ref(), slices)?;
        self.counter.advance(members.len())
    }

    /// Writes decoded slices `[members, rows, columns]` in the type and range of the volume; thin
    /// ones as far as their slabs are complete.
    fn write_slices(
        &mut self,
        window: Window,
        members: &[(usize, f64)],
        [before, after]: [&ArrayView2<T>; 2],
        decoded: &Array3<f32>,
    ) -> Result<()> {
        let Some(output) = &mut self.output else { return Ok(()) };
        let (rescale, bounds, plan, input) = (self.rescale, self.bounds, self.plan, self.input);
        let hu = |stored: T| rescale.to_hu(stored.to_f64());
        let known = |index: usize| slice(input, plan.axis(), index).map(|&stored| hu(stored));
        for (&(index, fraction), grey) in members.iter().zip(decoded.outer_iter()) {
            let restored = Zip::from(before).and(after).and(&grey).map_collect(|&a, &b, &grey| {
                window.restore(f64::from(grey), hu(a), hu(b), fraction)
            });
            let done = match &mut self.slabs {
                Some(slabs) => slabs.add(index, restored, &known),
                None => vec![(index, restored)],
            };
            for (index, slice) in done {
                let plane = &mut output.slice_mut(plan, index);
                Zip::from(plane).and(&slice).for_each(|out, &hu| {
                    *out = bounds.voxel(rescale.from_hu(hu));
                });
                output.complete(index)?;
            }
        }
        Ok(())
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
