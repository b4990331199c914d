//! The model or plain interpolator that the user named, on the device that was named.

use clap::Args;
use hrinet::network::Model;
use hrinet::resample::Interpolator;
use hrinet::runtime::device;
use hrinet::{Error, Result};
use tch::Device;

/// Where to compute.
#[derive(Args)]
pub struct DeviceChoice {
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto", value_name = "auto|cpu|cuda[:N]")]
    device: String,
    /// Threads on the CPU [default: all cores].
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// How a network is used.
#[derive(Args)]
pub struct Ensemble {
    /// Make every slice twice, with its neighbours in either order, and take the mean: a little
    /// closer to the truth, at nearly twice the time. Models that are no network are as they were.
    #[arg(long)]
    ensemble: bool,
}

impl DeviceChoice {
    /// Finds the device and sets the threads of this thread's work.
    ///
    /// # Errors
    /// [`Error::Argument`] or [`Error::Device`] for a choice that cannot be had.
    pub fn apply(&self) -> Result<Device> {
        if self.device != "cpu" {
            hrinet::runtime::cuda::load();
        }
        match self.threads {
            Some(0) => return Err(Error::Argument("--threads 0; at least 1".into())),
            Some(threads) => tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX)),
            None => {}
        }
        device::parse(&self.device)
    }
}

/// A way to make slices, by name.
pub enum Chosen {
    /// The linear blend.
    Linear,
    /// The cubic spline.
    Cubic,
    /// A network and the name it was asked for by.
    Network(String, Box<Model>),
}

impl Chosen {
    /// `linear`, `cubic`, a shipped model's name, or a checkpoint file.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn load(name: &str, device: &DeviceChoice, use_of: &Ensemble) -> Result<Chosen> {
        let device = device.apply()?;
        Ok(match name {
            "linear" => Chosen::Linear,
            "cubic" => Chosen::Cubic,
            _ => {
                let model = Model::load(name, device)?;
                let model = if use_of.ensemble { model.with_ensemble() } else { model };
                Chosen::Network(name.to_string(), Box::new(model))
            }
        })
    }

    /// For `interpolate`.
    pub fn method(&self) -> Interpolator<'_> {
        match self {
            Chosen::Linear => Interpolator::Linear,
            Chosen::Cubic => Interpolator::Cubic,
            Chosen::Network(_, model) => Interpolator::Network(model.as_ref()),
        }
    }

    /// What the user called it.
    pub fn name(&self) -> &str {
        match self {
            Chosen::Linear => "linear",
            Chosen::Cubic => "cubic",
            Chosen::Network(name, _) => name,
        }
    }

    /// The same without folder and ending, where it is a file.
    pub fn short_name(&self) -> &str {
        let name = std::path::Path::new(self.name()).file_stem();
        name.and_then(|name| name.to_str()).unwrap_or(self.name())
    }

    /// The network, where it is one.
    pub fn model(&self) -> Option<&Model> {
        match self {
            Chosen::Network(_, model) => Some(model),
            _ => None,
        }
    }

    /// Where it computes.
    pub fn device_name(&self) -> String {
        device::name(self.model().map_or(Device::Cpu, Model::device))
    }
}
