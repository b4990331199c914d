//! Decodes the pixels of slices to Hounsfield units.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use dicom_dictionary_std::tags;
use dicom_pixeldata::{DecodedPixelData, PixelDecoder, PixelRepresentation};
use ndarray::Array3;

use crate::error::{Error, Result};
use crate::io::dicom::compressed;
use crate::io::dicom::slice::{Slice, damaged, innermost, open};
use crate::io::smallest_type::ExactTypes;
use crate::runtime::memory;
use crate::volume::{VoxelType, Voxels};

/// Bytes per pixel of decoding a slice: as the file has it, and as a double.
const BYTES_PER_PIXEL: u64 = 12;

/// Decodes the pixels of a slice to Hounsfield units, i fastest.
pub(crate) fn decode(slice: &Slice) -> Result<Vec<f64>> {
    let path = slice.path.as_path();
    let object = open(path, |options| options.read_to(tags::PIXEL_DATA))?;
    let syntax = object.meta().transfer_syntax();
    let not_read = || {
        let reason = format!("compression with transfer syntax {syntax} is not supported");
        Error::unsupported(path, reason)
    };
    let data = object.get(tags::PIXEL_DATA).map(|element| element.value());
    if let Some(fragments) = data.and_then(|data| data.fragments()) {
        let size = [slice.columns, slice.rows];
        if !compressed::has_size(syntax, fragments, size).ok_or_else(not_read)? {
            let [columns, rows] = size;
            let reason = format!("damaged compressed pixels: not an image of {columns} x {rows}");
            return Err(Error::damaged(path, reason));
        }
    }
    let pixels = (slice.rows as u64).saturating_mul(slice.columns as u64);
    memory::check_for_file(pixels.saturating_mul(BYTES_PER_PIXEL), path)?;
    // The decoders of compressed pixels panic on damaged data.
    let decoded = catch_unwind(AssertUnwindSafe(|| object.decode_pixel_data()))
        .map_err(|_| Error::damaged(path, "damaged compressed pixels"))?;
    let pixels = decoded.map_err(|error| {
        let cause = innermost(&error).to_string();
        if cause.to_lowercase().replace(' ', "").contains("transfersyntax") {
            return not_read();
        }
        damaged(path, &error)
    })?;
    let stored = stored_values(path, &pixels, slice.rows * slice.columns)?;
    Ok(stored.map(|stored| slice.slope * stored + slice.intercept).collect())
}

/// Stored values: BitsStored of BitsAllocated bits, up to HighBit. The other bits (overlays of old
/// scanners) are ignored.
fn stored_values<'a>(
    path: &Path,
    pixels: &'a DecodedPixelData,
    count: usize,
) -> Result<impl Iterator<Item = f64> + 'a> {
    let (allocated, stored, high) =
        (pixels.bits_allocated(), pixels.bits_stored(), pixels.high_bit());
    if !matches!(allocated, 8 | 16 | 32) {
        let reason = format!("BitsAllocated is {allocated}; only 8, 16 and 32 are read");
        return Err(Error::unsupported(path, reason));
    }
    if stored == 0 || stored > allocated || high >= allocated || high + 1 < stored {
        let reason = format!("BitsStored is {stored}, HighBit {high}, BitsAllocated {allocated}");
        return Err(Error::damaged(path, reason));
    }
    let bytes = usize::from(allocated / 8);
    let data = pixels.data();
    if data.len() / bytes < count {
        let reason = format!("truncated: {} bytes for {count} pixels", data.len());
        return Err(Error::damaged(path, reason));
    }
    let signed = pixels.pixel_representation() == PixelRepresentation::Signed;
    // Shifted to the top of an i64 and back: the arithmetic shift extends the sign.
    let (up, down) = (63 - u32::from(high), 64 - u32::from(stored));
    Ok(data[..count * bytes].chunks_exact(bytes).map(move |bytes| {
        let bits = bytes.iter().rev().fold(0u64, |bits, &byte| bits << 8 | u64::from(byte)) << up;
        if signed { (bits as i64 >> down) as f64 } else { (bits >> down) as f64 }
    }))
}

/// Slices in Hounsfield units, in the smallest voxel type that holds them exactly.
pub(crate) struct HounsfieldBuffer<'a> {
    /// Named in errors.
    folder: &'a Path,
    exact_types: ExactTypes,
    values: Values,
}

enum Values {
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Values::Int16(values) => values.len(),
            Values::Int32(values) => values.len(),
            Values::Float32(values) => values.len(),
            Values::Float64(values) => values.len(),
        }
    }
}

impl<'a> HounsfieldBuffer<'a> {
    pub(crate) fn new(folder: &'a Path) -> HounsfieldBuffer<'a> {
        HounsfieldBuffer { folder, exact_types: ExactTypes::ALL, values: Values::Int16(Vec::new()) }
    }

    /// Appends a slice; the earlier ones are converted where it needs a larger type.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn append(&mut self, slice: Vec<f64>) -> Result<()> {
        self.exact_types = slice.iter().fold(self.exact_types, |types, &value| types.with(value));
        self.convert()?;
        match &mut self.values {
            Values::Int16(values) => values.extend(slice.iter().map(|&value| value as i16)),
            Values::Int32(values) => values.extend(slice.iter().map(|&value| value as i32)),
            Values::Float32(values) => values.extend(slice.iter().map(|&value| value as f32)),
            Values::Float64(values) => values.extend(slice),
        }
        Ok(())
    }

    fn convert(&mut self) -> Result<()> {
        let before: Box<dyn Iterator<Item = f64>> =
            match (&self.values, self.exact_types.smallest()) {
                (Values::Int16(_), VoxelType::Int16)
                | (Values::Int32(_), VoxelType::Int32)
                | (Values::Float32(_), VoxelType::Float32)
                | (Values::Float64(_), VoxelType::Float64) => return Ok(()),
                (Values::Int16(values), _) => Box::new(values.iter().map(|&value| value.into())),
                (Values::Int32(values), _) => Box::new(values.iter().map(|&value| value.into())),
                (Values::Float32(values), _) => Box::new(values.iter().map(|&value| value.into())),
                (Values::Float64(values), _) => Box::new(values.iter().copied()),
            };
        let bytes = self.exact_types.smallest().bytes() * self.values.len();
        memory::check_for_file(bytes as u64, self.folder)?;
        let after = match self.exact_types.smallest() {
            VoxelType::Int16 => Values::Int16(before.map(|value| value as i16).collect()),
            VoxelType::Int32 => Values::Int32(before.map(|value| value as i32).collect()),
            VoxelType::Float32 => Values::Float32(before.map(|value| value as f32).collect()),
            _ => Values::Float64(before.collect()),
        };
        self.values = after;
        Ok(())
    }

    /// Voxels of shape `[k, j, i]`.
    pub(crate) fn into_voxels(self, shape: [usize; 3]) -> Result<Voxels> {
        fn array<T>(
            shape: [usize; 3],
            values: Vec<T>,
        ) -> std::result::Result<Voxels, ndarray::ShapeError>
        where
            Voxels: From<Array3<T>>,
        {
            Ok(Array3::from_shape_vec(shape, values)?.into())
        }
        match self.values {
            Values::Int16(values) => array(shape, values),
            Values::Int32(values) => array(shape, values),
            Values::Float32(values) => array(shape, values),
            Values::Float64(values) => array(shape, values),
        }
        .map_err(|error| Error::damaged(self.folder, error.to_string()))
    }
}
