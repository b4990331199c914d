//! Frames of a segmentation: their planes and pixels.

use std::borrow::Cow;
use std::path::Path;

use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;

use crate::error::{Error, Result};
use crate::io::dicom::attributes::Attributes;
use crate::io::dicom::file::{DicomFile, FrameBytes, text};
use crate::io::dicom::image_plane::ImagePlane;
use crate::io::dicom::labels::fields::count;
use crate::io::dicom::stored_frame::StoredFrame;
use crate::runtime::memory;

/// Frames of a segmentation.
pub(super) struct Frames<'a> {
    /// Named in errors.
    path: &'a Path,
    object: &'a InMemDicomObject,
    /// Pixels of all frames, decompressed.
    pixels: Cow<'a, [u8]>,
    /// Bits from a frame to the next.
    frame_bits: usize,
    columns: usize,
    rows: usize,
    /// Number of frames.
    pub(super) count: usize,
    encoding: Encoding,
}

/// Meaning of the pixels.
#[derive(Clone, Copy)]
enum Encoding {
    /// A bit per pixel.
    Binary,
    /// A byte per pixel, from 0 to this largest value, of which half is inside.
    Fractional(u16),
    /// Numbers of segments, of this many bytes.
    Labels(usize),
}

impl Encoding {
    fn of(path: &Path, object: &InMemDicomObject) -> Result<Encoding> {
        let integer = |tag| Attributes::of_image(path, object).integer(tag);
        let bits = integer(tags::BITS_ALLOCATED).unwrap_or(1);
        let kind = text(object, tags::SEGMENTATION_TYPE);
        match (kind.as_str(), bits) {
            ("BINARY", 1) => Ok(Encoding::Binary),
            ("FRACTIONAL", 8) => {
                let max = integer(tags::MAXIMUM_FRACTIONAL_VALUE).unwrap_or(255);
                Ok(Encoding::Fractional(max.clamp(1, 255) as u16))
            }
            ("LABELMAP", 8) => Ok(Encoding::Labels(1)),
            ("LABELMAP", 16) => Ok(Encoding::Labels(2)),
            _ => {
                let reason = format!(
                    "a segmentation of type {kind:?} with {bits} bits per pixel; BINARY of 1, \
                     FRACTIONAL of 8 and LABELMAP of 8 or 16 are read"
                );
                Err(Error::unsupported(path, reason))
            }
        }
    }

    /// Bits per pixel.
    fn bits(self) -> u16 {
        match self {
            Encoding::Binary => 1,
            Encoding::Fractional(_) | Encoding::Labels(1) => 8,
            Encoding::Labels(_) => 16,
        }
    }
}

/// Plane of a frame, and what it shows.
pub(super) struct FramePlane {
    pub(super) plane: ImagePlane,
    /// Number of the only segment of the frame; `None` for a frame of labels.
    pub(super) segment: Option<usize>,
}

impl<'a> Frames<'a> {
    /// Finds the pixels of all frames, and decompresses them.
    ///
    /// # Errors
    /// [`Error::Damaged`]; [`Error::Unsupported`] for another kind of segmentation and for a
    /// compression that is not read; [`Error::Memory`].
    pub(super) fn new(path: &'a Path, file: &'a DicomFile) -> Result<Frames<'a>> {
        let object = &file.object;
        let rows = count(path, object, tags::ROWS, "Rows")?;
        let columns = count(path, object, tags::COLUMNS, "Columns")?;
        let frames = count(path, object, tags::NUMBER_OF_FRAMES, "NumberOfFrames")?;
        let mut encoding = Encoding::of(path, object)?;
        let missing = || {
            let reason =
                format!("does not hold the pixels of {frames} frames of {columns} x {rows}");
            Error::damaged(path, reason)
        };
        let product = |factors: &[usize]| {
            factors.iter().try_fold(1, |all: usize, &factor| all.checked_mul(factor))
        };
        let bits = usize::from(encoding.bits());
        let all_bits = product(&[rows, columns, frames, bits]).ok_or_else(missing)?;
        // Without compression, the frames follow each other bit by bit.
        let native = file.frame(0, 1, all_bits.div_ceil(8)).ok_or_else(missing)?;
        let (pixels, frame_bits) = match native {
            FrameBytes::Native(pixels) => (pixels, rows * columns * bits),
            FrameBytes::Compressed(_) => {
                let is_deflated = file.syntax == uids::DEFLATED_IMAGE_FRAME_COMPRESSION;
                if matches!(encoding, Encoding::Binary) && !is_deflated {
                    // Codecs of images give a byte per pixel, 0 or 1.
                    encoding = Encoding::Fractional(1);
                }
                let frame = StoredFrame {
                    path,
                    file,
                    size: [columns, rows],
                    index: 0,
                    count: frames,
                    bits_allocated: encoding.bits(),
                };
                let pixels = decompressed(frame)?;
                let frame_bits = pixels.len() / frames * 8;
                (Cow::Owned(pixels), frame_bits)
            }
        };
        Ok(Frames { path, object, pixels, frame_bits, columns, rows, count: frames, encoding })
    }

    /// Columns and rows of a frame.
    pub(super) fn size(&self) -> [usize; 2] {
        [self.columns, self.rows]
    }

    /// Plane and segment of a frame.
    ///
    /// # Errors
    /// [`Error::Damaged`] where they are missing or unreadable.
    pub(super) fn plane(&self, frame: usize) -> Result<FramePlane> {
        let attributes = Attributes::of_frame(self.path, self.object, frame);
        let segment = match self.encoding {
            Encoding::Labels(_) => None,
            _ => {
                let tag = tags::REFERENCED_SEGMENT_NUMBER;
                let number = attributes.count(tag, "ReferencedSegmentNumber")?;
                Some(number.ok_or_else(|| {
                    Error::damaged(self.path, "a frame without ReferencedSegmentNumber")
                })?)
            }
        };
        Ok(FramePlane { plane: ImagePlane::read(&attributes)?, segment })
    }

    /// Which pixels of a frame are in a segment, row by row.
    pub(super) fn pixels(&self, frame: usize, segment: u16) -> Vec<bool> {
        let (start, size) = (frame * self.frame_bits, self.rows * self.columns);
        let bytes = |width: usize| &self.pixels[start / 8..start / 8 + size * width];
        match self.encoding {
            Encoding::Labels(width) => {
                let is_in = |bytes: &[u8]| match *bytes {
                    [low] => u16::from(low) == segment,
                    [low, high] => u16::from_le_bytes([low, high]) == segment,
                    _ => false,
                };
                bytes(width).chunks(width).map(is_in).collect()
            }
            Encoding::Fractional(max) => {
                bytes(1).iter().map(|&value| 2 * u16::from(value) >= max).collect()
            }
            Encoding::Binary => {
                // The lowest bit of a byte first.
                let bits = start..start + size;
                bits.map(|bit| self.pixels[bit / 8] >> (bit % 8) & 1 == 1).collect()
            }
        }
    }
}

/// Pixels of all frames of a file, each from a new byte on; `first` is the first frame.
fn decompressed(first: StoredFrame) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for index in 0..first.count {
        let pixels = StoredFrame { index, ..first }.pixels()?;
        if index == 0 {
            all = memory::reserve(pixels.len().saturating_mul(first.count), first.path)?;
        }
        all.extend_from_slice(&pixels);
    }
    Ok(all)
}
