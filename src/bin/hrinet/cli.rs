//! The command line: commands, options of all commands, styles and examples of the help.

use std::ffi::OsString;
use std::fmt::Write;

use clap::builder::StyledStr;
use clap::builder::styling::{AnsiColor, Effects, Styles};
use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use hrinet::error::one_line;

use crate::messages::{Verbosity, tell};
use crate::{batch, completions, evaluate, fill, info, manual, resample, site, train};

/// Colours of the help, where it goes to a terminal.
const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .placeholder(AnsiColor::Cyan.on_default());

/// Increase the through-plane resolution of CT by interpolating slices.
///
/// Every known slice stays as it was scanned, bit for bit; a network that follows the tissue makes
/// the slices between them. For research: interpolated slices are estimates, not for diagnosis or
/// treatment.
#[derive(Parser)]
#[command(name = "hrinet", bin_name = "hrinet", version, propagate_version = true)]
#[command(disable_help_flag = true, disable_version_flag = true)]
#[command(styles = STYLES, max_term_width = 100, after_help = help_of_all())]
pub struct Cli {
    /// What is printed.
    #[command(flatten)]
    pub verbosity: Verbosity,
    /// What is done.
    #[command(subcommand)]
    pub command: Command,
}

/// Commands of the program.
#[derive(Subcommand)]
pub enum Command {
    Resample(Box<resample::Arguments>),
    Batch(Box<batch::Arguments>),
    Fill(fill::Arguments),
    Info(info::Arguments),
    Evaluate(Box<evaluate::Arguments>),
    Train(Box<train::Arguments>),
    Completions(completions::Arguments),
    Manual(manual::Arguments),
}

/// The wish of a valid command line.
pub enum Asked {
    /// A command.
    Command(Box<Cli>),
    /// The version, with -v.
    VersionInDetail,
}

/// Parses the command line.
///
/// # Errors
/// The exit status where nothing remains to be done: help, version and what is wrong about the
/// usage are printed here.
pub fn parse(arguments: Vec<OsString>) -> Result<Asked, u8> {
    let asks_for_more = arguments.iter().skip(1).any(is_verbose);
    let error = match Cli::try_parse_from(arguments) {
        Ok(cli) => return Ok(Asked::Command(Box::new(cli))),
        Err(error) => error,
    };
    if error.kind() == ErrorKind::DisplayVersion && asks_for_more {
        return Ok(Asked::VersionInDetail);
    }
    let text = error.to_string();
    let lines: Vec<String> = text.split('\n').map(one_line).collect();
    // What it cites may hold anything; what does not is printed with its colours.
    if lines.join("\n") == text {
        let _ = error.print();
    } else {
        lines.iter().for_each(tell);
    }
    Err(if error.use_stderr() { 2 } else { 0 })
}

/// Whether a word is `--verbose`, or short options with `-v` among them, such as `-vV`.
fn is_verbose(word: &OsString) -> bool {
    let Some(word) = word.to_str() else { return false };
    let letters = word.strip_prefix('-').unwrap_or_default();
    let are_global = letters.chars().all(|letter| "vVqh".contains(letter));
    word == "--verbose" || (are_global && letters.contains('v'))
}

/// Help behind the options of the program: examples, and the variables of the environment.
fn help_of_all() -> StyledStr {
    let mut text = examples(&[
        ("hrinet resample CT/ fine.nii.gz", "Interpolates the slices of a DICOM series."),
        ("hrinet resample ct.nrrd fine.nrrd --spacing 1", "To slices about 1 mm apart."),
        ("hrinet resample CT/ FINE/ --dry-run", "Says what would be done."),
        ("hrinet info CT/", "Lists the series in a folder."),
        ("hrinet info", "Lists the models."),
    ]);
    let (title, literal) = (STYLES.get_header(), STYLES.get_literal());
    let _ = writeln!(text, "\n{title}Environment:{title:#}");
    for variable in &site::VARIABLES {
        let (name, flags) = (variable.name, variable.flags);
        let _ = writeln!(text, "  {literal}{name:14}{literal:#}  Default of {flags}");
    }
    text
}

/// Examples of a command: each with what it does, on a line below.
pub fn examples(lines: &[(&str, &str)]) -> StyledStr {
    let (title, literal) = (STYLES.get_header(), STYLES.get_literal());
    let mut text = StyledStr::new();
    let _ = writeln!(text, "{title}Examples:{title:#}");
    for (line, meaning) in lines {
        let _ = writeln!(text, "  {literal}{line}{literal:#}\n      {meaning}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn examples_of_the_help_are_valid() {
        let command = Cli::command();
        let help = |command: &clap::Command| command.get_after_help().map(StyledStr::to_string);
        let helps = command.get_subcommands().chain([&command]).filter_map(help);
        let mut count = 0;
        for line in helps.flat_map(|help| help.lines().map(String::from).collect::<Vec<_>>()) {
            let Some(example) = line.strip_prefix("  hrinet ") else { continue };
            assert!(line.len() <= 80, "{line}");
            let words = example.split(" >").next().unwrap_or(example).split(' ');
            let parsed = Cli::command().try_get_matches_from(["hrinet"].into_iter().chain(words));
            assert!(parsed.is_ok(), "{example}: {parsed:?}");
            count += 1;
        }
        assert!(count > 15, "{count} examples");
    }

    #[test]
    fn verbose_is_found_among_short_options() {
        let asks = |word: &str| is_verbose(&OsString::from(word));
        assert!(["-v", "-vv", "-vV", "-Vv", "--verbose"].into_iter().all(asks));
        assert!(!["-V", "--version", "v", "-", "--vV", "-q", "-5v"].into_iter().any(asks));
    }
}
