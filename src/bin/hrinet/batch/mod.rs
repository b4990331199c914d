//! `hrinet batch`: interpolates the slices of many CTs.
//!
//! [`search`] finds volumes in folders, [`list`] in a list; [`series`] and [`volume`] are what is
//! known of them. [`settings`] decides what is done of each; [`reader`] reads them, [`pipeline`]
//! computes and writes within the [`budget`] of memory; [`manifest`] records, [`progress`] shows.
//! [`dry_run`] says what would be done, by the model of [`cost`].

mod arguments;
mod budget;
mod cost;
mod dry_run;
mod list;
mod manifest;
mod pipeline;
mod progress;
mod reader;
mod search;
mod series;
mod settings;
mod volume;

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;

use hrinet::error::count_of;
use hrinet::{Error, Result, io};

pub use self::arguments::Arguments;
use self::arguments::ProgressKind;
use self::manifest::Manifest;
use self::pipeline::{Counts, Pipeline};
use self::search::Search;
use self::settings::{REPORTS, Settings, THUMBNAILS, VOLUMES};
use self::volume::{Given, Volume};
use crate::interrupt;
use crate::messages::Verbosity;
use crate::progress::Progress;

/// Exit status where some volumes have failed.
const SOME_FAILED: u8 = 3;

/// Name of the file that is locked in OUTPUT_DIR.
const LOCK: &str = ".lock";

/// Number of files between two messages of the search.
const SHOW_EVERY: usize = 1000;

/// Runs `hrinet batch`; returns its exit status.
///
/// # Errors
/// The first error that is not of one volume alone, for the user.
pub fn run(arguments: &Arguments, verbosity: &Verbosity) -> Result<u8> {
    // Nothing but JSON.
    let silent = Verbosity::silent();
    let verbosity = match arguments.run.progress {
        ProgressKind::Json => &silent,
        ProgressKind::Auto => verbosity,
    };
    let model = arguments.model()?;
    let mut options = arguments.options(&model)?;
    check_input(arguments)?;
    let interpolator = options.load_interpolator().map_err(|error| model.in_error(error, None))?;
    let settings = Settings::new(arguments, options, &model, &interpolator)?;
    if arguments.outputs.dry_run {
        let volumes = find(arguments, verbosity)?;
        dry_run::run(arguments, &settings, &interpolator, volumes, verbosity)?;
        return Ok(0);
    }
    let _lock = prepare(&settings.output)?;
    let volumes = find(arguments, verbosity)?;
    let (past, mut manifest) = Manifest::open(&settings.output)?;
    let progress = progress::Progress::new(arguments.run.progress, verbosity, volumes.len());
    let pipeline = Pipeline {
        settings: &settings,
        past: &past,
        interpolator: &interpolator,
        max_failures: arguments.run.max_failures,
        memory: arguments.run.memory,
    };
    let (counts, result) = pipeline.run(volumes, &mut manifest, &progress);
    progress.finish(&counts);
    summarise(&counts, verbosity);
    result?;
    Ok(if counts.failed > 0 { SOME_FAILED } else { 0 })
}

/// Refuses what is neither a folder nor a list.
fn check_input(arguments: &Arguments) -> Result<()> {
    let path = arguments.input.as_path();
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let is_list = path.as_os_str() == "-" || matches!(ending.as_deref(), Some("csv" | "txt"));
    let real = |path: &Path| path.canonicalize().ok();
    if path.is_dir() && real(path) == real(&arguments.output) {
        return Err(Error::Argument(format!(
            "{}: OUTPUT_DIR is INPUT_DIR; name another folder, which may be in it",
            path.display()
        )));
    }
    if path.is_dir() || is_list {
        return Ok(());
    }
    std::fs::metadata(path).map_err(|error| Error::io(path, error))?;
    Err(Error::Argument(format!(
        "{}: neither a folder nor a list (.csv, .txt or -); `hrinet resample` makes one volume",
        path.display()
    )))
}

/// Finds the volumes, each once.
fn find(arguments: &Arguments, verbosity: &Verbosity) -> Result<Vec<Volume>> {
    let (input, output) = (arguments.input.as_path(), arguments.output.as_path());
    let busy = Progress::busy(verbosity, "looking for volumes");
    let mut on_file = |files: usize| {
        if files.is_multiple_of(SHOW_EVERY) {
            busy.describe(&format!("looking for volumes: {files} files"));
        }
    };
    let (mut volumes, unreadable) = match input.is_dir() {
        true => {
            let mut search = Search::default();
            search.folder(input, output, &mut on_file)?;
            let (found, unreadable) = search.finish();
            let volume = |found| Volume::new(found, Some(input), Given::default());
            (found.into_iter().map(volume).collect(), unreadable)
        }
        false => list::read(input, output, &mut on_file)?,
    };
    busy.finish();
    leave_out_labels(arguments, &mut volumes);
    let mut ids = HashSet::new();
    volumes.retain(|volume| ids.insert(volume.id.clone()));
    if !unreadable.is_empty() {
        verbosity.say(format_args!(
            "{} could not be read{}",
            count_of(unreadable.len(), "file or folder").replace("folders", "folder"),
            if arguments.outputs.names { ":" } else { "; --names tells which" }
        ));
        unreadable.iter().filter(|_| arguments.outputs.names).for_each(|error| {
            verbosity.say(error);
        });
    }
    if volumes.is_empty() {
        return Err(Error::Argument(format!(
            "{}: no volume is there; volumes are {} files and DICOM series",
            input.display(),
            io::endings_read()
        )));
    }
    Ok(volumes)
}

/// Leaves out the segmentations of other volumes.
fn leave_out_labels(arguments: &Arguments, volumes: &mut Vec<Volume>) {
    let Some(rule) = arguments.label_rule() else { return };
    let labels: HashSet<_> =
        volumes.iter().filter_map(|volume| volume.labels(Some(rule))).collect();
    volumes.retain(|volume| !labels.contains(&volume.found.path));
}

/// Makes OUTPUT_DIR and its folders, locks it, and removes what a killed run left half written.
fn prepare(output: &Path) -> Result<File> {
    for folder in [VOLUMES, REPORTS, THUMBNAILS].map(|name| output.join(name)) {
        std::fs::create_dir_all(&folder).map_err(|error| Error::io(&folder, error))?;
    }
    let lock = io::lock::lock_at(&output.join(LOCK), || {
        format!(
            "{}: another run writes there; wait for it, or name another OUTPUT_DIR",
            output.display()
        )
    })?;
    // Folders of volumes are DICOM series, which are whole.
    let mut folders = vec![output.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            interrupt::check()?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if name.starts_with('.') && name.ends_with(".partial") {
                reader::remove(&entry.path())?;
            } else if is_folder && !folder.ends_with(VOLUMES) {
                folders.push(entry.path());
            }
        }
    }
    Ok(lock)
}

/// The last line.
fn summarise(counts: &Counts, verbosity: &Verbosity) {
    let seconds = counts.time.as_secs_f64();
    let busy = 100.0 * counts.computing.as_secs_f64() / seconds.max(1e-9);
    verbosity.say(format_args!(
        "{} made, {} skipped, {} failed, {} done before; {} interpolated in {seconds:.1} s, \
         {busy:.0} % of them computing",
        counts.made,
        counts.skipped,
        counts.failed,
        counts.done,
        count_of(counts.slices, "slice")
    ));
}
