//! The models that are part of the library: their names and checkpoints.

/// The weights of a model in `models/`.
macro_rules! shipped {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/models/", $name, ".safetensors")),
        )
    };
}

/// Name and checkpoint of each model; `models/` has a card of each.
const SHIPPED: [(&str, &[u8]); 3] =
    [shipped!("hrinet-motion"), shipped!("hrinet-motion-small"), shipped!("hrinet-motion-sharp")];

/// The default model.
pub const DEFAULT: &str = SHIPPED[0].0;

/// Names of the models that are part of the library, the default one first.
pub fn shipped_names() -> Vec<&'static str> {
    SHIPPED.iter().map(|(name, _)| *name).collect()
}

/// Checkpoint file of a shipped model.
pub(super) fn checkpoint(name: &str) -> Option<&'static [u8]> {
    SHIPPED.iter().find(|(shipped, _)| *shipped == name).map(|(_, bytes)| *bytes)
}
