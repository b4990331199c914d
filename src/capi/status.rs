//! Status codes.

use crate::error::Error;

/// Result of a call: `HRINET_OK` or the kind of failure. Codes are never reused; new ones are added
/// at the end of their group.
pub type HrinetStatus = i32;

/// Success.
pub const HRINET_OK: HrinetStatus = 0;
/// A pointer is NULL that must not be.
pub const HRINET_NULL_POINTER: HrinetStatus = 100;
/// An invalid argument or option.
pub const HRINET_INVALID_ARGUMENT: HrinetStatus = 101;
/// An invalid grid: zero spacing, axes sheared further than a tilted gantry, a single slice.
pub const HRINET_INVALID_GEOMETRY: HrinetStatus = 102;
/// A struct with an unknown `struct_size`: it was not initialised by its `_init` function.
pub const HRINET_INVALID_STRUCT_SIZE: HrinetStatus = 103;
/// Text that is not UTF-8.
pub const HRINET_INVALID_TEXT: HrinetStatus = 104;
/// A trainer is in use by another thread.
pub const HRINET_IN_USE: HrinetStatus = 105;
/// The process was forked from one that had used the library, and would compute on several threads.
pub const HRINET_FORKED: HrinetStatus = 106;
/// The file system failed: not found, no permission, disk full.
pub const HRINET_FILE_SYSTEM: HrinetStatus = 200;
/// A file is truncated or inconsistent.
pub const HRINET_FILE_DAMAGED: HrinetStatus = 201;
/// A valid file of an unsupported kind.
pub const HRINET_FILE_UNSUPPORTED: HrinetStatus = 202;
/// A checkpoint of a later version.
pub const HRINET_FILE_NEWER: HrinetStatus = 203;
/// A device does not exist.
pub const HRINET_NO_DEVICE: HrinetStatus = 300;
/// The work does not fit into memory.
pub const HRINET_OUT_OF_MEMORY: HrinetStatus = 301;
/// The callback of the host cancelled the job.
pub const HRINET_CANCELLED: HrinetStatus = 400;
/// An internal error of this library, caught.
pub const HRINET_INTERNAL: HrinetStatus = 500;
/// libtorch failed.
pub const HRINET_TORCH: HrinetStatus = 501;
/// Training diverged: a non-finite loss.
pub const HRINET_TRAINING: HrinetStatus = 502;

/// Status code of an error of the library.
pub(super) fn of(error: &Error) -> HrinetStatus {
    match error {
        Error::Argument(_) => HRINET_INVALID_ARGUMENT,
        Error::Geometry(_) => HRINET_INVALID_GEOMETRY,
        Error::Io { .. } => HRINET_FILE_SYSTEM,
        Error::Damaged { .. } => HRINET_FILE_DAMAGED,
        Error::Unsupported { .. } => HRINET_FILE_UNSUPPORTED,
        Error::Newer { .. } => HRINET_FILE_NEWER,
        Error::Device(_) => HRINET_NO_DEVICE,
        Error::Memory { .. } => HRINET_OUT_OF_MEMORY,
        Error::Cancelled => HRINET_CANCELLED,
        Error::Torch(message) if is_out_of_memory(message) => HRINET_OUT_OF_MEMORY,
        Error::Torch(_) => HRINET_TORCH,
        Error::Training(_) => HRINET_TRAINING,
    }
}

/// Whether a message of libtorch reports that memory ran out, on the CPU or on CUDA.
fn is_out_of_memory(message: &str) -> bool {
    ["can't allocate memory", "not enough memory", "out of memory"]
        .iter()
        .any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind, Tensor};

    #[test]
    fn failed_allocation_of_libtorch_is_out_of_memory() {
        // A petabyte.
        let error = Tensor::f_zeros([1 << 48], (Kind::Float, Device::Cpu)).unwrap_err();
        let error = Error::from(error);
        assert_eq!(of(&error), HRINET_OUT_OF_MEMORY, "{error}");
        let error = Tensor::from_slice(&[1.0f32]).f_view([2]).unwrap_err();
        assert_eq!(of(&Error::from(error)), HRINET_TORCH);
    }
}
