//! Arguments that choose the device, threads and use of a network.

use clap::{ArgAction, Args, ValueEnum};
use hrinet::resample::InterpolatorOptions;
use hrinet::runtime::threads;
use hrinet::{Error, Precision, PrecisionChoice, Result};
use tch::Device;

use crate::site;

/// Device and threads of a command.
#[derive(Args)]
#[command(next_help_heading = "Computation")]
pub struct DeviceArguments {
    /// Where to compute [default: auto; env: HRINET_DEVICE].
    ///
    /// auto is a CUDA device where there is one, else the CPU; `hrinet --version -v` lists them.
    #[arg(long, value_name = "auto|cpu|cuda[:N]")]
    device: Option<String>,
    /// Threads on the CPU [default: all cores; env: HRINET_THREADS].
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// Device, threads and use of the networks of a command.
#[derive(Args)]
pub struct InterpolatorArguments {
    /// Interpolate every slice twice and take the mean, for networks.
    ///
    /// With its neighbours in either order: about 0.1 dB more accurate, at nearly twice the time.
    #[arg(long)]
    ensemble: bool,
    /// Carry over the detail that autoencoders lose.
    ///
    /// For the paper's systems: what they lose of the known slices goes into interpolated ones.
    #[arg(long, value_name = "true|false", default_value_t = true, action = ArgAction::Set)]
    #[arg(hide_possible_values = true)]
    detail_carry: bool,
    /// Precision of networks.
    ///
    /// auto, float32 or bfloat16: auto is bfloat16 where the processor computes in it, a third
    /// faster and on average 0.1 HU from float32; else float32.
    #[arg(long, value_enum, default_value_t = PrecisionArgument::Auto, value_name = "TYPE")]
    #[arg(hide_possible_values = true)]
    precision: PrecisionArgument,
    #[command(flatten)]
    device: DeviceArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum PrecisionArgument {
    Auto,
    Float32,
    Bfloat16,
}

impl PrecisionArgument {
    fn choice(self) -> PrecisionChoice {
        match self {
            PrecisionArgument::Auto => PrecisionChoice::Auto,
            PrecisionArgument::Float32 => PrecisionChoice::Only(Precision::Float32),
            PrecisionArgument::Bfloat16 => PrecisionChoice::Only(Precision::Bfloat16),
        }
    }
}

impl DeviceArguments {
    /// Finds the device and sets the threads of this thread's work.
    ///
    /// # Errors
    /// Those of [`InterpolatorOptions::find_device`] and [`threads::set`].
    pub fn apply(&self) -> Result<Device> {
        self.options().map(|(_, device)| device)
    }

    /// Like [`DeviceArguments::apply`], with the options of an interpolator on the device.
    fn options(&self) -> Result<(InterpolatorOptions, Device)> {
        let count = site::threads(self.threads)?;
        threads::set(count.value).map_err(|error| match error {
            Error::Argument(_) => count.in_error(error, Some("--threads")),
            other => other,
        })?;
        let name = site::device(self.device.as_deref())?;
        let options = InterpolatorOptions::on(&name.value);
        let device = options.find_device().map_err(|error| name.in_error(error, None))?;
        Ok((options, device))
    }
}

impl InterpolatorArguments {
    /// Finds the device, sets the threads of this thread's work and returns the options of an
    /// interpolator.
    ///
    /// # Errors
    /// Those of [`DeviceArguments::apply`].
    pub fn apply(&self) -> Result<InterpolatorOptions> {
        let (options, _) = self.device.options()?;
        Ok(InterpolatorOptions {
            ensemble: self.ensemble,
            detail_carry: self.detail_carry,
            precision: self.precision.choice(),
            ..options
        })
    }
}
