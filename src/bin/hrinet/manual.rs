//! `hrinet manual`: manual pages for `man`.

use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use hrinet::{Error, Result};

use crate::cli::Cli;

/// Write the manual pages into a folder: one for the program, one for each command.
#[derive(Args)]
#[command(hide = true)]
pub struct Arguments {
    /// Folder that exists, such as PREFIX/share/man/man1.
    folder: PathBuf,
}

/// Runs `hrinet manual`.
///
/// # Errors
/// [`Error::Io`].
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let commands = program.get_subcommands().filter(|command| !command.is_hide_set());
    commands.chain([&program]).try_for_each(|command| write(command, &arguments.folder))
}

/// Writes the page of a command.
fn write(command: &Command, folder: &Path) -> Result<()> {
    let source = concat!("hrinet ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).source(source).manual("HRINet");
    let path = folder.join(man.get_filename());
    page(&man, command)
        .and_then(|page| std::fs::write(&path, page))
        .map_err(|error| Error::io(&path, error))
}

fn page(man: &Man, command: &Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    sections_behind(command).to_writer(&mut page)?;
    Ok(page)
}

/// The sections behind the options, line by line: each begins with its title and a colon.
fn sections_behind(command: &Command) -> Roff {
    let mut roff = Roff::new();
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match line.strip_suffix(':').filter(|title| !title.starts_with(' ')) {
            Some(title) => {
                roff.control("SH", [title.to_uppercase().as_str()]);
                // Lines stay as they are.
                roff.control("nf", None)
            }
            None => roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]),
        };
    }
    roff
}
