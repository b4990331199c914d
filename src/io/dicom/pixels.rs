//! Decodes the pixels of slices to Hounsfield units.

use std::path::Path;

use dicom_dictionary_std::tags;
use ndarray::Array3;

use crate::error::{Error, Result};
use crate::io::dicom::attributes::Attributes;
use crate::io::dicom::file::{DicomFile, FileReader};
use crate::io::dicom::slice::Slice;
use crate::io::dicom::stored_frame::StoredFrame;
use crate::io::smallest_type::ExactTypes;
use crate::runtime::memory;
use crate::volume::{VoxelType, Voxels};

/// Reads the pixels of slices.
#[derive(Default)]
pub(crate) struct PixelReader {
    files: FileReader,
}

impl PixelReader {
    /// Pixels of a slice in Hounsfield units, i fastest.
    ///
    /// # Errors
    /// [`Error::Damaged`] and [`Error::Unsupported`] with the compression that is not read;
    /// [`Error::Io`].
    pub(crate) fn decode(&mut self, slice: &Slice) -> Result<Vec<f64>> {
        let file = self.files.open(&slice.path)?;
        let bits = Bits::of(slice, file)?;
        let frame = StoredFrame {
            path: &slice.path,
            file,
            size: [slice.columns, slice.rows],
            index: slice.frame,
            count: slice.frames,
            bits_allocated: bits.allocated,
        };
        let pixels = frame.pixels()?;
        let stored = bits.stored_values(&pixels);
        Ok(stored.map(|stored| slice.slope * stored + slice.intercept).collect())
    }
}

/// Where the value is in the bits of a pixel.
#[derive(Clone, Copy)]
struct Bits {
    allocated: u16,
    stored: u16,
    high: u16,
    is_signed: bool,
}

impl Bits {
    fn of(slice: &Slice, file: &DicomFile) -> Result<Bits> {
        let path = slice.path.as_path();
        let attributes = Attributes::of_image(path, &file.object);
        let number = |tag, name: &str| {
            let missing = || Error::damaged(path, format!("{name} is missing"));
            let number = attributes.count(tag, name)?.ok_or_else(missing)?;
            let too_large = |_| Error::damaged(path, format!("{name} is {number}"));
            u16::try_from(number).map_err(too_large)
        };
        let allocated = number(tags::BITS_ALLOCATED, "BitsAllocated")?;
        let stored = number(tags::BITS_STORED, "BitsStored")?;
        let high = number(tags::HIGH_BIT, "HighBit")?;
        let is_signed = number(tags::PIXEL_REPRESENTATION, "PixelRepresentation")? == 1;
        if !matches!(allocated, 8 | 16 | 32) {
            let reason = format!("BitsAllocated is {allocated}; only 8, 16 and 32 are read");
            return Err(Error::unsupported(path, reason));
        }
        if stored == 0 || stored > allocated || high >= allocated || high + 1 < stored {
            let reason =
                format!("BitsStored is {stored}, HighBit {high}, BitsAllocated {allocated}");
            return Err(Error::damaged(path, reason));
        }
        Ok(Bits { allocated, stored, high, is_signed })
    }

    fn bytes(self) -> usize {
        usize::from(self.allocated / 8)
    }

    /// Stored values: BitsStored of BitsAllocated bits, up to HighBit. The other bits (overlays of
    /// old scanners) are ignored.
    fn stored_values(self, pixels: &[u8]) -> impl Iterator<Item = f64> {
        // Shifted to the top of an i64 and back: the arithmetic shift extends the sign.
        let (up, down) = (63 - u32::from(self.high), 64 - u32::from(self.stored));
        pixels.chunks_exact(self.bytes()).map(move |bytes| {
            let bits =
                bytes.iter().rev().fold(0u64, |bits, &byte| bits << 8 | u64::from(byte)) << up;
            if self.is_signed { (bits as i64 >> down) as f64 } else { (bits >> down) as f64 }
        })
    }
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
