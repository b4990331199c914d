//! Voxels as bytes in a file: ten types, two byte orders, and a file that may hold fewer bytes than
//! its header says.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Write};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use ndarray::Array3;

use crate::error::{Error, Result};
use crate::volume::voxel_type::with_voxel_type;
use crate::volume::voxels::with_voxels;
use crate::volume::{Rescale, Voxel, VoxelType, Voxels};

/// Bytes that are read, converted and written at once; between two chunks a caller may cancel.
const CHUNK: usize = 1 << 20;

/// The most that one byte of a deflate stream can become.
const MAX_INFLATION: u64 = 1032;

/// What a caller passes where nobody can cancel.
pub(crate) fn never() -> bool {
    false
}

/// Which byte of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    Little,
    Big,
}

/// Writes all voxels as they are stored, i fastest, little endian; `path` is named in errors.
pub(crate) fn write_voxels(
    voxels: &Voxels,
    out: &mut dyn Write,
    path: &Path,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    with_voxels!(voxels, array => write_values(array.iter().copied(), out, path, cancelled))
}

/// Writes all voxels in Hounsfield units as another type, i fastest, little endian.
pub(crate) fn write_rescaled(
    voxels: &Voxels,
    rescale: Rescale,
    voxel_type: VoxelType,
    out: &mut dyn Write,
    path: &Path,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    with_voxel_type!(voxel_type, T => {
        let values = voxels.values().map(|stored| T::from_f64(rescale.to_hu(stored)));
        write_values(values, out, path, cancelled)
    })
}

/// A file being read from front to back, inflated on the way where it is compressed.
pub(crate) struct Source<'a> {
    path: &'a Path,
    reader: Box<dyn Read>,
    /// No more bytes than this can follow.
    possible: u64,
    cancelled: &'a dyn Fn() -> bool,
}

impl<'a> Source<'a> {
    /// Opens a file as it is, or inflated where it begins as gzip does.
    pub(crate) fn open(path: &'a Path, cancelled: &'a dyn Fn() -> bool) -> Result<Source<'a>> {
        let file = File::open(path).map_err(|source| Error::io(path, source))?;
        let length = file.metadata().map_err(|source| Error::io(path, source))?.len();
        let mut source =
            Source { path, reader: Box::new(BufReader::new(file)), possible: length, cancelled };
        let mut start = Vec::new();
        source
            .reader
            .by_ref()
            .take(2)
            .read_to_end(&mut start)
            .map_err(|error| source.error(error))?;
        let zipped = start == [0x1f, 0x8b];
        source.reader = Box::new(std::io::Cursor::new(start).chain(source.reader));
        if zipped { Ok(source.inflated()) } else { Ok(source) }
    }

    /// The same source, what follows being gzip.
    pub(crate) fn inflated(self) -> Source<'a> {
        let reader = MultiGzDecoder::new(BufReader::with_capacity(1 << 16, self.reader));
        let possible = self.possible.saturating_mul(MAX_INFLATION);
        Source { reader: Box::new(reader), possible, ..self }
    }

    /// Fills `bytes`; `what` names them in the error of a file that ends before.
    pub(crate) fn fill(&mut self, bytes: &mut [u8], what: &str) -> Result<()> {
        self.reader.read_exact(bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => {
                Error::damaged(self.path, format!("cut short: it ends within {what}"))
            }
            _ => self.error(error),
        })?;
        self.possible = self.possible.saturating_sub(bytes.len() as u64);
        Ok(())
    }

    /// Passes over `count` bytes.
    pub(crate) fn skip(&mut self, count: u64, what: &str) -> Result<()> {
        let mut left = count;
        let mut buffer = vec![0; CHUNK.min(count as usize)];
        while left > 0 {
            let part = (left as usize).min(buffer.len());
            self.fill(&mut buffer[..part], what)?;
            left -= part as u64;
        }
        Ok(())
    }

    /// Reads to the end and drops it: a compressed file has its check sum there.
    pub(crate) fn finish(mut self) -> Result<()> {
        let mut buffer = vec![0; CHUNK];
        loop {
            if (self.cancelled)() {
                return Err(Error::Cancelled);
            }
            match self.reader.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.error(error)),
            }
        }
    }

    /// Reads a volume of `size` (i, j, k) voxels, i fastest.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the file holds fewer, found out before memory is taken.
    pub(crate) fn voxels(
        &mut self,
        voxel_type: VoxelType,
        size: [usize; 3],
        order: ByteOrder,
    ) -> Result<Voxels> {
        with_voxel_type!(voxel_type, T => Ok(self.array::<T>(size, order)?.into()))
    }

    fn array<T: Voxel>(&mut self, size: [usize; 3], order: ByteOrder) -> Result<Array3<T>> {
        let [i, j, k] = size;
        let each = size_of::<T>();
        let told = size.iter().try_fold(each as u64, |bytes, &n| bytes.checked_mul(n as u64));
        let Some(told) = told.filter(|&bytes| bytes <= self.possible) else {
            return Err(Error::damaged(
                self.path,
                format!(
                    "cut short: the header tells of {i} x {j} x {k} voxels, the file holds fewer"
                ),
            ));
        };
        let count = told as usize / each;
        let mut values: Vec<T> = Vec::new();
        values.try_reserve_exact(count).map_err(|_| Error::Memory {
            needed: told,
            available: 0,
            advice: format!("{} does not fit into memory", self.path.display()),
        })?;
        let mut buffer = vec![0; CHUNK.min(told as usize)];
        while values.len() < count {
            if (self.cancelled)() {
                return Err(Error::Cancelled);
            }
            let part = buffer.len().min((count - values.len()) * each);
            let done = values.len();
            self.fill(&mut buffer[..part], &format!("the voxels, after {done} of {count}"))?;
            let chunks = buffer[..part].chunks_exact(each);
            match order {
                ByteOrder::Little => values.extend(chunks.map(T::from_le_bytes)),
                ByteOrder::Big => values.extend(chunks.map(T::from_be_bytes)),
            }
        }
        Array3::from_shape_vec((k, j, i), values)
            .map_err(|error| Error::damaged(self.path, error.to_string()))
    }

    /// What went wrong while reading, told apart: a damaged stream or the file system.
    fn error(&self, error: std::io::Error) -> Error {
        match error.kind() {
            ErrorKind::UnexpectedEof => {
                Error::damaged(self.path, "cut short: the compressed data ends too early")
            }
            ErrorKind::InvalidInput | ErrorKind::InvalidData => {
                Error::damaged(self.path, format!("damaged compressed data ({error})"))
            }
            _ => Error::io(self.path, error),
        }
    }
}

/// Writes voxels one after the other, little endian; `path` is named in errors.
fn write_values<T: Voxel>(
    values: impl Iterator<Item = T>,
    out: &mut dyn Write,
    path: &Path,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    let mut bytes = Vec::with_capacity(CHUNK + size_of::<T>());
    for value in values {
        value.append_le_bytes(&mut bytes);
        if bytes.len() >= CHUNK {
            if cancelled() {
                return Err(Error::Cancelled);
            }
            out.write_all(&bytes).map_err(|source| Error::io(path, source))?;
            bytes.clear();
        }
    }
    out.write_all(&bytes).map_err(|source| Error::io(path, source))
}
