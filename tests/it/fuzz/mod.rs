#[path = "../../../fuzz/bodies/mod.rs"]
pub mod bodies;
mod seeds;
