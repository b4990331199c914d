//! Bodies of the fuzz targets: one function per kind of input. For any bytes it must return without
//! a panic and without taking more memory than [`MAX_MEMORY`].
//!
//! `fuzz_targets/` passes them to libFuzzer, `tests/fuzz_short.rs` to a small mutator of its own.
#![allow(dead_code, unused_imports)] // Each program uses a part of them.

use std::path::{Path, PathBuf};

pub mod capi;
mod checkpoint;
mod files;
pub mod laws;
mod numbers;
pub mod panics;
mod parameters;
mod plan;
mod readers;

pub use capi::capi;
pub use checkpoint::checkpoint;
pub use parameters::{config, losses, ma_model, niqe};
pub use plan::plan;
pub use readers::{NEXT_FILE, dicom, dicom_labels, metaimage, nifti, nrrd, pair, segmentation};

/// Folder for temporary files, in memory where the system has one.
pub fn scratch() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() }
}

/// Length of input, bytes, above which inputs are skipped: longer ones find nothing more.
pub const MAX_INPUT: usize = 1 << 16;

/// Memory, bytes, that a body may take: several times the expansion of the longest gzip input,
/// which is what the header of a single file can declare.
pub const MAX_MEMORY: usize = 600 << 20;
