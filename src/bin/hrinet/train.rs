//! `hrinet train`: trains a system on a folder of volumes.

mod dry_run;
mod flags;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use hrinet::error::count_of;
use hrinet::network::Checkpoint;
use hrinet::runtime::device;
use hrinet::training::output_folder::{self, CHECKPOINT, CONFIG, OutputFolder};
use hrinet::training::run as training;
use hrinet::training::run::{Event, RunOptions};
use hrinet::training::settings::config_file::ConfigFile;
use hrinet::training::{Dataset, Settings, Validation};
use hrinet::{Error, Result};
use tch::Device;

use flags::SettingsFlags;

use crate::cli::examples;
use crate::device::DeviceArguments;
use crate::dry_run::DryRun;
use crate::files::Files;
use crate::interrupt;
use crate::messages::Verbosity;
use crate::progress::Progress;

/// Time for the step under way and its checkpoint when the user stops a run.
const SAVING: Duration = Duration::from_secs(30);

/// Train a model on a folder of volumes, or fine-tune one.
///
/// The model is usable by `hrinet resample --model` from the first checkpoint on. Ctrl-C saves a
/// checkpoint, and the same command with --resume goes on from there. Defaults are those of
/// hrinet-motion; where those of the paper's systems are others, `paper` has them.
#[derive(Args)]
#[command(args_override_self = true)]
#[command(after_help = examples(&[
    ("hrinet train --data CTS/ --out runs/mine", "Trains hrinet-motion."),
    ("hrinet train --data CTS/ --out runs/mine --resume", "Goes on from its checkpoint."),
    ("hrinet train --data CTS/ --out runs/b --from hrinet-motion --iterations 500",
        "Fine-tunes the shipped model."),
    ("hrinet train --data CTS/ --out runs/mine --dry-run", "Says what would be done."),
]))]
pub struct Arguments {
    /// Folder of volumes in HU, one a patient.
    ///
    /// NIfTI, NRRD or MetaImage files, and a subfolder for each DICOM series. Label maps and
    /// volumes that are too small are left out.
    #[arg(long, value_name = "DIR", help_heading = RUN)]
    data: PathBuf,
    /// Output folder: checkpoints, model, curves, pictures.
    #[arg(long, value_name = "DIR", help_heading = RUN)]
    out: PathBuf,
    /// Say what would be done, and do nothing.
    ///
    /// Volumes, models and settings are read and checked as for the training, with the same errors
    /// and exit status; then data, steps, memory and the files to write are printed. Nothing is
    /// trained or written. A run to resume tells its time by the steps so far. For any other run
    /// use --dry-run=time: some steps are taken and thrown away, and the time estimated by them.
    #[arg(long, value_enum, value_name = "plan|time", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "plan", hide_possible_values = true, help_heading = RUN)]
    dry_run: Option<DryRun>,
    /// Print what --dry-run says as JSON.
    #[arg(long, value_name = "-", value_parser = ["-"], hide_possible_values = true)]
    #[arg(requires = "dry_run", help_heading = RUN)]
    json: Option<String>,
    /// Resume from the checkpoint in the output folder, with its settings.
    #[arg(long, help_heading = RUN)]
    resume: bool,
    /// Stop after step N of the run, to be resumed.
    #[arg(long, value_name = "N", help_heading = RUN)]
    until: Option<u64>,
    /// Steps between two checkpoints.
    #[arg(long, default_value_t = 500, value_name = "N", help_heading = RUN)]
    every: u64,
    /// Steps between two pictures; 0: none.
    #[arg(long, default_value_t = 1000, value_name = "N", help_heading = RUN)]
    pictures: u64,
    /// TOML file with settings, named as their flags; flags win.
    #[arg(long, value_name = "FILE", help_heading = RUN)]
    config: Option<PathBuf>,
    /// Begin with the weights of this checkpoint or shipped model.
    ///
    /// For fine-tuning, or for Stage II after a shared Stage I.
    #[arg(long, value_name = "FILE|NAME", help_heading = RUN)]
    from: Option<PathBuf>,
    /// Distillation: train on slices of this model as well.
    ///
    /// A checkpoint, or a shipped model's name.
    #[arg(long, value_name = "FILE|NAME", help_heading = RUN)]
    teacher: Option<String>,
    #[command(flatten)]
    settings: SettingsFlags,
    #[command(flatten)]
    device: DeviceArguments,
}

/// Heading of the help.
const RUN: &str = "Run";

/// Runs `hrinet train`.
///
/// # Errors
/// The failure, in a line for the user.
pub fn run(arguments: &Arguments, verbosity: &Verbosity) -> Result<()> {
    let file = arguments.config.as_deref().map(ConfigFile::read).transpose()?;
    if arguments.every == 0 {
        return Err(Error::Argument("--every 0; at least 1 step between checkpoints".into()));
    }
    let settings = arguments.settings(file.as_ref())?;
    arguments.check_files(&settings)?;
    let folder = OutputFolder::open(&arguments.out, settings.system, arguments.resume)?;
    let device = arguments.device.apply()?;
    let dataset = read_dataset(arguments, &settings, verbosity)?;
    let options = arguments.options(&folder, device);
    if arguments.dry_run.is_some() {
        return dry_run::run(arguments, &dataset, &settings, &options, verbosity);
    }
    verbosity.say(format_args!(
        "training {}{} on {}, {} held out, {} on {}",
        if settings.error_head { "the error head of " } else { "" },
        settings.system,
        count_of(dataset.train.len(), "volume"),
        dataset.held_out.len(),
        count_of(settings.all_iterations() as usize, "step"),
        device::name(device)
    ));

    interrupt::allow(SAVING);
    let mut progress = Progress::new(verbosity, "training", settings.all_iterations());
    let mut mean_loss = None;
    let mut last_step = None;
    let model = training::run(&dataset, &settings, &options, &mut |event| {
        if let Event::Step(step, _) = event {
            last_step = Some(step);
        }
        report(event, &mut mean_loss, &mut progress);
        interrupt::check()
    });
    progress.finish();
    if let (Err(Error::Cancelled), Some(step)) = (&model, last_step) {
        verbosity.say(format_args!(
            "stopped after step {step}, which is saved in {}; the same command with --resume goes \
             on from there",
            folder.checkpoint().display()
        ));
    }
    verbosity.say(format_args!("wrote {}", model?.display()));
    Ok(())
}

impl Arguments {
    /// The options of the run in an output folder.
    fn options<'a>(&'a self, folder: &'a OutputFolder, device: Device) -> RunOptions<'a> {
        let words: Vec<String> =
            std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        RunOptions {
            folder,
            from: self.from.as_deref(),
            teacher: self.teacher.as_deref(),
            pictures: self.pictures,
            every: self.every,
            until: self.until,
            command: format!("hrinet {}", words.join(" ")),
            device,
        }
    }

    /// The settings of the run: those of the checkpoint where it is resumed.
    fn settings(&self, file: Option<&ConfigFile>) -> Result<Settings> {
        let checkpoint = self.out.join(CHECKPOINT);
        if self.resume && checkpoint.is_file() {
            let earlier = Settings::of_checkpoint(&Checkpoint::read(&checkpoint)?)
                .map_err(|error| error.in_file(&checkpoint))?;
            return self.settings.resumed(file, earlier);
        }
        self.settings.settings(file, self.from.is_some(), self.teacher.is_some())
    }

    /// Refuses inputs that the run would replace.
    fn check_files(&self, settings: &Settings) -> Result<()> {
        let mut files = Files::default()
            .data("a volume of --data", &self.data)
            .input("the checkpoint of --from", self.from.as_deref())
            .input("the model of --teacher", self.teacher.as_deref().map(Path::new));
        // A run that is resumed may be given the settings that it wrote.
        let own = self.out.join(CONFIG);
        let config = self.config.as_deref();
        let is_own = |path: &Path| {
            path.canonicalize().is_ok_and(|a| own.canonicalize().is_ok_and(|b| a == b))
        };
        if !self.resume || !config.is_some_and(is_own) {
            files = files.input("the settings of --config", config);
        }
        for name in output_folder::files(settings.system) {
            files = files.output("a file of the run", Some(&self.out.join(name)));
        }
        files.check()
    }
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
