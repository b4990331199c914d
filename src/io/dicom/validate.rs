//! Checks that the elements of a DICOM file hold as many bytes as they state.
//!
//! The parser allocates an element before it reads it, up to 4 GB for a damaged length, and accepts
//! compressed pixels that the end of the file truncates. The lengths are therefore checked first,
//! element by element as the parser reads them; what the parser would read differently is rejected.

use std::io::Read;

use dicom_core::Tag;
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::header::VR;
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};
use flate2::read::DeflateDecoder;

/// Retired transfer syntax, explicit VR big endian.
const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// Deepest nesting of sequences that is read.
const MAX_DEPTH: usize = 16;

/// Undefined length: a delimiter ends the element.
const UNDEFINED: u32 = u32::MAX;

const ITEM: Tag = Tag(0xfffe, 0xe000);
const ITEM_END: Tag = Tag(0xfffe, 0xe00d);
const SEQUENCE_END: Tag = Tag(0xfffe, 0xe0dd);

/// Part of a file up to the end of its pixels, or all of it without pixels. `None` where an element
/// states more bytes than the file holds. `file` begins with the preamble.
pub(crate) fn intact_part(file: &[u8]) -> Option<&[u8]> {
    let mut rest = file.get(132..)?;
    let syntax = transfer_syntax(&mut rest)?;
    let encoding = match syntax.as_str() {
        uids::IMPLICIT_VR_LITTLE_ENDIAN => Encoding { explicit: false, big: false },
        BIG_ENDIAN => Encoding { explicit: true, big: true },
        _ => Encoding { explicit: true, big: false },
    };
    if is_deflated(&syntax) {
        let mut inflated = Vec::new();
        DeflateDecoder::new(rest).read_to_end(&mut inflated).ok()?;
        let left = encoding.after_pixels(&inflated)?;
        // Bytes after the pixels cannot be cut off from deflated data.
        return left.is_empty().then_some(file);
    }
    let left = encoding.after_pixels(rest)?.len();
    Some(&file[..file.len() - left])
}

/// The deflated data set of a file; `None` where it is not deflated or its start is damaged.
pub(super) fn deflated_part(file: &[u8]) -> Option<&[u8]> {
    let mut rest = file.get(132..)?;
    is_deflated(&transfer_syntax(&mut rest)?).then_some(rest)
}

fn is_deflated(syntax: &str) -> bool {
    [
        uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        uids::JPIP_REFERENCED_DEFLATE,
        uids::JPIPHTJ2K_REFERENCED_DEFLATE,
    ]
    .contains(&syntax)
}

/// Skips the file meta information, always in explicit VR little endian, and returns its transfer
/// syntax. Its first element states its length.
fn transfer_syntax(rest: &mut &[u8]) -> Option<String> {
    let meta = Encoding { explicit: true, big: false };
    let (tags::FILE_META_INFORMATION_GROUP_LENGTH, length) = meta.element(rest, 0)? else {
        return None;
    };
    let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
    let (start, mut syntax) = (rest.len(), String::new());
    while start - rest.len() < length {
        let (tag, value) = meta.element(rest, 0)?;
        if tag.group() == ITEM.group() {
            return None;
        }
        if tag == tags::TRANSFER_SYNTAX_UID {
            let padding = |letter: char| letter == '\0' || letter.is_whitespace();
            syntax = String::from_utf8_lossy(value).trim_end_matches(padding).to_string();
        }
    }
    Some(syntax)
}

/// Encoding of the elements.
#[derive(Clone, Copy)]
struct Encoding {
    /// Whether each element states its VR.
    explicit: bool,
    /// Whether numbers are big endian.
    big: bool,
}

impl Encoding {
    /// Bytes after the pixels, or none without pixels.
    fn after_pixels(self, mut rest: &[u8]) -> Option<&[u8]> {
        while !rest.is_empty() {
            match self.element(&mut rest, 0)? {
                (tags::PIXEL_DATA, _) => break,
                (ITEM_END, _) => {}
                (tag, _) if tag.group() == ITEM.group() => return None,
                _ => {}
            }
        }
        Some(rest)
    }

    /// Skips one element and returns its tag, with its value where its length is defined. Of a
    /// delimiter only the header is skipped.
    fn element<'a>(self, rest: &mut &'a [u8], depth: usize) -> Option<(Tag, &'a [u8])> {
        let tag = self.tag(rest)?;
        if tag.group() == ITEM.group() {
            self.u32(rest)?;
            return Some((tag, &[]));
        }
        let vr = self.vr(rest, tag)?;
        let length = if self.explicit && has_short_length(vr) {
            u32::from(self.u16(rest)?)
        } else {
            take(rest, if self.explicit { 2 } else { 0 })?;
            self.u32(rest)?
        };
        if length != UNDEFINED {
            let value = take(rest, length as usize)?;
            // The parser would complete a truncated number from the next element.
            if tag != tags::PIXEL_DATA && !value.len().is_multiple_of(number_bytes(vr)) {
                return None;
            }
            if &vr == b"SQ" {
                let mut items = value;
                while !items.is_empty() {
                    self.item(&mut items, depth)?;
                }
            }
            return Some((tag, value));
        }
        let has_fragments = tag == tags::PIXEL_DATA && &vr != b"SQ";
        loop {
            if self.tag(&mut &**rest)? == SEQUENCE_END {
                take(rest, 8)?;
                return Some((tag, &[]));
            }
            if has_fragments {
                if self.tag(rest)? != ITEM {
                    return None;
                }
                let length = self.u32(rest)?;
                take(rest, length as usize)?;
            } else {
                self.item(rest, depth)?;
            }
        }
    }

    /// Skips one item of a sequence.
    fn item(self, rest: &mut &[u8], depth: usize) -> Option<()> {
        if depth == MAX_DEPTH || self.tag(rest)? != ITEM {
            return None;
        }
        let length = self.u32(rest)?;
        if length != UNDEFINED {
            let mut elements = take(rest, length as usize)?;
            while !elements.is_empty() {
                let (tag, _) = self.element(&mut elements, depth + 1)?;
                if tag.group() == ITEM.group() {
                    return None;
                }
            }
            return Some(());
        }
        loop {
            match self.element(rest, depth + 1)? {
                (ITEM_END, _) => return Some(()),
                (tag, _) if tag.group() == ITEM.group() => return None,
                _ => {}
            }
        }
    }

    /// VR of an element, stated or from the dictionary.
    fn vr(self, rest: &mut &[u8], tag: Tag) -> Option<[u8; 2]> {
        if self.explicit {
            return take(rest, 2)?.try_into().ok();
        }
        let entry = StandardDataDictionary.by_tag(tag);
        Some(entry.map_or(VR::UN, |entry| entry.vr().relaxed()).to_bytes())
    }

    fn tag(self, rest: &mut &[u8]) -> Option<Tag> {
        Some(Tag(self.u16(rest)?, self.u16(rest)?))
    }

    fn u16(self, rest: &mut &[u8]) -> Option<u16> {
        let bytes = take(rest, 2)?.try_into().ok()?;
        Some(if self.big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(self, rest: &mut &[u8]) -> Option<u32> {
        let bytes = take(rest, 4)?.try_into().ok()?;
        Some(if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }
}

/// Whether the length of a VR has two bytes in explicit encoding.
fn has_short_length(vr: [u8; 2]) -> bool {
    const SHORT: &[u8; 42] = b"AEASATCSDADSDTFDFLISLOLTPNSHSLSSSTTMUIULUS";
    SHORT.chunks(2).any(|short| short == vr)
}

/// Bytes of one number of a VR, 1 for text and bytes.
fn number_bytes(vr: [u8; 2]) -> usize {
    match &vr {
        b"US" | b"SS" | b"OW" => 2,
        b"AT" | b"FL" | b"SL" | b"UL" | b"OF" | b"OL" => 4,
        b"FD" | b"SV" | b"UV" | b"OD" | b"OV" => 8,
        _ => 1,
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::*;

    const EXPLICIT: &str = "1.2.840.10008.1.2.1";

    /// Bytes of a file in this transfer syntax, with `rest` after the meta information.
    fn file(syntax: &str, rest: &[u8]) -> Vec<u8> {
        let padded = [syntax.as_bytes(), &[0; 2][..syntax.len() % 2]].concat();
        let length = [padded.len() as u8];
        let element = [b"\x02\0\x10\0UI", &length[..], b"\0", &padded].concat();
        let all = [element.len() as u8, 0, 0, 0];
        [&[0; 128], &b"DICM\x02\0\0\0UL\x04\0"[..], &all, &element, rest].concat()
    }

    /// Whether elements in explicit VR little endian are intact.
    fn intact(rest: &[u8]) -> bool {
        intact_part(&file(EXPLICIT, rest)).is_some()
    }

    fn deflated(rest: &[u8]) -> Vec<u8> {
        let mut out = DeflateEncoder::new(Vec::new(), Compression::default());
        out.write_all(rest).unwrap();
        out.finish().unwrap()
    }

    #[test]
    fn truncated_elements_are_rejected() {
        assert!(intact(b""));
        assert!(intact(b"\x08\0\x60\0CS\x02\0CT"));
        assert!(!intact(b"\x08\0\x60\0CS\x04\0CT"));
        assert!(!intact(b"\x08\0\x60\0OB\0\0\0\0\0\x70CT"));
        // A sequence with one item, both with delimiters, and one with lengths.
        let nested = b"\x08\0\x60\0SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff\
            \x08\0\x60\0CS\x02\0CT\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0";
        assert!(intact(nested));
        for length in 1..nested.len() {
            assert!(!intact(&nested[..length]), "{length}");
        }
        let lengths = b"\x08\0\x60\0SQ\0\0\x12\0\0\0\xfe\xff\0\xe0\x0a\0\0\0\
            \x08\0\x60\0CS\x02\0CT";
        assert!(intact(lengths));
        // Compressed pixels: an offset table and a fragment. What follows is cut off.
        let pixels = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\0\0\0\0\
            \xfe\xff\0\xe0\x02\0\0\0xx\xfe\xff\xdd\xe0\0\0\0\0";
        assert!(intact(pixels));
        let longer = file(EXPLICIT, &[&pixels[..], b"\x08\0\x60\0OB\0\0\0\0\0\x70"].concat());
        assert_eq!(intact_part(&longer), Some(&file(EXPLICIT, pixels)[..]));
        assert!(!intact(&pixels[..pixels.len() - 1]));
    }

    #[test]
    fn every_encoding_is_checked() {
        let is_intact = |syntax: &str, rest: &[u8]| intact_part(&file(syntax, rest)).is_some();
        let big = |length: u8| [b"\0\x08\0\x60CS\0", &[length][..], b"CT"].concat();
        assert!(is_intact(BIG_ENDIAN, &big(2)));
        assert!(!is_intact(BIG_ENDIAN, &big(4)));
        let deflate = uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN;
        assert!(is_intact(deflate, &deflated(b"\x08\0\x60\0CS\x02\0CT")));
        assert!(!is_intact(deflate, &deflated(b"\x08\0\x60\0OB\0\0\0\0\0\x70CT")));
        assert!(!is_intact(deflate, b"no deflated data"));
        // Implicit: only the dictionary knows that (0008,1140) is a sequence.
        let implicit = uids::IMPLICIT_VR_LITTLE_ENDIAN;
        let item = |length: u8| {
            let element = [b"\x08\0\x60\0", &[length, 0, 0, 0][..], b"CT"].concat();
            [b"\x08\0\x40\x11\x12\0\0\0\xfe\xff\0\xe0\x0a\0\0\0", &element[..]].concat()
        };
        assert!(is_intact(implicit, &item(2)));
        assert!(!is_intact(implicit, &item(4)));
    }

    #[test]
    fn truncated_number_is_rejected() {
        assert!(intact(b"\x28\0\x10\0US\x02\0\x01\0"));
        assert!(!intact(b"\x28\0\x10\0US\x03\0\x01\0\0"));
        assert!(!intact(b"\x28\0\x10\0FD\x04\0\0\0\0\0"));
        assert!(intact(b"\x28\0\x10\0LO\x03\0abc"));
        // Pixels may be truncated within a number: nothing is read after them.
        assert!(intact(b"\xe0\x7f\x10\0OW\0\0\x03\0\0\0abc"));
        let rows = b"\x28\0\x10\0\x03\0\0\0\x01\0\0";
        assert!(intact_part(&file(uids::IMPLICIT_VR_LITTLE_ENDIAN, rows)).is_none());
    }

    #[test]
    fn length_of_the_meta_information_is_checked() {
        let mut longer = file(EXPLICIT, b"\x08\0\x60\0CS\x02\0CT");
        longer[140] += 10;
        assert!(intact_part(&longer).is_some());
        longer[140] += 1;
        assert!(intact_part(&longer).is_none());
        assert!(intact_part(&longer[..150]).is_none());
    }

    #[test]
    fn endless_nesting_is_rejected() {
        let deep =
            b"\x08\0\x60\0SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff".repeat(10_000);
        assert!(!intact(&deep));
    }
}
