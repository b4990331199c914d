//! The named weights of a network, random or from a checkpoint.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use tch::{Device, Tensor};

use crate::error::{Error, Result};

/// Distribution of a random weight. Random numbers are not libtorch's, so that a seed gives the
/// same network with every version of it and on every device.
#[derive(Clone, Copy, Debug)]
pub enum Distribution {
    /// One value for all weights.
    Constant(f32),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// Uniform between minus and plus this bound.
    Uniform(f64),
}

enum Source {
    Random(Box<ChaCha8Rng>),
    Tensors(BTreeMap<String, Tensor>),
    Extended(BTreeMap<String, Tensor>, Box<ChaCha8Rng>),
}

/// Weights by name, in the order in which a network is built.
pub struct Parameters {
    source: Source,
    device: Device,
    named: Vec<(String, Tensor)>,
}

impl Parameters {
    /// Random weights from a seed.
    pub fn random(seed: u64, device: Device) -> Parameters {
        let source = Source::Random(Box::new(ChaCha8Rng::seed_from_u64(seed)));
        Parameters { source, device, named: Vec::new() }
    }

    /// Weights from a checkpoint.
    pub fn from_tensors(tensors: BTreeMap<String, Tensor>, device: Device) -> Parameters {
        Parameters { source: Source::Tensors(tensors), device, named: Vec::new() }
    }

    /// Weights from a checkpoint, and random ones from a seed where it lacks them: a larger network
    /// starts from the weights of a smaller one.
    pub fn extended(tensors: BTreeMap<String, Tensor>, seed: u64, device: Device) -> Parameters {
        let random = Box::new(ChaCha8Rng::seed_from_u64(seed));
        Parameters { source: Source::Extended(tensors, random), device, named: Vec::new() }
    }

    /// Adds the weight of this name and shape, float32 on the device, and returns it.
    ///
    /// # Errors
    /// [`Error::Argument`] where a checkpoint lacks it or holds another shape.
    pub fn get(&mut self, name: &str, shape: &[i64], distribution: Distribution) -> Result<Tensor> {
        let values = match &mut self.source {
            Source::Random(random) => sample(random, shape, distribution)?,
            Source::Tensors(tensors) => take(tensors, name, shape)?
                .ok_or_else(|| Error::Argument(format!("the weights {name:?} are missing")))?,
            Source::Extended(tensors, random) => match take(tensors, name, shape)? {
                Some(tensor) => tensor,
                None => sample(random, shape, distribution)?,
            },
        };
        let tensor = values.f_to_device(self.device)?;
        self.named.push((name.to_string(), tensor.shallow_clone()));
        Ok(tensor)
    }

    /// Ends the building of a network and returns all of its weights in order.
    ///
    /// # Errors
    /// [`Error::Argument`] where a checkpoint holds weights that the network does not have.
    pub fn finish(self) -> Result<Vec<(String, Tensor)>> {
        if let Source::Tensors(tensors) | Source::Extended(tensors, _) = &self.source
            && let Some(name) = tensors.keys().next()
        {
            return Err(Error::Argument(format!(
                "the weights {name:?} belong to no layer of the network"
            )));
        }
        Ok(self.named)
    }

    /// The device of the weights.
    pub fn device(&self) -> Device {
        self.device
    }
}

/// Removes the weight of this name, which must have this shape.
fn take(
    tensors: &mut BTreeMap<String, Tensor>,
    name: &str,
    shape: &[i64],
) -> Result<Option<Tensor>> {
    let tensor = tensors.remove(name);
    match &tensor {
        Some(tensor) if tensor.size() != shape => Err(Error::Argument(format!(
            "the weights {name:?} have shape {:?} instead of {shape:?}",
            tensor.size()
        ))),
        _ => Ok(tensor),
    }
}

fn sample(random: &mut ChaCha8Rng, shape: &[i64], distribution: Distribution) -> Result<Tensor> {
    let count = shape.iter().product::<i64>() as usize;
    let values: Vec<f32> = match distribution {
        Distribution::Constant(value) => vec![value; count],
        Distribution::Normal(deviation) => (0..count)
            .map(|_| (random.sample::<f64, _>(StandardNormal) * deviation) as f32)
            .collect(),
        Distribution::Uniform(bound) => {
            (0..count).map(|_| random.random_range(-bound..=bound) as f32).collect()
        }
    };
    Ok(Tensor::f_from_slice(&values)?.f_view(shape)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_determines_weights_of_the_given_deviation() {
        let take = |seed| {
            let mut parameters = Parameters::random(seed, Device::Cpu);
            parameters.get("a", &[100, 100], Distribution::Normal(0.5)).unwrap()
        };
        assert_eq!(take(7), take(7));
        assert_ne!(take(7), take(8));
        let deviation = take(7).std(true).double_value(&[]);
        assert!((deviation - 0.5).abs() < 0.02, "{deviation}");
    }

    #[test]
    fn weights_that_do_not_fit_are_rejected() {
        let weights = || {
            let tensors =
                [("a".to_string(), Tensor::zeros([2, 3], (tch::Kind::Float, Device::Cpu)))];
            Parameters::from_tensors(tensors.into_iter().collect(), Device::Cpu)
        };
        let error = weights().get("b", &[2, 3], Distribution::Constant(0.0)).unwrap_err();
        assert!(error.to_string().contains("\"b\" are missing"));
        let error = weights().get("a", &[3, 2], Distribution::Constant(0.0)).unwrap_err();
        assert!(error.to_string().contains("[2, 3] instead of [3, 2]"));
        assert!(weights().finish().is_err());
    }
}
