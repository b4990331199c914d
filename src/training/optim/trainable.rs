//! A network in training: its weights and the optimiser that moves them, nobody else's.

use std::collections::{BTreeMap, BTreeSet};

use tch::Tensor;

use crate::error::{Error, Result};
use crate::network::{Checkpoint, Parameters};
use crate::training::optim::optimizer::{Optimizer, all_finite};
use crate::training::settings::{OptimizerKind, Settings};

/// A network, its named weights, the optimiser of all of them or of a part.
pub struct Trainable<N> {
    /// The network; weights that learn are views of the optimiser's vector.
    pub network: N,
    weights: Vec<(String, Tensor)>,
    optimizer: Optimizer,
}

impl<N> Trainable<N> {
    /// Builds it from drawn or stored weights, to be moved by `rule`.
    ///
    /// # Errors
    /// What `build` returns, and [`crate::Error::Argument`] for stored weights that it did not take.
    pub fn new(
        parameters: Parameters,
        rule: OptimizerKind,
        build: impl FnOnce(&mut Parameters) -> Result<N>,
    ) -> Result<Trainable<N>> {
        Self::in_part(parameters, rule, None, build)
    }

    /// The same where only the weights learn whose names begin with `only`; the others stay as they are. `None`:
    /// all of them.
    ///
    /// # Errors
    /// As [`Trainable::new`], and [`Error::Argument`] where no name begins so.
    pub fn in_part(
        mut parameters: Parameters,
        rule: OptimizerKind,
        only: Option<&str>,
        build: impl FnOnce(&mut Parameters) -> Result<N>,
    ) -> Result<Trainable<N>> {
        let network = build(&mut parameters)?;
        let weights = parameters.finish()?;
        let learns = |name: &str| only.is_none_or(|only| name.starts_with(only));
        let learning = weights.iter().filter(|(name, _)| learns(name));
        let learning: Vec<_> = learning.map(|(_, weight)| weight.shallow_clone()).collect();
        if let Some(only) = only
            && learning.is_empty()
        {
            let first = |(name, _): &(String, Tensor)| name.split('.').next().map(str::to_string);
            let parts: BTreeSet<String> = weights.iter().filter_map(first).collect();
            return Err(Error::Argument(format!(
                "no weight is called {only}...; the network has {}",
                parts.into_iter().collect::<Vec<_>>().join(", ")
            )));
        }
        Ok(Trainable { network, optimizer: Optimizer::new(learning, rule)?, weights })
    }

    /// One optimiser step down the gradient of `loss`; gives the gradient's norm before the cut.
    ///
    /// # Errors
    /// As [`Optimizer::step`].
    pub fn step(&mut self, loss: &Tensor, learning_rate: f64, settings: &Settings) -> Result<f64> {
        self.optimizer.step(loss, learning_rate, settings.weight_decay, most_norm(settings))
    }

    /// One optimiser step down a gradient of all its weights in one vector; else as [`Trainable::step`].
    ///
    /// # Errors
    /// As [`Optimizer::step_with_gradient`].
    pub fn step_with_gradient(
        &mut self,
        gradient: Tensor,
        learning_rate: f64,
        settings: &Settings,
    ) -> Result<f64> {
        let decay = settings.weight_decay;
        self.optimizer.step_with_gradient(gradient, learning_rate, decay, most_norm(settings))
    }

    /// The optimiser forgets what it saw: a new stage begins.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub fn reset_state(&mut self) -> Result<()> {
        self.optimizer.reset_state()
    }

    /// Whether gradients are computed for the weights that learn: a discriminator needs none while the
    /// generator's loss goes through it.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub fn set_requires_grad(&self, needs: bool) -> Result<()> {
        self.optimizer.set_requires_grad(needs)
    }

    /// Whether every weight is a finite number.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub fn is_finite(&self) -> Result<bool> {
        for (_, weight) in &self.weights {
            if !all_finite(weight)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The weights by name; those that learn require gradients.
    pub fn weights(&self) -> &[(String, Tensor)] {
        &self.weights
    }

    /// Puts the weights into a checkpoint's `group`.
    pub fn keep_weights(&self, group: &str, into: &mut BTreeMap<String, Tensor>) {
        for (name, tensor) in &self.weights {
            into.insert(format!("{group}.{name}"), tensor.shallow_clone());
        }
    }

    /// Puts the optimiser's state into a checkpoint's `group`.
    pub fn keep_optimizer(&self, group: &str, into: &mut BTreeMap<String, Tensor>) {
        for (name, tensor) in self.optimizer.state() {
            into.insert(format!("{group}.{name}"), tensor);
        }
    }

    /// Takes the optimiser's state from a checkpoint's `group`, after `steps` of its steps.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where it is missing or that of another network.
    pub fn restore(&mut self, checkpoint: &Checkpoint, group: &str, steps: u64) -> Result<()> {
        self.optimizer.restore(&checkpoint.group(group), steps)
    }
}

fn most_norm(settings: &Settings) -> f64 {
    if settings.max_grad_norm > 0.0 { settings.max_grad_norm } else { f64::INFINITY }
}
