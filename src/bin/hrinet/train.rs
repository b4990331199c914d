//! `hrinet train`: trains a system on a folder of volumes.

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

use flags::SettingsFlags;

use crate::device::DeviceArguments;
use crate::files::Files;
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
    /// Resume from the checkpoint in the output folder, with its settings.
    #[arg(long)]
    resume: bool,
    /// Stop after step N of the run, to be resumed.
    #[arg(long, value_name = "N")]
    until: Option<u64>,
    /// Begin with the weights of this checkpoint or shipped model: Stage II after a shared Stage I,
    /// or fine-tuning.
    #[arg(long, value_name = "FILE|NAME")]
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
    if arguments.every == 0 {
        return Err(Error::Argument("--every 0; at least 1 step between checkpoints".into()));
    }
    let settings = arguments.settings(file.as_ref())?;
    arguments.check_files(&settings)?;
    let folder = OutputFolder::open(&arguments.out, settings.system, arguments.resume)?;
    let device = arguments.device.apply()?;
    let dataset = read_dataset(arguments, &settings, verbosity)?;
    verbosity.say(format_args!(
        "training {}{} on {}, {} held out, {} on {}",
        if settings.error_head { "the error head of " } else { "" },
        settings.system,
        count_of(dataset.train.len(), "volume"),
        dataset.held_out.len(),
        count_of(settings.all_iterations() as usize, "step"),
        device::name(device)
    ));

    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let options = RunOptions {
        folder: &folder,
        from: arguments.from.as_deref(),
        teacher: arguments.teacher.as_deref(),
        pictures: arguments.pictures,
        every: arguments.every,
        until: arguments.until,
        command: format!("hrinet {}", words.join(" ")),
        device,
    };
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
