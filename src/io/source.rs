//! Files that are read from front to back, decompressed where needed, with an upper bound of the
//! bytes that they can hold.

use std::io::{BufRead, BufReader, Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::{GzDecoder, ZlibDecoder};

use crate::error::{Error, Result};
use crate::io::plain_file;

/// Bytes that are read at once. Cancellation is checked between chunks.
pub(super) const CHUNK: usize = 1 << 20;

/// Compression of a file or of a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zlib,
    Bzip2,
}

impl Compression {
    /// Largest number of bytes that one compressed byte expands to.
    const fn max_expansion(self) -> u64 {
        match self {
            Compression::Gzip | Compression::Zlib => 1032,
            // A block of 900 kB of runs, 259 bytes in 5 each, in 39 bytes.
            Compression::Bzip2 => 1_200_000,
        }
    }
}

/// File that is read from front to back.
pub(crate) struct Source<'a> {
    path: &'a Path,
    reader: Box<dyn Read>,
    /// Bytes of the file.
    file_bytes: u64,
    /// Upper bound of the bytes that follow.
    max_remaining: u64,
    cancelled: &'a dyn Fn() -> bool,
}

impl<'a> Source<'a> {
    /// Opens a file of voxels, which may begin with any bytes.
    pub(crate) fn open_raw(path: &'a Path, cancelled: &'a dyn Fn() -> bool) -> Result<Source<'a>> {
        let file = plain_file::open(path)?;
        let file_bytes = file.metadata().map_err(|source| Error::io(path, source))?.len();
        let reader = Box::new(BufReader::new(file));
        Ok(Source { path, reader, file_bytes, max_remaining: file_bytes, cancelled })
    }

    /// Opens a file; one that begins with the gzip magic is decompressed.
    pub(crate) fn open(path: &'a Path, cancelled: &'a dyn Fn() -> bool) -> Result<Source<'a>> {
        let mut source = Source::open_raw(path, cancelled)?;
        let mut start = Vec::new();
        source
            .reader
            .by_ref()
            .take(2)
            .read_to_end(&mut start)
            .map_err(|error| source.error(error))?;
        let is_gzip = start == GZIP_MAGIC;
        source.reader = Box::new(Cursor::new(start).chain(source.reader));
        if is_gzip { Ok(source.decompressed(Compression::Gzip)) } else { Ok(source) }
    }

    /// Decompresses all that follows.
    pub(crate) fn decompressed(self, compression: Compression) -> Source<'a> {
        let bytes = BufReader::with_capacity(1 << 16, self.reader);
        let reader: Box<dyn Read> = match compression {
            Compression::Gzip => Box::new(GzipReader::new(bytes, self.path)),
            Compression::Zlib => Box::new(ZlibDecoder::new(bytes)),
            Compression::Bzip2 => Box::new(MultiBzDecoder::new(bytes)),
        };
        let max_remaining = self.max_remaining.saturating_mul(compression.max_expansion());
        Source { reader, max_remaining, ..self }
    }

    /// Path of the file.
    pub(crate) fn path(&self) -> &'a Path {
        self.path
    }

    /// Bytes of the file, as it is on the disk.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Upper bound of the bytes that follow; their number, where they are not compressed.
    pub(crate) fn max_remaining(&self) -> u64 {
        self.max_remaining
    }

    /// Returns an error where the caller wants to stop.
    pub(crate) fn check_cancelled(&self) -> Result<()> {
        if (self.cancelled)() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Reads exactly `bytes.len()` bytes; `part` names that part of the file in errors.
    pub(crate) fn fill(&mut self, bytes: &mut [u8], part: &str) -> Result<()> {
        self.reader.read_exact(bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => {
                Error::damaged(self.path, format!("truncated: the file ends within {part}"))
            }
            _ => self.error(error),
        })?;
        self.max_remaining = self.max_remaining.saturating_sub(bytes.len() as u64);
        Ok(())
    }

    /// Reads up to `bytes.len()` bytes; 0 at the end of the file.
    pub(crate) fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        loop {
            match self.reader.read(bytes) {
                Ok(count) => {
                    self.max_remaining = self.max_remaining.saturating_sub(count as u64);
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.error(error)),
            }
        }
    }

    /// Skips `count` bytes; `part` names that part of the file in errors.
    pub(crate) fn skip(&mut self, count: u64, part: &str) -> Result<()> {
        let mut left = count;
        let mut buffer = vec![0; CHUNK.min(count as usize)];
        while left > 0 {
            self.check_cancelled()?;
            let bytes = (left as usize).min(buffer.len());
            self.fill(&mut buffer[..bytes], part)?;
            left -= bytes as u64;
        }
        Ok(())
    }

    /// Skips `count` lines.
    pub(crate) fn skip_lines(&mut self, count: u64) -> Result<()> {
        let mut byte = [0];
        for _ in 0..count {
            while byte[0] != b'\n' {
                self.fill(&mut byte, "the lines before the voxels")?;
            }
            byte[0] = 0;
        }
        Ok(())
    }

    /// Reads to the end, where a compressed file has its checksum.
    pub(crate) fn finish(mut self) -> Result<()> {
        let mut buffer = vec![0; CHUNK];
        loop {
            self.check_cancelled()?;
            if self.read(&mut buffer)? == 0 {
                return Ok(());
            }
        }
    }

    /// Tells a damaged compressed stream from an error of the file system.
    fn error(&self, error: std::io::Error) -> Error {
        match error.kind() {
            ErrorKind::UnexpectedEof => {
                Error::damaged(self.path, "truncated: the compressed data ends too early")
            }
            ErrorKind::InvalidInput | ErrorKind::InvalidData => {
                Error::damaged(self.path, format!("damaged compressed data ({error})"))
            }
            _ => Error::io(self.path, error),
        }
    }
}

/// First bytes of gzip data.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Gzip data of one or more members. Zeros behind them are padding, as gzip has it; other bytes are
/// passed over with a warning.
struct GzipReader<R> {
    /// `None` behind the last member.
    member: Option<GzDecoder<R>>,
    path: PathBuf,
}

impl<R: BufRead> GzipReader<R> {
    fn new(bytes: R, path: &Path) -> GzipReader<R> {
        GzipReader { member: Some(GzDecoder::new(bytes)), path: path.to_path_buf() }
    }

    /// The member that follows, if there is one.
    fn next_member(&self, mut bytes: R) -> std::io::Result<Option<GzDecoder<R>>> {
        loop {
            let following = bytes.fill_buf()?;
            let zeros = following.iter().take_while(|&&byte| byte == 0).count();
            match following.get(zeros) {
                Some(&byte) if byte == GZIP_MAGIC[0] => {
                    bytes.consume(zeros);
                    return Ok(Some(GzDecoder::new(bytes)));
                }
                Some(_) => {
                    let path = self.path.display();
                    log::warn!("{path}: bytes behind the compressed data are passed over");
                    return Ok(None);
                }
                None if zeros == 0 => return Ok(None),
                None => bytes.consume(zeros),
            }
        }
    }
}

impl<R: BufRead> Read for GzipReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            if let Some(member) = self.member.take() {
                self.member = self.next_member(member.into_inner())?;
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    #[test]
    fn gzip_members_are_joined_and_what_follows_is_passed_over() {
        let read = |bytes: &[u8]| {
            let mut all = Vec::new();
            let file = BufReader::with_capacity(7, Cursor::new(bytes.to_vec()));
            GzipReader::new(file, Path::new("a.gz")).read_to_end(&mut all).map(|_| all)
        };
        let (one, two) = (gzip(b"one"), gzip(b"two"));
        assert_eq!(read(&one).unwrap(), b"one");
        assert_eq!(read(&[&one[..], &two].concat()).unwrap(), b"onetwo");
        assert_eq!(read(&[&one[..], &[0; 512]].concat()).unwrap(), b"one");
        assert_eq!(read(&[&one[..], &[0; 20], &two, &[0; 3]].concat()).unwrap(), b"onetwo");
        assert_eq!(read(&[&one[..], b"\0\0junk"].concat()).unwrap(), b"one");
        assert!(read(&one[..one.len() - 1]).is_err());
        assert!(read(b"").is_err());
        let mut wrong = one.clone();
        wrong[one.len() - 5] ^= 1;
        assert!(read(&wrong).is_err(), "the checksum");
    }
}
