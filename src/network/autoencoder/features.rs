//! Feature maps of the paper's autoencoder.

use tch::Tensor;

use crate::error::Result;
use crate::network::features::{FeatureMaps, Features};

/// Feature maps of the paper's autoencoder (Table 1).
pub struct AutoencoderFeatures {
    /// One to three maps `[N, C, H, W]` at strides 16, 32 and 64, the finest first.
    pub maps: Vec<Tensor>,
}

impl FeatureMaps for AutoencoderFeatures {
    fn map_each(&self, change: &dyn Fn(&Tensor) -> Result<Tensor>) -> Result<Features> {
        let maps = self.maps.iter().map(change).collect::<Result<_>>()?;
        Ok(Features::new(AutoencoderFeatures { maps }))
    }
}
