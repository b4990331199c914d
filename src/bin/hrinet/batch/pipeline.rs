//! The volumes of a run, one after another: the next is read and the last written meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{SecondsFormat, Utc};
use hrinet::resample::Interpolator;
use hrinet::runtime::{memory, threads};
use hrinet::{Error, Result};

use super::budget::Budget;
use super::manifest::{Manifest, Past, Status};
use super::progress::Progress;
use super::reader::{Entry, Read, Reader, Ready, guarded, remove, seconds};
use super::settings::{Settings, outputs_of};
use super::volume::Volume;
use crate::interrupt;
use crate::messages::Verbosity;
use crate::resample::{Computed, Request};

/// What the writer gets.
enum Finished {
    Volume(Box<(Ready, Computed)>),
    Settled(Box<Entry>),
}

/// A run.
pub struct Pipeline<'a> {
    pub settings: &'a Settings,
    pub past: &'a Past,
    pub interpolator: &'a Interpolator,
    pub max_failures: Option<usize>,
    pub memory: u64,
}

/// Numbers of volumes.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    pub made: usize,
    pub skipped: usize,
    pub failed: usize,
    /// Of former runs.
    pub done: usize,
    /// Slices that were interpolated.
    pub slices: usize,
    /// Time of the run, and of it the time in which slices were computed.
    pub time: Duration,
    pub computing: Duration,
}

impl Pipeline<'_> {
    /// Does all volumes; the counts are those of what is in the manifest.
    ///
    /// # Errors
    /// Those of the manifest; [`Error::Cancelled`].
    pub fn run(
        &self,
        volumes: Vec<Volume>,
        manifest: &mut Manifest,
        progress: &Progress,
    ) -> (Counts, Result<()>) {
        let stop = AtomicBool::new(false);
        let start = Instant::now();
        let (to_compute, received) = sync_channel(1);
        let (to_write, computed) = sync_channel(1);
        let (computing, (counts, results)) = thread::scope(|scope| {
            let reader = Reader {
                settings: self.settings,
                past: self.past,
                budget: Budget::new(self.memory),
                stop: &stop,
            };
            let read = move || reader.run(volumes, &mut |read| to_compute.send(read).is_ok());
            let (past, max_failures) = (self.past, self.max_failures);
            let writer = Writer { past, max_failures, stop: &stop, progress };
            let write = move || writer.run(computed, manifest);
            let reading = thread::Builder::new().spawn_scoped(scope, read);
            let writing = thread::Builder::new().spawn_scoped(scope, write);
            let (reading, writing) = match (reading, writing) {
                (Ok(reading), Ok(writing)) => (reading, writing),
                (Err(error), _) | (_, Err(error)) => {
                    drop((received, to_write));
                    let failed = Err(threads::unavailable(error));
                    return (Duration::ZERO, (Counts::default(), vec![failed]));
                }
            };
            let (busy, done, result) = self.compute(received, to_write, progress);
            let read = reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let (mut counts, written) =
                writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            counts.done = done;
            (busy, (counts, vec![written, result, read]))
        });
        let counts = Counts { time: start.elapsed(), computing, ..counts };
        (counts, results.into_iter().collect())
    }

    /// Second step: computes what is read, on the calling thread.
    fn compute(
        &self,
        received: Receiver<Read>,
        to_write: SyncSender<Finished>,
        progress: &Progress,
    ) -> (Duration, usize, Result<()>) {
        let (mut busy, mut done) = (Duration::ZERO, 0);
        for read in received {
            let finished = match read {
                Read::More(count) => {
                    progress.more(count);
                    continue;
                }
                Read::Done => {
                    done += 1;
                    progress.done_before();
                    continue;
                }
                Read::Settled(entry) => Finished::Settled(entry),
                Read::Volume(ready) => {
                    let start = Instant::now();
                    let computed = guarded(|| self.compute_one(&ready, progress));
                    busy += start.elapsed();
                    let mut ready = *ready;
                    ready.entry.row.compute_seconds = Some(seconds(start));
                    match computed {
                        Ok(computed) => Finished::Volume(Box::new((ready, computed))),
                        Err(Error::Cancelled) => return (busy, done, Err(Error::Cancelled)),
                        Err(error) => Finished::Settled(Box::new(ready.entry.failed(&error))),
                    }
                }
            };
            if to_write.send(finished).is_err() {
                break;
            }
        }
        (busy, done, Ok(()))
    }

    fn compute_one(&self, ready: &Ready, progress: &Progress) -> Result<Computed> {
        let (options, input) = (&self.settings.options, &ready.input);
        let job = input.job(options, self.interpolator);
        let checked = input.check(&job, options, &Verbosity::silent())?;
        let mut before = 0;
        input.compute(&job, options, checked, &mut |now| {
            progress.slices(now.done - before);
            before = now.done;
            interrupt::check()
        })
    }
}

/// Last step: writes outputs and rows.
struct Writer<'a> {
    past: &'a Past,
    max_failures: Option<usize>,
    stop: &'a AtomicBool,
    progress: &'a Progress,
}

impl Writer<'_> {
    fn run(&self, received: Receiver<Finished>, manifest: &mut Manifest) -> (Counts, Result<()>) {
        let mut counts = Counts::default();
        let result = received.into_iter().try_for_each(|finished| {
            let mut entry = match finished {
                Finished::Settled(entry) => *entry,
                Finished::Volume(volume) => {
                    let (ready, mut computed) = *volume;
                    counts.slices += ready.input.plan.interpolated_count();
                    self.write(ready, &mut computed)?
                }
            };
            entry.row.finished_at = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
            manifest.append(&entry.row)?;
            match entry.row.status {
                Status::Made => counts.made += 1,
                Status::Skipped => counts.skipped += 1,
                Status::Failed => counts.failed += 1,
            }
            self.progress.volume(&entry.row, &counts);
            match self.max_failures {
                Some(most) if counts.failed > most => {
                    self.stop.store(true, Ordering::SeqCst);
                    Err(Error::Argument(format!(
                        "more than {most} volumes have failed (--max-failures); manifest.csv says \
                         why; run again to go on"
                    )))
                }
                _ => Ok(()),
            }
        });
        (counts, result)
    }

    /// Writes the outputs of a volume.
    fn write(&self, ready: Ready, computed: &mut Computed) -> Result<Entry> {
        let Ready { mut entry, input, taken } = ready;
        let start = Instant::now();
        // The report has the time of the work, not of waiting.
        let worked = [entry.row.read_seconds, entry.row.compute_seconds].into_iter().flatten();
        let worked = Duration::try_from_secs_f64(worked.sum()).unwrap_or_default();
        let began = start.checked_sub(worked).unwrap_or(start);
        let old = self.past.last_output(&entry.row.id);
        let written = guarded(|| {
            if input.request.dicom {
                remove(&input.request.output)?;
            }
            make_folder_of(&input.request)?;
            input.write(computed, began, &Verbosity::silent())
        });
        drop(taken);
        let row = &mut entry.row;
        row.write_seconds = Some(seconds(start));
        row.peak_memory_bytes = memory::peak();
        match written {
            Err(Error::Cancelled) => Err(Error::Cancelled),
            Err(error) => {
                // The old ones are of other inputs or options.
                outputs_of(&input.request).iter().try_for_each(|path| remove(path))?;
                Ok(entry.failed(&error))
            }
            Ok(()) => {
                if let Some(old) = old.filter(|old| *old != input.request.output) {
                    remove(&old)?;
                }
                row.status = Status::Made;
                row.mean_expected_error_hu =
                    computed.outputs.mean_expected_error_hu.map(super::settings::rounded);
                let warnings = computed.outputs.work.warnings.iter();
                let warnings = warnings.chain(input.labels.remarks());
                let names: &Arc<_> = &entry.names;
                row.warnings = warnings.map(|warning| names.hide(warning)).collect();
                Ok(entry)
            }
        }
    }
}

/// Makes the folder of an output that a list names.
fn make_folder_of(request: &Request) -> Result<()> {
    match request.output.parent() {
        Some(folder) => std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, error)),
        None => Ok(()),
    }
}
