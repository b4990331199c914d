//! A generator with trained weights, ready for planes of any size.

mod decode;
mod shipped;

use std::path::Path;
use std::time::Instant;

use ndarray::{Array2, Array3, Array4, ArrayView2};
use tch::{Device, Tensor};

pub use self::shipped::{DEFAULT, SHIPPED, ShippedModel, THIN, shipped_names};
use crate::error::{Error, Result};
use crate::network::checkpoint::{Checkpoint, ERROR_HEAD, GENERATOR, Header, Record};
use crate::network::generator::Generator;
use crate::network::motion::error_head::ErrorHead;
use crate::network::motion::outputs::WINDOW_WIDTH_HU;
use crate::network::nn::parameters::Parameters;
use crate::network::over_range::OverRange;
use crate::network::precision::Precision;
use crate::network::slice_network::{EncodedSlice, Neighbours, SliceNetwork};
use crate::network::system::{Architecture, System};
use crate::runtime::device;

/// A generator with its weights and all that its checkpoint says about it. Immutable.
pub struct Model {
    generator: Box<dyn Generator>,
    error_head: Option<ErrorHead>,
    header: Header,
    checksum: String,
    /// By group and name.
    weights: Vec<(String, Tensor)>,
    device: Device,
    precision: Precision,
    /// Type of the slices and alphas that the generator takes.
    ensemble: bool,
    detail_carry: bool,
}

impl Checkpoint {
    /// Loads a shipped model by name, or a checkpoint file by path.
    ///
    /// # Errors
    /// Those of [`Checkpoint::read`]; [`Error::Argument`] for a name that is neither.
    pub fn load(name_or_path: &Path) -> Result<Checkpoint> {
        let path = name_or_path;
        if let Some(model) = path.to_str().and_then(ShippedModel::of_name) {
            return model.checkpoint();
        }
        let looks_like_a_name = path.extension().is_none() && path.components().count() == 1;
        if path.as_os_str().is_empty() || looks_like_a_name && !path.exists() {
            return Err(Error::Argument(format!(
                "no model is called {path:?}; there are {}, linear, cubic, or the path of a \
                 .safetensors checkpoint",
                shipped_names().join(", ")
            )));
        }
        Checkpoint::read(path)
    }
}

impl Model {
    /// Loads a shipped model by name, or a checkpoint file by path.
    ///
    /// # Errors
    /// Those of [`Checkpoint::load`] and [`Model::new`].
    pub fn load(name_or_path: &str, device: Device) -> Result<Model> {
        let (path, start) = (Path::new(name_or_path), Instant::now());
        let model = Self::new(Checkpoint::load(path)?, device);
        let model = model.map_err(|error| error.in_file(path))?;
        log::debug!(
            "model {name_or_path}: {}, {} parameters, SHA-256 {}, loaded in {:.3} s on {}",
            model.system(),
            model.parameter_count(),
            model.checksum(),
            start.elapsed().as_secs_f64(),
            device::name(device)
        );
        Ok(model)
    }

    /// Builds the generator of a checkpoint, and its error head where it has one.
    ///
    /// # Errors
    /// [`Error::Argument`] where the weights do not fit the header's architecture, and for an error
    /// head in a grey window of another width than error heads are trained in.
    pub fn new(checkpoint: Checkpoint, device: Device) -> Result<Model> {
        let mut parameters = Parameters::from_tensors(checkpoint.group(GENERATOR), device);
        let error_head_weights = checkpoint.group(ERROR_HEAD);
        let header = checkpoint.header;
        let generator = header.architecture.build(&mut parameters)?;
        let mut weights = with_group(GENERATOR, parameters)?;
        let error_head = match error_head_weights.is_empty() {
            true => None,
            false => {
                check_window(header.window_hu)?;
                let mut parameters = Parameters::from_tensors(error_head_weights, device);
                let error_head = header.architecture.build_error_head(&mut parameters)?;
                weights.extend(with_group(ERROR_HEAD, parameters)?);
                Some(error_head)
            }
        };
        Ok(Model {
            generator,
            error_head,
            header,
            checksum: checkpoint.file_sha256,
            weights,
            device,
            precision: Precision::Float32,
            ensemble: false,
            detail_carry: true,
        })
    }

    /// Computes in this precision, or in float32 where the network has no other: see
    /// [`Model::precision`]. Weights that it rounds stay rounded.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn with_precision(mut self, precision: Precision) -> Result<Model> {
        let precision = self.generator.set_precision(precision)?;
        Ok(Model { precision, ..self })
    }

    /// The precision of its passes.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Decodes every slice twice, with the pair in either order, and averages both: twice the time,
    /// a little closer to real slices, and a reversed stack gives reversed slices.
    pub fn with_ensemble(self) -> Model {
        Model { ensemble: true, ..self }
    }

    /// Whether every slice is decoded in both orders.
    pub fn has_ensemble(&self) -> bool {
        self.ensemble
    }

    /// Carries the detail that an autoencoder loses of the known slices into interpolated ones, or
    /// not; on by default. `r = x - De(En(x))` is what a slice loses, and `alpha r1 + (1 - alpha)
    /// r2` is added between slices 1 and 2, so that interpolated slices meet the known ones and
    /// keep their texture. Generators that lose no detail have none to carry.
    pub fn with_detail_carry(self, detail_carry: bool) -> Model {
        Model { detail_carry, ..self }
    }

    /// Whether interpolated slices carry the detail that the known slices lose.
    pub fn has_detail_carry(&self) -> bool {
        self.detail_carry && self.architecture().loses_detail()
    }

    /// A checkpoint of all weights that shares no memory with the model, for training to start
    /// from.
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

    /// The system that the model was trained as.
    pub fn system(&self) -> System {
        self.header.system
    }

    /// Sizes of the generator.
    pub fn architecture(&self) -> &Architecture {
        &self.header.architecture
    }

    /// Record of the training.
    pub fn record(&self) -> &Record {
        &self.header.record
    }

    /// SHA-256 of the checkpoint file, in hexadecimal.
    pub fn checksum(&self) -> &str {
        &self.checksum
    }

    /// Number of trained parameters, the error head's included.
    pub fn parameter_count(&self) -> usize {
        self.weights.iter().map(|(_, weight)| weight.numel()).sum()
    }

    /// The generator with its weights.
    pub(crate) fn generator(&self) -> &dyn Generator {
        self.generator.as_ref()
    }

    /// The device that the model computes on.
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
        let clamped = padded.f_clamp_max(1.0)?;
        let features = tch::no_grad(|| self.generator.encode(&clamped))?;
        let lost_detail = match self.has_detail_carry() {
            true => Some(tch::no_grad(|| self.lost_detail(&clamped, &features))?),
            false => None,
        };
        let over_range = OverRange::of(&padded)?;
        Ok(EncodedSlice { features, lost_detail, over_range, size: [rows, columns] })
    }

    fn is_thin(&self) -> bool {
        self.architecture().is_thin()
    }

    fn has_context(&self) -> bool {
        self.architecture().has_context()
    }

    fn decode(&self, neighbours: &Neighbours, fractions: &[f64]) -> Result<Array3<f32>> {
        Ok(self.decode_slices(neighbours, fractions, None)?.0)
    }

    fn predicts_error(&self) -> bool {
        self.error_head.is_some()
    }

    /// In an ensemble, the mean of both predictions: the mean of two slices has no larger error.
    fn decode_with_error(
        &self,
        neighbours: &Neighbours,
        fractions: &[f64],
    ) -> Result<Option<[Array3<f32>; 2]>> {
        let Some(error_head) = &self.error_head else { return Ok(None) };
        let (slices, errors) = self.decode_slices(neighbours, fractions, Some(error_head))?;
        Ok(errors.map(|errors| [slices, errors]))
    }

    fn max_slice_spacing_mm(&self) -> Option<f64> {
        self.record().max_slice_spacing_mm
    }

    fn has_flow(&self) -> bool {
        self.architecture().has_flow()
    }

    /// The mean of both orders, so that the flow of a reversed stack is the reversed flow.
    fn flow(
        &self,
        first: &EncodedSlice,
        second: &EncodedSlice,
        fractions: &[f64],
    ) -> Result<Option<Array4<f32>>> {
        match self.has_flow() {
            true => self.mean_flow(&Neighbours::of_pair(first, second), fractions).map(Some),
            false => Ok(None),
        }
    }

    fn replica(&self) -> Result<Option<Box<dyn SliceNetwork + Send>>> {
        if self.device != Device::Cpu {
            return Ok(None);
        }
        let shared =
            self.weights.iter().map(|(name, weight)| (name.clone(), weight.shallow_clone()));
        let checkpoint = Checkpoint {
            header: self.header.clone(),
            tensors: shared.collect(),
            file_sha256: self.checksum.clone(),
        };
        let model = Model::new(checkpoint, self.device)?.with_precision(self.precision)?;
        let (ensemble, detail_carry) = (self.ensemble, self.detail_carry);
        Ok(Some(Box::new(Model { ensemble, detail_carry, ..model })))
    }

    fn decode_batch(&self, pixels: usize) -> usize {
        let at_once = if self.device == Device::Cpu { 512 * 512 } else { 32 * 512 * 512 };
        (at_once / pixels.max(1)).max(1)
    }

    fn working_bytes(&self, pixels: usize) -> u64 {
        BYTES_PER_PIXEL * (pixels * self.decode_batch(pixels)) as u64 + LIBTORCH_BYTES
    }
}

/// Bytes per pixel of encoding two slices and decoding one between them.
const BYTES_PER_PIXEL: u64 = 700;

/// Bytes of libtorch itself.
const LIBTORCH_BYTES: u64 = 200_000_000;

/// Refuses a grey window that error heads are not trained in.
fn check_window([low, high]: [f64; 2]) -> Result<()> {
    if high - low == WINDOW_WIDTH_HU {
        return Ok(());
    }
    Err(Error::Argument(format!(
        "an error head in a grey window of {low} to {high} HU; it must be {WINDOW_WIDTH_HU} HU wide"
    )))
}

/// The weights of a network that is built, by group and name.
fn with_group(group: &str, parameters: Parameters) -> Result<Vec<(String, Tensor)>> {
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
        (bottom, right) => Ok(x.f_replication_pad2d([0, right, 0, bottom])?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Checkpoint {
        SHIPPED[0].checkpoint().unwrap()
    }

    #[test]
    fn error_head_in_another_window_is_rejected() {
        let mut checkpoint = shipped();
        checkpoint.header.window_hu = [-1000.0, 500.0];
        let error = Model::new(checkpoint, Device::Cpu).err().unwrap().to_string();
        assert!(error.contains("-1000 to 500 HU") && error.contains("2000 HU wide"), "{error}");
        let mut generator_alone = shipped();
        generator_alone.header.window_hu = [-1000.0, 500.0];
        generator_alone.tensors.retain(|name, _| !name.starts_with(ERROR_HEAD));
        assert!(!Model::new(generator_alone, Device::Cpu).unwrap().predicts_error());
    }

    #[test]
    fn unknown_model_is_rejected_with_the_choices() {
        let error = Model::load("hrinet-motoin", Device::Cpu).err().unwrap().to_string();
        assert!(error.contains("hrinet-motion-small") && error.contains("cubic"), "{error}");
    }
}
