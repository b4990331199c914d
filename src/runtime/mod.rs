//! The machine that the library runs on: devices, libtorch's part for CUDA, memory.

pub mod cuda;
pub mod device;
pub mod memory;
