//! What can go wrong, with the value that was wrong and what to do about it.

use std::path::{Path, PathBuf};

/// The result of everything in this library that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// One error, in words for the person who sees it: one line, with the file and the value.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An argument or option that makes no sense; the text names it and its value.
    #[error("{0}")]
    Argument(String),
    /// A grid that cannot be worked on: zero spacing, sheared axes, a single slice.
    #[error("{0}")]
    Geometry(String),
    /// The file system refused: not found, no permission, disk full.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that is cut short, contradicts itself or holds values that are no image.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it, with the value.
        reason: String,
    },
    /// A sound file of a kind that is not read or written here.
    #[error("{}: {reason}", path.display())]
    Unsupported {
        /// The file or folder.
        path: PathBuf,
        /// What it is, and what would be taken instead.
        reason: String,
    },
    /// A checkpoint written by a later version of this software.
    #[error(
        "{}: written in checkpoint format {found}, this version reads up to {supported}; update HRINet",
        path.display()
    )]
    Newer {
        /// The checkpoint.
        path: PathBuf,
        /// Its format version.
        found: u32,
        /// The newest format version that is read.
        supported: u32,
    },
    /// A device that does not exist here or cannot be used.
    #[error("{0}")]
    Device(String),
    /// The work would not fit into the memory that is free.
    #[error(
        "this needs about {} of memory, but only {} is free; {advice}",
        bytes_in_words(*.needed),
        bytes_in_words(*.available)
    )]
    Memory {
        /// Bytes that the work takes.
        needed: u64,
        /// Bytes that are free.
        available: u64,
        /// What would take less.
        advice: String,
    },
    /// Training that went astray: a loss that is not a number, or that exploded.
    #[error("{0}")]
    Training(String),
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// libtorch failed; the first line of what it said.
    #[error("libtorch: {0}")]
    Torch(String),
}

impl Error {
    /// The error of a file operation on `path`.
    pub fn io(path: &Path, source: std::io::Error) -> Error {
        Error::Io { path: path.to_path_buf(), source }
    }

    /// A file that is cut short or contradicts itself.
    pub fn damaged(path: &Path, reason: impl Into<String>) -> Error {
        Error::Damaged { path: path.to_path_buf(), reason: reason.into() }
    }

    /// A sound file of a kind that is not handled.
    pub fn unsupported(path: &Path, reason: impl Into<String>) -> Error {
        Error::Unsupported { path: path.to_path_buf(), reason: reason.into() }
    }

    /// The same error, naming the file that it is about where it does not name one yet.
    pub fn in_file(self, path: &Path) -> Error {
        match self {
            Error::Argument(reason) | Error::Geometry(reason) => Error::damaged(path, reason),
            other => other,
        }
    }
}

impl From<tch::TchError> for Error {
    /// Errors of libtorch carry C++ stack frames after their first line, which help no user.
    fn from(error: tch::TchError) -> Error {
        let text = error.to_string();
        Error::Torch(text.lines().next().unwrap_or("unknown error").to_string())
    }
}

/// A number of bytes as people write it: `1.5 GB`, `42 MB`, `512 bytes` (1 MB is 10^6 bytes).
pub fn bytes_in_words(bytes: u64) -> String {
    const UNITS: [(&str, f64); 4] = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    for (unit, size) in UNITS {
        let value = bytes as f64 / size;
        if value >= 1.0 {
            let decimals = usize::from(value < 10.0);
            return format!("{value:.decimals$} {unit}");
        }
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_as_people_write_them() {
        assert_eq!(bytes_in_words(512), "512 bytes");
        assert_eq!(bytes_in_words(1_500_000_000), "1.5 GB");
        assert_eq!(bytes_in_words(42_300_000), "42 MB");
    }

    #[test]
    fn libtorch_errors_keep_their_first_line_only() {
        let error = tch::Tensor::from_slice(&[1.0f32, 2.0]).f_view([3i64]).unwrap_err();
        let text = Error::from(error).to_string();
        assert!(text.contains("shape '[3]' is invalid"), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
}
