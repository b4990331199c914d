//! The part of a DICOM file whose elements hold as many bytes as they say.
//!
//! The parser makes room for an element before it reads it, up to 4 GB for a length that is damaged,
//! and takes compressed pixels that the end of the file cuts short as they are. So the lengths are
//! walked through first, just as the parser will walk: what it would read in another way than it is
//! walked here is refused.

use std::io::Read;

use dicom_core::Tag;
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::header::VR;
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};
use flate2::read::DeflateDecoder;

/// The transfer syntax explicit VR big endian, which is retired.
const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// Deeper is no image.
const MAX_DEPTH: usize = 16;

/// A length that is not told: a delimiter follows.
const UNDEFINED: u32 = u32::MAX;

const ITEM: Tag = Tag(0xfffe, 0xe000);
const ITEM_END: Tag = Tag(0xfffe, 0xe00d);
const SEQUENCE_END: Tag = Tag(0xfffe, 0xe0dd);

/// The file up to the end of its pixels, or all of it where there are none; `None` where an element
/// ends after the file does. `file` begins with the preamble.
pub(crate) fn sound_part(file: &[u8]) -> Option<&[u8]> {
    let mut rest = file.get(132..)?;
    let syntax = transfer_syntax(&mut rest)?;
    let encoding = match syntax.as_str() {
        uids::IMPLICIT_VR_LITTLE_ENDIAN => Encoding { explicit: false, big: false },
        BIG_ENDIAN => Encoding { explicit: true, big: true },
        _ => Encoding { explicit: true, big: false },
    };
    if [
        uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        uids::JPIP_REFERENCED_DEFLATE,
        uids::JPIPHTJ2K_REFERENCED_DEFLATE,
    ]
    .contains(&syntax.as_str())
    {
        let mut inflated = Vec::new();
        DeflateDecoder::new(rest).read_to_end(&mut inflated).ok()?;
        let left = encoding.after_pixels(&inflated)?;
        // What lies behind the pixels cannot be cut off here.
        return left.is_empty().then_some(file);
    }
    let left = encoding.after_pixels(rest)?.len();
    Some(&file[..file.len() - left])
}

/// Passes over what the file says of itself, in explicit little endian whatever follows: as many
/// bytes as its first element says.
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

/// How elements are written.
#[derive(Clone, Copy)]
struct Encoding {
    /// Whether each element names its type.
    explicit: bool,
    /// Whether the first byte of a number is its greatest.
    big: bool,
}

impl Encoding {
    /// What follows the pixels, or nothing where there are none.
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

    /// Passes over one element; gives its tag, and its value where its length is told. Of a
    /// delimiter, passes over the head alone.
    fn element<'a>(self, rest: &mut &'a [u8], depth: usize) -> Option<(Tag, &'a [u8])> {
        let tag = self.tag(rest)?;
        if tag.group() == ITEM.group() {
            self.number(rest)?;
            return Some((tag, &[]));
        }
        let kind = self.kind(rest, tag)?;
        let length = if self.explicit && has_short_length(kind) {
            u32::from(self.short(rest)?)
        } else {
            take(rest, if self.explicit { 2 } else { 0 })?;
            self.number(rest)?
        };
        if length != UNDEFINED {
            let value = take(rest, length as usize)?;
            // Of a part of a number the parser would begin to read the next element.
            if tag != tags::PIXEL_DATA && !value.len().is_multiple_of(bytes_of_number(kind)) {
                return None;
            }
            if &kind == b"SQ" {
                let mut items = value;
                while !items.is_empty() {
                    self.item(&mut items, depth)?;
                }
            }
            return Some((tag, value));
        }
        let has_fragments = tag == tags::PIXEL_DATA && &kind != b"SQ";
        loop {
            if self.tag(&mut &**rest)? == SEQUENCE_END {
                take(rest, 8)?;
                return Some((tag, &[]));
            }
            if has_fragments {
                if self.tag(rest)? != ITEM {
                    return None;
                }
                let length = self.number(rest)?;
                take(rest, length as usize)?;
            } else {
                self.item(rest, depth)?;
            }
        }
    }

    /// Passes over one item of a sequence.
    fn item(self, rest: &mut &[u8], depth: usize) -> Option<()> {
        if depth == MAX_DEPTH || self.tag(rest)? != ITEM {
            return None;
        }
        let length = self.number(rest)?;
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

    /// The type of an element: it tells, or the dictionary does.
    fn kind(self, rest: &mut &[u8], tag: Tag) -> Option<[u8; 2]> {
        if self.explicit {
            return take(rest, 2)?.try_into().ok();
        }
        let entry = StandardDataDictionary.by_tag(tag);
        Some(entry.map_or(VR::UN, |entry| entry.vr().relaxed()).to_bytes())
    }

    fn tag(self, rest: &mut &[u8]) -> Option<Tag> {
        Some(Tag(self.short(rest)?, self.short(rest)?))
    }

    fn short(self, rest: &mut &[u8]) -> Option<u16> {
        let bytes = take(rest, 2)?.try_into().ok()?;
        Some(if self.big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn number(self, rest: &mut &[u8]) -> Option<u32> {
        let bytes = take(rest, 4)?.try_into().ok()?;
        Some(if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }
}

/// Types whose length has two bytes in explicit encoding.
fn has_short_length(kind: [u8; 2]) -> bool {
    const SHORT: &[u8; 42] = b"AEASATCSDADSDTFDFLISLOLTPNSHSLSSSTTMUIULUS";
    SHORT.chunks(2).any(|short| short == kind)
}

/// Bytes of one number of this type; 1 for what is none.
fn bytes_of_number(kind: [u8; 2]) -> usize {
    match &kind {
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

    /// A file in this transfer syntax, from what follows what it says of itself.
    fn file(syntax: &str, rest: &[u8]) -> Vec<u8> {
        let padded = [syntax.as_bytes(), &[0; 2][..syntax.len() % 2]].concat();
        let length = [padded.len() as u8];
        let element = [b"\x02\0\x10\0UI", &length[..], b"\0", &padded].concat();
        let all = [element.len() as u8, 0, 0, 0];
        [&[0; 128], &b"DICM\x02\0\0\0UL\x04\0"[..], &all, &element, rest].concat()
    }

    /// Whether the elements hold what they say, in explicit little endian.
    fn hold(rest: &[u8]) -> bool {
        sound_part(&file(EXPLICIT, rest)).is_some()
    }

    fn deflated(rest: &[u8]) -> Vec<u8> {
        let mut out = DeflateEncoder::new(Vec::new(), Compression::default());
        out.write_all(rest).unwrap();
        out.finish().unwrap()
    }

    #[test]
    fn lengths_hold_only_where_the_bytes_are_there() {
        assert!(hold(b""));
        assert!(hold(b"\x08\0\x60\0CS\x02\0CT"));
        assert!(!hold(b"\x08\0\x60\0CS\x04\0CT"));
        assert!(!hold(b"\x08\0\x60\0OB\0\0\0\0\0\x70CT"));
        // A sequence with one item, both with delimiters, and one with lengths.
        let nested = b"\x08\0\x60\0SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff\
            \x08\0\x60\0CS\x02\0CT\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0";
        assert!(hold(nested));
        for length in 1..nested.len() {
            assert!(!hold(&nested[..length]), "{length}");
        }
        let lengths = b"\x08\0\x60\0SQ\0\0\x12\0\0\0\xfe\xff\0\xe0\x0a\0\0\0\
            \x08\0\x60\0CS\x02\0CT";
        assert!(hold(lengths));
        // Compressed pixels: an offset table and a fragment. What follows is cut off.
        let pixels = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\0\0\0\0\
            \xfe\xff\0\xe0\x02\0\0\0xx\xfe\xff\xdd\xe0\0\0\0\0";
        assert!(hold(pixels));
        let longer = file(EXPLICIT, &[&pixels[..], b"\x08\0\x60\0OB\0\0\0\0\0\x70"].concat());
        assert_eq!(sound_part(&longer), Some(&file(EXPLICIT, pixels)[..]));
        assert!(!hold(&pixels[..pixels.len() - 1]));
    }

    #[test]
    fn every_encoding_is_looked_into() {
        let sound = |syntax: &str, rest: &[u8]| sound_part(&file(syntax, rest)).is_some();
        let big = |length: u8| [b"\0\x08\0\x60CS\0", &[length][..], b"CT"].concat();
        assert!(sound(BIG_ENDIAN, &big(2)));
        assert!(!sound(BIG_ENDIAN, &big(4)));
        let deflate = uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN;
        assert!(sound(deflate, &deflated(b"\x08\0\x60\0CS\x02\0CT")));
        assert!(!sound(deflate, &deflated(b"\x08\0\x60\0OB\0\0\0\0\0\x70CT")));
        assert!(!sound(deflate, b"no deflated data"));
        // Implicit: that (0008,1140) is a sequence stands in the dictionary alone.
        let implicit = uids::IMPLICIT_VR_LITTLE_ENDIAN;
        let item = |length: u8| {
            let element = [b"\x08\0\x60\0", &[length, 0, 0, 0][..], b"CT"].concat();
            [b"\x08\0\x40\x11\x12\0\0\0\xfe\xff\0\xe0\x0a\0\0\0", &element[..]].concat()
        };
        assert!(sound(implicit, &item(2)));
        assert!(!sound(implicit, &item(4)));
    }

    #[test]
    fn a_part_of_a_number_is_none() {
        assert!(hold(b"\x28\0\x10\0US\x02\0\x01\0"));
        assert!(!hold(b"\x28\0\x10\0US\x03\0\x01\0\0"));
        assert!(!hold(b"\x28\0\x10\0FD\x04\0\0\0\0\0"));
        assert!(hold(b"\x28\0\x10\0LO\x03\0abc"));
        // Pixels are the last that is read.
        assert!(hold(b"\xe0\x7f\x10\0OW\0\0\x03\0\0\0abc"));
        let rows = b"\x28\0\x10\0\x03\0\0\0\x01\0\0";
        assert!(sound_part(&file(uids::IMPLICIT_VR_LITTLE_ENDIAN, rows)).is_none());
    }

    #[test]
    fn what_the_file_says_of_itself_ends_where_it_says() {
        let mut longer = file(EXPLICIT, b"\x08\0\x60\0CS\x02\0CT");
        longer[140] += 10;
        assert!(sound_part(&longer).is_some());
        longer[140] += 1;
        assert!(sound_part(&longer).is_none());
        assert!(sound_part(&longer[..150]).is_none());
    }

    #[test]
    fn sequences_without_end_are_refused() {
        let deep =
            b"\x08\0\x60\0SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff".repeat(10_000);
        assert!(!hold(&deep));
    }
}
