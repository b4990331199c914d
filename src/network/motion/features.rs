//! Feature maps of HRINet-Motion.

use tch::Tensor;

use crate::error::Result;
use crate::network::features::{FeatureMaps, Features};

/// Feature maps `[N, C, H, W]` of a batch of slices, as HRINet-Motion encodes them.
pub struct MotionFeatures {
    /// The slices themselves, one channel.
    pub image: Tensor,
    /// The encoder's maps at strides 2, 4, 8 and 16.
    pub maps: [Tensor; 4],
    /// Maps of the context encoder at these strides, for the pairs next to the slice; `None` where
    /// a level uses no context.
    pub context: [Option<Tensor>; 4],
}

impl FeatureMaps for MotionFeatures {
    fn map_each(&self, change: &dyn Fn(&Tensor) -> Result<Tensor>) -> Result<Features> {
        let [map2, map4, map8, map16] = &self.maps;
        let mut context = [const { None }; 4];
        for (changed, map) in context.iter_mut().zip(&self.context) {
            *changed = map.as_ref().map(change).transpose()?;
        }
        Ok(Features::new(MotionFeatures {
            image: change(&self.image)?,
            maps: [change(map2)?, change(map4)?, change(map8)?, change(map16)?],
            context,
        }))
    }
}
