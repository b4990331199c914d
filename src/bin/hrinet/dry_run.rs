//! `--dry-run`: what a command would do, in words and as JSON.

use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;
use hrinet::Result;
use hrinet::error::bytes_in_words;
use hrinet::runtime::memory;
use serde::Serialize;

use crate::messages::print_line;

/// What a dry run finds out.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// All that can be known without the work.
    Plan,
    /// The time as well, by a piece of the work that is thrown away.
    Time,
}

/// A file that would be written.
#[derive(Serialize)]
pub struct PlannedFile {
    path: String,
    /// Whether something is there, which would be replaced.
    replaces: bool,
}

/// Memory of the work.
#[derive(Serialize)]
pub struct PlannedMemory {
    needed_bytes: u64,
    /// Whether it may be more.
    is_minimum: bool,
    free_bytes: u64,
}

/// Time of the work.
#[derive(Serialize)]
pub struct PlannedTime {
    /// The estimate; `None` where there is nothing to base one on.
    seconds: Option<f64>,
    /// What the estimate is based on, or why there is none.
    basis: String,
}

impl PlannedFile {
    /// A file, or a folder that must be empty.
    pub fn new(path: &Path) -> PlannedFile {
        PlannedFile { path: path.display().to_string(), replaces: path.is_file() }
    }
}

impl PlannedMemory {
    /// The bytes that the work needs, beside those that are free now.
    pub fn new(needed_bytes: u64) -> PlannedMemory {
        PlannedMemory { needed_bytes, is_minimum: false, free_bytes: memory::available() }
    }

    /// The bytes that the work needs at least.
    pub fn at_least(needed_bytes: u64) -> PlannedMemory {
        PlannedMemory { is_minimum: true, ..PlannedMemory::new(needed_bytes) }
    }
}

impl PlannedTime {
    /// An estimate, and what it is based on.
    pub fn estimated(time: Duration, basis: impl Into<String>) -> PlannedTime {
        PlannedTime { seconds: Some(time.as_secs_f64()), basis: basis.into() }
    }

    /// No estimate, for this reason.
    pub fn unknown(reason: impl Into<String>) -> PlannedTime {
        PlannedTime { seconds: None, basis: reason.into() }
    }
}

/// Prints memory, time and files of a plan.
///
/// # Errors
/// Those of [`print_line`].
pub fn print(memory: &PlannedMemory, time: &PlannedTime, files: &[PlannedFile]) -> Result<()> {
    let about = if memory.is_minimum { "at least" } else { "about" };
    print_line(format_args!(
        "memory:  {about} {} needed, {} free",
        bytes_in_words(memory.needed_bytes),
        bytes_in_words(memory.free_bytes)
    ))?;
    match time.seconds {
        Some(seconds) => {
            print_line(format_args!("time:    {}, {}", in_words(seconds), time.basis))?;
        }
        None => print_line(format_args!("time:    not estimated: {}", time.basis))?,
    }
    for (index, file) in files.iter().enumerate() {
        let title = if index == 0 { "writes:" } else { "" };
        let state = if file.replaces { "replaces the file there" } else { "new" };
        print_line(format_args!("{title:8} {} ({state})", file.path))?;
    }
    Ok(())
}

/// A duration to two digits.
pub fn in_words(seconds: f64) -> String {
    let (value, unit) = match seconds {
        ..1.0 => return "less than 1 s".into(),
        1.0..60.0 => (seconds, "s"),
        60.0..3600.0 => (seconds / 60.0, "minutes"),
        _ => (seconds / 3600.0, "hours"),
    };
    let decimals = usize::from(value < 9.95);
    format!("about {value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_digits_and_a_unit() {
        for (seconds, words) in [
            (0.04, "less than 1 s"),
            (7.26, "about 7.3 s"),
            (59.4, "about 59 s"),
            (90.0, "about 1.5 minutes"),
            (3000.0, "about 50 minutes"),
            (36_000.0, "about 10 hours"),
        ] {
            assert_eq!(in_words(seconds), words);
        }
    }
}
