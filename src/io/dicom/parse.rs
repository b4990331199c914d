//! Parses the elements of a DICOM data set.
//!
//! Files in use break the standard in ways that other readers put up with: elements or sequences
//! with the VR `UN`, implicit elements in a file that states to be explicit and the other way
//! round, values of odd length. Each length is checked against the bytes that follow before a
//! value is taken, so that a damaged one costs no memory.

use std::ops::Range;

use dicom_core::header::VR;
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, Tag};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;

use crate::io::dicom::file::{is_deflated, text};
use crate::io::dicom::header::{
    Encoding, Fault, Header, ITEM, ITEM_END, SEQUENCE_END, UNDEFINED, dictionary_vr,
};
use crate::io::dicom::value::{Charset, primitive};

/// Deepest nesting of sequences that is read.
const MAX_DEPTH: usize = 16;

/// Largest number of elements of a file that is read, those of sequences included.
const MAX_ELEMENTS: usize = 4_000_000;

/// Largest number of sequences that are tried again in another encoding.
const MAX_RETRIES: usize = 64;

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
    let mut parser = Parser { bytes, charset: Charset::default(), elements: 0, retries: 0 };
    let mut set =
        DataSet { object: InMemDicomObject::new_empty(), pixels: None, fault: None, end: start };
    while set.end < bytes.len() && !ended(&set.object, set.end) {
        // Zeros that fill a block.
        if bytes[set.end..].iter().all(|&byte| byte == 0) {
            break;
        }
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

/// What stands at a place.
enum Token {
    Element(InMemElement),
    /// Item or end of an item or sequence.
    Delimiter(Tag),
    /// Pixels of the data set.
    Pixels(PixelBytes),
}

struct Parser<'a> {
    bytes: &'a [u8],
    charset: Charset,
    elements: usize,
    retries: usize,
}

impl Parser<'_> {
    /// Parses what stands at `at`, which moves behind it. `limit` is the end of the surrounding
    /// item, or of the file.
    fn element(
        &mut self,
        at: &mut usize,
        limit: usize,
        encoding: Encoding,
        depth: usize,
    ) -> Result<Token, Fault> {
        let header = Header::read(self.bytes, *at, limit, encoding)?;
        if header.tag.group() == ITEM.group() {
            *at = header.value;
            return Ok(Token::Delimiter(header.tag));
        }
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            return Err(header.fault(format!("more than {MAX_ELEMENTS} elements")));
        }
        if header.length == UNDEFINED {
            return self.undefined(&header, at, limit, depth);
        }
        let length = header.length as usize;
        if length > limit - header.value {
            return Err(header.fault(format!(
                "states {length} bytes, but only {} follow; the file is truncated, or the length \
                 is wrong",
                limit - header.value
            )));
        }
        let value = header.value..header.value + length;
        *at = self.after(&header, value.end, limit, encoding);
        if depth == 0 && header.tag == tags::PIXEL_DATA && header.vr != VR::SQ {
            return Ok(Token::Pixels(PixelBytes::Native {
                bytes: value,
                words: header.vr == VR::OW,
            }));
        }
        Ok(Token::Element(self.defined(&header, value, depth)?))
    }

    /// Element of defined length.
    fn defined(
        &mut self,
        header: &Header,
        value: Range<usize>,
        depth: usize,
    ) -> Result<InMemElement, Fault> {
        // A value of unknown VR is implicit VR little endian, whatever the file is (PS3.5, 6.2.2).
        let is_unknown = header.vr == VR::UN && header.encoding.explicit;
        let (vr, encoding) = match is_unknown {
            true => (dictionary_vr(header.tag), Encoding::IMPLICIT),
            false => (header.vr, header.encoding),
        };
        if vr == VR::SQ {
            let mut at = value.start;
            match self.items(&mut at, value.end, Some(value.end), encoding, depth) {
                Ok(items) => return Ok(sequence(header.tag, items)),
                Err(fault) if !is_unknown => return Err(fault),
                Err(_) => {}
            }
        }
        let bytes = &self.bytes[value];
        let decoded = primitive(vr, bytes, encoding.big, &self.charset);
        Ok(match decoded {
            Some(value) => DataElement::new(header.tag, vr, value),
            // A sequence that could not be parsed, or a truncated number, which counts as missing.
            None => DataElement::empty(header.tag, vr),
        })
    }

    /// Element that a delimiter ends.
    fn undefined(
        &mut self,
        header: &Header,
        at: &mut usize,
        limit: usize,
        depth: usize,
    ) -> Result<Token, Fault> {
        *at = header.value;
        let is_pixels = header.tag == tags::PIXEL_DATA && header.vr != VR::SQ;
        if is_pixels || matches!(header.vr, VR::OB | VR::OW | VR::OF | VR::OD | VR::OL | VR::OV) {
            let mut fragments = self.fragments(header, at, limit)?.into_iter();
            if is_pixels && depth == 0 {
                let offsets = fragments.next().unwrap_or_default();
                let fragments = fragments.collect();
                return Ok(Token::Pixels(PixelBytes::Fragments { offsets, fragments }));
            }
            return Ok(Token::Element(DataElement::empty(header.tag, header.vr)));
        }
        if header.vr != VR::SQ && header.vr != VR::UN {
            return Err(header.fault(format!("{} of undefined length", header.vr.to_string())));
        }
        // A sequence of unknown VR is implicit, but some are explicit, and some hold raw bytes.
        let is_unknown = header.vr == VR::UN;
        let encoding = if is_unknown { Encoding::IMPLICIT } else { header.encoding };
        let fault = match self.items(at, limit, None, encoding, depth) {
            Ok(items) => return Ok(Token::Element(sequence(header.tag, items))),
            Err(fault) => fault,
        };
        self.retries += 1;
        if !is_unknown || self.retries > MAX_RETRIES {
            return Err(fault);
        }
        *at = header.value;
        if let Ok(items) = self.items(at, limit, None, Encoding::EXPLICIT, depth) {
            return Ok(Token::Element(sequence(header.tag, items)));
        }
        *at = header.value;
        self.fragments(header, at, limit).map_err(|_| fault)?;
        Ok(Token::Element(DataElement::empty(header.tag, VR::UN)))
    }

    /// Items of a sequence, up to `end` or to a delimiter.
    fn items(
        &mut self,
        at: &mut usize,
        limit: usize,
        end: Option<usize>,
        encoding: Encoding,
        depth: usize,
    ) -> Result<Vec<InMemDicomObject>, Fault> {
        let mut items = Vec::new();
        while Some(*at) != end {
            let header = Header::read(self.bytes, *at, limit, encoding)?;
            match header.tag {
                SEQUENCE_END => {
                    *at = header.value;
                    break;
                }
                ITEM if depth < MAX_DEPTH => {
                    let outer = self.charset.clone();
                    items.push(self.item(&header, at, limit, encoding, depth + 1)?);
                    self.charset = outer;
                }
                ITEM => return Err(header.fault("sequences are nested too deeply")),
                _ => return Err(header.fault("not the item of a sequence that must stand here")),
            }
        }
        Ok(items)
    }

    /// One item of a sequence.
    fn item(
        &mut self,
        header: &Header,
        at: &mut usize,
        limit: usize,
        encoding: Encoding,
        depth: usize,
    ) -> Result<InMemDicomObject, Fault> {
        *at = header.value;
        let end = match header.length {
            UNDEFINED => None,
            length if length as usize <= limit - header.value => {
                Some(header.value + length as usize)
            }
            length => {
                return Err(header.fault(format!(
                    "states {length} bytes, but only {} follow",
                    limit - header.value
                )));
            }
        };
        let limit = end.unwrap_or(limit);
        let mut object = InMemDicomObject::new_empty();
        while Some(*at) != end {
            let start = *at;
            match self.element(at, limit, encoding, depth)? {
                Token::Element(element) => {
                    self.note_charset(&element);
                    object.put(element);
                }
                Token::Delimiter(ITEM_END) => break,
                Token::Delimiter(SEQUENCE_END) if end.is_none() => {
                    // The end of the item is missing.
                    *at = start;
                    break;
                }
                Token::Delimiter(tag) => {
                    let reason = "within an item".to_string();
                    return Err(Fault { tag: Some(tag), offset: start, reason });
                }
                Token::Pixels(_) => {}
            }
        }
        Ok(object)
    }

    /// Fragments of compressed pixels, with the offset table, up to the delimiter.
    fn fragments(
        &self,
        element: &Header,
        at: &mut usize,
        limit: usize,
    ) -> Result<Vec<Range<usize>>, Fault> {
        let encoding = Encoding { explicit: true, big: element.encoding.big };
        let mut fragments = Vec::new();
        loop {
            let header = Header::read(self.bytes, *at, limit, encoding).map_err(|fault| {
                element.fault(format!("the file ends within the value, at {fault}"))
            })?;
            *at = header.value;
            match header.tag {
                SEQUENCE_END => return Ok(fragments),
                ITEM if header.length as usize <= limit - header.value => {
                    *at += header.length as usize;
                    fragments.push(header.value..*at);
                }
                ITEM => {
                    return Err(element.fault(format!(
                        "a fragment of {} bytes, but only {} follow",
                        header.length,
                        limit - header.value
                    )));
                }
                tag => {
                    return Err(element.fault(format!("{tag} instead of a fragment")));
                }
            }
        }
    }

    /// Place after a value: some writers pad a value of odd length without counting the byte.
    fn after(&self, header: &Header, end: usize, limit: usize, encoding: Encoding) -> usize {
        let follows = |at: usize| {
            at == limit
                || Header::read(self.bytes, at, limit, encoding).is_ok_and(|next| {
                    let is_later = next.tag > header.tag && next.tag.group() < 0xfffe;
                    let fits = next.length == UNDEFINED
                        || next.length as usize <= limit.saturating_sub(next.value);
                    next.tag.group() == ITEM.group() || (is_later && fits)
                })
        };
        match header.length % 2 == 1 && end < limit && !follows(end) && follows(end + 1) {
            true => end + 1,
            false => end,
        }
    }

    fn note_charset(&mut self, element: &InMemElement) {
        if element.header().tag == tags::SPECIFIC_CHARACTER_SET
            && let Ok(names) = element.to_multi_str()
        {
            self.charset = Charset::named(&names);
        }
    }
}

fn sequence(tag: Tag, items: Vec<InMemDicomObject>) -> InMemElement {
    DataElement::new(tag, VR::SQ, DataSetSequence::from(items))
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
    fn endless_nesting_and_retries_are_rejected() {
        let deep =
            b"\x08\0\x60\0SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff".repeat(10_000);
        assert!(!is_intact(&deep));
        let unknown =
            b"\x09\0\x10\x10UN\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff".repeat(3_000);
        assert!(!is_intact(&unknown));
    }
}
