//! Checks that compressed pixels have the size that the DICOM attributes state.
//!
//! The decoders allocate what the compressed image declares, up to 17 GB for a damaged image of a
//! few hundred bytes. Its size is therefore compared with Rows and Columns first.

use dicom_dictionary_std::uids;

/// Largest number of tiles of a JPEG 2000 image that is decoded; each takes memory.
const MAX_TILES: u64 = 4096;

/// Size in pixels: columns, rows.
type Size = [usize; 2];

/// Whether the compressed image has this size, so that it is safe to decode. `None` for a transfer
/// syntax that no decoder reads.
pub(crate) fn has_size(syntax: &str, fragments: &[Vec<u8>], size: Size) -> Option<bool> {
    let image = || fragments.concat();
    match syntax {
        uids::RLE_LOSSLESS => Some(matches!(fragments, [fragment] if is_rle(fragment))),
        uids::JPEG_BASELINE8_BIT
        | uids::JPEG_EXTENDED12_BIT
        | uids::JPEG_LOSSLESS
        | uids::JPEG_LOSSLESS_SV1 => Some(jpeg(&image()) == Some(size)),
        uids::JPEG2000_LOSSLESS
        | uids::JPEG2000
        | uids::JPEG2000MC_LOSSLESS
        | uids::JPEG2000MC
        | uids::HTJ2K_LOSSLESS
        | uids::HTJ2K_LOSSLESS_RPCL
        | uids::HTJ2K => Some(jpeg_2000(&image()) == Some(size)),
        _ => None,
    }
}

/// Whether the fragment begins with an RLE header: the number of segments, up to 15, and their
/// offsets.
fn is_rle(fragment: &[u8]) -> bool {
    fragment.len() >= 64 && matches!(fragment[..4], [0..=15, 0, 0, 0])
}

/// Size in the frame header of a JPEG image.
fn jpeg(image: &[u8]) -> Option<Size> {
    let mut rest = image.strip_prefix(&[0xff, 0xd8])?;
    loop {
        // Decoders skip other bytes between two segments.
        let start = rest.iter().position(|&byte| byte == 0xff)?;
        let fill = rest[start..].iter().position(|&byte| byte != 0xff)?;
        let marker = rest[start + fill];
        rest = &rest[start + fill + 1..];
        match marker {
            0x00 => {}
            // Tables and comments, which state their length.
            0xc4 | 0xc8 | 0xcc | 0xdb..=0xef | 0xfe => {
                rest = rest.get(usize::from(u16_at(rest, 0)?)..)?;
            }
            // A frame: length, bits, rows, columns.
            0xc0..=0xcf => {
                return Some([u16_at(rest, 5)?.into(), u16_at(rest, 3)?.into()]);
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

    #[test]
    fn rle_needs_one_fragment_with_up_to_15_segments() {
        let fits =
            |fragments: &[Vec<u8>]| has_size(uids::RLE_LOSSLESS, fragments, [7, 6]) == Some(true);
        let mut fragment = vec![0; 70];
        fragment[0] = 2;
        assert!(fits(&[fragment.clone()]));
        assert!(!fits(&[fragment.clone(), fragment.clone()]));
        assert!(!fits(&[fragment[..63].to_vec()]));
        fragment[3] = 0xff;
        assert!(!fits(&[fragment]));
    }

    #[test]
    fn jpeg_of_another_size_is_rejected() {
        // A comment, bytes outside of segments, a fill byte, and a lossless frame of 6 rows and 7
        // columns.
        let image = b"\xff\xd8\xff\xfe\0\x05abc--\xff\xff\xc3\0\x0b\x10\0\x06\0\x07\x01\x01\x11\0";
        let fits = |image: &[u8], size| {
            has_size(uids::JPEG_LOSSLESS, &[image.to_vec()], size) == Some(true)
        };
        assert!(fits(image, [7, 6]));
        assert!(!fits(image, [6, 7]));
        for length in 0..20 {
            assert!(!fits(&image[..length], [7, 6]));
        }
        // A scan before any frame.
        assert!(!fits(b"\xff\xd8\xff\xda\0\x02\xff\xc3\0\x0b\x10\0\x06\0\x07", [7, 6]));
    }

    #[test]
    fn jpeg_2000_of_another_size_is_rejected() {
        let stream = |width: u32, tile: u32, components: u16| {
            let numbers = [width, 8, 1, 2, tile, 8, 0, 0].map(u32::to_be_bytes).concat();
            [&b"\xff\x4f\xff\x51\0\x29\0\0"[..], &numbers, &components.to_be_bytes()].concat()
        };
        let fits = |image: &[u8]| {
            has_size(uids::JPEG2000_LOSSLESS, &[image.to_vec()], [7, 6]) == Some(true)
        };
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
