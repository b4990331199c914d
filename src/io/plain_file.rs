//! Plain files: opened without waiting, and read within bounds.
//!
//! A pipe without a writer would block in `open`, and a device has no end. All files that users
//! name are therefore opened here, and refused where they are neither.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use crate::error::{Error, Result, bytes_in_words};
use crate::runtime::memory;

/// Opens a plain file to read; links are followed.
///
/// # Errors
/// [`Error::Io`]; [`Error::Unsupported`] for a folder, a named pipe, a device and a socket.
pub fn open(path: &Path) -> Result<File> {
    let failed = |source| Error::io(path, source);
    // A socket cannot even be opened.
    refuse_special(path, std::fs::metadata(path).map_err(failed)?.file_type())?;
    let file =
        OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(failed)?;
    // It may have been replaced since the first look.
    refuse_special(path, file.metadata().map_err(failed)?.file_type())?;
    Ok(file)
}

fn refuse_special(path: &Path, kind: std::fs::FileType) -> Result<()> {
    let found = match kind {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => "a folder",
        kind if kind.is_fifo() => "a named pipe",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    };
    Err(Error::unsupported(path, format!("{found}; give a plain file")))
}

/// Reads a whole file of at most `max_bytes`, which must fit into the free memory.
///
/// # Errors
/// Those of [`open`]; [`Error::Unsupported`] for a larger file, [`Error::Memory`].
pub fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    let file = open(path)?;
    let failed = |source| Error::io(path, source);
    let size = file.metadata().map_err(failed)?.len();
    let too_large = || {
        let most = bytes_in_words(max_bytes);
        Error::unsupported(path, format!("larger than such a file can be ({most})"))
    };
    if size > max_bytes {
        return Err(too_large());
    }
    let mut bytes = memory::reserve(size as usize, path)?;
    // Some files of the system state no size, and a file may grow meanwhile.
    let read = file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if read as u64 > max_bytes { Err(too_large()) } else { Ok(bytes) }
}

/// Reads a text file of at most `max_bytes`.
///
/// # Errors
/// Those of [`read`]; [`Error::Damaged`] for text that is not UTF-8.
pub fn read_text(path: &Path, max_bytes: u64) -> Result<String> {
    String::from_utf8(read(path, max_bytes)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::damaged(path, format!("not UTF-8 text, from byte {at} on"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_files_are_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", at("link")).unwrap();
        for (name, words) in [
            ("pipe", "a named pipe"),
            ("socket", "a socket"),
            ("link", "a device"),
            (".", "a folder"),
        ] {
            let text = open(&at(name)).unwrap_err().to_string();
            assert!(text.contains(words) && text.contains(name), "{text}");
        }
    }

    #[test]
    fn larger_files_are_refused_and_links_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("text"), "twelve bytes").unwrap();
        std::os::unix::fs::symlink(at("text"), at("link")).unwrap();
        assert_eq!(read_text(&at("link"), 12).unwrap(), "twelve bytes");
        let text = read(&at("text"), 11).unwrap_err().to_string();
        assert!(text.contains("text: larger") && text.contains("11 bytes"), "{text}");
        // It states no size.
        let text = read(Path::new("/proc/self/maps"), 100).unwrap_err().to_string();
        assert!(text.contains("100 bytes"), "{text}");
        std::fs::write(at("bytes"), b"abc\xff").unwrap();
        assert!(read_text(&at("bytes"), 99).unwrap_err().to_string().contains("byte 3"));
    }
}
