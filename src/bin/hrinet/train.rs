//! `hrinet train`: fits a system to a folder of volumes.

mod choices;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use hrinet::runtime::device;
use hrinet::training::run as training;
use hrinet::training::run::{Event, RunOptions};
use hrinet::training::{Dataset, Settings};
use hrinet::{Error, Result};

use choices::Choices;

use crate::device::DeviceArguments;
use crate::interrupt;
use crate::messages::{Progress, Verbosity};

/// How long the step under way, and the checkpoint after it, may take when the user stops a
/// training.
const SAVING: Duration = Duration::from_secs(30);

/// Train a system on a folder of volumes, so that `resample` and `evaluate` can use it.
#[derive(Args)]
#[command(args_override_self = true)]
pub struct Arguments {
    /// Folder of volumes in HU: NIfTI or NRRD files, and a subfolder for each DICOM series. One
    /// file or subfolder is one patient.
    #[arg(long)]
    data: PathBuf,
    /// Folder for the checkpoints.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    choices: Choices,
    /// TOML file with settings: the names of the flags from --system on. Flags win over it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Steps between two checkpoints.
    #[arg(long, default_value_t = 500, value_name = "N")]
    every: u64,
    /// Go on from the checkpoint in the folder.
    #[arg(long)]
    resume: bool,
    /// Stop after step N, as if the rest were for another day.
    #[arg(long, value_name = "N")]
    until: Option<u64>,
    /// Begin with the weights of this checkpoint: Stage II after a shared Stage I, or fine-tuning.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Learn from what this model makes as well, beside the real slices: a checkpoint or a shipped
    /// model's name.
    #[arg(long, value_name = "MODEL")]
    teacher: Option<String>,
    /// Steps between two pictures of slices made between known ones; 0: none.
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pictures: u64,
    #[command(flatten)]
    device: DeviceArguments,
}

impl Arguments {
    fn settings(&self) -> Result<Settings> {
        let config = self.config.as_deref().map(Choices::read).transpose()?.unwrap_or_default();
        let choices = self.choices.clone().or(config);
        let settings = choices.settings(self.from.is_some(), self.teacher.is_some());
        settings.check()?;
        Ok(settings)
    }
}

/// Runs it.
///
/// # Errors
/// What went wrong, for the user.
pub fn run(arguments: &Arguments, verbosity: &Verbosity) -> Result<()> {
    let settings = arguments.settings()?;
    if arguments.every == 0 {
        return Err(Error::Argument("--every 0; at least 1 step between checkpoints".into()));
    }
    let device = arguments.device.apply()?;
    verbosity.say(format_args!("reading {}", arguments.data.display()));
    let dataset = Dataset::read(&arguments.data, &settings, |name| {
        log::info!("reading {name}");
        interrupt::check()
    })?;
    verbosity.say(format_args!(
        "training {}{} on {} volumes, {} held out, {} steps on {}",
        if settings.error_head { "the confidence of " } else { "" },
        settings.system,
        dataset.train.len(),
        dataset.held_out.len(),
        settings.all_iterations(),
        device::name(device)
    ));

    let options = RunOptions {
        folder: &arguments.out,
        resume: arguments.resume,
        from: arguments.from.as_deref(),
        teacher: arguments.teacher.as_deref(),
        config: Choices::to_toml(&settings)?,
        pictures: arguments.pictures,
        every: arguments.every,
        until: arguments.until,
        command: format!("hrinet {}", std::env::args().skip(1).collect::<Vec<_>>().join(" ")),
        device,
    };
    interrupt::allow(SAVING);
    let mut progress = Progress::new(verbosity, "training", settings.all_iterations());
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
            Event::ValidatedErrorHead(step, [expected, real]) => progress.say(&format!(
                "step {step}: loss {:.3}, held-out |error| {real:.2} HU, expected {expected:.2}",
                mean.unwrap_or(f64::NAN)
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
