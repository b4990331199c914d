//! The models that are part of the library: their names, what each is for, their checkpoints.

use std::path::Path;

use crate::error::Result;
use crate::network::checkpoint::Checkpoint;

/// A model that is part of the library; `models/` has a card of each.
pub struct ShippedModel {
    /// Name by which it is loaded.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub purpose: &'static str,
    /// Content of its checkpoint file.
    bytes: &'static [u8],
}

/// A model of `models/`, with what it is for.
macro_rules! shipped {
    ($name:literal, $purpose:literal) => {
        ShippedModel {
            name: $name,
            purpose: $purpose,
            bytes: include_bytes!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/models/",
                $name,
                ".safetensors"
            )),
        }
    };
}

/// The models that are part of the library, the default one first. A static, since every crate that
/// names a constant would hold a copy of all weights.
pub static SHIPPED: &[ShippedModel] = &[
    shipped!("hrinet-motion", "closest to known slices: measuring, surfaces, segmentation"),
    shipped!("hrinet-motion-small", "three times as fast: previews, laptops, large volumes"),
    shipped!("hrinet-motion-sharp", "as noisy as known slices: reading"),
    shipped!("hrinet-thin", "thin slices from thick ones, none of which is kept"),
    shipped!("ae", "the paper's autoencoder: research"),
    shipped!("acai", "the paper's ACAI: research"),
    shipped!("hrinet-patchgan", "the paper's HRINet without Step II: research"),
    shipped!("hrinet-mse", "the paper's HRINet by squared error: research"),
    shipped!("hrinet-perceptual", "the paper's HRINet by the perceptual loss: research"),
];

/// The default model.
pub const DEFAULT: &str = SHIPPED[0].name;

/// The model of thin slices.
pub const THIN: &str = "hrinet-thin";

/// Names of the models that are part of the library, the default one first.
pub fn shipped_names() -> Vec<&'static str> {
    SHIPPED.iter().map(|model| model.name).collect()
}

impl ShippedModel {
    /// The model of a name.
    pub fn of_name(name: &str) -> Option<&'static ShippedModel> {
        SHIPPED.iter().find(|model| model.name == name)
    }

    /// Reads its checkpoint.
    ///
    /// # Errors
    /// Those of [`Checkpoint::from_bytes`].
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        Checkpoint::from_bytes(Path::new(self.name), self.bytes)
    }

    /// Bytes of its checkpoint file.
    pub fn byte_count(&self) -> u64 {
        self.bytes.len() as u64
    }
}
