//! What is fuzzed: one function over bytes for each kind of input. Each of them must return, whatever
//! the bytes, without a panic and without taking more memory than [`MEMORY`].
//!
//! `fuzz_targets/` gives them to libFuzzer, `tests/fuzz_short.rs` to a small mutator of its own.
#![allow(dead_code, unused_imports)] // Each program uses a part of it.

use std::path::{Path, PathBuf};

mod checkpoint;
pub mod laws;
mod numbers;
mod plan;
mod readers;

pub use checkpoint::checkpoint;
pub use plan::plan;
pub use readers::{NEXT_FILE, dicom, nifti, nrrd};

/// Where files can be written fast: in memory, where the system has such a folder.
pub fn scratch() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() }
}

/// Longer inputs find nothing more; they are passed over.
pub const LONGEST: usize = 1 << 16;

/// The most bytes of memory that a body may take: what gzip makes of the longest input, which is
/// the most that a header of a single file can truly promise, several times over.
pub const MEMORY: usize = 600 << 20;
