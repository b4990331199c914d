//! Messages of the program: lines for the user, results on standard output.
//!
//! A message that cannot be printed, on a closed or full standard error, is lost and changes
//! nothing. Results on standard output must arrive, unless their reader has gone.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use clap::{ArgAction, Args};
use hrinet::error::one_line;
use hrinet::{Error, Result};
use indicatif::{MultiProgress, ProgressBar};

use crate::{conceal, logging, slicer_cli};

/// The bars on the terminal.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Verbosity of a command.
#[derive(Args, Default)]
#[command(next_help_heading = "Global options")]
pub struct Verbosity {
    /// Print errors alone.
    #[arg(short, long, global = true, conflicts_with = "verbose", display_order = 900)]
    pub quiet: bool,
    /// Say more: -v what is done and how long it takes, -vv every step.
    #[arg(short, long, global = true, action = ArgAction::Count, display_order = 901)]
    pub verbose: u8,
    /// Add all that is said, and what -v says, to a log file.
    ///
    /// Every line has its time. The file is made where there is none; a file that is no such log
    /// is refused. With -vv every step is in it.
    #[arg(long, global = true, value_name = "FILE", display_order = 902)]
    pub log_file: Option<PathBuf>,
    /// Print help; --help says more than -h.
    #[arg(short, long, global = true, action = ArgAction::Help, display_order = 903)]
    help: Option<bool>,
    /// Print the version.
    ///
    /// With -v also commit, libtorch, devices, models and the defaults of the environment.
    #[arg(short = 'V', long, global = true, action = ArgAction::Version, display_order = 904)]
    version: Option<bool>,
    /// For Slicer: progress by its tags, everything but errors on standard output.
    #[arg(skip)]
    pub slicer: bool,
}

/// Prints a line on standard error, if that takes it.
pub fn tell(line: impl std::fmt::Display) {
    let line = one_line(&conceal::text(&line.to_string()));
    logging::note("said", &line);
    above_bars(|| {
        let _ = writeln!(std::io::stderr(), "{line}");
    });
}

/// Shows a bar below those that are shown.
pub fn add_bar(bar: ProgressBar) -> ProgressBar {
    BARS.add(bar)
}

/// Lets a function print lines where the bars are, which are drawn again below them.
pub fn above_bars(print: impl FnOnce()) {
    BARS.suspend(print);
}

/// Prints results on standard output, which may have several lines.
///
/// # Errors
/// [`Error::Io`] where it is full. That its reader has gone (`hrinet info | head -1`) is none.
pub fn print(lines: impl std::fmt::Display) -> Result<()> {
    lines.to_string().split('\n').try_for_each(print_line)
}

/// Prints one line of results on standard output.
///
/// # Errors
/// Those of [`print`].
pub fn print_line(line: impl std::fmt::Display) -> Result<()> {
    print_bytes(format!("{}\n", one_line(&line.to_string())).as_bytes())
}

/// Writes a file's content on standard output.
///
/// # Errors
/// Those of [`print`].
pub fn print_bytes(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Error::io(Path::new("standard output"), error)),
        Ok(()) => Ok(()),
    }
}

impl Verbosity {
    /// Nothing but errors, for a part of a command.
    pub fn silent() -> Verbosity {
        Verbosity { quiet: true, ..Verbosity::default() }
    }

    /// Prints a line for the user, unless quiet.
    pub fn say(&self, line: impl std::fmt::Display) {
        match (self.quiet, self.slicer) {
            (true, _) => logging::note("said", &line.to_string()),
            (false, true) => slicer_cli::say(&one_line(&line.to_string())),
            (false, false) => tell(line),
        }
    }
}
