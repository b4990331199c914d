//! Voxels as bytes in a file, of any voxel type and byte order, with protection against headers
//! that declare more voxels than the file holds.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::path::Path;

use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use ndarray::Array3;

use crate::error::{Error, Result};
use crate::io::plain_file;
use crate::io::smallest_type::ExactTypes;
use crate::runtime::memory;
use crate::volume::voxel_type::with_voxel_type;
use crate::volume::voxels::with_voxels;
use crate::volume::{Rescale, Volume, Voxel, VoxelType, Voxels};

/// Bytes that are read, converted and written at once. Cancellation is checked between chunks.
const CHUNK: usize = 1 << 20;

/// Largest number of bytes that one byte of a deflate stream expands to.
const MAX_EXPANSION: u64 = 1032;

/// Cancellation check of a caller that cannot cancel.
pub(crate) fn never() -> bool {
    false
}

/// Byte order of the voxels.
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

/// Voxel type for Hounsfield units in a format without a rescale: that of the voxels where they are
/// Hounsfield units, else the smallest of int16, int32 and float32 that is exact, else float64.
pub(crate) fn hounsfield_type(volume: &Volume) -> VoxelType {
    let (voxels, rescale) = (volume.voxels(), volume.rescale());
    if rescale == Rescale::IDENTITY {
        return voxels.voxel_type();
    }
    let hu = voxels.values().map(|stored| rescale.to_hu(stored));
    hu.fold(ExactTypes::ALL, ExactTypes::with).smallest()
}

/// Writes all voxels in Hounsfield units as the type of [`hounsfield_type`], i fastest, little
/// endian; `path` is named in errors.
pub(crate) fn write_hounsfield(
    volume: &Volume,
    voxel_type: VoxelType,
    out: &mut dyn Write,
    path: &Path,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    let (voxels, rescale) = (volume.voxels(), volume.rescale());
    if rescale == Rescale::IDENTITY {
        return write_voxels(voxels, out, path, cancelled);
    }
    with_voxel_type!(voxel_type, T => {
        let values = voxels.values().map(|stored| T::from_f64(rescale.to_hu(stored)));
        write_values(values, out, path, cancelled)
    })
}

/// File that is read from front to back, decompressed where needed.
pub(crate) struct Source<'a> {
    path: &'a Path,
    reader: Box<dyn Read>,
    /// Upper bound of the bytes that follow.
    max_remaining: u64,
    cancelled: &'a dyn Fn() -> bool,
}

impl<'a> Source<'a> {
    /// Opens a file of voxels, which may begin with any bytes.
    pub(crate) fn open_raw(path: &'a Path, cancelled: &'a dyn Fn() -> bool) -> Result<Source<'a>> {
        let file = plain_file::open(path)?;
        let max_remaining = file.metadata().map_err(|source| Error::io(path, source))?.len();
        Ok(Source { path, reader: Box::new(BufReader::new(file)), max_remaining, cancelled })
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
        let is_gzip = start == [0x1f, 0x8b];
        source.reader = Box::new(std::io::Cursor::new(start).chain(source.reader));
        if is_gzip { Ok(source.decompressed()) } else { Ok(source) }
    }

    /// Decompresses all that follows as gzip.
    pub(crate) fn decompressed(self) -> Source<'a> {
        let reader = MultiGzDecoder::new(BufReader::with_capacity(1 << 16, self.reader));
        let max_remaining = self.max_remaining.saturating_mul(MAX_EXPANSION);
        Source { reader: Box::new(reader), max_remaining, ..self }
    }

    /// Decompresses all that follows as zlib.
    pub(crate) fn zlib_decompressed(self) -> Source<'a> {
        let reader = ZlibDecoder::new(BufReader::with_capacity(1 << 16, self.reader));
        let max_remaining = self.max_remaining.saturating_mul(MAX_EXPANSION);
        Source { reader: Box::new(reader), max_remaining, ..self }
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

    /// Skips `count` bytes; `part` names that part of the file in errors.
    pub(crate) fn skip(&mut self, count: u64, part: &str) -> Result<()> {
        let mut left = count;
        let mut buffer = vec![0; CHUNK.min(count as usize)];
        while left > 0 {
            let bytes = (left as usize).min(buffer.len());
            self.fill(&mut buffer[..bytes], part)?;
            left -= bytes as u64;
        }
        Ok(())
    }

    /// Skips to the voxels of a volume that ends the file.
    pub(crate) fn skip_to_last(&mut self, voxel_type: VoxelType, size: [usize; 3]) -> Result<()> {
        let bytes = volume_bytes(voxel_type.bytes(), size).unwrap_or(u64::MAX);
        self.skip(self.max_remaining.saturating_sub(bytes), "the bytes before the voxels")
    }

    /// Reads to the end, where a compressed file has its checksum.
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
    /// [`Error::Damaged`] where the file cannot hold that many, before memory is allocated.
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
        let bytes = volume_bytes(each, size);
        let Some(bytes) = bytes.filter(|&bytes| bytes <= self.max_remaining) else {
            return Err(Error::damaged(
                self.path,
                format!(
                    "truncated: the header declares {i} x {j} x {k} voxels, the file holds fewer"
                ),
            ));
        };
        let count = bytes as usize / each;
        let mut values: Vec<T> = memory::reserve(count, self.path)?;
        let mut buffer = vec![0; CHUNK.min(bytes as usize)];
        while values.len() < count {
            if (self.cancelled)() {
                return Err(Error::Cancelled);
            }
            let part = buffer.len().min((count - values.len()) * each);
            let done = values.len();
            self.fill(&mut buffer[..part], &format!("the voxels, after {done} of {count} voxels"))?;
            let chunks = buffer[..part].chunks_exact(each);
            match order {
                ByteOrder::Little => values.extend(chunks.map(T::from_le_bytes)),
                ByteOrder::Big => values.extend(chunks.map(T::from_be_bytes)),
            }
        }
        Array3::from_shape_vec((k, j, i), values)
            .map_err(|error| Error::damaged(self.path, error.to_string()))
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

/// Bytes of a volume, unless they exceed 64 bits.
fn volume_bytes(bytes_per_voxel: usize, size: [usize; 3]) -> Option<u64> {
    size.iter().try_fold(bytes_per_voxel as u64, |all, &side| all.checked_mul(side as u64))
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
