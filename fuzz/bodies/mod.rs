//! What is fuzzed: one function over bytes for each kind of input. Each of them must return, whatever
//! the bytes, without a panic and without taking more memory than [`MEMORY`].
//!
//! `fuzz_targets/` gives them to libFuzzer, `tests/fuzz_short.rs` to a small mutator of its own.
#![allow(dead_code, unused_imports)] // Each program uses a part of it.

mod checkpoint;
pub mod laws;
mod numbers;
mod plan;
mod readers;

pub use checkpoint::checkpoint;
pub use plan::plan;
pub use readers::{NEXT_FILE, dicom, nifti, nrrd};

/// Longer inputs find nothing more; they are passed over.
pub const LONGEST: usize = 1 << 16;

/// The most bytes of memory that a body may take: what gzip makes of the longest input, which is
/// the most that a header of a single file can truly promise, several times over.
pub const MEMORY: usize = 600 << 20;
