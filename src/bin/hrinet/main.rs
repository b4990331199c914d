//! The program `hrinet`: resamples a CT, trains networks, evaluates them.

mod device;
mod environment;
mod evaluate;
mod files;
mod info;
mod interrupt;
mod json;
mod messages;
mod resample;
mod series_table;
mod slicer_cli;
mod train;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use hrinet::Error;
use hrinet::error::one_line;

use messages::tell;

/// Increase the through-plane resolution of CT by interpolating slices.
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
    Resample(resample::Arguments),
    Train(Box<train::Arguments>),
    Evaluate(evaluate::Arguments),
    Info(info::Arguments),
}

fn main() -> ExitCode {
    let given: Vec<OsString> = std::env::args_os().collect();
    if let Some(description) = slicer_cli::description(&given) {
        slicer_cli::say(description.trim_end());
        return ExitCode::SUCCESS;
    }
    let slicer = slicer_cli::Run::of(&given);
    let mut cli = match parse(slicer.as_ref().map_or(arguments(given), |run| run.arguments.clone()))
    {
        Ok(cli) => cli,
        Err(status) => return status,
    };
    cli.verbosity.slicer = slicer.is_some();
    messages::set_up(&cli.verbosity);
    environment::settle();
    // Damaged files make decoders panic; that is caught there and becomes an error.
    std::panic::set_hook(Box::new(|panic| log::debug!("{panic}")));
    match std::panic::catch_unwind(|| interrupt::watch().and_then(|()| run(&cli, slicer.as_ref())))
    {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(Error::Cancelled)) => {
            tell("hrinet: cancelled");
            ExitCode::from(interrupt::EXIT_CODE)
        }
        Ok(Err(error)) => {
            tell(format_args!("hrinet: {error}"));
            ExitCode::from(1)
        }
        Err(_) => {
            tell("hrinet: internal error; run again with -vv for its place, and report it");
            ExitCode::from(1)
        }
    }
}

/// Parses the command line. Help, version and wrong usage are printed here, and end the program.
fn parse(arguments: Vec<OsString>) -> Result<Cli, ExitCode> {
    Cli::try_parse_from(arguments).map_err(|error| {
        let text = error.to_string();
        let lines: Vec<String> = text.split('\n').map(one_line).collect();
        // What it cites may hold anything; what does not is printed with its colours.
        if lines.join("\n") == text {
            let _ = error.print();
        } else {
            lines.iter().for_each(tell);
        }
        ExitCode::from(if error.use_stderr() { 2 } else { 0 })
    })
}

fn run(cli: &Cli, slicer: Option<&slicer_cli::Run>) -> hrinet::Result<()> {
    match &cli.command {
        Command::Resample(arguments) => {
            let return_file = slicer.map(slicer_cli::Run::return_file);
            let counts = resample::run(arguments, return_file, &cli.verbosity)?;
            slicer.map_or(Ok(()), |run| run.finish(&counts))
        }
        Command::Train(arguments) => train::run(arguments, &cli.verbosity),
        Command::Evaluate(arguments) => evaluate::run(arguments, &cli.verbosity),
        Command::Info(arguments) => info::run(arguments),
    }
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
