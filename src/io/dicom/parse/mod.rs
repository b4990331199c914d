//! Parses the elements of a DICOM data set.
//!
//! Files in use break the standard in ways that other readers put up with: elements or sequences
//! with the VR `UN`, implicit elements in a file that states to be explicit and the other way
//! round, values of odd length. Each length is checked against the bytes that follow before a
//! value is taken, so that a damaged one costs no memory.

mod parser;

use std::ops::Range;

use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use self::parser::{Parser, Token};
use crate::io::dicom::file::{is_deflated, text};
use crate::io::dicom::header::{Encoding, Fault, ITEM};

/// Place of the pixels in the bytes of a data set.
#[derive(Clone, Debug)]
pub(crate) enum PixelBytes {
    /// Pixels that are not compressed.
    Native {
        /// Bytes of all frames.
        bytes: Range<usize>,
        /// Whether the element consists of words of two bytes (OW), rather than bytes (OB).
        words: bool,
    },
    /// Compressed pixels.
    Fragments {
        /// Basic offset table; may be empty.
        offsets: Range<usize>,
        /// The other fragments.
        fragments: Vec<Range<usize>>,
    },
}

/// Elements before the pixels, and the place of the pixels.
#[derive(Debug)]
pub(crate) struct DataSet {
    /// Elements up to the pixels or to the damage.
    pub(crate) object: InMemDicomObject,
    pub(crate) pixels: Option<PixelBytes>,
    /// Damage, after which nothing was read.
    pub(crate) fault: Option<Fault>,
    /// First byte after the elements.
    pub(crate) end: usize,
}

/// Parses a data set that begins at `start`, up to its pixels.
pub(crate) fn data_set(bytes: &[u8], start: usize, encoding: Encoding) -> DataSet {
    parse(bytes, start, encoding, |_, _| false)
}

/// Parses the file meta information, which begins at `start` and has the group 0002. It may state
/// its length.
pub(crate) fn meta_information(bytes: &[u8], start: usize) -> DataSet {
    let mut stated_end = None;
    parse(bytes, start, Encoding::EXPLICIT, |object, at| {
        if stated_end.is_none() {
            let length = object.get(tags::FILE_META_INFORMATION_GROUP_LENGTH);
            let length = length.and_then(|length| length.to_int::<usize>().ok());
            stated_end = length.map(|length| at.saturating_add(length));
        }
        // Stated lengths may be wrong; but deflated data may look like another element.
        let is_deflated = || is_deflated(&text(object, tags::TRANSFER_SYNTAX_UID));
        bytes.get(at..at + 2) != Some(&[2, 0]) || (stated_end == Some(at) && is_deflated())
    })
}

fn parse(
    bytes: &[u8],
    start: usize,
    encoding: Encoding,
    mut ended: impl FnMut(&InMemDicomObject, usize) -> bool,
) -> DataSet {
    let mut parser = Parser::new(bytes);
    // Behind it there are but zeros, which fill a block.
    let filled = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let mut set =
        DataSet { object: InMemDicomObject::new_empty(), pixels: None, fault: None, end: start };
    while set.end < filled && !ended(&set.object, set.end) {
        let at = set.end;
        match parser.element(&mut set.end, bytes.len(), encoding, 0) {
            Ok(Token::Element(element)) => {
                parser.note_charset(&element);
                set.object.put(element);
            }
            Ok(Token::Pixels(pixels)) => {
                set.pixels = Some(pixels);
                break;
            }
            Ok(Token::Delimiter(ITEM)) => {
                let reason = "an item outside of a sequence".to_string();
                set.fault = Some(Fault { tag: Some(ITEM), offset: at, reason });
            }
            Ok(Token::Delimiter(_)) => {}
            Err(fault) => set.fault = Some(fault),
        }
        if set.fault.is_some() {
            break;
        }
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Elements in explicit VR little endian, with the fault.
    fn parsed(bytes: &[u8]) -> DataSet {
        data_set(bytes, 0, Encoding::EXPLICIT)
    }

    fn is_intact(bytes: &[u8]) -> bool {
        parsed(bytes).fault.is_none()
    }

    #[test]
    fn truncated_elements_are_rejected_with_their_place() {
        assert!(is_intact(b""));
        assert!(is_intact(b"\x08\0\x60\0CS\x02\0CT"));
        let set = parsed(b"\x08\0\x60\0CS\x02\0CT\x08\0\x61\0CS\x04\0CT");
        assert_eq!(text(&set.object, tags::MODALITY), "CT");
        let fault = set.fault.unwrap().to_string();
        let expected = "element (0008,0061) ModalitiesInStudy at byte 10: states 4 bytes, but only";
        assert!(fault.starts_with(expected), "{fault}");
        assert!(!is_intact(b"\x08\0\x60\0OB\0\0\0\0\0\x70CT"));
        // A sequence with one item, both with delimiters, and one with lengths.
        let nested = b"\x08\0\x60\0SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff\
            \x08\0\x60\0CS\x02\0CT\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0";
        assert!(is_intact(nested));
        for length in 1..nested.len() {
            assert!(!is_intact(&nested[..length]), "{length}");
        }
        let lengths = b"\x08\0\x60\0SQ\0\0\x12\0\0\0\xfe\xff\0\xe0\x0a\0\0\0\
            \x08\0\x60\0CS\x02\0CT";
        assert!(is_intact(lengths));
        // An item that states more bytes than its sequence.
        let longer = [&lengths[..16], b"\x0b", &lengths[17..]].concat();
        assert!(!is_intact(&longer));
    }

    #[test]
    fn nothing_is_read_after_the_pixels() {
        // An offset table and a fragment, then an element that states too many bytes.
        let pixels = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\0\0\0\0\
            \xfe\xff\0\xe0\x02\0\0\0xx\xfe\xff\xdd\xe0\0\0\0\0";
        let set = parsed(&[&pixels[..], b"\x08\0\x60\0OB\0\0\0\0\0\x70"].concat());
        assert!(set.fault.is_none());
        assert_eq!(set.end, pixels.len());
        let Some(PixelBytes::Fragments { offsets, fragments }) = set.pixels else {
            panic!("{set:?}");
        };
        assert!(offsets.is_empty());
        assert_eq!(fragments, vec![28..30]);
        for length in 1..pixels.len() {
            assert!(!is_intact(&pixels[..length]), "{length}");
        }
        // Those of an icon are not those of the image.
        let icon = b"\x88\0\0\x02SQ\0\0\x16\0\0\0\xfe\xff\0\xe0\x0e\0\0\0\
            \xe0\x7f\x10\0OB\0\0\x02\0\0\0xx";
        let set = parsed(icon);
        assert!(set.fault.is_none() && set.pixels.is_none(), "{set:?}");
    }

    #[test]
    fn truncated_number_is_no_number() {
        let number = |bytes| {
            let object = parsed(bytes).object;
            object.get(tags::ROWS).and_then(|rows| rows.to_int::<u16>().ok())
        };
        assert_eq!(number(b"\x28\0\x10\0US\x02\0\x01\x02"), Some(513));
        assert_eq!(number(b"\x28\0\x10\0US\x03\0\x01\x02\x03"), None);
        // What follows is read.
        let set = parsed(b"\x28\0\x10\0US\x01\0\x01\x28\0\x11\0US\x02\0\x05\0");
        assert_eq!(set.object.get(tags::COLUMNS).unwrap().to_int::<u16>().unwrap(), 5);
    }

    #[test]
    fn zeros_take_time_in_proportion_to_their_number() {
        let zeros = vec![0; 1 << 22];
        let start = std::time::Instant::now();
        let set = data_set(&[&zeros[..], &[1]].concat(), 0, Encoding::IMPLICIT);
        assert!(set.fault.is_some());
        assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
        assert!(data_set(&zeros, 0, Encoding::IMPLICIT).fault.is_none());
    }

    #[test]
    fn endless_nesting_and_retries_are_rejected() {
        let deep =
            b"\x08\0\x60\0SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff".repeat(10_000);
        assert!(!is_intact(&deep));
        let unknown =
            b"\x09\0\x10\x10UN\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff".repeat(3_000);
        assert!(!is_intact(&unknown));
    }
}
