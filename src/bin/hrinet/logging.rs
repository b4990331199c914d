//! Log lines of the library: on standard error as far as asked for, all of them in a log file.
//!
//! A log file is appended to. It begins with [`FIRST_LINE`], so that no other file is taken for
//! one. A line that cannot be written is lost and changes nothing.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Instant;

use chrono::{SecondsFormat, Utc};
use env_logger::Target;
use hrinet::error::one_line;
use hrinet::runtime::memory;
use hrinet::{Error, Result};
use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::conceal;
use crate::messages::{Verbosity, above_bars};

/// First line of every log file.
const FIRST_LINE: &str = "log of hrinet\n";

/// Crate whose lines are logged.
const CRATE: &str = "hrinet";

static FILE: OnceLock<LogFile> = OnceLock::new();

/// The log file of this run.
struct LogFile {
    path: PathBuf,
    file: File,
    level: LevelFilter,
    start: Instant,
}

/// Lines for the terminal; the file gets its own.
struct Logger(env_logger::Logger);

/// Opens the log file, where there is one, and takes log lines from now on.
///
/// # Errors
/// Those of [`LogFile::open`].
pub fn set_up(verbosity: &Verbosity) -> Result<()> {
    let level = match (verbosity.quiet, verbosity.verbose) {
        (true, _) => LevelFilter::Error,
        (_, 0) => LevelFilter::Warn,
        (_, 1) => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    if let Some(path) = &verbosity.log_file {
        let file = LogFile::open(path, level.max(LevelFilter::Debug))?;
        let _ = FILE.set(file);
        let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
        let words: Vec<String> = words.collect();
        note("run", &format!("{}: {}", crate::version::short(), words.join(" ")));
    }
    let start = Instant::now();
    let timed = verbosity.verbose > 0;
    let target = if verbosity.slicer { Target::Stdout } else { Target::Stderr };
    let terminal = env_logger::Builder::new()
        .target(target)
        .filter_module(CRATE, level)
        .format(move |out, record| {
            let line = one_line(&conceal::text(&record.args().to_string()));
            let level = name(record.level());
            match timed {
                true => writeln!(out, "[{:.3} s] {level}: {line}", start.elapsed().as_secs_f64()),
                false => writeln!(out, "{level}: {line}"),
            }
        })
        .build();
    let most = FILE.get().map_or(level, |file| file.level.max(level));
    log::set_max_level(most);
    let _ = log::set_boxed_logger(Box::new(Logger(terminal)));
    Ok(())
}

/// Path of the log file.
pub fn path() -> Option<&'static Path> {
    FILE.get().map(|file| file.path.as_path())
}

/// Writes a line into the log file alone: what the user is told, and what became of the run.
pub fn note(kind: &str, line: &str) {
    if let Some(file) = FILE.get() {
        file.write(kind, line);
    }
}

/// Notes the end of the run.
pub fn finish(status: u8) {
    if let Some(file) = FILE.get() {
        let seconds = file.start.elapsed().as_secs_f64();
        let peak = memory::peak().map(hrinet::error::bytes_in_words);
        let peak = peak.map_or(String::new(), |peak| format!(", at most {peak} of memory"));
        file.write("run", &format!("ended with status {status} after {seconds:.3} s{peak}"));
    }
}

impl LogFile {
    /// Opens or makes a log file, to be appended to.
    ///
    /// # Errors
    /// [`Error::Argument`] for a file that is no log; [`Error::Io`].
    fn open(path: &Path, level: LevelFilter) -> Result<LogFile> {
        let failed = |error| Error::io(path, error);
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)
            .map_err(failed)?;
        let is_file = file.metadata().map_err(failed)?.is_file();
        let mut start = Vec::new();
        if is_file {
            let length = FIRST_LINE.len() as u64;
            (&file).take(length).read_to_end(&mut start).map_err(failed)?;
        }
        if !is_file || !(start.is_empty() || start == FIRST_LINE.as_bytes()) {
            return Err(Error::Argument(format!(
                "{}: is no log of hrinet, so nothing is added to it; name another file for \
                 --log-file",
                path.display()
            )));
        }
        if start.is_empty() {
            file.write_all(FIRST_LINE.as_bytes()).map_err(failed)?;
        }
        Ok(LogFile { path: path.to_path_buf(), file, level, start: Instant::now() })
    }

    fn write(&self, kind: &str, line: &str) {
        let time = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        // In one piece, so that runs that share the file do not mix within lines.
        let line = format!("{time} {kind:5} {}\n", one_line(&conceal::text(line)));
        let _ = (&self.file).write_all(line.as_bytes());
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata) -> bool {
        let file = FILE.get();
        let in_file = file.is_some_and(|file| {
            metadata.level() <= file.level && metadata.target().starts_with(CRATE)
        });
        in_file || self.0.enabled(metadata)
    }

    fn log(&self, record: &Record) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let line = || format!("{}: {}", record.target(), record.args());
        if let Some(file) = FILE.get().filter(|file| record.level() <= file.level) {
            file.write(name(record.level()), &line());
        }
        if self.0.matches(record) {
            above_bars(|| self.0.log(record));
        }
    }

    fn flush(&self) {}
}

/// Name of a level in lower case.
fn name(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}
