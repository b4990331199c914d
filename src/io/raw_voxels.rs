//! Voxels as bytes or text in a file, of any voxel type and byte order, with protection against
//! headers that declare more voxels than the file holds.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use ndarray::Array3;

use crate::error::{Error, Result};
use crate::io::source::{CHUNK, Source};
use crate::runtime::memory;
use crate::volume::voxel_type::with_voxel_type;
use crate::volume::{Voxel, VoxelType, Voxels};

/// Bytes up to which room for voxels is made at once, though a compressed file may hold fewer.
const MAX_UNSEEN_BYTES: u64 = 1 << 28;

/// Compression up to which room for voxels is made at once.
const MAX_USUAL_EXPANSION: u64 = 16;

/// Longest number in a text, bytes.
const MAX_NUMBER_BYTES: usize = 64;

/// Cancellation check of a caller that cannot cancel.
pub(crate) fn never() -> bool {
    false
}

/// Numbers as a file stores them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberFormat {
    LittleEndian,
    BigEndian,
    /// Decimal numbers with white space or commas between them.
    Text,
}

/// Order of the values of a file with several volumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LayerOrder {
    /// All layers of a voxel, then those of the next voxel.
    VoxelByVoxel,
    /// All voxels of a layer, then those of the next layer.
    LayerByLayer,
}

/// Reads a volume of `size` (i, j, k) voxels, i fastest.
///
/// # Errors
/// [`Error::Damaged`] where the file cannot hold that many, before memory is allocated.
pub(crate) fn read_voxels(
    source: &mut Source,
    voxel_type: VoxelType,
    size: [usize; 3],
    format: NumberFormat,
) -> Result<Voxels> {
    let shape = (size[2], size[1], size[0]);
    with_voxel_type!(voxel_type, T => {
        let values: Vec<T> = read_values(source, size, 1, format)?;
        Ok(array(source.path(), shape, values)?.into())
    })
}

/// Reads several volumes of `size` (i, j, k) voxels, i fastest.
///
/// # Errors
/// As [`read_voxels`].
pub(crate) fn read_layers(
    source: &mut Source,
    voxel_type: VoxelType,
    size: [usize; 3],
    (layers, order): (usize, LayerOrder),
    format: NumberFormat,
) -> Result<Vec<Voxels>> {
    if layers <= 1 {
        return Ok(vec![read_voxels(source, voxel_type, size, format)?]);
    }
    let shape = (size[2], size[1], size[0]);
    with_voxel_type!(voxel_type, T => {
        let values: Vec<T> = read_values(source, size, layers, format)?;
        let each = values.len() / layers;
        let layer = |layer: usize| {
            let values: Vec<T> = match order {
                LayerOrder::VoxelByVoxel => {
                    values.iter().skip(layer).step_by(layers).copied().collect()
                }
                LayerOrder::LayerByLayer => values[layer * each..(layer + 1) * each].to_vec(),
            };
            Ok(array(source.path(), shape, values)?.into())
        };
        (0..layers).map(layer).collect()
    })
}

/// Skips to the voxels of a volume that ends the file.
pub(crate) fn skip_to_last(
    source: &mut Source,
    voxel_type: VoxelType,
    size: [usize; 3],
    layers: usize,
) -> Result<()> {
    let bytes = count(size, layers).and_then(|count| count.checked_mul(voxel_type.bytes() as u64));
    let bytes = source.max_remaining().saturating_sub(bytes.unwrap_or(u64::MAX));
    source.skip(bytes, "the bytes before the voxels")
}

fn array<T: Voxel>(path: &Path, shape: (usize, usize, usize), values: Vec<T>) -> Result<Array3<T>> {
    Array3::from_shape_vec(shape, values).map_err(|error| Error::damaged(path, error.to_string()))
}

/// Number of values, unless it exceeds 64 bits.
fn count(size: [usize; 3], layers: usize) -> Option<u64> {
    size.iter().try_fold(layers as u64, |all, &side| all.checked_mul(side as u64))
}

fn read_values<T: Voxel>(
    source: &mut Source,
    size: [usize; 3],
    layers: usize,
    format: NumberFormat,
) -> Result<Vec<T>> {
    // A number and what ends it; the last one may end the file.
    let [min_bytes, unended] = match format {
        NumberFormat::Text => [2, 1],
        _ => [size_of::<T>() as u64, 0],
    };
    let fits = |&count: &u64| {
        let needed = count.checked_mul(min_bytes);
        needed.is_some_and(|bytes| bytes <= source.max_remaining().saturating_add(unended))
    };
    let Some(count) = count(size, layers).filter(fits) else {
        let [i, j, k] = size;
        let times = if layers > 1 { format!("{layers} x ") } else { String::new() };
        return Err(Error::damaged(
            source.path(),
            format!(
                "truncated: the header declares {times}{i} x {j} x {k} voxels, the file holds fewer"
            ),
        ));
    };
    match format {
        NumberFormat::Text => text_values(source, count as usize),
        NumberFormat::LittleEndian => binary_values(source, count as usize, T::from_le_bytes),
        NumberFormat::BigEndian => binary_values(source, count as usize, T::from_be_bytes),
    }
}

/// Room for `count` values: at once where the file may well hold them, else as they come.
fn room<T>(count: usize, source: &Source) -> Result<Vec<T>> {
    let needed = (count as u64).saturating_mul(size_of::<T>() as u64);
    let usual = source.file_bytes().saturating_mul(MAX_USUAL_EXPANSION).max(MAX_UNSEEN_BYTES);
    if needed <= usual {
        return memory::reserve(count, source.path());
    }
    memory::check_for_file(needed, source.path())?;
    Ok(Vec::new())
}

fn binary_values<T: Voxel>(
    source: &mut Source,
    count: usize,
    decode: fn(&[u8]) -> T,
) -> Result<Vec<T>> {
    let each = size_of::<T>();
    let mut values: Vec<T> = room(count, source)?;
    let mut buffer = vec![0; CHUNK.min(count * each)];
    while values.len() < count {
        source.check_cancelled()?;
        let part = buffer.len().min((count - values.len()) * each);
        let done = values.len();
        source.fill(&mut buffer[..part], &format!("the voxels, after {done} of {count} voxels"))?;
        values.extend(buffer[..part].chunks_exact(each).map(decode));
    }
    Ok(values)
}

fn text_values<T: Voxel>(source: &mut Source, count: usize) -> Result<Vec<T>> {
    let path = source.path();
    let mut values: Vec<T> = room(count, source)?;
    let mut buffer = vec![0; CHUNK];
    // A number that the end of a chunk may cut.
    let mut number = Vec::new();
    while values.len() < count {
        source.check_cancelled()?;
        let length = source.read(&mut buffer)?;
        let ended = length == 0;
        let bytes = if ended { b"\n" } else { &buffer[..length] };
        for &byte in bytes {
            if !byte.is_ascii_whitespace() && byte != b',' {
                number.push(byte);
                if number.len() > MAX_NUMBER_BYTES {
                    return Err(no_number::<T>(path, &number, values.len()));
                }
                continue;
            }
            if !number.is_empty() && values.len() < count {
                let value = std::str::from_utf8(&number).ok().and_then(|text| text.parse().ok());
                let value = value.ok_or_else(|| no_number::<T>(path, &number, values.len()))?;
                values.push(value);
            }
            number.clear();
        }
        if ended && values.len() < count {
            let done = values.len();
            let reason = format!("truncated: the file ends after {done} of {count} voxels");
            return Err(Error::damaged(path, reason));
        }
    }
    Ok(values)
}

fn no_number<T: Voxel>(path: &Path, text: &[u8], index: usize) -> Error {
    let text = String::from_utf8_lossy(text);
    let reason = format!("voxel {index} is {text:?}, which is no number of type {}", T::TYPE);
    Error::damaged(path, reason)
}

/// Writes what `write` gives it gzip-compressed; `path` is named in errors.
pub(crate) fn write_gzip(
    path: &Path,
    out: &mut dyn Write,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    let mut gzip = GzEncoder::new(out, Compression::fast());
    write(&mut gzip)?;
    gzip.finish().map_err(|source| Error::io(path, source))?;
    Ok(())
}

/// Writes voxels one after the other, little endian, in pieces whose size does not depend on how
/// they come.
pub(crate) struct ValueWriter<'a> {
    out: &'a mut dyn Write,
    /// Named in errors.
    path: &'a Path,
    cancelled: &'a dyn Fn() -> bool,
    bytes: Vec<u8>,
}

impl<'a> ValueWriter<'a> {
    pub(crate) fn new(
        out: &'a mut dyn Write,
        path: &'a Path,
        cancelled: &'a dyn Fn() -> bool,
    ) -> ValueWriter<'a> {
        ValueWriter { out, path, cancelled, bytes: Vec::with_capacity(CHUNK + size_of::<u64>()) }
    }

    /// Writes further voxels.
    pub(crate) fn put<T: Voxel>(&mut self, values: impl Iterator<Item = T>) -> Result<()> {
        for value in values {
            value.append_le_bytes(&mut self.bytes);
            if self.bytes.len() >= CHUNK {
                if (self.cancelled)() {
                    return Err(Error::Cancelled);
                }
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Writes what is left.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        self.out.write_all(&self.bytes).map_err(|source| Error::io(self.path, source))?;
        self.bytes.clear();
        Ok(())
    }
}
