//! Errors: each names the problem, the value and the remedy.

use std::path::{Path, PathBuf};

/// Result of the fallible functions of this library.
pub type Result<T> = std::result::Result<T, Error>;

/// Errors of this library. The message is one line, with the file and the value, written for users.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Invalid argument or option; the text names it and its value.
    #[error("{0}")]
    Argument(String),
    /// Geometry that cannot be resampled: zero spacing, sheared axes, a single slice.
    #[error("{0}")]
    Geometry(String),
    /// Error of the file system: not found, no permission, disk full.
    #[error("{}: {source}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// A file that is truncated, contradicts itself or holds invalid values.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// File or folder.
        path: PathBuf,
        /// The fault, with the value.
        reason: String,
    },
    /// A valid file of a kind that is not supported.
    #[error("{}: {reason}", path.display())]
    Unsupported {
        /// File or folder.
        path: PathBuf,
        /// The kind of file, and the supported alternative.
        reason: String,
    },
    /// Checkpoint of a later version of this software.
    #[error(
        "{}: written in checkpoint format {found}, this version reads up to {supported}; \
         update HRINet",
        path.display()
    )]
    Newer {
        /// Checkpoint file.
        path: PathBuf,
        /// Format version of the checkpoint.
        found: u32,
        /// Newest format version that is read.
        supported: u32,
    },
    /// Device that does not exist or cannot be used.
    #[error("{0}")]
    Device(String),
    /// Not enough free memory for the work.
    #[error(
        "this needs about {} of memory, free: {}; {advice}",
        bytes_in_words(*.needed),
        bytes_in_words(*.available)
    )]
    Memory {
        /// Bytes that the work needs.
        needed: u64,
        /// Bytes that are free.
        available: u64,
        /// How to need less memory.
        advice: String,
    },
    /// Training that diverged: a non-finite or exploding loss.
    #[error("{0}")]
    Training(String),
    /// Cancelled by the caller.
    #[error("cancelled")]
    Cancelled,
    /// Error of libtorch; the first line of its message.
    #[error("libtorch: {0}")]
    Torch(String),
}

impl Error {
    /// Error of a file operation on `path`.
    pub fn io(path: &Path, source: std::io::Error) -> Error {
        Error::Io { path: path.to_path_buf(), source }
    }

    /// Error of a file that is truncated or contradicts itself.
    pub fn damaged(path: &Path, reason: impl Into<String>) -> Error {
        Error::Damaged { path: path.to_path_buf(), reason: reason.into() }
    }

    /// Error of a valid file of a kind that is not supported.
    pub fn unsupported(path: &Path, reason: impl Into<String>) -> Error {
        Error::Unsupported { path: path.to_path_buf(), reason: reason.into() }
    }

    /// Adds the file to an error that does not name one.
    pub fn in_file(self, path: &Path) -> Error {
        match self {
            Error::Argument(reason) | Error::Geometry(reason) => Error::damaged(path, reason),
            other => other,
        }
    }
}

impl From<tch::TchError> for Error {
    /// Keeps the first line; the others are C++ stack frames.
    fn from(error: tch::TchError) -> Error {
        let text = error.to_string();
        Error::Torch(text.lines().next().unwrap_or("unknown error").to_string())
    }
}

/// Text of a number of bytes: `1.5 GB`, `42 MB`, `512 bytes` (1 MB is 10^6 bytes).
pub fn bytes_in_words(bytes: u64) -> String {
    const UNITS: [(&str, f64); 4] = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    for (unit, size) in UNITS {
        let value = bytes as f64 / size;
        if value >= 1.0 {
            let decimals = usize::from(value < 10.0);
            return format!("{value:.decimals$} {unit}");
        }
    }
    let plural = if bytes == 1 { "" } else { "s" };
    format!("{bytes} byte{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_with_a_unit() {
        assert_eq!(bytes_in_words(1), "1 byte");
        assert_eq!(bytes_in_words(512), "512 bytes");
        assert_eq!(bytes_in_words(1_500_000_000), "1.5 GB");
        assert_eq!(bytes_in_words(42_300_000), "42 MB");
    }

    #[test]
    fn libtorch_errors_keep_their_first_line() {
        let error = tch::Tensor::from_slice(&[1.0f32, 2.0]).f_view([3i64]).unwrap_err();
        let text = Error::from(error).to_string();
        assert!(text.contains("shape '[3]' is invalid"), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
}
