//! Start and end of the program.
//!
//! It is two files. `hrinet` answers by itself what needs no tensor: help, version, the description
//! for Slicer, completions, manual pages, and `info` on volumes. For all else it replaces itself by
//! `hrinet-torch` beside it, which loads libtorch: that takes a fifth of a second.

use std::ffi::OsString;
use std::panic::catch_unwind;

use hrinet::{Error, Result};

use crate::cli::{self, Asked, Cli};
use crate::messages::tell;
use crate::{interrupt, logging, slicer_cli};

/// A command and, where Slicer asks for it, its return file.
pub struct Task {
    /// The command with its options.
    pub cli: Cli,
    /// A run for Slicer.
    pub slicer: Option<slicer_cli::Run>,
}

/// The rest of the work after the command line was read.
pub enum Start {
    /// A command.
    Run(Box<Task>),
    /// The version is to be printed with all that a report of a fault should name.
    VersionInDetail,
    /// Nothing: help, version or an error was printed. Holds the exit status.
    Answered(u8),
}

/// Reads the command line. Help, version, the description for Slicer and wrong usage are printed
/// here.
pub fn read() -> Start {
    let given: Vec<OsString> = std::env::args_os().collect();
    if let Some(description) = slicer_cli::description(&given) {
        slicer_cli::say(description.trim_end());
        return Start::Answered(0);
    }
    let slicer = slicer_cli::Run::of(&given);
    let words = slicer.as_ref().map_or_else(|| joined(given), |run| run.arguments.clone());
    match cli::parse(words) {
        Ok(Asked::Command(mut cli)) => {
            cli.verbosity.slicer = slicer.is_some();
            Start::Run(Box::new(Task { cli: *cli, slicer }))
        }
        Ok(Asked::VersionInDetail) => Start::VersionInDetail,
        Err(status) => Start::Answered(status),
    }
}

/// Runs a command, tells its error, and ends the process with the exit status.
pub fn run(task: &Task, begin: impl FnOnce(), command: impl FnOnce(&Task) -> Result<u8>) -> ! {
    // Damaged files make decoders panic; that is caught there and becomes an error.
    std::panic::set_hook(Box::new(|panic| log::debug!("{panic}")));
    let status = match logging::set_up(&task.cli.verbosity) {
        Ok(()) => {
            begin();
            let run = || interrupt::watch().and_then(|()| command(task));
            status(catch_unwind(std::panic::AssertUnwindSafe(run)))
        }
        Err(error) => status(Ok(Err(error))),
    };
    logging::finish(status);
    end(status)
}

/// Ends the process at once. All output is written and renamed by now; what would run otherwise,
/// the destructors of libtorch, takes longer than a small volume.
pub fn end(status: u8) -> ! {
    signal_hook::low_level::exit(i32::from(status))
}

/// Exit status of a run, whose error is told.
fn status(result: std::thread::Result<Result<u8>>) -> u8 {
    match result {
        Ok(Ok(status)) => return status,
        Ok(Err(Error::Cancelled)) => {
            tell("hrinet: cancelled");
            return interrupt::EXIT_CODE;
        }
        Ok(Err(error)) => tell(format_args!("hrinet: {error}")),
        Err(_) => tell("hrinet: internal error; run again with -v for its place, and report it"),
    }
    1
}

/// Joins `--exact-spacing 1.0` by an equals sign, which clap needs before an optional value.
fn joined(given: Vec<OsString>) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::new();
    for argument in given {
        let is_number = argument.to_str().is_some_and(|text| text.parse::<f64>().is_ok());
        match joined.last_mut() {
            Some(last) if is_number && last == "--exact-spacing" => {
                last.push("=");
                last.push(argument);
            }
            _ => joined.push(argument),
        }
    }
    joined
}
