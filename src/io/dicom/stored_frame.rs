//! Pixels of one frame as they are stored, decompressed.

use std::path::Path;

use dicom_dictionary_std::uids;

use crate::error::{Error, Result};
use crate::io::dicom::compressed::{Failure, Image};
use crate::io::dicom::file::{DicomFile, FrameBytes};
use crate::runtime::memory;

/// Bytes per pixel of decoding a frame: as the file has it, and as a double.
const BYTES_PER_PIXEL: u64 = 12;

/// One frame of a file, with what its decoding needs.
#[derive(Clone, Copy)]
pub(crate) struct StoredFrame<'a> {
    /// Path of the file, named in errors.
    pub(crate) path: &'a Path,
    pub(crate) file: &'a DicomFile,
    /// Columns and rows.
    pub(crate) size: [usize; 2],
    /// Index of the frame.
    pub(crate) index: usize,
    /// Number of frames of the file.
    pub(crate) count: usize,
    /// Bits of a pixel: a multiple of 8, or 1 in deflated frames, which hold eight pixels a byte.
    pub(crate) bits_allocated: u16,
}

impl StoredFrame<'_> {
    /// Pixels, little endian.
    ///
    /// # Errors
    /// [`Error::Damaged`] for fewer than there must be, [`Error::Unsupported`] with the compression
    /// that is not read, [`Error::Memory`].
    pub(crate) fn pixels(&self) -> Result<Vec<u8>> {
        let [columns, rows] = self.size;
        let too_large = || Error::damaged(self.path, format!("{columns} x {rows} pixels"));
        let count = rows.checked_mul(columns).ok_or_else(too_large)?;
        let bits = count.checked_mul(self.bits_allocated.into()).ok_or_else(too_large)?;
        let frame_bytes = bits.div_ceil(8);
        memory::check_for_file((count as u64).saturating_mul(BYTES_PER_PIXEL), self.path)?;
        let missing = || {
            let reason = format!("truncated: too few bytes for {count} pixels{}", self.place());
            Error::damaged(self.path, reason)
        };
        let stored = self.file.frame(self.index, self.count, frame_bytes).ok_or_else(missing)?;
        let mut pixels = match stored {
            FrameBytes::Native(pixels) => pixels.into_owned(),
            FrameBytes::Compressed(pixels)
                if self.file.syntax
                    == uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN =>
            {
                pixels
            }
            FrameBytes::Compressed(bytes) => {
                let (syntax, bits_allocated) = (&*self.file.syntax, self.bits_allocated);
                let image = Image { syntax, size: self.size, bits_allocated, bytes };
                image.decode().map_err(|failure| self.refused(failure))?
            }
        };
        if pixels.len() < frame_bytes {
            return Err(missing());
        }
        pixels.truncate(frame_bytes);
        Ok(pixels)
    }

    /// The frame in words, where there are several.
    fn place(&self) -> String {
        match self.count {
            1 => String::new(),
            count => format!(" in frame {} of {count}", self.index + 1),
        }
    }

    fn refused(&self, failure: Failure) -> Error {
        let syntax = &self.file.syntax;
        match failure {
            Failure::Damaged(reason) => {
                let reason = format!("damaged compressed pixels{}: {reason}", self.place());
                Error::damaged(self.path, reason)
            }
            Failure::NotRead(name) => Error::unsupported(
                self.path,
                format!(
                    "{name} (transfer syntax {syntax}) is not read; decompress the files first, \
                     with `gdcmconv --raw IN OUT` (GDCM) or `dcmdjpeg IN OUT` (DCMTK)"
                ),
            ),
        }
    }
}
