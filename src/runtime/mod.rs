//! The machine that the library runs on.
//!
//! | module | holds |
//! | --- | --- |
//! | [`device`] | devices by name, the list of available ones |
//! | [`libtorch`] | version and file of the libtorch in use |
//! | [`cuda`] | loading of libtorch's CUDA library |
//! | [`threads`] | threads of the CPU |
//! | `workers` | threads that compute for a job, and the end of the process |
//! | [`memory`] | available memory, peak memory of the process |

pub mod cuda;
pub mod device;
pub mod libtorch;
pub mod memory;
pub mod threads;
pub(crate) mod workers;
