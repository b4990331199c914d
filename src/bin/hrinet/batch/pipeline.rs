//! The volumes of a run, one after another: the next is read and the last written meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{SecondsFormat, Utc};
use hrinet::resample::{Interpolator, Job};
use hrinet::runtime::{memory, threads};
use hrinet::{Error, Result};

use super::budget::{Budget, Taken};
use super::manifest::{Manifest, Past, Status};
use super::progress::Progress;
use super::reader::{Entry, Read, Reader, Ready, guarded, remove, seconds};
use super::settings::{Settings, outputs_of};
use super::volume::Volume;
use crate::interrupt;
use crate::messages::Verbosity;
use crate::resample::{Computed, Request};

/// Smallest and largest number of threads that write: compression is slower than a card.
const WRITERS: [usize; 2] = [2, 8];

/// Number of threads that write.
pub fn writers() -> usize {
    (threads::cores() / 2).clamp(WRITERS[0], WRITERS[1])
}

/// What a writer gets.
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
    /// Bytes that the process stays within; `None`: most of the free memory.
    pub memory: Option<u64>,
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
        let reader = Reader {
            settings: self.settings,
            past: self.past,
            budget: Budget::new(self.memory.unwrap_or_else(free_memory)),
            stop: &stop,
        };
        let writer = Writer {
            past: self.past,
            max_failures: self.max_failures,
            stop: &stop,
            progress,
            received: Mutex::new(Some(computed)),
            record: Mutex::new(Record { manifest, counts: Counts::default() }),
        };
        let (computing, done, result) = thread::scope(|scope| {
            let read = || reader.run(volumes, &mut move |read| to_compute.send(read).is_ok());
            let mut steps = vec![thread::Builder::new().spawn_scoped(scope, read)];
            steps.extend(
                (0..writers()).map(|_| thread::Builder::new().spawn_scoped(scope, || writer.run())),
            );
            let started: std::io::Result<Vec<_>> = steps.into_iter().collect();
            let Ok(started) = started.inspect_err(|_| stop.store(true, Ordering::SeqCst)) else {
                drop((received, to_write));
                let reason = std::io::Error::from(std::io::ErrorKind::WouldBlock);
                return (Duration::ZERO, 0, Err(threads::unavailable(reason)));
            };
            let (busy, done, computed) = self.compute(received, to_write, progress);
            let ended = started
                .into_iter()
                .map(|step| step.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            // All are waited for; the first error is told, one of the user's wish last.
            let mut results: Vec<Result<()>> = ended.collect();
            results.push(computed);
            results.sort_by_key(|result| matches!(result, Err(Error::Cancelled)));
            (busy, done, results.into_iter().collect())
        });
        let counts = lock(&writer.record).counts;
        (Counts { done, time: start.elapsed(), computing, ..counts }, result)
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
        let granted = ready.taken.as_ref().filter(|_| self.memory.is_some()).map(Taken::grant);
        let memory_limit = granted.as_ref().map(|granted| granted.bytes);
        let job = Job { memory_limit, ..input.job(options, self.interpolator) };
        let checked = input.check(&job, options, &Verbosity::silent())?;
        let mut before = 0;
        input.compute(&job, options, checked, &mut |now| {
            progress.slices(now.done - before);
            before = now.done;
            interrupt::check()
        })
    }
}

/// Last step: writes outputs and rows, on several threads.
struct Writer<'a> {
    past: &'a Past,
    max_failures: Option<usize>,
    /// Whether no further volume is wanted.
    stop: &'a AtomicBool,
    progress: &'a Progress,
    /// `None` once a writer has failed.
    received: Mutex<Option<Receiver<Finished>>>,
    record: Mutex<Record<'a>>,
}

/// The manifest, and the counts of its new rows.
struct Record<'a> {
    manifest: &'a mut Manifest,
    counts: Counts,
}

impl Writer<'_> {
    /// Writes what is computed, until there is no more.
    ///
    /// # Errors
    /// Those of the manifest; [`Error::Cancelled`]; [`Error::Argument`] for too many failures.
    fn run(&self) -> Result<()> {
        let next = || lock(&self.received).as_ref().and_then(|received| received.recv().ok());
        let written = std::iter::from_fn(next).try_for_each(|finished| {
            let (mut entry, slices) = match finished {
                Finished::Settled(entry) => (*entry, 0),
                Finished::Volume(volume) => {
                    let (ready, mut computed) = *volume;
                    let slices = ready.input.plan.interpolated_count();
                    (self.write(ready, &mut computed)?, slices)
                }
            };
            entry.row.finished_at = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
            self.record(&entry, slices)
        });
        written.inspect_err(|_| {
            self.stop.store(true, Ordering::SeqCst);
            lock(&self.received).take();
        })
    }

    /// Appends the row of a volume.
    fn record(&self, entry: &Entry, slices: usize) -> Result<()> {
        let mut record = lock(&self.record);
        record.manifest.append(&entry.row)?;
        let counts = &mut record.counts;
        counts.slices += slices;
        match entry.row.status {
            Status::Made => counts.made += 1,
            Status::Skipped => counts.skipped += 1,
            Status::Failed => counts.failed += 1,
        }
        self.progress.volume(&entry.row, counts);
        match self.max_failures {
            Some(most) if counts.failed > most => Err(Error::Argument(format!(
                "more than {most} volumes have failed (--max-failures); manifest.csv says why; run \
                 again to go on"
            ))),
            _ => Ok(()),
        }
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nine tenths of the free memory, and what the program has taken already.
fn free_memory() -> u64 {
    memory::available() / 10 * 9 + memory::PROCESS_BYTES
}

/// Makes the folder of an output that a list names.
fn make_folder_of(request: &Request) -> Result<()> {
    match request.output.parent() {
        Some(folder) => std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, error)),
        None => Ok(()),
    }
}
