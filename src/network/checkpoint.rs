//! A checkpoint: one safetensors file with weights and everything needed to use them.
//!
//! Its metadata holds one entry, `hrinet`, a JSON [`Header`]. Tensors are float32, named by group:
//! `generator.*` in every checkpoint, and in one that training can go on from whatever state the
//! training keeps (`optimizer.*`). `confidence.*` where the generator has a head that says how far off
//! its slices are expected to be.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tch::{Kind, Tensor};

use crate::error::{Error, Result};
use crate::network::system::{Architecture, System};

/// The newest format that is read, and the one that is written.
pub const FORMAT: u32 = 1;

/// Group of the generator's weights.
pub(crate) const GENERATOR: &str = "generator";

/// Group of the error head's weights, under the name that checkpoints have had from the beginning.
pub(crate) const ERROR_HEAD: &str = "confidence";

/// The metadata entry that makes a safetensors file one of ours.
const ENTRY: &str = "hrinet";

/// Larger than any checkpoint: a file that is something else is not read into memory.
const MAX_BYTES: u64 = 4_000_000_000;

/// How the weights came about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The command line that trains the same again.
    pub command: String,
    /// Names of the volumes trained on.
    pub trained_on: Vec<String>,
    /// Names of the volumes held out for validation.
    pub held_out: Vec<String>,
    /// Seed of weights and batches.
    pub seed: u64,
    /// Optimiser steps taken.
    pub steps: u64,
    /// Seconds of training, over all resumed runs.
    pub seconds: f64,
    /// `cpu` or `cuda:N`.
    pub device: String,
    /// Mean PSNR in dB over the held-out slices at the last validation, and that of the linear
    /// blend on the same slices.
    pub held_out_psnr: Option<[f64; 2]>,
    /// The largest distance in mm between known slices in training; `None` where it was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "longest_gap_mm")]
    pub max_slice_spacing_mm: Option<f64>,
    /// Mean absolute error in HU over the held-out slices at the last validation, as it was expected and
    /// as it was: of a training of the confidence alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_out_error_hu: Option<[f64; 2]>,
    /// SHA-256 of the checkpoint file that training began from, where it did not begin anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began_from: Option<String>,
    /// SHA-256 of the checkpoint file of the model that it learnt from, beside the real slices, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taught_by: Option<String>,
    /// The version of this software.
    pub version: String,
    /// How the weights of `confidence.*` came about, where there are any: learnt later, beside a
    /// generator that stayed as it was.
    #[serde(skip_serializing_if = "Option::is_none", alias = "confidence")]
    pub error_head: Option<Box<Record>>,
}

/// What stands beside the tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Version of this format, [`FORMAT`].
    pub format: u32,
    /// The system that the weights belong to.
    pub system: System,
    /// Sizes of the generator.
    pub architecture: Architecture,
    /// The grey window, HU that become 0 and 1.
    pub window_hu: [f64; 2],
    /// How the weights came about.
    pub record: Record,
    /// The settings of the training, for going on with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<serde_json::Value>,
    /// SHA-256 of all tensors, by name: finds what got damaged on the way.
    pub weights_sha256: String,
}

/// Just enough to tell a newer format before the rest is understood.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

/// A checkpoint in memory.
pub struct Checkpoint {
    /// What stands beside the tensors.
    pub header: Header,
    /// All tensors by full name, float32 on the CPU.
    pub tensors: BTreeMap<String, Tensor>,
    /// SHA-256 of the file.
    pub file_sha256: String,
}

impl Checkpoint {
    /// Reads a checkpoint file.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Damaged`], [`Error::Unsupported`] for a file that is no checkpoint of
    /// ours, [`Error::Newer`].
    pub fn read(path: &Path) -> Result<Checkpoint> {
        let io = |error| Error::io(path, error);
        let metadata = std::fs::metadata(path).map_err(io)?;
        if metadata.is_dir() {
            return Err(Error::unsupported(path, "a folder; a checkpoint is a .safetensors file"));
        }
        if metadata.len() > MAX_BYTES {
            return Err(foreign(path, "it is larger than any checkpoint"));
        }
        Self::from_bytes(path, &std::fs::read(path).map_err(io)?)
    }

    /// Reads a checkpoint from memory; `path` names it in errors.
    ///
    /// # Errors
    /// As [`Checkpoint::read`].
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Checkpoint> {
        // A safetensors file begins with the length of its JSON header; one that is ours but cut
        // short is damaged, anything else is foreign.
        if bytes.len() < 10 || bytes[8] != b'{' {
            return Err(foreign(path, "it is no safetensors file"));
        }
        let damaged =
            |reason: String| Error::damaged(path, format!("damaged checkpoint: {reason}"));
        let (_, metadata) =
            SafeTensors::read_metadata(bytes).map_err(|error| damaged(error.to_string()))?;
        let entry = metadata.metadata().as_ref().and_then(|entries| entries.get(ENTRY));
        let entry = entry.ok_or_else(|| foreign(path, "it lacks HRINet's metadata"))?;
        let format: FormatOnly =
            serde_json::from_str(entry).map_err(|error| damaged(error.to_string()))?;
        if format.format > FORMAT {
            return Err(Error::Newer {
                path: path.to_path_buf(),
                found: format.format,
                supported: FORMAT,
            });
        }
        let header: Header =
            serde_json::from_str(entry).map_err(|error| damaged(error.to_string()))?;
        let [low, high] = header.window_hu;
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Err(damaged(format!("a grey window of {low} to {high} HU")));
        }
        let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(error.to_string()))?;
        let mut views: Vec<_> = file.tensors();
        views.sort_by(|a, b| a.0.cmp(&b.0));
        let sum = checksum(views.iter().map(|(name, view)| (name.as_str(), view.data())));
        if sum != header.weights_sha256 {
            return Err(damaged("its weights do not have the checksum that it states".into()));
        }
        let tensors = views
            .into_iter()
            .map(|(name, view)| Ok((name, to_tensor(&view).map_err(&damaged)?)))
            .collect::<Result<_>>()?;
        Ok(Checkpoint { header, tensors, file_sha256: hex(&Sha256::digest(bytes)) })
    }

    /// The tensors of one group, without its name and dot.
    pub fn group(&self, group: &str) -> BTreeMap<String, Tensor> {
        let prefix = format!("{group}.");
        let inside = |(name, tensor): (&String, &Tensor)| {
            Some((name.strip_prefix(&prefix)?.to_string(), tensor.shallow_clone()))
        };
        self.tensors.iter().filter_map(inside).collect()
    }
}

/// The bytes of a checkpoint file. `header.weights_sha256` is filled in.
///
/// # Errors
/// [`Error::Torch`] where a tensor cannot be read back from its device.
pub fn to_bytes(mut header: Header, tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>> {
    let mut stored: Vec<(&str, Vec<usize>, Vec<u8>)> = Vec::new();
    for (name, tensor) in tensors {
        let shape = tensor.size().iter().map(|&side| side as usize).collect();
        stored.push((name, shape, to_le_bytes(tensor)?));
    }
    header.weights_sha256 = checksum(stored.iter().map(|(name, _, data)| (*name, &data[..])));
    let as_text = |error: &dyn std::fmt::Display| Error::Argument(format!("checkpoint: {error}"));
    let entry = serde_json::to_string(&header).map_err(|error| as_text(&error))?;
    let metadata = HashMap::from([(ENTRY.to_string(), entry)]);
    let views = stored
        .iter()
        .map(|(name, shape, data)| Ok((*name, TensorView::new(Dtype::F32, shape.clone(), data)?)))
        .collect::<std::result::Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|error| as_text(&error))?;
    safetensors::serialize(views, Some(metadata)).map_err(|error| as_text(&error))
}

fn foreign(path: &Path, reason: &str) -> Error {
    Error::unsupported(path, format!("not an HRINet checkpoint: {reason}"))
}

fn checksum<'a>(tensors: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut sum = Sha256::new();
    for (name, data) in tensors {
        sum.update((name.len() as u64).to_le_bytes());
        sum.update(name);
        sum.update((data.len() as u64).to_le_bytes());
        sum.update(data);
    }
    hex(&sum.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn to_tensor(view: &TensorView) -> std::result::Result<Tensor, String> {
    if view.dtype() != Dtype::F32 {
        return Err(format!("weights of type {:?} instead of F32", view.dtype()));
    }
    let values: Vec<f32> =
        view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let shape: Vec<i64> = view.shape().iter().map(|&side| side as i64).collect();
    Tensor::f_from_slice(&values)
        .and_then(|tensor| tensor.f_view(shape.as_slice()))
        .map_err(|error| Error::from(error).to_string())
}

fn to_le_bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    let flat = tensor.f_detach()?.f_to_kind(Kind::Float)?.f_contiguous()?.f_view([-1])?;
    let mut values = vec![0f32; flat.numel()];
    flat.f_copy_data(&mut values, flat.numel())?;
    Ok(values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    fn small() -> (Header, BTreeMap<String, Tensor>) {
        let header = Header {
            format: FORMAT,
            system: System::HrinetMotion,
            architecture: System::HrinetMotion.architecture(96).unwrap(),
            window_hu: [-1000.0, 1000.0],
            record: Record { seed: 5, ..Record::default() },
            training: None,
            weights_sha256: String::new(),
        };
        let tensor = Tensor::rand([3, 4], (Kind::Float, Device::Cpu));
        (header, BTreeMap::from([("generator.a".to_string(), tensor)]))
    }

    fn read(bytes: &[u8]) -> Result<Checkpoint> {
        Checkpoint::from_bytes(Path::new("some.safetensors"), bytes)
    }

    #[test]
    fn what_is_written_is_read_again_and_the_same_bytes_come_out() {
        let (header, tensors) = small();
        let bytes = to_bytes(header.clone(), &tensors).unwrap();
        assert_eq!(bytes, to_bytes(header, &tensors).unwrap());
        let checkpoint = read(&bytes).unwrap();
        assert_eq!(checkpoint.tensors, tensors);
        assert_eq!(checkpoint.header.record.seed, 5);
        assert_eq!(checkpoint.group("generator").keys().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn damaged_foreign_and_newer_files_are_told_apart() {
        let (header, tensors) = small();
        let bytes = to_bytes(header.clone(), &tensors).unwrap();
        for length in [0, 5, 9, 40, 200, bytes.len() - 5] {
            let text = read(&bytes[..length]).err().expect("cut short").to_string();
            assert!(text.contains("damaged") || text.contains("not an HRINet"), "{text}");
        }
        let mut flipped = bytes.clone();
        let last = flipped.len() - 3;
        flipped[last] ^= 4;
        assert!(read(&flipped).err().unwrap().to_string().contains("checksum"));

        let newer = to_bytes(Header { format: FORMAT + 1, ..header }, &tensors).unwrap();
        let text = read(&newer).err().unwrap().to_string();
        assert!(text.contains("format 2, this version reads up to 1; update HRINet"), "{text}");

        let view = TensorView::new(Dtype::F32, vec![1], &[0; 4]).unwrap();
        let foreign = safetensors::serialize([("a", view)], None).unwrap();
        let text = read(&foreign).err().unwrap().to_string();
        assert!(text.contains("not an HRINet checkpoint: it lacks HRINet's metadata"), "{text}");
        assert!(
            read(b"PK\x03\x04 some archive").err().unwrap().to_string().contains("no safetensors")
        );
    }
}
