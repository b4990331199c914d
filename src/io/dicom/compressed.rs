//! Decodes compressed pixels, once their size is known to be what the DICOM attributes state.
//!
//! The decoders allocate what the compressed image declares, up to 17 GB for a damaged image of a
//! few hundred bytes. Its size is therefore compared with Rows and Columns first.

use std::borrow::Cow;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dicom_dictionary_std::uids;
use dicom_encoding::adapters::{PixelDataObject, RawPixelData};
use dicom_encoding::transfer_syntax::{Codec, TransferSyntaxIndex};
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;
use flate2::read::DeflateDecoder;

use crate::io::dicom::file::innermost;

/// Largest number of tiles of a JPEG 2000 image that is decoded; each takes memory.
const MAX_TILES: u64 = 4096;

/// Pixels of JPEG-LS, above which an image must have a byte for every [`MAX_PIXELS_PER_BYTE`].
const MAX_SMALL_IMAGE: usize = 1 << 23;

/// Pixels per byte of a large JPEG-LS image at most.
const MAX_PIXELS_PER_BYTE: usize = 4096;

/// Size in pixels: columns, rows.
type Size = [usize; 2];

/// Why compressed pixels could not be decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The compression, which no decoder reads.
    NotRead(&'static str),
    /// Damage.
    Damaged(String),
}

/// One compressed image of one value per pixel.
pub(crate) struct Image<'a> {
    /// UID of the transfer syntax.
    pub(crate) syntax: &'a str,
    /// Columns and rows.
    pub(crate) size: Size,
    /// Bits of a pixel once decompressed: 8 or 16; of a deflated frame any.
    pub(crate) bits_allocated: u16,
    /// The image, of all its fragments.
    pub(crate) bytes: Vec<u8>,
}

impl Image<'_> {
    /// Decodes the image to pixels of [`Image::bits_allocated`] bits, little endian.
    ///
    /// # Errors
    /// [`Failure`].
    pub(crate) fn decode(&self) -> Result<Vec<u8>, Failure> {
        let compression = self.check()?;
        // The decoders panic on damaged data.
        let decoded = catch_unwind(AssertUnwindSafe(|| match compression {
            Compression::JpegLs => self.decode_jpeg_ls(),
            Compression::Deflated => Ok(self.inflate()),
            _ => self.decode_registered(),
        }))
        .map_err(|_| Failure::Damaged("the decoder stopped".to_string()))??;
        // JPEG of 8 bits fills half of the pixels of 16 bits.
        match compression {
            Compression::Jpeg { bits: ..=8 } if self.bits_allocated == 16 => {
                let count = decoded.len() / 2;
                Ok(decoded[..count].iter().flat_map(|&byte| [byte, 0]).collect())
            }
            _ => Ok(decoded),
        }
    }

    /// Compression of the image, which has the size that is stated.
    fn check(&self) -> Result<Compression, Failure> {
        let (compression, size) = compression(self.syntax, &self.bytes)?;
        let [columns, rows] = self.size;
        if size.is_some_and(|size| size != self.size) {
            return Err(Failure::Damaged(format!("not an image of {columns} x {rows}")));
        }
        Ok(compression)
    }

    fn decode_jpeg_ls(&self) -> Result<Vec<u8>, Failure> {
        let [columns, rows] = self.size;
        let count = columns.saturating_mul(rows);
        if count > MAX_SMALL_IMAGE && count / MAX_PIXELS_PER_BYTE > self.bytes.len() {
            let reason = format!("{} bytes for {count} pixels", self.bytes.len());
            return Err(Failure::Damaged(reason));
        }
        let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        let (pixels, ..) = jpegls::decode(&self.bytes, side(columns), side(rows))
            .map_err(|error| Failure::Damaged(error.to_string()))?;
        Ok(match self.bits_allocated {
            8 => pixels.iter().map(|&pixel| pixel as u8).collect(),
            _ => pixels.iter().flat_map(|pixel| pixel.to_le_bytes()).collect(),
        })
    }

    /// Inflates a frame, up to the bytes that its size needs.
    fn inflate(&self) -> Vec<u8> {
        let [columns, rows] = self.size;
        let bits = columns.saturating_mul(rows).saturating_mul(self.bits_allocated.into());
        let mut pixels = Vec::new();
        // What precedes the damage of a truncated stream is too short.
        let _ = DeflateDecoder::new(&*self.bytes)
            .take(bits.div_ceil(8) as u64)
            .read_to_end(&mut pixels);
        pixels
    }

    fn decode_registered(&self) -> Result<Vec<u8>, Failure> {
        let syntax = TransferSyntaxRegistry.get(self.syntax);
        let Some(Codec::EncapsulatedPixelData(Some(decoder), _)) = syntax.map(|it| it.codec())
        else {
            return Err(Failure::NotRead("unknown compression"));
        };
        let mut pixels = Vec::new();
        decoder.decode(self, &mut pixels).map_err(|error| {
            let text = innermost(&error).to_string();
            Failure::Damaged(text.lines().next().unwrap_or_default().to_string())
        })?;
        Ok(pixels)
    }
}

impl PixelDataObject for Image<'_> {
    fn transfer_syntax_uid(&self) -> &str {
        self.syntax
    }

    fn rows(&self) -> Option<u16> {
        self.size[1].try_into().ok()
    }

    fn cols(&self) -> Option<u16> {
        self.size[0].try_into().ok()
    }

    fn samples_per_pixel(&self) -> Option<u16> {
        Some(1)
    }

    fn bits_allocated(&self) -> Option<u16> {
        Some(self.bits_allocated)
    }

    fn bits_stored(&self) -> Option<u16> {
        Some(self.bits_allocated)
    }

    fn photometric_interpretation(&self) -> Option<&str> {
        Some("MONOCHROME2")
    }

    fn number_of_frames(&self) -> Option<u32> {
        Some(1)
    }

    fn number_of_fragments(&self) -> Option<u32> {
        Some(1)
    }

    fn fragment(&self, fragment: usize) -> Option<Cow<'_, [u8]>> {
        (fragment == 0).then_some(Cow::Borrowed(&self.bytes))
    }

    fn offset_table(&self) -> Option<Cow<'_, [u32]>> {
        None
    }

    fn raw_pixel_data(&self) -> Option<RawPixelData> {
        let fragments = std::iter::once(self.bytes.clone()).collect();
        Some(RawPixelData { fragments, offset_table: Default::default() })
    }
}

/// Compression that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    RunLength,
    Jpeg { bits: u8 },
    JpegLs,
    Jpeg2000,
    Deflated,
}

/// Compression of an image, and its size where the image states it.
fn compression(syntax: &str, image: &[u8]) -> Result<(Compression, Option<Size>), Failure> {
    let damaged = |reason: &str| Failure::Damaged(reason.to_string());
    match syntax {
        uids::RLE_LOSSLESS if is_rle(image) => Ok((Compression::RunLength, None)),
        uids::RLE_LOSSLESS => Err(damaged("not a run-length image")),
        uids::JPEG_BASELINE8_BIT
        | uids::JPEG_EXTENDED12_BIT
        | uids::JPEG_LOSSLESS
        | uids::JPEG_LOSSLESS_SV1 => {
            let frame = jpeg(image).ok_or_else(|| damaged("not a JPEG image"))?;
            match frame.process {
                0xc0 | 0xc1 if frame.bits > 8 => Err(Failure::NotRead("JPEG extended, 12 bits")),
                _ => Ok((Compression::Jpeg { bits: frame.bits }, Some(frame.size))),
            }
        }
        uids::JPEGLS_LOSSLESS | uids::JPEGLS_NEAR_LOSSLESS => match jpeg(image) {
            Some(frame) if frame.process == JPEG_LS => Ok((Compression::JpegLs, Some(frame.size))),
            _ => Err(damaged("not a JPEG-LS image")),
        },
        uids::JPEG2000_LOSSLESS
        | uids::JPEG2000
        | uids::JPEG2000MC_LOSSLESS
        | uids::JPEG2000MC
        | uids::HTJ2K_LOSSLESS
        | uids::HTJ2K_LOSSLESS_RPCL
        | uids::HTJ2K => {
            let size = jpeg_2000(image).ok_or_else(|| damaged("not a JPEG 2000 image"))?;
            Ok((Compression::Jpeg2000, Some(size)))
        }
        uids::DEFLATED_IMAGE_FRAME_COMPRESSION => Ok((Compression::Deflated, None)),
        uids::JPEGXL | uids::JPEGXL_LOSSLESS | uids::JPEGXLJPEG_RECOMPRESSION => {
            Err(Failure::NotRead("JPEG XL"))
        }
        _ => Err(Failure::NotRead("unknown compression")),
    }
}

/// Whether an image begins with an RLE header: the number of segments, up to 15, and their offsets.
fn is_rle(image: &[u8]) -> bool {
    image.len() >= 64 && matches!(image[..4], [0..=15, 0, 0, 0])
}

/// Frame header of a JPEG or JPEG-LS image.
#[derive(Debug, PartialEq, Eq)]
struct Frame {
    /// Its marker, which says the process.
    process: u8,
    /// Bits of a pixel.
    bits: u8,
    size: Size,
}

/// Marker of a JPEG-LS frame.
const JPEG_LS: u8 = 0xf7;

/// Frame header of a JPEG or JPEG-LS image.
fn jpeg(image: &[u8]) -> Option<Frame> {
    let mut rest = image.strip_prefix(&[0xff, 0xd8])?;
    loop {
        // Decoders skip other bytes between two segments.
        let start = rest.iter().position(|&byte| byte == 0xff)?;
        let fill = rest[start..].iter().position(|&byte| byte != 0xff)?;
        let marker = rest[start + fill];
        rest = &rest[start + fill + 1..];
        match marker {
            0x00 => {}
            // Tables, parameters and comments, which state their length.
            0xc4 | 0xc8 | 0xcc | 0xdb..=0xef | 0xf8 | 0xfe => {
                rest = rest.get(usize::from(u16_at(rest, 0)?)..)?;
            }
            // A frame: length, bits, rows, columns.
            0xc0..=0xcf | JPEG_LS => {
                let size = [u16_at(rest, 5)?.into(), u16_at(rest, 3)?.into()];
                return Some(Frame { process: marker, bits: *rest.get(2)?, size });
            }
            _ => return None,
        }
    }
}

/// Size of a JPEG 2000 image of one component, as a code stream or in the boxes of a JP2 file.
fn jpeg_2000(image: &[u8]) -> Option<Size> {
    let stream = if image.starts_with(&[0xff, 0x4f]) { image } else { code_stream(image)? };
    // Marker of the stream, then the size segment: marker, length, capabilities; width, height and
    // offset of the image; width, height and offset of a tile; number of components.
    if !stream.starts_with(&[0xff, 0x4f, 0xff, 0x51]) {
        return None;
    }
    let number = |index: usize| Some(u64::from(u32_at(stream, 8 + 4 * index)?));
    let [width, height, left, top] = [number(0)?, number(1)?, number(2)?, number(3)?];
    let [tile_width, tile_height] = [number(4)?, number(5)?];
    if u16_at(stream, 40)? != 1 || tile_width == 0 || tile_height == 0 {
        return None;
    }
    if width.div_ceil(tile_width).saturating_mul(height.div_ceil(tile_height)) > MAX_TILES {
        return None;
    }
    let side = |end: u64, start: u64| usize::try_from(end.checked_sub(start)?).ok();
    Some([side(width, left)?, side(height, top)?])
}

/// Code stream in the box `jp2c`.
fn code_stream(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let length = u32_at(rest, 0)? as usize;
        if rest.get(4..8)? == b"jp2c" {
            return rest.get(8..);
        }
        rest = rest.get(length.max(8)..)?;
    }
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(offset..offset + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(offset..offset + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether an image has this size, so that it is decoded.
    fn fits(syntax: &str, image: &[u8], size: Size) -> bool {
        Image { syntax, size, bits_allocated: 16, bytes: image.to_vec() }.check().is_ok()
    }

    #[test]
    fn rle_needs_up_to_15_segments() {
        let fits = |image: &[u8]| fits(uids::RLE_LOSSLESS, image, [7, 6]);
        let mut image = vec![0; 70];
        image[0] = 2;
        assert!(fits(&image));
        assert!(!fits(&image[..63]));
        image[3] = 0xff;
        assert!(!fits(&image));
    }

    #[test]
    fn jpeg_of_another_size_is_rejected() {
        // A comment, bytes outside of segments, a fill byte, and a lossless frame of 6 rows and 7
        // columns.
        let image = b"\xff\xd8\xff\xfe\0\x05abc--\xff\xff\xc3\0\x0b\x10\0\x06\0\x07\x01\x01\x11\0";
        let fits = |image: &[u8], size| fits(uids::JPEG_LOSSLESS, image, size);
        assert!(fits(image, [7, 6]));
        assert!(!fits(image, [6, 7]));
        for length in 0..20 {
            assert!(!fits(&image[..length], [7, 6]));
        }
        // A scan before any frame.
        assert!(!fits(b"\xff\xd8\xff\xda\0\x02\xff\xc3\0\x0b\x10\0\x06\0\x07", [7, 6]));
    }

    #[test]
    fn jpeg_ls_of_another_size_is_rejected() {
        let image = b"\xff\xd8\xff\xf8\0\x0d\x01\0\xff\0\x03\0\x07\0\x15\0\x40\
            \xff\xf7\0\x0b\x10\0\x06\0\x07\x01\x01\x11\0";
        assert!(fits(uids::JPEGLS_LOSSLESS, image, [7, 6]));
        assert!(!fits(uids::JPEGLS_NEAR_LOSSLESS, image, [6, 7]));
        assert!(!fits(uids::JPEGLS_LOSSLESS, &image[..20], [7, 6]));
        let huge = b"\xff\xd8\xff\xf7\0\x0b\x10\xff\xff\xff\xff\x01\x01\x11\0\
            \xff\xda\0\x08\x01\x01\0\0\0\0";
        let (syntax, bytes) = (uids::JPEGLS_LOSSLESS, huge.to_vec());
        let image = Image { syntax, size: [65535; 2], bits_allocated: 16, bytes };
        let failure = image.decode().unwrap_err();
        assert_eq!(failure, Failure::Damaged("25 bytes for 4294836225 pixels".to_string()));
    }

    #[test]
    fn compressions_that_are_not_read_are_named() {
        let twelve_bits = b"\xff\xd8\xff\xc1\0\x0b\x0c\0\x06\0\x07\x01\x01\x11\0";
        let name = |syntax: &str, image: &[u8]| compression(syntax, image).unwrap_err();
        let expected = Failure::NotRead("JPEG extended, 12 bits");
        assert_eq!(name(uids::JPEG_EXTENDED12_BIT, twelve_bits), expected);
        assert_eq!(name(uids::JPEGXL, b""), Failure::NotRead("JPEG XL"));
        assert_eq!(name(uids::MPEG2MPML, b""), Failure::NotRead("unknown compression"));
    }

    #[test]
    fn jpeg_2000_of_another_size_is_rejected() {
        let stream = |width: u32, tile: u32, components: u16| {
            let numbers = [width, 8, 1, 2, tile, 8, 0, 0].map(u32::to_be_bytes).concat();
            [&b"\xff\x4f\xff\x51\0\x29\0\0"[..], &numbers, &components.to_be_bytes()].concat()
        };
        let fits = |image: &[u8]| fits(uids::JPEG2000_LOSSLESS, image, [7, 6]);
        assert!(fits(&stream(8, 8, 1)));
        assert!(!fits(&stream(9, 8, 1)));
        assert!(!fits(&stream(8, 0, 1)));
        assert!(!fits(&stream(8, 8, 3)));
        assert!(!fits(&stream(8, 8, 1)[..41]));
        let boxed = |image: &[u8]| [b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\0jp2c", image].concat();
        assert!(fits(&boxed(&stream(8, 8, 1))));
        assert!(!fits(&boxed(&stream(9, 8, 1))));
        // A plane of 5000 x 1 in tiles of one pixel.
        let size = [5000, 1, 0, 0, 1, 1, 0, 0].map(u32::to_be_bytes).concat();
        let tiles = [&b"\xff\x4f\xff\x51\0\x29\0\0"[..], &size, &[0, 1]].concat();
        assert_eq!(jpeg_2000(&tiles), None);
    }
}
