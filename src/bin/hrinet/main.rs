//! The program `hrinet`: resample a CT, train a network, evaluate it.

mod interrupt;
mod messages;
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use hrinet::Error;

/// Makes the slices in between: CT slice interpolation with HRINet.
#[derive(Parser)]
#[command(version, about, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    verbosity: messages::Verbosity,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Train(train::Arguments),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    messages::set_up(&cli.verbosity);
    let done = interrupt::watch().and_then(|()| match cli.command {
        Command::Train(arguments) => train::run(&arguments, &cli.verbosity),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Cancelled) => {
            eprintln!("hrinet: cancelled");
            ExitCode::from(interrupt::EXIT_CODE)
        }
        Err(error) => {
            eprintln!("hrinet: {error}");
            ExitCode::from(1)
        }
    }
}
