//! Parses elements, sequences and fragments one after another.

use std::ops::Range;

use dicom_core::header::VR;
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, Tag};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;

use super::PixelBytes;
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

/// What stands at a place.
pub(super) enum Token {
    Element(InMemElement),
    /// Item or end of an item or sequence.
    Delimiter(Tag),
    /// Pixels of the data set.
    Pixels(PixelBytes),
}

/// A data set while it is parsed.
pub(super) struct Parser<'a> {
    bytes: &'a [u8],
    charset: Charset,
    /// Elements so far.
    elements: usize,
    /// Sequences so far that were tried again in another encoding.
    retries: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Parser<'a> {
        Parser { bytes, charset: Charset::default(), elements: 0, retries: 0 }
    }

    /// Parses what stands at `at`, which moves behind it. `limit` is the end of the surrounding
    /// item, or of the file.
    pub(super) fn element(
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

    /// Takes the character set of the texts that follow from an element that names it.
    pub(super) fn note_charset(&mut self, element: &InMemElement) {
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
