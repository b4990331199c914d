//! Arguments that choose the device, threads and use of a network.

use clap::{ArgAction, Args, ValueEnum};
use hrinet::resample::InterpolatorOptions;
use hrinet::runtime::threads;
use hrinet::{Error, Precision, PrecisionChoice, Result};
use tch::Device;

/// Device and threads of a command.
#[derive(Args)]
pub struct DeviceArguments {
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto", value_name = "auto|cpu|cuda[:N]")]
    device: String,
    /// Threads on the CPU [default: all cores].
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// Device, threads and use of the networks of a command.
#[derive(Args)]
pub struct InterpolatorArguments {
    #[command(flatten)]
    device: DeviceArguments,
    /// Interpolate every slice twice, with its neighbours in either order, and take the mean: a
    /// little more accurate, at nearly twice the time. For networks.
    #[arg(long)]
    ensemble: bool,
    /// Carry the detail that an autoencoder (the paper's systems) loses of the known slices into
    /// interpolated ones.
    #[arg(long, value_name = "true|false", default_value_t = true, action = ArgAction::Set)]
    detail_carry: bool,
    /// auto: bfloat16 where the processor computes in it, a third faster and on average 0.1 HU from
    /// float32; else float32. For networks.
    #[arg(long, value_enum, default_value_t = PrecisionArgument::Auto)]
    precision: PrecisionArgument,
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
    /// Sets the threads of this thread's work and returns the name of the device.
    fn set_threads(&self) -> Result<&str> {
        threads::set(self.threads).map_err(|error| match error {
            Error::Argument(reason) => Error::Argument(format!("--threads: {reason}")),
            other => other,
        })?;
        Ok(&self.device)
    }

    /// Finds the device and sets the threads of this thread's work.
    ///
    /// # Errors
    /// As [`InterpolatorOptions::find_device`]; those of [`threads::set`].
    pub fn apply(&self) -> Result<Device> {
        InterpolatorOptions::on(self.set_threads()?).find_device()
    }
}

impl InterpolatorArguments {
    /// Sets the threads of this thread's work and returns the options of an interpolator.
    ///
    /// # Errors
    /// Those of [`threads::set`].
    pub fn apply(&self) -> Result<InterpolatorOptions> {
        let options = InterpolatorOptions::on(self.device.set_threads()?);
        Ok(InterpolatorOptions {
            ensemble: self.ensemble,
            detail_carry: self.detail_carry,
            precision: self.precision.choice(),
            ..options
        })
    }
}
