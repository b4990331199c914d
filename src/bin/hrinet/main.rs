//! The program: resamples a CT, fills segmentations, trains networks, evaluates them. It is built
//! as `hrinet-torch`; users start `front.rs`.

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
use start::{Start, Task};

fn main() -> ExitCode {
    match start::read() {
        Start::Run(task) => {
            let settled = environment::settle();
            let begin = || {
                settled.unwrap_or_else(|error| log::debug!("the environment is not set: {error}"));
            };
            start::run(&task, begin, run)
        }
        Start::VersionInDetail => match messages::print(version::in_detail()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Start::Answered(status) => ExitCode::from(status),
    }
}

/// Runs a command; returns its exit status.
fn run(task: &Task) -> hrinet::Result<u8> {
    let (verbosity, slicer) = (&task.cli.verbosity, task.slicer.as_ref());
    match &task.cli.command {
        Command::Resample(arguments) => {
            let return_file = slicer.map(slicer_cli::Run::return_file);
            let counts = resample::run(arguments, return_file, verbosity)?;
            slicer.map_or(Ok(()), |run| run.finish(&counts))
        }
        Command::Batch(arguments) => return batch::run(arguments, verbosity),
        Command::Fill(arguments) => fill::run(arguments, verbosity),
        Command::Train(arguments) => train::run(arguments, verbosity),
        Command::Evaluate(arguments) => evaluate::run(arguments, verbosity),
        Command::Info(arguments) => info::run(arguments),
        Command::Completions(arguments) => completions::run(arguments),
        Command::Manual(arguments) => manual::run(arguments),
    }
    .map(|()| 0)
}
