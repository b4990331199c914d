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

/// Count and noun: `1 slice`, `3 slices`; the plural ends in s.
pub fn count_of(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Bytes in hexadecimal digits, such as a checksum.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Most digits of a number that is shown in full: UIDs have up to 39.
const MAX_DIGITS: usize = 40;

/// Text as one line for a terminal or log, whatever a file's name or header put into it: control
/// and direction characters are escaped, and numbers of very many digits shortened.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
        let (number, after) = rest.split_at(digits.unwrap_or(rest.len()));
        if number.len() > MAX_DIGITS && number.parse::<f64>().is_ok() {
            line += &shortened(number);
            rest = after;
        } else if !number.is_empty() {
            line += number;
            rest = after;
        } else {
            match first {
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' => {
                    line.extend(first.escape_unicode());
                }
                _ if first.is_control() => line.extend(first.escape_default()),
                _ => line.push(first),
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    line
}

/// A number of many digits in scientific notation; its first digits where it is beyond that.
fn shortened(number: &str) -> String {
    match number.parse::<f64>() {
        Ok(value) if value.is_finite() => format!("{value:e}"),
        _ => format!("{}... ({} digits)", &number[..10], number.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_hold_no_control_characters_and_no_endless_numbers() {
        assert_eq!(one_line("a\n\u{1b}[31mb\u{7f}\u{9b}"), "a\\n\\u{1b}[31mb\\u{7f}\\u{9b}");
        assert_eq!(one_line("\u{202e}iin.\u{e9}\u{4e2d}"), "\\u{202e}iin.\u{e9}\u{4e2d}");
        assert_eq!(one_line(&format!("at {} mm", 1e300)), "at 1e300 mm");
        assert_eq!(
            one_line(&format!("at -{}, 0.5", f64::MIN_POSITIVE)),
            "at -2.2250738585072014e-308, 0.5"
        );
        let line = one_line(&"9".repeat(600));
        assert_eq!(line, "9999999999... (600 digits)");
        for same in
            ["2.25.329800735698586629295641978511506172918", "1.2.840.10008.5.1.4.1.1.2", "..."]
        {
            assert_eq!(one_line(same), same);
        }
        assert_eq!(count_of(1, "slice") + ", " + &count_of(0, "volume"), "1 slice, 0 volumes");
    }

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
