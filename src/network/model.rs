//! A trained generator, ready for planes of any size.

use std::path::Path;

use ndarray::{Array2, Array3, Array4, ArrayView2, Axis};
use tch::{Device, Kind, Tensor};

use super::above::Above;
use super::checkpoint::{Checkpoint, Header, Record};
use super::confidence::Confidence;
use super::mixing::{Around, Features, Pair};
use super::parameters::Parameters;
use super::precision::Precision;
use super::slice_network::{EncodedSlice, Neighbours, SliceNetwork};
use super::system::{Architecture, Generator, System};
use crate::error::{Error, Result};

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
    confidence: Option<Confidence>,
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
                let confidence = header.architecture.build_confidence(&mut parameters)?;
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

    /// Whether [`SliceNetwork::motion`] gives any.
    pub fn finds_motion(&self) -> bool {
        matches!(self.generator, Generator::Motion(_))
    }

    /// Where it computes.
    pub fn device(&self) -> Device {
        self.device
    }
}

/// What a generator makes of two batches of encoded slices at alphas `[N]`.
type OfPair<'a> = &'a dyn Fn(Pair, &Tensor) -> Result<Tensor>;

impl Model {
    /// The slices between two, `[alphas, rows, columns]`, and where a confidence judges them what it says; as it
    /// is or from both orders. What lies above the window in the two moves along with the tissue.
    fn decoded<const PLANES: usize>(
        &self,
        neighbours: &Neighbours,
        alphas: &[f64],
        confidence: Option<&Confidence>,
    ) -> Result<[Array3<f32>; PLANES]> {
        let make: OfPair = &|pair, alphas| {
            let above = Above::of(&pair)?;
            let evidence = match (confidence, &above) {
                (None, None) => None,
                _ => self.generator.decode_with_evidence(pair, alphas)?,
            };
            let made = match &evidence {
                Some(evidence) => evidence.made.f_clamp(0.0, 1.0)?,
                None => self.generator.decode(pair, alphas)?.f_clamp(0.0, 1.0)?,
            };
            let mut planes = vec![made];
            if let Some((confidence, evidence)) = confidence.zip(evidence.as_ref()) {
                planes.push(confidence.forward(evidence)?);
            }
            if let Some(above) = above {
                let (above, share) = match evidence {
                    Some(evidence) => (above.moved(&evidence.motion)?, evidence.mask),
                    None => (above, alphas.f_view([-1, 1, 1, 1])?.f_to_kind(Kind::Float)?),
                };
                planes[0] = above.onto(&planes[0], &share)?;
                if let Some(expected) = planes.get_mut(1) {
                    *expected = above.doubt(expected)?;
                }
            }
            Ok(Tensor::f_cat(&planes, 1)?)
        };
        let as_it_is: fn(&Tensor) -> Result<Tensor> = |made| Ok(made.shallow_clone());
        let values =
            self.of_pair(neighbours, alphas, make, self.both_orders.then_some(as_it_is))?;
        let [rows, columns] = neighbours.pair[0].size;
        let all = Array4::from_shape_vec((alphas.len(), PLANES, rows, columns), values)
            .map_err(|error| Error::Torch(error.to_string()))?;
        Ok(std::array::from_fn(|plane| all.index_axis(Axis(1), plane).to_owned()))
    }

    /// What `make` makes of a pair at `alphas`, without padding, in order of memory. With `turn`, the
    /// mean of that and of what it makes of the pair in the other order, turned round.
    fn of_pair(
        &self,
        neighbours: &Neighbours,
        alphas: &[f64],
        make: OfPair,
        turn: Option<fn(&Tensor) -> Result<Tensor>>,
    ) -> Result<Vec<f32>> {
        let [rows, columns] = neighbours.pair[0].size;
        let alphas: Vec<f32> = alphas.iter().map(|&alpha| alpha as f32).collect();
        let alphas = Tensor::f_from_slice(&alphas)?.f_to_device(self.device)?;
        let alphas = alphas.f_to_kind(self.precision.kind())?;
        let planes = tch::no_grad(|| -> Result<Tensor> {
            let made = self.in_order(neighbours, false, &alphas, make)?;
            let Some(turn) = turn else { return Ok(made) };
            let alphas = alphas.f_neg()?.f_add_scalar(1.0)?;
            let other = self.in_order(neighbours, true, &alphas, make)?;
            Ok(made.f_add(&turn(&other)?)?.f_mul_scalar(0.5)?)
        })?;
        let cut = planes.f_narrow(2, 0, rows as i64)?.f_narrow(3, 0, columns as i64)?;
        let cut = cut.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?;
        let mut values = vec![0f32; cut.numel()];
        cut.f_copy_data(&mut values, cut.numel())?;
        Ok(values)
    }

    /// What `make` makes of a pair as it is or `reversed`. What it finds of the pair as a whole is kept with the
    /// neighbours, for the next alphas.
    fn in_order(
        &self,
        neighbours: &Neighbours,
        reversed: bool,
        alphas: &Tensor,
        make: OfPair,
    ) -> Result<Tensor> {
        let batch = |count: i64| -> Result<([Features; 2], Option<Around>)> {
            let [first, second] = neighbours.pair;
            let mut slices = [first.features.repeat(count)?, second.features.repeat(count)?];
            let mut around = self.around(neighbours, count)?;
            if reversed {
                slices.reverse();
                around = around.map(Around::reversed);
            }
            Ok((slices, around))
        };
        let found = &neighbours.found[usize::from(reversed)];
        if found.get().is_none() {
            let (slices, around) = batch(1)?;
            let pair = Pair { slices: slices.each_ref(), around: around.as_ref(), halfway: None };
            let _ = found.set(self.generator.halfway(pair)?);
        }
        let halfway = found.get().and_then(Option::as_ref);
        let (slices, around) = batch(alphas.size1()?)?;
        make(Pair { slices: slices.each_ref(), around: around.as_ref(), halfway }, alphas)
    }
}

impl Model {
    /// The slices beyond a pair, `count` times; `None` where there are none, or none are seen.
    fn around(&self, neighbours: &Neighbours, count: i64) -> Result<Option<Around>> {
        if !self.looks_beyond() || neighbours.beyond.iter().all(Option::is_none) {
            return Ok(None);
        }
        let slices = |end: usize| {
            neighbours.beyond[end].unwrap_or(neighbours.pair[end]).features.repeat(count)
        };
        let there = |end: usize| -> Result<Tensor> {
            let flag = if neighbours.beyond[end].is_some() { 1.0 } else { 0.0 };
            let options = (self.precision.kind(), self.device);
            Ok(Tensor::f_full([count, 1, 1, 1], flag, options)?)
        };
        Ok(Some(Around { slices: [slices(0)?, slices(1)?], there: [there(0)?, there(1)?] }))
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
        let seen = padded.f_clamp_max(1.0)?;
        let above = padded.f_sub(&seen)?;
        let seen = seen.f_to_kind(self.precision.kind())?;
        let mut features = tch::no_grad(|| self.generator.encode(&seen))?;
        features.above = (above.f_max()?.f_double_value(&[])? > 0.0).then_some(above);
        Ok(EncodedSlice { features, size: [rows, columns] })
    }

    fn looks_beyond(&self) -> bool {
        self.architecture().has_context()
    }

    fn decode(&self, neighbours: &Neighbours, alphas: &[f64]) -> Result<Array3<f32>> {
        let [slices] = self.decoded(neighbours, alphas, None)?;
        Ok(slices)
    }

    fn has_confidence(&self) -> bool {
        self.confidence.is_some()
    }

    /// In both orders, the mean of both expectations: the mean of two slices is off by no more.
    fn decode_with_error(
        &self,
        neighbours: &Neighbours,
        alphas: &[f64],
    ) -> Result<Option<[Array3<f32>; 2]>> {
        let Some(confidence) = &self.confidence else { return Ok(None) };
        Ok(Some(self.decoded(neighbours, alphas, Some(confidence))?))
    }

    fn longest_gap_mm(&self) -> Option<f64> {
        self.record().longest_gap_mm
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
        let make: OfPair = &|pair, alphas| network.fields(pair, alphas);
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
pub fn shipped_with_confidence() -> Vec<&'static str> {
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
    let values: Vec<f32> = plane.iter().copied().collect();
    Ok(Tensor::f_from_slice(&values)?.f_view([1, 1, rows as i64, columns as i64])?)
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
