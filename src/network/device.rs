//! CPU or CUDA by name.

use tch::{Cuda, Device};

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
            "device {name:?}: no CUDA device can be used here (no driver, or a libtorch without \
             CUDA); use cpu or auto"
        ),
        _ => format!("device {name:?}: there are {count} CUDA devices, counted from 0"),
    }))
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
    fn names_are_understood_or_refused_with_the_choice() {
        assert_eq!(device("cpu").unwrap(), Device::Cpu);
        assert!(device("gpu").unwrap_err().to_string().contains("cuda:N"));
        assert!(device("cuda:-1").is_err());
        assert!(device("cuda:99").is_err());
        assert_eq!(name(Device::Cuda(1)), "cuda:1");
    }
}
