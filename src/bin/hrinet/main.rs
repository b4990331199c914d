//! The program `hrinet`: resamples a CT, fills segmentations, trains networks, evaluates them.

mod batch;
mod cli;
mod completions;
mod conceal;
mod device;
mod dry_run;
mod environment;
mod evaluate;
mod files;
mod fill;
mod info;
mod interrupt;
mod json;
mod label_maps;
mod logging;
mod manual;
mod messages;
mod model_files;
mod output_file;
mod progress;
mod resample;
mod series_table;
mod site;
mod slicer_cli;
mod train;
mod version;

use std::ffi::OsString;
use std::process::ExitCode;

use hrinet::Error;

use cli::{Cli, Command};
use messages::tell;

fn main() -> ExitCode {
    let given: Vec<OsString> = std::env::args_os().collect();
    if let Some(description) = slicer_cli::description(&given) {
        slicer_cli::say(description.trim_end());
        return ExitCode::SUCCESS;
    }
    let slicer = slicer_cli::Run::of(&given);
    let words = slicer.as_ref().map_or(arguments(given), |run| run.arguments.clone());
    let mut cli = match cli::parse(words) {
        Ok(cli) => cli,
        Err(status) => return status,
    };
    cli.verbosity.slicer = slicer.is_some();
    let settled = environment::settle();
    // Damaged files make decoders panic; that is caught there and becomes an error.
    std::panic::set_hook(Box::new(|panic| log::debug!("{panic}")));
    let status = match logging::set_up(&cli.verbosity) {
        Ok(()) => {
            settled.unwrap_or_else(|error| log::debug!("the environment is not set: {error}"));
            let run = || interrupt::watch().and_then(|()| run(&cli, slicer.as_ref()));
            status(std::panic::catch_unwind(run))
        }
        Err(error) => status(Ok(Err(error))),
    };
    logging::finish(status);
    ExitCode::from(status)
}

/// Exit status of a run, whose error is told.
fn status(result: std::thread::Result<hrinet::Result<u8>>) -> u8 {
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

/// Runs a command; returns its exit status.
fn run(cli: &Cli, slicer: Option<&slicer_cli::Run>) -> hrinet::Result<u8> {
    match &cli.command {
        Command::Resample(arguments) => {
            let return_file = slicer.map(slicer_cli::Run::return_file);
            let counts = resample::run(arguments, return_file, &cli.verbosity)?;
            slicer.map_or(Ok(()), |run| run.finish(&counts))
        }
        Command::Batch(arguments) => return batch::run(arguments, &cli.verbosity),
        Command::Fill(arguments) => fill::run(arguments, &cli.verbosity),
        Command::Train(arguments) => train::run(arguments, &cli.verbosity),
        Command::Evaluate(arguments) => evaluate::run(arguments, &cli.verbosity),
        Command::Info(arguments) => info::run(arguments),
        Command::Completions(arguments) => completions::run(arguments),
        Command::Manual(arguments) => manual::run(arguments),
    }
    .map(|()| 0)
}

/// Joins `--exact-spacing 1.0` by an equals sign, which clap needs before an optional value.
fn arguments(given: Vec<OsString>) -> Vec<OsString> {
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
