//! A trained generator, ready for planes of any size.

mod decode;

use std::path::Path;

use ndarray::{Array2, Array3, Array4, ArrayView2};
use tch::{Device, Tensor};

use self::decode::OfPair;
use crate::error::{Error, Result};
use crate::network::checkpoint::{Checkpoint, Header, Record};
use crate::network::motion::error_head::ErrorHead;
use crate::network::nn::parameters::Parameters;
use crate::network::over_range::OverRange;
use crate::network::precision::Precision;
use crate::network::slice_network::{EncodedSlice, Neighbours, SliceNetwork};
use crate::network::system::{Architecture, Generator, System};

/// The weights of a model in `models/`.
macro_rules! shipped {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/models/", $name, ".safetensors")),
        )
    };
}

/// Models that are part of this library: name and checkpoint. `models/` has a card for each.
const SHIPPED: [(&str, &[u8]); 3] =
    [shipped!("hrinet-motion"), shipped!("hrinet-motion-small"), shipped!("hrinet-motion-sharp")];

/// The model that is used where none is named.
pub const DEFAULT: &str = "hrinet-motion";

/// A generator with its weights and all that a checkpoint says about it. Immutable.
pub struct Model {
    generator: Generator,
    confidence: Option<ErrorHead>,
    header: Header,
    checksum: String,
    /// By group and name.
    weights: Vec<(String, Tensor)>,
    device: Device,
    precision: Precision,
    both_orders: bool,
}

impl Model {
    /// The shipped model of this name, or a checkpoint file.
    ///
    /// # Errors
    /// As [`Checkpoint::read`]; [`Error::Argument`] for a name that is neither.
    pub fn load(name_or_file: &str, device: Device) -> Result<Model> {
        if let Some((name, bytes)) = SHIPPED.iter().find(|(name, _)| *name == name_or_file) {
            return Self::new(Checkpoint::from_bytes(Path::new(name), bytes)?, device);
        }
        let path = Path::new(name_or_file);
        let looks_like_a_name = path.extension().is_none() && path.components().count() == 1;
        if name_or_file.is_empty() || looks_like_a_name && !path.exists() {
            return Err(Error::Argument(format!(
                "no model is called {name_or_file:?}; there are {}, linear, cubic, or the path of a \
                 .safetensors checkpoint",
                shipped_names().join(", ")
            )));
        }
        Self::new(Checkpoint::read(path)?, device).map_err(|error| error.in_file(path))
    }

    /// The generator of a checkpoint, and its confidence where it has one.
    ///
    /// # Errors
    /// [`Error::Argument`] where the weights do not fit what the checkpoint says it is.
    pub fn new(checkpoint: Checkpoint, device: Device) -> Result<Model> {
        let mut parameters = Parameters::stored(checkpoint.group("generator"), device);
        let of_confidence = checkpoint.group("confidence");
        let header = checkpoint.header;
        let generator = header.architecture.build(&mut parameters)?;
        let mut weights = named("generator", parameters)?;
        let confidence = match of_confidence.is_empty() {
            true => None,
            false => {
                let mut parameters = Parameters::stored(of_confidence, device);
                let confidence = header.architecture.build_error_head(&mut parameters)?;
                weights.extend(named("confidence", parameters)?);
                Some(confidence)
            }
        };
        Ok(Model {
            generator,
            confidence,
            header,
            checksum: checkpoint.file_sha256,
            weights,
            device,
            precision: Precision::Float32,
            both_orders: false,
        })
    }

    /// The same, computing in another precision.
    ///
    /// # Errors
    /// [`Error::Argument`] for HRINet-Motion in anything but float32: a motion of a tenth of a pixel
    /// is lost in 8 bits.
    pub fn with_precision(self, precision: Precision) -> Result<Model> {
        if self.system() == System::HrinetMotion && precision != Precision::Float32 {
            return Err(Error::Argument(
                "hrinet-motion computes in float32 alone: its motion needs more than 8 bits".into(),
            ));
        }
        Ok(Model { precision, ..self })
    }

    /// The same, decoding every slice twice, with the pair in either order, and taking the mean: twice
    /// the time, a little closer to the truth, and a reversed stack gives reversed slices.
    pub fn in_both_orders(self) -> Model {
        Model { both_orders: true, ..self }
    }

    /// Whether every slice is decoded twice.
    pub fn has_both_orders(&self) -> bool {
        self.both_orders
    }

    /// A checkpoint of all weights that shares no memory with the model: training can begin from
    /// it.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        let copy = |(name, weight): &(String, Tensor)| -> Result<(String, Tensor)> {
            let copy = weight.f_detach()?.f_to_device(Device::Cpu)?.copy();
            Ok((name.clone(), copy))
        };
        Ok(Checkpoint {
            header: self.header.clone(),
            tensors: self.weights.iter().map(copy).collect::<Result<_>>()?,
            file_sha256: self.checksum.clone(),
        })
    }

    /// The system that it belongs to.
    pub fn system(&self) -> System {
        self.header.system
    }

    /// Sizes of the generator.
    pub fn architecture(&self) -> &Architecture {
        &self.header.architecture
    }

    /// How the weights came about.
    pub fn record(&self) -> &Record {
        &self.header.record
    }

    /// SHA-256 of the checkpoint file.
    pub fn checksum(&self) -> &str {
        &self.checksum
    }

    /// How many numbers were learnt.
    pub fn parameter_count(&self) -> usize {
        self.weights.iter().map(|(_, weight)| weight.numel()).sum()
    }

    /// The network itself.
    pub(crate) fn generator(&self) -> &Generator {
        &self.generator
    }

    /// Whether [`SliceNetwork::motion`] gives any.
    pub fn has_flow(&self) -> bool {
        matches!(self.generator, Generator::Motion(_))
    }

    /// Where it computes.
    pub fn device(&self) -> Device {
        self.device
    }
}

impl SliceNetwork for Model {
    fn window_hu(&self) -> [f64; 2] {
        self.header.window_hu
    }

    fn encode(&self, slice: &Array2<f32>) -> Result<EncodedSlice> {
        let (rows, columns) = slice.dim();
        let tensor = to_tensor(slice.view())?.f_to_device(self.device)?;
        let padded = pad(&tensor, self.architecture().side_multiple())?;
        let seen = padded.f_clamp_max(1.0)?.f_to_kind(self.precision.kind())?;
        let mut features = tch::no_grad(|| self.generator.encode(&seen))?;
        features.above = OverRange::of(&padded)?;
        Ok(EncodedSlice { features, size: [rows, columns] })
    }

    fn has_context(&self) -> bool {
        self.architecture().has_context()
    }

    fn decode(&self, neighbours: &Neighbours, alphas: &[f64]) -> Result<Array3<f32>> {
        Ok(self.decoded(neighbours, alphas, None)?.0)
    }

    fn predicts_error(&self) -> bool {
        self.confidence.is_some()
    }

    /// In both orders, the mean of both expectations: the mean of two slices is off by no more.
    fn decode_with_error(
        &self,
        neighbours: &Neighbours,
        alphas: &[f64],
    ) -> Result<Option<[Array3<f32>; 2]>> {
        let Some(confidence) = &self.confidence else { return Ok(None) };
        let (slices, expected) = self.decoded(neighbours, alphas, Some(confidence))?;
        Ok(expected.map(|expected| [slices, expected]))
    }

    fn max_slice_spacing_mm(&self) -> Option<f64> {
        self.record().max_slice_spacing_mm
    }

    /// The mean of both orders, so that a reversed stack moves the same way.
    fn motion(
        &self,
        first: &EncodedSlice,
        second: &EncodedSlice,
        alphas: &[f64],
    ) -> Result<Option<Array4<f32>>> {
        let Generator::Motion(network) = &self.generator else { return Ok(None) };
        let [rows, columns] = first.size;
        let make: OfPair = &|pair, alphas| network.flow(pair, alphas);
        // In the other order the second slice's columns and rows come first.
        let neighbours = Neighbours::of_pair(first, second);
        let turn: fn(&Tensor) -> Result<Tensor> = |made| Ok(made.f_roll([2], [1])?);
        let values = self.of_pair(&neighbours, alphas, make, Some(turn))?;
        Array4::from_shape_vec((alphas.len(), 4, rows, columns), values)
            .map(Some)
            .map_err(|error| Error::Torch(error.to_string()))
    }

    fn decode_batch(&self, pixels: usize) -> usize {
        let at_once = if self.device == Device::Cpu { 512 * 512 } else { 32 * 512 * 512 };
        (at_once / pixels.max(1)).max(1)
    }

    fn working_bytes(&self, pixels: usize) -> u64 {
        BYTES_A_PIXEL * (pixels * self.decode_batch(pixels)) as u64 + LIBTORCH_BYTES
    }
}

/// Bytes that encoding two slices and decoding one between them take a pixel.
const BYTES_A_PIXEL: u64 = 700;

/// Bytes that libtorch itself takes.
const LIBTORCH_BYTES: u64 = 200_000_000;

/// Names of the models that are part of this library.
pub fn shipped_names() -> Vec<&'static str> {
    SHIPPED.iter().map(|(name, _)| *name).collect()
}

/// Names of those that have a confidence.
pub fn shipped_with_error_head() -> Vec<&'static str> {
    let has = |name: &str, bytes| {
        let checkpoint = Checkpoint::from_bytes(Path::new(name), bytes);
        checkpoint.is_ok_and(|checkpoint| !checkpoint.group("confidence").is_empty())
    };
    SHIPPED.iter().filter(|(name, bytes)| has(name, bytes)).map(|(name, _)| *name).collect()
}

/// The weights of a network that is built, by group and name.
fn named(group: &str, parameters: Parameters) -> Result<Vec<(String, Tensor)>> {
    let weights = parameters.finish()?.into_iter();
    Ok(weights.map(|(name, weight)| (format!("{group}.{name}"), weight)).collect())
}

/// A plane as `[1, 1, rows, columns]` on the CPU.
fn to_tensor(plane: ArrayView2<f32>) -> Result<Tensor> {
    let (rows, columns) = plane.dim();
    let plane = plane.as_standard_layout();
    let values = plane.as_slice().unwrap_or_default();
    Ok(Tensor::f_from_slice(values)?.f_view([1, 1, rows as i64, columns as i64])?)
}

/// Repeats the last row and column until both sides are multiples of `multiple`.
fn pad(x: &Tensor, multiple: i64) -> Result<Tensor> {
    let (_, _, rows, columns) = x.size4()?;
    let missing = |side: i64| (multiple - side % multiple) % multiple;
    match (missing(rows), missing(columns)) {
        (0, 0) => Ok(x.shallow_clone()),
        (below, right) => Ok(x.f_replication_pad2d([0, right, 0, below])?),
    }
}
