//! Sizes of HRINet-Motion.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::network::generator::{Generator, GeneratorConfig, check_channels};
use crate::network::motion::error_head::ErrorHead;
use crate::network::motion::generator::MotionGenerator;
use crate::network::nn::parameters::Parameters;
use crate::network::precision::Precision;

/// Sizes of HRINet-Motion. Arrays hold one entry a level: strides 2, 4, 8 and 16.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MotionConfig {
    /// Channels of the encoder.
    pub widths: [i64; 4],
    /// Channels that the last decoder level passes to the refinement.
    pub hidden: i64,
    /// Channels of the refinement; 0 for none.
    pub refinement: i64,
    /// Channels of the context encoder, which encodes the slices beyond the pair; 0 for none.
    #[serde(default)]
    pub context: [i64; 4],
    /// Residual blocks of the decoder level beyond the first.
    #[serde(default)]
    pub deeper: [i64; 4],
    /// Radius in pixels of the correlation of both slices' maps; 0 for none.
    #[serde(default)]
    pub correlation: [i64; 4],
    /// Levels, from stride 16 on, that find the midpoint flow once per pair; 0 to 3. The others
    /// refine the flow of each plane.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shared: i64,
    /// Channels of the through-plane branch at stride 2; 0 for none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub through_plane: i64,
    /// Whether known slices are thick slabs, side by side, and those to be made thin ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub thin: bool,
}

fn is_zero(count: &i64) -> bool {
    *count == 0
}

impl Default for MotionConfig {
    fn default() -> MotionConfig {
        MotionConfig {
            widths: [12, 32, 64, 96],
            hidden: 4,
            refinement: 8,
            context: [0; 4],
            deeper: [0; 4],
            correlation: [0; 4],
            shared: 0,
            through_plane: 0,
            thin: false,
        }
    }
}

impl GeneratorConfig for MotionConfig {
    fn kind(&self) -> String {
        "that warps its maps along a flow field".into()
    }

    fn side_multiple(&self) -> i64 {
        16
    }

    fn validate(&self) -> Result<()> {
        let MotionConfig { widths, hidden, context, deeper, correlation, shared, .. } = self;
        if !(0..=3).contains(shared) {
            return Err(Error::Argument(format!(
                "{shared} shared levels; 0 to 3 of the four can find the flow once per pair"
            )));
        }
        // Of these, 0 stands for none.
        let layers = [self.refinement, self.through_plane];
        let optional = [&layers[..], context, deeper, correlation].concat();
        let present = optional.into_iter().filter(|&count| count != 0);
        check_channels(widths.iter().copied().chain([*hidden]).chain(present))
    }

    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn Generator>> {
        Ok(Box::new(MotionGenerator::new(parameters, self)?))
    }

    fn has_context(&self) -> bool {
        self.context != [0; 4]
    }

    fn has_flow(&self) -> bool {
        true
    }

    fn has_error_head(&self) -> bool {
        true
    }

    fn is_thin(&self) -> bool {
        self.thin
    }

    /// Float32 alone: the weights of rounded convolutions are copies, which do not learn.
    fn trains_in(&self, precision: Precision) -> bool {
        precision == Precision::Float32
    }

    fn build_error_head(&self, parameters: &mut Parameters) -> Result<ErrorHead> {
        ErrorHead::new(parameters, self)
    }
}
