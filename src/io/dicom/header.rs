//! Headers of DICOM elements: tag, VR and length, in the encoding that is stated or found.

use std::fmt;

use dicom_core::Tag;
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::header::VR;
use dicom_dictionary_std::StandardDataDictionary;

/// Undefined length: a delimiter ends the element.
pub(super) const UNDEFINED: u32 = u32::MAX;

pub(super) const ITEM: Tag = Tag(0xfffe, 0xe000);
pub(super) const ITEM_END: Tag = Tag(0xfffe, 0xe00d);
pub(super) const SEQUENCE_END: Tag = Tag(0xfffe, 0xe0dd);

/// Damage in a data set: the element, its place and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(super) tag: Option<Tag>,
    pub(super) offset: usize,
    pub(super) reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self.tag {
            Some(tag) => {
                let entry = StandardDataDictionary.by_tag(tag);
                let name = entry.map(|entry| format!(" {}", entry.alias())).unwrap_or_default();
                write!(out, "element {tag}{name} at byte {}: {}", self.offset, self.reason)
            }
            None => write!(out, "byte {}: {}", self.offset, self.reason),
        }
    }
}

/// Encoding of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    /// Whether each element states its VR.
    pub(crate) explicit: bool,
    /// Whether numbers are big endian.
    pub(crate) big: bool,
}

impl Encoding {
    /// Explicit VR, little endian.
    pub(crate) const EXPLICIT: Encoding = Encoding { explicit: true, big: false };
    /// Implicit VR, little endian.
    pub(crate) const IMPLICIT: Encoding = Encoding { explicit: false, big: false };
}

/// Encoding of the data set that begins at `start`, by its first element. `stated` where there is
/// none.
pub(crate) fn encoding_of(bytes: &[u8], start: usize, stated: Encoding) -> Encoding {
    match bytes.get(start..start + 8) {
        // Groups at the beginning are below 256.
        Some(&[first, second, _, _, a, b, ..]) => {
            Encoding { explicit: VR::from_binary([a, b]).is_some(), big: first == 0 && second != 0 }
        }
        _ => stated,
    }
}

/// Whether a data set of CT begins here: an element of group 0002 or 0008, and one after it. Of the
/// file only the beginning needs to be known, `total` is its length.
pub(crate) fn begins_data_set(beginning: &[u8], total: usize) -> bool {
    let encoding = encoding_of(beginning, 0, Encoding::IMPLICIT);
    let header = |at: usize| Header::read(beginning, at, beginning.len(), encoding).ok();
    let Some(first) = header(0).filter(|first| matches!(first.tag.group(), 2 | 8)) else {
        return false;
    };
    let end = first.value.saturating_add(first.length as usize);
    if first.length == UNDEFINED || end > total {
        return false;
    }
    header(end).is_some_and(|next| next.tag > first.tag && next.tag.group() < 0x7fe0)
}

/// Header of an element.
pub(super) struct Header {
    pub(super) tag: Tag,
    /// As stated, or from the dictionary.
    pub(super) vr: VR,
    pub(super) length: u32,
    /// Place of the tag.
    pub(super) start: usize,
    /// Place of the value.
    pub(super) value: usize,
    pub(super) encoding: Encoding,
}

impl Header {
    pub(super) fn fault(&self, reason: impl Into<String>) -> Fault {
        Fault { tag: Some(self.tag), offset: self.start, reason: reason.into() }
    }

    /// Reads the header of the element at `at`.
    ///
    /// # Errors
    /// [`Fault`] where the header is truncated.
    pub(super) fn read(
        bytes: &[u8],
        at: usize,
        limit: usize,
        encoding: Encoding,
    ) -> Result<Header, Fault> {
        let big = encoding.big;
        let ended = |tag| Fault {
            tag,
            offset: at,
            reason: "the file ends within the header of an element".to_string(),
        };
        let start = bytes.get(at..limit).and_then(|rest| rest.get(..8)).ok_or(ended(None))?;
        let tag = Tag(u16_of([start[0], start[1]], big), u16_of([start[2], start[3]], big));
        let implicit_length = u32_of([start[4], start[5], start[6], start[7]], big);
        let header = |vr, length, header_bytes, explicit| Header {
            tag,
            vr,
            length,
            start: at,
            value: at + header_bytes,
            encoding: Encoding { explicit, big },
        };
        if tag.group() == ITEM.group() {
            return Ok(header(VR::UN, implicit_length, 8, encoding.explicit));
        }
        let stated = VR::from_binary([start[4], start[5]]);
        let fits = implicit_length == UNDEFINED
            || implicit_length as usize <= limit.saturating_sub(at + 8);
        let is_explicit = match (encoding.explicit, stated) {
            (true, Some(_)) => true,
            // A VR of a later edition of the standard, or an implicit element.
            (true, None) => start[4..6].iter().all(u8::is_ascii_uppercase) || !fits,
            (false, Some(_)) => !fits,
            (false, None) => false,
        };
        if !is_explicit {
            return Ok(header(dictionary_vr(tag), implicit_length, 8, false));
        }
        let vr = stated.unwrap_or(VR::UN);
        if has_short_length(vr) {
            let length = u16_of([start[6], start[7]], big);
            return Ok(header(vr, length.into(), 8, true));
        }
        let length = bytes.get(at + 8..limit).and_then(|rest| rest.first_chunk::<4>());
        Ok(header(vr, u32_of(*length.ok_or(ended(Some(tag)))?, big), 12, true))
    }
}

/// VR of an element in the dictionary, `UN` where it is not known.
pub(super) fn dictionary_vr(tag: Tag) -> VR {
    match tag.element() {
        // Lengths of groups, and names of private blocks.
        0 => VR::UL,
        0x10..=0xff if tag.group() % 2 == 1 => VR::LO,
        _ => StandardDataDictionary.by_tag(tag).map_or(VR::UN, |entry| entry.vr().relaxed()),
    }
}

/// Whether the length of a VR has two bytes in explicit encoding.
fn has_short_length(vr: VR) -> bool {
    use VR::*;
    matches!(
        vr,
        AE | AS
            | AT
            | CS
            | DA
            | DS
            | DT
            | FD
            | FL
            | IS
            | LO
            | LT
            | PN
            | SH
            | SL
            | SS
            | ST
            | TM
            | UI
            | UL
            | US
    )
}

fn u16_of(bytes: [u8; 2], big: bool) -> u16 {
    if big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
}

fn u32_of(bytes: [u8; 4], big: bool) -> u32 {
    if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_of_data_sets_are_recognised() {
        let explicit = b"\x08\0\x05\0CS\x0a\0ISO_IR 100\x08\0\x08\0CS\x02\0AB";
        assert!(begins_data_set(explicit, 1000));
        let implicit = b"\x08\0\x05\0\x0a\0\0\0ISO_IR 100\x08\0\x08\0\x02\0\0\0AB";
        assert!(begins_data_set(implicit, 1000));
        let big = b"\0\x08\0\x05CS\0\x0aISO_IR 100\0\x08\0\x08CS\0\x02AB";
        assert!(begins_data_set(big, 1000));
        assert!(!begins_data_set(explicit, 10), "longer than the file");
        assert!(!begins_data_set(&explicit[18..], 1000), "a single element");
        assert!(!begins_data_set(b"<html><body>404</body></html>", 1000));
        assert!(!begins_data_set(&[0; 400], 400));
        assert!(!begins_data_set(b"\x5c\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 400), "NIfTI");
    }
}
