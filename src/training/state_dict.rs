//! Tensors by name, as a checkpoint holds them.

use std::collections::BTreeMap;

use tch::Tensor;

use crate::network::Checkpoint;

/// Tensors in groups: `generator.*`, `critic.*`, `optimizer.*`... Tensors are shared, not copied.
#[derive(Default)]
pub(crate) struct StateDict(BTreeMap<String, Tensor>);

impl StateDict {
    /// All tensors of a checkpoint.
    pub(crate) fn of_checkpoint(checkpoint: &Checkpoint) -> StateDict {
        let mut state = StateDict::default();
        state.extend(checkpoint.tensors.iter());
        state
    }

    /// Adds a tensor to a group.
    pub(crate) fn insert(&mut self, group: &str, name: &str, tensor: &Tensor) {
        self.0.insert(format!("{group}.{name}"), tensor.shallow_clone());
    }

    /// Adds tensors by their full names.
    pub(crate) fn extend<'a>(&mut self, tensors: impl Iterator<Item = (&'a String, &'a Tensor)>) {
        self.0.extend(tensors.map(|(name, tensor)| (name.clone(), tensor.shallow_clone())));
    }

    /// The tensors of a group by the rest of their names.
    pub(crate) fn group(&self, group: &str) -> BTreeMap<String, Tensor> {
        let inside = |(name, tensor): (&String, &Tensor)| {
            let rest = name.strip_prefix(group)?.strip_prefix('.')?;
            Some((rest.to_string(), tensor.shallow_clone()))
        };
        self.0.iter().filter_map(inside).collect()
    }

    /// Copies the handles; the tensors are shared.
    pub(crate) fn shallow_clone(&self) -> StateDict {
        let mut state = StateDict::default();
        state.extend(self.0.iter());
        state
    }

    /// The tensors of these groups alone.
    pub(crate) fn only(&self, groups: &[&str]) -> StateDict {
        let mut state = StateDict::default();
        for group in groups {
            for (name, tensor) in self.group(group) {
                state.insert(group, &name, &tensor);
            }
        }
        state
    }

    /// All tensors by their full names.
    pub(crate) fn tensors(&self) -> &BTreeMap<String, Tensor> {
        &self.0
    }
}
