//! `hrinet train`: trains a system on a folder of volumes.

mod flags;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use hrinet::runtime::device;
use hrinet::training::run as training;
use hrinet::training::run::{Event, RunOptions};
use hrinet::training::settings::config_file::ConfigFile;
use hrinet::training::{Dataset, Settings, Validation};
use hrinet::{Error, Result};

use flags::SettingsFlags;

use crate::device::DeviceArguments;
use crate::interrupt;
use crate::messages::{Progress, Verbosity};

/// Time for the step under way and its checkpoint when the user stops a run.
const SAVING: Duration = Duration::from_secs(30);

/// Train a system on a folder of volumes, for `resample` and `evaluate`.
#[derive(Args)]
#[command(args_override_self = true)]
pub struct Arguments {
    /// Folder of volumes in HU: NIfTI or NRRD files, and a subfolder for each DICOM series. One
    /// file or subfolder is one patient.
    #[arg(long)]
    data: PathBuf,
    /// Output folder: checkpoints, model, curves, pictures.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    settings: SettingsFlags,
    /// TOML file with settings, named as the flags from --system on. Flags override it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Steps between two checkpoints.
    #[arg(long, default_value_t = 500, value_name = "N")]
    every: u64,
    /// Resume from the checkpoint in the output folder.
    #[arg(long)]
    resume: bool,
    /// Stop after step N of the run, to be resumed.
    #[arg(long, value_name = "N")]
    until: Option<u64>,
    /// Begin with the weights of this checkpoint: Stage II after a shared Stage I, or fine-tuning.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Distillation: train on slices of this model as well, a checkpoint or a shipped model's name.
    #[arg(long, value_name = "MODEL")]
    teacher: Option<String>,
    /// Steps between two pictures of interpolated slices; 0: none.
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pictures: u64,
    #[command(flatten)]
    device: DeviceArguments,
}

/// Runs `hrinet train`.
///
/// # Errors
/// The failure, in a line for the user.
pub fn run(arguments: &Arguments, verbosity: &Verbosity) -> Result<()> {
    let file = arguments.config.as_deref().map(ConfigFile::read).transpose()?;
    let (from, teacher) = (arguments.from.as_deref(), arguments.teacher.as_deref());
    let settings = arguments.settings.settings(file.as_ref(), from.is_some(), teacher.is_some())?;
    if arguments.every == 0 {
        return Err(Error::Argument("--every 0; at least 1 step between checkpoints".into()));
    }
    let device = arguments.device.apply()?;
    let dataset = read_dataset(arguments, &settings, verbosity)?;
    verbosity.say(format_args!(
        "training {}{} on {} volumes, {} held out, {} steps on {}",
        if settings.error_head { "the error head of " } else { "" },
        settings.system,
        dataset.train.len(),
        dataset.held_out.len(),
        settings.all_iterations(),
        device::name(device)
    ));

    let options = RunOptions {
        folder: &arguments.out,
        resume: arguments.resume,
        from,
        teacher,
        pictures: arguments.pictures,
        every: arguments.every,
        until: arguments.until,
        command: format!("hrinet {}", std::env::args().skip(1).collect::<Vec<_>>().join(" ")),
        device,
    };
    interrupt::allow(SAVING);
    let mut progress = Progress::new(verbosity, "training", settings.all_iterations());
    let mut mean_loss = None;
    let model = training::run(&dataset, &settings, &options, &mut |event| {
        report(event, &mut mean_loss, &mut progress);
        interrupt::check()
    });
    progress.finish();
    verbosity.say(format_args!("wrote {}", model?.display()));
    Ok(())
}

fn read_dataset(
    arguments: &Arguments,
    settings: &Settings,
    verbosity: &Verbosity,
) -> Result<Dataset> {
    verbosity.say(format_args!("reading {}", arguments.data.display()));
    Dataset::read(&arguments.data, settings, |name| {
        log::info!("reading {name}");
        interrupt::check()
    })
}

/// Shows an event; `mean_loss` is the running mean.
fn report(event: Event, mean_loss: &mut Option<f64>, progress: &mut Progress) {
    let loss = mean_loss.unwrap_or(f64::NAN);
    match event {
        Event::Resumed(steps) => progress.say(&format!("resuming after step {steps}")),
        Event::Step(step, loss) => {
            *mean_loss = Some(mean_loss.map_or(loss, |mean| 0.99 * mean + 0.01 * loss));
            progress.set(step);
        }
        Event::Validated(step, Validation::Psnr { generator, linear }) => progress.say(&format!(
            "step {step}: loss {loss:.3e}, held-out PSNR {generator:.2} dB (linear {linear:.2}, \
             {:+.2})",
            generator - linear
        )),
        Event::Validated(step, Validation::ErrorHead { expected, actual }) => progress.say(&format!(
            "step {step}: loss {loss:.3}, held-out error {actual:.2} HU, expected {expected:.2} HU"
        )),
        Event::Saved(path) => log::info!("wrote {}", path.display()),
    }
}
