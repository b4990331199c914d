//! The checkpoint: one safetensors file with weights and all that is needed to use them.
//!
//! Its metadata has one entry, `hrinet`, a JSON [`Header`]. Tensors are float32 (float16 is read
//! too: half the bytes for weights that ship), named by group: `generator.*` in every checkpoint,
//! `confidence.*` for an error head, and the state of the training (`optimizer.*`) where training
//! can be resumed.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tch::{Kind, Tensor};

use crate::error::{Error, Result, hex};
use crate::io::plain_file;
use crate::network::system::{Architecture, System};

/// Version of the format that is written, the newest that is read.
pub const FORMAT: u32 = 1;

/// Group of the generator's weights.
pub(crate) const GENERATOR: &str = "generator";

/// Group of the error head's weights, under the name that checkpoints have had from the beginning.
pub(crate) const ERROR_HEAD: &str = "confidence";

/// Metadata entry of a checkpoint of this library.
const ENTRY: &str = "hrinet";

/// Larger than any checkpoint; a larger file is not read into memory.
const MAX_BYTES: u64 = 4_000_000_000;

/// Record of a training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Command line that repeats the training.
    pub command: String,
    /// Names of the training volumes.
    pub trained_on: Vec<String>,
    /// Names of the volumes of the validation set, which were held out.
    pub held_out: Vec<String>,
    /// Seed of initial weights and batches.
    pub seed: u64,
    /// Number of optimiser steps.
    pub steps: u64,
    /// Duration of the training in seconds, over all resumed runs.
    pub seconds: f64,
    /// `cpu` or `cuda:N`.
    pub device: String,
    /// Mean PSNR in dB over the held-out slices at the last validation, then that of the linear
    /// blend.
    pub held_out_psnr: Option<[f64; 2]>,
    /// The largest slice spacing in mm between known slices in training; `None` if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "longest_gap_mm")]
    pub max_slice_spacing_mm: Option<f64>,
    /// Mean expected and mean real absolute error in HU over the held-out slices at the last
    /// validation, in the training of an error head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_out_error_hu: Option<[f64; 2]>,
    /// SHA-256 of the checkpoint file that training started from; `None` for random weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began_from: Option<String>,
    /// SHA-256 of the teacher's checkpoint file; `None` for a training without distillation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taught_by: Option<String>,
    /// Version of this library.
    pub version: String,
    /// Record of the error head's own training, with the generator frozen.
    #[serde(skip_serializing_if = "Option::is_none", alias = "confidence")]
    pub error_head: Option<Box<Record>>,
}

/// All of a checkpoint but its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format, [`FORMAT`].
    pub format: u32,
    /// System of the weights.
    pub system: System,
    /// Sizes of the generator.
    pub architecture: Architecture,
    /// Grey window: HU that become 0 and 1.
    pub window_hu: [f64; 2],
    /// Record of the training.
    pub record: Record,
    /// Settings of the training, to resume it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<serde_json::Value>,
    /// SHA-256 of all tensors by name, which detects damage.
    pub weights_sha256: String,
}

/// The part of a header that detects a newer format, whatever else it holds.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

/// A checkpoint in memory.
pub struct Checkpoint {
    /// All but the tensors.
    pub header: Header,
    /// All tensors by full name, float32 on the CPU.
    pub tensors: BTreeMap<String, Tensor>,
    /// SHA-256 of the file, in hexadecimal.
    pub file_sha256: String,
}

impl Checkpoint {
    /// Reads a checkpoint file.
    ///
    /// # Errors
    /// Those of [`plain_file::read`]; [`Error::Damaged`], [`Error::Unsupported`] for a file that is
    /// no checkpoint of this library, [`Error::Newer`].
    pub fn read(path: &Path) -> Result<Checkpoint> {
        Self::from_bytes(path, &plain_file::read(path, MAX_BYTES)?)
    }

    /// Reads a checkpoint from memory; `path` names it in errors.
    ///
    /// # Errors
    /// Those of [`Checkpoint::read`] but those of files.
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Checkpoint> {
        // A safetensors file begins with the length of its JSON header. A truncated checkpoint is
        // damaged; anything else is another kind of file.
        if bytes.len() < 10 || bytes[8] != b'{' {
            return Err(not_a_checkpoint(path, "it is no safetensors file"));
        }
        let damaged =
            |reason: String| Error::damaged(path, format!("damaged checkpoint: {reason}"));
        let (_, metadata) =
            SafeTensors::read_metadata(bytes).map_err(|error| damaged(error.to_string()))?;
        let entry = metadata.metadata().as_ref().and_then(|entries| entries.get(ENTRY));
        let entry = entry.ok_or_else(|| not_a_checkpoint(path, "it lacks HRINet's metadata"))?;
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
            return Err(damaged("its weights do not match its checksum".into()));
        }
        let tensors = views
            .into_iter()
            .map(|(name, view)| Ok((name, to_tensor(&view).map_err(&damaged)?)))
            .collect::<Result<_>>()?;
        Ok(Checkpoint { header, tensors, file_sha256: hex(&Sha256::digest(bytes)) })
    }

    /// Tensors of a group by name, without the group.
    pub fn group(&self, group: &str) -> BTreeMap<String, Tensor> {
        let prefix = format!("{group}.");
        let inside = |(name, tensor): (&String, &Tensor)| {
            Some((name.strip_prefix(&prefix)?.to_string(), tensor.shallow_clone()))
        };
        self.tensors.iter().filter_map(inside).collect()
    }
}

/// Serialises a checkpoint file, and fills in `header.weights_sha256`.
///
/// # Errors
/// [`Error::Argument`] where safetensors refuses a tensor.
pub fn to_bytes(mut header: Header, tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>> {
    let mut serialised: Vec<(&str, Vec<usize>, Vec<u8>)> = Vec::new();
    for (name, tensor) in tensors {
        let shape = tensor.size().iter().map(|&side| side as usize).collect();
        serialised.push((name, shape, to_le_bytes(tensor)?));
    }
    header.weights_sha256 = checksum(serialised.iter().map(|(name, _, data)| (*name, &data[..])));
    let as_text = |error: &dyn std::fmt::Display| Error::Argument(format!("checkpoint: {error}"));
    let entry = serde_json::to_string(&header).map_err(|error| as_text(&error))?;
    let metadata = HashMap::from([(ENTRY.to_string(), entry)]);
    let views = serialised
        .iter()
        .map(|(name, shape, data)| Ok((*name, TensorView::new(Dtype::F32, shape.clone(), data)?)))
        .collect::<std::result::Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|error| as_text(&error))?;
    safetensors::serialize(views, Some(metadata)).map_err(|error| as_text(&error))
}

fn not_a_checkpoint(path: &Path, reason: &str) -> Error {
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

fn to_tensor(view: &TensorView) -> std::result::Result<Tensor, String> {
    let kind = match view.dtype() {
        Dtype::F32 => Kind::Float,
        Dtype::F16 => Kind::Half,
        other => return Err(format!("weights of type {other:?} instead of F32 or F16")),
    };
    let shape: Vec<i64> = view.shape().iter().map(|&side| side as i64).collect();
    // Both this library's platforms and safetensors are little-endian.
    Tensor::f_from_data_size(view.data(), &shape, kind)
        .and_then(|tensor| tensor.f_to_kind(Kind::Float))
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
    fn written_checkpoint_is_read_back() {
        let (header, tensors) = small();
        let bytes = to_bytes(header.clone(), &tensors).unwrap();
        assert_eq!(bytes, to_bytes(header, &tensors).unwrap());
        let checkpoint = read(&bytes).unwrap();
        assert_eq!(checkpoint.tensors, tensors);
        assert_eq!(checkpoint.header.record.seed, 5);
        assert_eq!(checkpoint.group("generator").keys().collect::<Vec<_>>(), ["a"]);
    }

    /// 1, 0.5, -2, the least normal number and the greatest number of float16, by their bits.
    #[test]
    fn float16_weights_are_read_as_float32() {
        let bits = [0x3c00u16, 0x3800, 0xc000, 0x0400, 0x7bff];
        let data: Vec<u8> = bits.iter().flat_map(|bits| bits.to_le_bytes()).collect();
        let view = TensorView::new(Dtype::F16, vec![5], &data).unwrap();
        let values = Vec::<f32>::try_from(to_tensor(&view).unwrap()).unwrap();
        assert_eq!(values, [1.0, 0.5, -2.0, 2f32.powi(-14), 65504.0]);
        let integers = TensorView::new(Dtype::I16, vec![5], &data).unwrap();
        assert!(to_tensor(&integers).unwrap_err().contains("I16 instead of F32 or F16"));
    }

    #[test]
    fn damaged_foreign_and_newer_files_have_errors_of_their_own() {
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
