//! The part of the program that users start: `hrinet`, without libtorch. See `start.rs`.
//!
//! It has the modules of the whole program, for their arguments. What it does not call is not
//! linked, and libtorch with it.

#![allow(dead_code)]

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
mod size;
mod slicer_cli;
mod start;
mod train;
mod version;

use std::process::ExitCode;

use cli::Command;
use messages::tell;
use start::{Start, Task};

fn main() -> ExitCode {
    match start::read() {
        Start::Run(task) if is_answered_here(&task.cli.command) => start::run(&task, || {}, answer),
        Start::Run(_) | Start::VersionInDetail => {
            let (program, error) = environment::continue_in(Some("hrinet-torch"));
            tell(format_args!(
                "hrinet: {} cannot be started: {error}; it belongs beside hrinet: install both \
                 again, or build both with cargo build --release",
                program.display()
            ));
            ExitCode::FAILURE
        }
        Start::Answered(status) => ExitCode::from(status),
    }
}

/// Whether a command needs no tensor.
fn is_answered_here(command: &Command) -> bool {
    match command {
        Command::Info(arguments) => !arguments.is_about_models(),
        Command::Completions(_) | Command::Manual(_) => true,
        _ => false,
    }
}

/// Runs such a command.
fn answer(task: &Task) -> hrinet::Result<u8> {
    match &task.cli.command {
        Command::Info(arguments) => info::describe_data(arguments),
        Command::Completions(arguments) => completions::run(arguments),
        Command::Manual(arguments) => manual::run(arguments),
        _ => Ok(()),
    }
    .map(|()| 0)
}
