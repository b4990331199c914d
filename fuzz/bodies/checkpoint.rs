//! Checkpoints: reading them, building the model, decoding a slice, resuming the training.

use std::path::Path;

use hrinet::network::{Checkpoint, Model, Neighbours, SliceNetwork};
use hrinet::training::{Settings, Trainer};
use ndarray::Array2;
use safetensors::SafeTensors;
use sha2::{Digest, Sha256};
use tch::Device;

use super::MAX_INPUT;

/// One of so many inputs also runs the network and resumes the training, which takes a hundred
/// times as long as to read a checkpoint and to build the network of it.
const RUNS_ONE_OF: u8 = 16;

/// Loads the bytes as they are, and again with a matching checksum, without which nothing behind
/// the check would be reached.
pub fn checkpoint(bytes: &[u8]) {
    if bytes.len() > MAX_INPUT {
        return;
    }
    load(bytes);
    if let Some(sealed) = sealed(bytes) {
        load(&sealed);
    }
}

fn load(bytes: &[u8]) {
    let Ok(checkpoint) = Checkpoint::from_bytes(Path::new("fuzzed.safetensors"), bytes) else {
        return;
    };
    let runs = bytes.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte)) % RUNS_ONE_OF == 0;
    if runs {
        resume(bytes);
    }
    let held: usize = checkpoint.tensors.values().map(|tensor| 4 * tensor.numel()).sum();
    assert!(held <= bytes.len(), "{held} bytes of weights from {}", bytes.len());
    let Ok(model) = Model::new(checkpoint, Device::Cpu) else {
        return;
    };
    if !runs {
        return;
    }
    // With arbitrary weights, the shape of the output is all that can be checked.
    let plane = Array2::from_shape_fn((3, 5), |(row, column)| (row + column) as f32 / 8.0);
    let Ok(encoded) = model.encode(&plane) else {
        return;
    };
    if let Ok(slices) = model.decode(&Neighbours::of_pair(&encoded, &encoded), &[0.25, 0.5]) {
        assert_eq!(slices.dim(), (2, 3, 5));
    }
}

/// Resumes the training of a checkpoint that has one; what can be resumed can be saved.
fn resume(bytes: &[u8]) {
    let Ok(checkpoint) = Checkpoint::from_bytes(Path::new("fuzzed.safetensors"), bytes) else {
        return;
    };
    let Ok(settings) = Settings::of_checkpoint(&checkpoint) else { return };
    if let Ok(trainer) = Trainer::resume(checkpoint, settings, Device::Cpu) {
        assert!(trainer.checkpoint().is_ok());
    }
}

/// The bytes with the checksum of their own tensors.
fn sealed(bytes: &[u8]) -> Option<Vec<u8>> {
    const FIELD: &[u8] = br#"weights_sha256\":\""#;
    let place = bytes.windows(FIELD.len()).position(|window| window == FIELD)? + FIELD.len();
    let file = SafeTensors::deserialize(bytes).ok()?;
    let mut tensors = file.tensors();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let mut sum = Sha256::new();
    for (name, view) in &tensors {
        for part in [name.as_bytes(), view.data()] {
            sum.update((part.len() as u64).to_le_bytes());
            sum.update(part);
        }
    }
    let sum: String = sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut sealed = bytes.to_vec();
    sealed.get_mut(place..place + sum.len())?.copy_from_slice(sum.as_bytes());
    Some(sealed)
}
