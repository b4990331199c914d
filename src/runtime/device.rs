//! CPU or CUDA by name.

use tch::{Cuda, Device, Kind, Tensor};

use crate::error::{Error, Result};

/// The device of this name: `auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`.
///
/// # Errors
/// [`Error::Argument`] for another name, [`Error::Device`] where there is no such device.
pub fn device(name: &str) -> Result<Device> {
    let index = match name {
        "cpu" => return Ok(Device::Cpu),
        "auto" => return Ok(if Cuda::is_available() { Device::Cuda(0) } else { Device::Cpu }),
        "cuda" => 0,
        _ => name
            .strip_prefix("cuda:")
            .and_then(|number| number.parse::<usize>().ok())
            .ok_or_else(|| {
                Error::Argument(format!(
                    "no device is called {name:?}; there are auto, cpu, cuda and cuda:N"
                ))
            })?,
    };
    let count = if Cuda::is_available() { Cuda::device_count() } else { 0 };
    if (index as i64) < count {
        return Ok(Device::Cuda(index));
    }
    Err(Error::Device(match count {
        0 => format!(
            "device {name:?}: no CUDA device can be used here: {}; use cpu or auto",
            without_cuda()
        ),
        _ => format!("device {name:?}: there are {count} CUDA devices, counted from 0"),
    }))
}

/// Why CUDA is not there, as libtorch says when it is asked for memory there.
fn without_cuda() -> String {
    match Tensor::f_zeros([1], (Kind::Float, Device::Cuda(0))).map_err(Error::from) {
        Err(Error::Torch(said)) if said.contains("Could not run") => {
            "the libtorch in use has no part for CUDA".into()
        }
        Err(Error::Torch(said)) => said.trim_start_matches("Internal torch error: ").into(),
        _ => "libtorch finds none".into(),
    }
}

/// A device that can be used here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usable {
    /// The name that [`device`] understands.
    pub name: String,
    /// What it is, for people: `CPU, 8 cores`, `CUDA, NVIDIA H100 80GB HBM3`.
    pub description: String,
}

/// All devices that can be used here; the CPU first.
pub fn usable() -> Vec<Usable> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let plural = if cores == 1 { "" } else { "s" };
    let cpu = Usable { name: "cpu".into(), description: format!("CPU, {cores} core{plural}") };
    let count = if Cuda::is_available() { Cuda::device_count().max(0) as usize } else { 0 };
    let product = cuda_product().map_or(String::new(), |product| format!(", {product}"));
    let cuda = (0..count).map(|index| Usable {
        name: name(Device::Cuda(index)),
        description: format!("CUDA{product}"),
    });
    std::iter::once(cpu).chain(cuda).collect()
}

/// What the driver calls the cards, where all are alike: their order here may be another than
/// CUDA's.
fn cuda_product() -> Option<String> {
    let cards = std::fs::read_dir("/proc/driver/nvidia/gpus").ok()?;
    let products = cards.filter_map(|card| {
        let text = std::fs::read_to_string(card.ok()?.path().join("information")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Model:"))?;
        Some(line.trim().to_string())
    });
    let mut products: Vec<String> = products.collect();
    products.dedup();
    (products.len() == 1).then(|| products.remove(0))
}

/// The name that [`device`] understands.
pub fn name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usable_device_is_understood_by_its_name() {
        let usable = usable();
        assert_eq!(usable[0].name, "cpu");
        for Usable { name, description } in usable {
            assert!(device(&name).is_ok(), "{name}");
            assert!(description.to_lowercase().starts_with(&name[..3]), "{description}");
        }
    }

    #[test]
    fn names_are_understood_or_refused_with_the_choice() {
        assert_eq!(device("cpu").unwrap(), Device::Cpu);
        assert!(device("gpu").unwrap_err().to_string().contains("cuda:N"));
        assert!(device("cuda:-1").is_err());
        let error = device("cuda:99").unwrap_err().to_string();
        assert!(error.contains("CUDA device") && !error.contains('\n'), "{error}");
        assert_eq!(name(Device::Cuda(1)), "cuda:1");
    }
}
