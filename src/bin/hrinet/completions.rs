//! `hrinet completions`: completion of command lines for a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use hrinet::Result;

use crate::cli::{Cli, examples};
use crate::messages::print_bytes;

/// Print what a shell needs to complete command lines of hrinet.
///
/// An installed program brings it along: scripts/install puts it where the shells look for it,
/// below PREFIX/share.
#[derive(Args)]
#[command(after_help = examples(&[
    ("hrinet completions bash >~/.local/share/bash-completion/completions/hrinet",
        "For bash."),
    ("hrinet completions zsh >~/.zfunc/_hrinet", "For zsh, with ~/.zfunc in fpath."),
    ("hrinet completions fish >~/.config/fish/completions/hrinet.fish", "For fish."),
]))]
pub struct Arguments {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs `hrinet completions`.
///
/// # Errors
/// Those of [`print_bytes`].
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "hrinet", &mut script);
    print_bytes(&script)
}
