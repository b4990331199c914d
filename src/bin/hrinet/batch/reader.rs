//! First step of the pipeline: decides what is done of each volume, and reads it.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use hrinet::error::one_line;
use hrinet::resample::job::doubt_of_hu;
use hrinet::volume::Geometry;
use hrinet::{Error, Result, io};

use super::budget::{Budget, Taken};
use super::manifest::{Past, Row, Status};
use super::settings::{Decision, Settings};
use super::volume::Volume;
use crate::conceal::{Hidden, Names};
use crate::interrupt;
use crate::messages::Verbosity;
use crate::resample::Input;

/// What is known of a volume that was read, skipped or that failed.
pub struct Entry {
    pub row: Row,
    /// Its names, hidden while it is in work.
    pub names: Arc<Names>,
    _hidden: Option<Hidden>,
}

/// What the reader sends on.
pub enum Read {
    /// A volume to compute.
    Volume(Box<Ready>),
    /// A volume that is skipped or failed.
    Settled(Box<Entry>),
    /// A volume that a former run has settled.
    Done,
    /// A series holds so many volumes more than was thought.
    More(usize),
}

/// A volume that was read.
pub struct Ready {
    pub entry: Entry,
    pub input: Input,
    pub taken: Option<Taken>,
}

/// Reads volumes one after another.
pub struct Reader<'a> {
    pub settings: &'a Settings,
    pub past: &'a Past,
    pub budget: Arc<Budget>,
    /// Whether no further volume is wanted.
    pub stop: &'a AtomicBool,
}

impl Entry {
    /// An entry for a volume, whose names are hidden from now on unless they are wanted.
    pub fn new(settings: &Settings, volume: &Volume) -> Entry {
        let files = volume.found.series.as_ref().map(|series| series.paths()).unwrap_or_default();
        let labels = settings.labels(volume);
        let paths = [Some(volume.found.path.as_path()), labels.as_deref()].into_iter().flatten();
        let paths = paths.chain(files.iter().map(|path| path.as_path()));
        let names = match settings.names {
            true => Arc::new(Names::default()),
            false => Arc::new(Names::new(paths, &volume.id)),
        };
        let hidden = (!settings.names).then(|| names.everywhere());
        Entry { row: settings.row(volume), names, _hidden: hidden }
    }

    /// The volume is skipped.
    pub fn skipped(mut self, reason: &str) -> Entry {
        self.row.status = Status::Skipped;
        self.row.reason = self.names.hide(&one_line(reason));
        self
    }

    /// The volume has failed.
    pub fn failed(mut self, error: &Error) -> Entry {
        self.row.status = Status::Failed;
        self.row.output = String::new();
        self.row.reason = self.names.hide(&one_line(&error.to_string()));
        self
    }
}

impl Reader<'_> {
    /// Reads all volumes; `send` returns false where nothing more is wanted.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn run(&self, volumes: Vec<Volume>, send: &mut dyn FnMut(Read) -> bool) -> Result<()> {
        for volume in volumes {
            let divided = divide(self.settings, &volume);
            if divided.len() > 1 && !send(Read::More(divided.len() - 1)) {
                return Ok(());
            }
            for volume in divided {
                interrupt::check()?;
                if self.stop.load(Ordering::SeqCst) {
                    return Ok(());
                }
                let read = match guarded(|| self.read(&volume)) {
                    Err(Error::Cancelled) => return Err(Error::Cancelled),
                    Err(error) => {
                        let entry = Entry::new(self.settings, &volume).failed(&error);
                        Read::Settled(Box::new(entry))
                    }
                    Ok(read) => read,
                };
                if !send(read) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Reads one volume, unless it is done or skipped.
    fn read(&self, volume: &Volume) -> Result<Read> {
        let settings = self.settings;
        let start = Instant::now();
        let mut entry = Entry::new(settings, volume);
        let labels = settings.labels(volume);
        entry.row.input_fingerprint = volume.fingerprint(labels.as_deref())?;
        if self.past.is_done(&entry.row) {
            return Ok(Read::Done);
        }
        let settled = |entry| Ok(Read::Settled(Box::new(entry)));
        let series = volume.found.series.as_ref();
        if let Some(reason) = series.and_then(|series| settings.skipped_series(series)) {
            return settled(entry.skipped(&reason));
        }
        let (row, taken) = (RefCell::new(&mut entry.row), RefCell::new(None));
        let skipped = RefCell::new(None);
        let check = |grid: &Geometry, voxel_type| {
            match settings.decide(&mut row.borrow_mut(), grid)? {
                Decision::Skip(reason) => {
                    skipped.replace(Some(reason));
                    // Ends the reading before the voxels.
                    Err(Error::Cancelled)
                }
                Decision::Make(plan) => {
                    let need = settings.need(&plan, voxel_type, labels.is_some());
                    taken.replace(Some(self.budget.take(need)?));
                    Ok(())
                }
            }
        };
        let request = settings.request(volume);
        let input = Input::read(request, &settings.options, &check, &Verbosity::silent());
        let (taken, skipped) = (taken.into_inner(), skipped.into_inner());
        let input = match (input, skipped) {
            (_, Some(reason)) => return settled(entry.skipped(&reason)),
            (Err(Error::Cancelled), None) => return Err(Error::Cancelled),
            (Err(error), None) => return settled(entry.failed(&error)),
            (Ok(input), None) => input,
        };
        if settings.needs_hu
            && let Some(doubt) = doubt_of_hu(&input.volume)
        {
            return settled(entry.skipped(&format!("values are not HU: {doubt}")));
        }
        entry.row.output = settings.below_output(&input.request.output);
        entry.row.read_seconds = Some(seconds(start));
        Ok(Read::Volume(Box::new(Ready { entry, input, taken })))
    }
}

/// The volumes of a series that may hold several: phases, sizes, orientations.
pub fn divide(settings: &Settings, volume: &Volume) -> Vec<Volume> {
    let one = || vec![volume.clone()];
    let Some(series) = &volume.found.series else { return one() };
    let is_left = settings.skipped_series(series).is_some();
    if is_left || series.is_one_stack() || volume.number.is_some() {
        return one();
    }
    let files = series.paths();
    let options = io::ReadOptions { files: Some(&files), ..interrupt::read_options(None) };
    let _hidden = Entry::new(settings, volume);
    match io::list(&volume.found.path, &options) {
        Ok(contents) if contents.series.len() > 1 => volume.divided(contents.series.len()),
        // What is wrong with it is found again when it is read.
        _ => one(),
    }
}

/// Seconds since a time, to milliseconds.
pub fn seconds(start: Instant) -> f64 {
    super::settings::rounded(start.elapsed().as_secs_f64())
}

/// Does the work on one volume. A panic of a decoder is an error of that volume alone.
///
/// # Errors
/// Those of the work.
pub fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let reason = "an internal error; run `hrinet resample -v` on it, and report it";
        Err(Error::Argument(reason.into()))
    })
}

/// Removes what is at a path, a file or a folder, where there is something.
///
/// # Errors
/// [`Error::Io`].
pub fn remove(path: &Path) -> Result<()> {
    let removed = match path.is_dir() {
        true => std::fs::remove_dir_all(path),
        false => std::fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(path, error)),
        _ => Ok(()),
    }
}
