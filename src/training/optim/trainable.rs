//! A network in training: its weights and their optimizer.

use std::collections::BTreeSet;

use tch::Tensor;

use crate::error::{Error, Result};
use crate::network::Parameters;
use crate::training::optim::optimizer::Optimizer;
use crate::training::settings::{OptimizerKind, Settings};
use crate::training::state_dict::StateDict;

/// A network, its named weights, and the optimizer of all of them or of a part.
pub struct Trainable<N> {
    /// The network; trained weights are views of the optimizer's vector.
    pub network: N,
    weights: Vec<(String, Tensor)>,
    optimizer: Optimizer,
}

impl<N> Trainable<N> {
    /// Builds a network of these weights and an optimizer of all of them.
    ///
    /// # Errors
    /// Those of `build`, and [`Error::Argument`] for stored weights that it did not take.
    pub fn new(
        parameters: Parameters,
        kind: OptimizerKind,
        build: impl FnOnce(&mut Parameters) -> Result<N>,
    ) -> Result<Trainable<N>> {
        Self::with_prefix(parameters, kind, None, build)
    }

    /// Like [`Trainable::new`], but trains only the weights whose names begin with `prefix`; the
    /// others are frozen. `None`: all train.
    ///
    /// # Errors
    /// Like [`Trainable::new`], and [`Error::Argument`] where no name begins with `prefix`.
    pub fn with_prefix(
        mut parameters: Parameters,
        kind: OptimizerKind,
        prefix: Option<&str>,
        build: impl FnOnce(&mut Parameters) -> Result<N>,
    ) -> Result<Trainable<N>> {
        let network = build(&mut parameters)?;
        let weights = parameters.finish()?;
        let trains = |name: &str| prefix.is_none_or(|prefix| name.starts_with(prefix));
        let trained = weights.iter().filter(|(name, _)| trains(name));
        let trained: Vec<_> = trained.map(|(_, weight)| weight.shallow_clone()).collect();
        if let Some(prefix) = prefix
            && trained.is_empty()
        {
            let first = |(name, _): &(String, Tensor)| name.split('.').next().map(str::to_string);
            let parts: BTreeSet<String> = weights.iter().filter_map(first).collect();
            return Err(Error::Argument(format!(
                "no weight is called {prefix}...; the network has {}",
                parts.into_iter().collect::<Vec<_>>().join(", ")
            )));
        }
        Ok(Trainable { network, optimizer: Optimizer::new(trained, kind)?, weights })
    }

    /// Steps down the gradient of `loss`; gives the gradient's norm before clipping.
    ///
    /// # Errors
    /// Those of [`Optimizer::step`].
    pub fn step(&mut self, loss: &Tensor, learning_rate: f64, settings: &Settings) -> Result<f64> {
        self.optimizer.step(loss, learning_rate, settings.weight_decay, max_grad_norm(settings))
    }

    /// Like [`Trainable::step`], with the gradient of all trained weights in one vector.
    ///
    /// # Errors
    /// Those of [`Optimizer::step_with_gradient`].
    pub fn step_with_gradient(
        &mut self,
        gradient: Tensor,
        learning_rate: f64,
        settings: &Settings,
    ) -> Result<f64> {
        let decay = settings.weight_decay;
        self.optimizer.step_with_gradient(gradient, learning_rate, decay, max_grad_norm(settings))
    }

    /// Sets whether gradients of the trained weights are computed. A discriminator needs none while
    /// the generator's loss goes through it.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn set_requires_grad(&self, requires_grad: bool) -> Result<()> {
        self.optimizer.set_requires_grad(requires_grad)
    }

    /// The weights by name; trained ones require gradients.
    pub fn weights(&self) -> &[(String, Tensor)] {
        &self.weights
    }

    /// Adds the weights to a group.
    pub(crate) fn save_weights(&self, group: &str, state: &mut StateDict) {
        for (name, tensor) in &self.weights {
            state.insert(group, name, tensor);
        }
    }

    /// Adds the optimizer's state to a group.
    pub(crate) fn save_optimizer(&self, group: &str, state: &mut StateDict) {
        for (name, tensor) in self.optimizer.state() {
            state.insert(group, &name, &tensor);
        }
    }

    /// Restores the optimizer's state from a group, after `steps` of its steps.
    ///
    /// # Errors
    /// [`Error::Argument`] where it is missing or that of another network.
    pub(crate) fn load_optimizer(
        &mut self,
        group: &str,
        state: &StateDict,
        steps: u64,
    ) -> Result<()> {
        self.optimizer.restore(&state.group(group), steps)
    }
}

fn max_grad_norm(settings: &Settings) -> f64 {
    if settings.max_grad_norm > 0.0 { settings.max_grad_norm } else { f64::INFINITY }
}
