//! `hrinet train`: fits a system to a folder of volumes.

use std::path::PathBuf;

use clap::Args;
use hrinet::network::{System, device};
use hrinet::training::run::{self as training, Event, RunOptions};
use hrinet::training::{Dataset, Settings};
use hrinet::{Error, Result};

use crate::interrupt;
use crate::messages::{Progress, Verbosity};
use crate::method::DeviceChoice;

/// Train a system on a folder of volumes, so that `resample` and `evaluate` can use it.
#[derive(Args)]
pub struct Arguments {
    /// Folder of volumes in HU: NIfTI or NRRD files, and a subfolder for each DICOM series. One
    /// file or subfolder is one patient.
    #[arg(long)]
    data: PathBuf,
    /// ae, hrinet-mse or hrinet-motion.
    #[arg(long, default_value = "hrinet-motion")]
    system: System,
    /// Folder for the checkpoints.
    #[arg(long)]
    out: PathBuf,
    /// Side of the square crops in pixels [default: 96 for hrinet-motion, 256 for the others].
    #[arg(long)]
    size: Option<i64>,
    /// Crops a step.
    #[arg(long)]
    batch: Option<usize>,
    /// Optimiser steps.
    #[arg(long)]
    iterations: Option<u64>,
    /// Seed of weights, batches and the choice of held-out patients.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Distances of the known slices, in slices.
    #[arg(long, value_delimiter = ',')]
    gap: Option<Vec<usize>>,
    /// Peak of the learning rate.
    #[arg(long)]
    learning_rate: Option<f64>,
    /// Patients held out for validation.
    #[arg(long)]
    hold_out: Option<usize>,
    /// Steps between two checkpoints.
    #[arg(long, default_value_t = 500)]
    every: u64,
    /// Go on from the checkpoint in the folder.
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    device: DeviceChoice,
}

impl Arguments {
    fn settings(&self) -> Settings {
        let usual = Settings::usual(self.system);
        Settings {
            size: self.size.unwrap_or(usual.size),
            batch: self.batch.unwrap_or(usual.batch),
            iterations: self.iterations.unwrap_or(usual.iterations),
            seed: self.seed,
            gaps: self.gap.clone().unwrap_or(usual.gaps),
            learning_rate: self.learning_rate.unwrap_or(usual.learning_rate),
            hold_out: self.hold_out.unwrap_or(usual.hold_out),
            ..usual
        }
    }
}

/// Runs it.
///
/// # Errors
/// What went wrong, for the user.
pub fn run(arguments: &Arguments, verbosity: &Verbosity) -> Result<()> {
    let settings = arguments.settings();
    settings.check()?;
    if arguments.every == 0 {
        return Err(Error::Argument("--every 0; at least 1 step between checkpoints".into()));
    }
    let device = arguments.device.apply()?;
    verbosity.say(format_args!("reading {}", arguments.data.display()));
    let largest = settings.gaps.iter().copied().max().unwrap_or(2);
    let needs = (settings.size as usize, largest);
    let dataset =
        Dataset::read(&arguments.data, needs, settings.hold_out, settings.seed, |name| {
            log::info!("reading {name}");
            interrupt::check()
        })?;
    verbosity.say(format_args!(
        "training {} on {} volumes, {} held out, {} steps on {}",
        settings.system,
        dataset.train.len(),
        dataset.held_out.len(),
        settings.iterations,
        device::name(device)
    ));

    let options = RunOptions {
        folder: &arguments.out,
        resume: arguments.resume,
        every: arguments.every,
        command: format!("hrinet {}", std::env::args().skip(1).collect::<Vec<_>>().join(" ")),
        device,
    };
    let mut progress = Progress::new(verbosity, "training", settings.iterations);
    let mut mean = None;
    let model = training::run(&dataset, &settings, &options, &mut |event| {
        match event {
            Event::Resumed(steps) => progress.say(&format!("going on after step {steps}")),
            Event::Step(step, loss) => {
                let smooth = mean.map_or(loss, |mean: f64| 0.99 * mean + 0.01 * loss);
                mean = Some(smooth);
                progress.set(step);
            }
            Event::Validated(step, [psnr, linear]) => progress.say(&format!(
                "step {step}: loss {:.3e}, held-out PSNR {psnr:.2} dB (linear {linear:.2}, {:+.2})",
                mean.unwrap_or(f64::NAN),
                psnr - linear
            )),
            Event::Saved(path) => log::info!("wrote {}", path.display()),
        }
        interrupt::check()
    });
    progress.finish();
    let model = model?;
    verbosity.say(format_args!("wrote {}", model.display()));
    Ok(())
}
