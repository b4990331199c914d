//! Devices by name: the CPU and CUDA devices.

use tch::{Cuda, Device, Kind, Tensor};

use crate::error::{Error, Result, count_of};
use crate::runtime::threads;

/// Parses a device: `auto` (CUDA where available, else the CPU), `cpu`, `cuda` or `cuda:N`.
///
/// # Errors
/// [`Error::Argument`] for another name, [`Error::Device`] for a device that is not available.
pub fn parse(name: &str) -> Result<Device> {
    let index = match name {
        "cpu" => return Ok(Device::Cpu),
        "auto" => return Ok(if Cuda::is_available() { Device::Cuda(0) } else { Device::Cpu }),
        "cuda" => 0,
        _ => name
            .strip_prefix("cuda:")
            .and_then(|number| number.parse::<usize>().ok())
            .ok_or_else(|| {
                Error::Argument(format!(
                    "unknown device {name:?}; choose auto, cpu, cuda or cuda:N"
                ))
            })?,
    };
    let count = if Cuda::is_available() { Cuda::device_count() } else { 0 };
    if (index as i64) < count {
        return Ok(Device::Cuda(index));
    }
    Err(Error::Device(match count {
        0 => format!(
            "device {name:?}: no CUDA device is available: {}; use cpu or auto",
            reason_without_cuda()
        ),
        _ => format!("device {name:?}: there are {count} CUDA devices, counted from 0"),
    }))
}

/// Reason why CUDA is unavailable, from libtorch's refusal to allocate there.
fn reason_without_cuda() -> String {
    match Tensor::f_zeros([1], (Kind::Float, Device::Cuda(0))).map_err(Error::from) {
        Err(Error::Torch(message)) if message.contains("Could not run") => {
            "the libtorch in use has no part for CUDA".into()
        }
        Err(Error::Torch(message)) => message.trim_start_matches("Internal torch error: ").into(),
        _ => "libtorch finds none".into(),
    }
}

/// An available device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Name for [`parse`].
    pub name: String,
    /// Description to show: `CPU, 8 cores`, `CUDA, NVIDIA H100 80GB HBM3`.
    pub description: String,
}

/// Available devices, the CPU first.
pub fn available() -> Vec<DeviceInfo> {
    let description = format!("CPU, {}", count_of(threads::cores(), "core"));
    let cpu = DeviceInfo { name: "cpu".into(), description };
    let count = if Cuda::is_available() { Cuda::device_count().max(0) as usize } else { 0 };
    let product = cuda_product().map_or(String::new(), |product| format!(", {product}"));
    let cuda = (0..count).map(|index| DeviceInfo {
        name: name(Device::Cuda(index)),
        description: format!("CUDA{product}"),
    });
    std::iter::once(cpu).chain(cuda).collect()
}

/// Product name of the cards from the driver, where all have the same: their order there may differ
/// from CUDA's.
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

/// Name of a device, for [`parse`].
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
    fn names_of_available_devices_are_parsed() {
        let available = available();
        assert_eq!(available[0].name, "cpu");
        for DeviceInfo { name, description } in available {
            assert!(parse(&name).is_ok(), "{name}");
            assert!(description.to_lowercase().starts_with(&name[..3]), "{description}");
        }
    }

    #[test]
    fn unknown_device_is_rejected_with_the_choices() {
        assert_eq!(parse("cpu").unwrap(), Device::Cpu);
        assert!(parse("gpu").unwrap_err().to_string().contains("cuda:N"));
        assert!(parse("cuda:-1").is_err());
        let error = parse("cuda:99").unwrap_err().to_string();
        assert!(error.contains("CUDA device") && !error.contains('\n'), "{error}");
        assert_eq!(name(Device::Cuda(1)), "cuda:1");
    }
}
