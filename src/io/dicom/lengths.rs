//! Whether a DICOM file holds as many bytes as its elements say.
//!
//! The parser makes room for an element before it reads it, up to 4 GB for a length that is damaged,
//! and takes compressed pixels that the end of the file cuts short as they are. So the lengths are
//! walked through first.

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};

/// The transfer syntax explicit VR big endian, which is retired.
const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// Deeper is no image.
const DEEPEST: usize = 16;

/// A length that is not told: a delimiter follows.
const UNDEFINED: u32 = u32::MAX;

const ITEM: Tag = Tag(0xfffe, 0xe000);
const ITEM_END: Tag = Tag(0xfffe, 0xe00d);
const SEQUENCE_END: Tag = Tag(0xfffe, 0xe0dd);

/// Whether all elements up to the pixels end before the file does. `file` begins with the preamble.
///
/// Two rare transfer syntaxes are not looked into: deflated and big endian.
pub(super) fn hold(file: &[u8]) -> bool {
    let Some(mut rest) = file.get(132..) else {
        return false;
    };
    // What the file says of itself is in explicit little endian whatever follows.
    let mut explicit = true;
    while rest.starts_with(&[2, 0]) {
        let Some((tag, value)) = element(&mut rest, true, 0) else {
            return false;
        };
        if tag == tags::TRANSFER_SYNTAX_UID {
            let uid = String::from_utf8_lossy(value);
            match uid.trim_end_matches(['\0', ' ']) {
                uids::IMPLICIT_VR_LITTLE_ENDIAN => explicit = false,
                uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN | BIG_ENDIAN => {
                    return true;
                }
                _ => {}
            }
        }
    }
    while !rest.is_empty() {
        match element(&mut rest, explicit, 0) {
            None => return false,
            Some((tags::PIXEL_DATA, _)) => return true,
            Some(_) => {}
        }
    }
    true
}

/// Passes over one element; gives its tag, and its value where its length is told.
fn element<'a>(rest: &mut &'a [u8], explicit: bool, depth: usize) -> Option<(Tag, &'a [u8])> {
    let tag = tag(rest)?;
    let mut kind = [0; 2];
    let length = if explicit && tag.group() != ITEM.group() {
        kind.copy_from_slice(take(rest, 2)?);
        if has_short_length(kind) {
            u32::from(u16::from_le_bytes(take(rest, 2)?.try_into().ok()?))
        } else {
            take(rest, 2)?;
            number(rest)?
        }
    } else {
        number(rest)?
    };
    if length != UNDEFINED {
        let value = take(rest, length as usize)?;
        if &kind == b"SQ" {
            let mut items = value;
            while !items.is_empty() {
                item(&mut items, explicit, depth)?;
            }
        }
        return Some((tag, value));
    }
    // Of unknown type (UN): in implicit little endian, as the standard has it.
    let explicit = explicit && &kind != b"UN";
    loop {
        if rest.starts_with(&[0xfe, 0xff, 0xdd, 0xe0]) {
            take(rest, 8)?;
            return Some((tag, &[]));
        }
        if tag == tags::PIXEL_DATA {
            // Compressed: items are bytes.
            if self::tag(rest)? != ITEM {
                return None;
            }
            let length = number(rest)?;
            take(rest, length as usize)?;
        } else {
            item(rest, explicit, depth)?;
        }
    }
}

/// Passes over one item of a sequence.
fn item(rest: &mut &[u8], explicit: bool, depth: usize) -> Option<()> {
    if depth == DEEPEST || tag(rest)? != ITEM {
        return None;
    }
    let length = number(rest)?;
    if length != UNDEFINED {
        let mut elements = take(rest, length as usize)?;
        while !elements.is_empty() {
            element(&mut elements, explicit, depth + 1)?;
        }
        return Some(());
    }
    loop {
        let (tag, _) = element(rest, explicit, depth + 1)?;
        match tag {
            ITEM_END => return Some(()),
            SEQUENCE_END => return None,
            _ => {}
        }
    }
}

/// Types whose length has two bytes in explicit encoding.
fn has_short_length(kind: [u8; 2]) -> bool {
    const SHORT: &[u8; 42] = b"AEASATCSDADSDTFDFLISLOLTPNSHSLSSSTTMUIULUS";
    SHORT.chunks(2).any(|short| short == kind)
}

fn tag(rest: &mut &[u8]) -> Option<Tag> {
    let number = number(rest)?;
    Some(Tag(number as u16, (number >> 16) as u16))
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(take(rest, 4)?.try_into().ok()?))
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file in explicit little endian, from what follows its first element.
    fn file(rest: &[u8]) -> Vec<u8> {
        [&[0; 128], &b"DICM"[..], b"\x02\0\x10\0UI\x14\x001.2.840.10008.1.2.1\0", rest].concat()
    }

    #[test]
    fn lengths_hold_only_where_the_bytes_are_there() {
        assert!(hold(&file(b"")));
        assert!(hold(&file(b"\x08\0\x60\0CS\x02\0CT")));
        assert!(!hold(&file(b"\x08\0\x60\0CS\x04\0CT")));
        assert!(!hold(&file(b"\x08\0\x60\0OB\0\0\0\0\0\x70CT")));
        // A sequence with one item, both with delimiters, and one with lengths.
        let nested = b"\x08\0\x60\0SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff\
            \x08\0\x60\0CS\x02\0CT\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0";
        assert!(hold(&file(nested)));
        for length in 1..nested.len() {
            assert!(!hold(&file(&nested[..length])), "{length}");
        }
        let lengths = b"\x08\0\x60\0SQ\0\0\x12\0\0\0\xfe\xff\0\xe0\x0a\0\0\0\
            \x08\0\x60\0CS\x02\0CT";
        assert!(hold(&file(lengths)));
        // Compressed pixels: an offset table and a fragment. What follows does not matter.
        let pixels = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\0\0\0\0\
            \xfe\xff\0\xe0\x02\0\0\0xx\xfe\xff\xdd\xe0\0\0\0\0";
        assert!(hold(&file(pixels)));
        assert!(hold(&file(&[&pixels[..], b"junk"].concat())));
        assert!(!hold(&file(&pixels[..pixels.len() - 1])));
    }

    #[test]
    fn sequences_without_end_are_refused() {
        let deep =
            b"\x08\0\x60\0SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff".repeat(10_000);
        assert!(!hold(&file(&deep)));
    }
}
