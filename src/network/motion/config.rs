//! Sizes of HRINet-Motion.

use serde::{Deserialize, Serialize};

/// Sizes of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MotionConfig {
    /// Channels of the encoder at strides 2, 4, 8 and 16.
    pub widths: [i64; 4],
    /// Channels that the last decoder level hands to the refinement.
    pub hidden: i64,
    /// Channels of the refinement; 0: there is none.
    pub refinement: i64,
    /// Channels that a known slice beyond the pair is seen by, at strides 2, 4, 8 and 16; 0: not seen.
    #[serde(default)]
    pub context: [i64; 4],
    /// Residual blocks beyond the first at strides 2, 4, 8 and 16.
    #[serde(default)]
    pub deeper: [i64; 4],
    /// How many pixels of a map away, at strides 2, 4, 8 and 16, both slices are compared to find their
    /// motion; 0: not compared.
    #[serde(default)]
    pub correlation: [i64; 4],
    /// How many levels, from stride 16 on, find motion once a pair, halfway between its slices, for all planes
    /// in between; at most 3. The others find it for each plane.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shared: i64,
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
        }
    }
}

impl MotionConfig {
    /// Whether the known slices beyond the pair are seen at all.
    pub fn has_context(&self) -> bool {
        self.context != [0; 4]
    }
}
