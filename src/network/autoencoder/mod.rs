//! The paper's generator G: encoder, bottleneck, blend at alpha, decoder (section 3, Table 1).

pub mod blend;
pub mod decoder;
pub mod encoder;
