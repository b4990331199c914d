//! Interface of generators, and of the sizes that they are built from.
//!
//! A generator encodes each known slice once and decodes any number of slices between two of them.
//! Its interface is the paper's: `alpha` is 1 at the first slice of a pair and 0 at the second.

use tch::Tensor;

use crate::error::{Error, Result};
use crate::network::features::{Features, Pair};
use crate::network::motion::error_head::ErrorHead;
use crate::network::motion::flow::MidpointFlow;
use crate::network::motion::outputs::MotionOutputs;
use crate::network::nn::parameters::Parameters;
use crate::network::precision::Precision;

/// A network that encodes slices and decodes slices between two of them.
///
/// The methods with a body are those of a generator that finds a flow field; others leave them.
pub trait Generator: Send {
    /// Computes in this precision from now on where it can, and returns the precision that it
    /// computes in. Slices and alphas are float32 in each.
    ///
    /// # Errors
    /// [`Error::Torch`].
    fn set_precision(&mut self, _precision: Precision) -> Result<Precision> {
        Ok(Precision::Float32)
    }

    /// Encodes slices `[N, 1, H, W]`, sides multiples of [`GeneratorConfig::side_multiple`].
    ///
    /// # Errors
    /// [`Error::Torch`] for other sides.
    fn encode(&self, slices: &Tensor) -> Result<Features>;

    /// Decodes the slices `[N, 1, H, W]` at `alpha` `[N]`, in (0, 1), between those of N pairs.
    ///
    /// # Errors
    /// [`Error::Argument`] for features of another kind of generator.
    fn decode(&self, pair: Pair, alpha: &Tensor) -> Result<Tensor>;

    /// Finds the flow to the plane midway between the slices of a pair, from which
    /// [`flow`](Generator::flow) and [`decode_with_outputs`](Generator::decode_with_outputs) start
    /// at any alpha. `None` where each plane has a flow of its own.
    ///
    /// # Errors
    /// As [`Generator::decode`].
    fn midpoint_flow(&self, _pair: Pair) -> Result<Option<MidpointFlow>> {
        Ok(None)
    }

    /// Finds the flow fields `[N, 4, H, W]` from the planes at `alpha` `[N]` to both slices of a
    /// pair, in pixels: columns and rows to the first slice, then to the second. Without `midpoint`
    /// the midpoint flow is found anew. `None` for a generator without flow.
    ///
    /// # Errors
    /// As [`Generator::decode`].
    fn flow(
        &self,
        _pair: Pair,
        _midpoint: Option<&MidpointFlow>,
        _alpha: &Tensor,
    ) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// Decodes like [`Generator::decode`], and returns the full-resolution maps that the slices
    /// were decoded from, the input of an [`ErrorHead`]. `None` for a generator without flow.
    ///
    /// # Errors
    /// As [`Generator::decode`].
    fn decode_with_outputs(
        &self,
        _pair: Pair,
        _midpoint: Option<&MidpointFlow>,
        _alpha: &Tensor,
    ) -> Result<Option<MotionOutputs>> {
        Ok(None)
    }
}

/// Sizes of a generator: enough to build it before its weights are read.
pub trait GeneratorConfig {
    /// The kind of generator, to follow "a generator": weights fit from one to another of one kind.
    fn kind(&self) -> String;

    /// Pixels that the sides of a plane must be multiples of.
    fn side_multiple(&self) -> i64;

    /// Checks that the sizes make a network.
    ///
    /// # Errors
    /// [`Error::Argument`] with the size that does not.
    fn validate(&self) -> Result<()>;

    /// Builds the generator with random weights or those of a checkpoint.
    ///
    /// # Errors
    /// [`Error::Argument`] where the weights of a checkpoint do not fit.
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn Generator>>;

    /// Whether a known slice does not come back from its features as it was, so that the detail
    /// that it lost can be carried into interpolated slices.
    fn loses_detail(&self) -> bool {
        false
    }

    /// Whether it uses context slices, the known slices beyond the pair.
    fn has_context(&self) -> bool {
        false
    }

    /// Whether [`Generator::flow`] returns flow fields.
    fn has_flow(&self) -> bool {
        false
    }

    /// Whether an error head can be built for it.
    fn has_error_head(&self) -> bool {
        false
    }

    /// Whether it makes thin slices from thick ones, at known places as well.
    fn is_thin(&self) -> bool {
        false
    }

    /// Whether it trains in this precision.
    fn trains_in(&self, _precision: Precision) -> bool {
        true
    }

    /// Builds the error head of the generator, with random weights or those of a checkpoint.
    ///
    /// # Errors
    /// [`Error::Argument`] for a generator without one, and where the weights do not fit.
    fn build_error_head(&self, _parameters: &mut Parameters) -> Result<ErrorHead> {
        Err(Error::Argument(format!(
            "a generator {} has no error head; hrinet-motion has one",
            self.kind()
        )))
    }
}

/// More channels than a layer of any generator has: a damaged header, not a network.
const MAX_CHANNELS: i64 = 4096;

/// Checks the channel counts of a generator's layers.
///
/// # Errors
/// [`Error::Argument`] with the count that is no layer's.
pub(crate) fn check_channels(mut channels: impl Iterator<Item = i64>) -> Result<()> {
    match channels.find(|count| !(1..=MAX_CHANNELS).contains(count)) {
        Some(count) => Err(Error::Argument(format!(
            "a layer of {count} channels; it must have 1 to {MAX_CHANNELS}"
        ))),
        None => Ok(()),
    }
}
