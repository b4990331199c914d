//! Elements of data sets that are written.

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::header::{HasLength, VR};
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;

/// A data set.
pub(super) type Object = InMemDicomObject;

/// Largest number of characters of a decimal string.
const DECIMAL_LENGTH: usize = 16;

/// A code: value, scheme, meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Code value, up to 16 characters.
    pub value: String,
    /// Coding scheme, for example `SCT` or `DCM`.
    pub scheme: String,
    /// Meaning in words, up to 64 characters.
    pub meaning: String,
}

impl Code {
    /// Combines a code of a scheme with its meaning.
    pub fn new(value: &str, scheme: &str, meaning: &str) -> Code {
        Code { value: value.into(), scheme: scheme.into(), meaning: meaning.into() }
    }
}

/// VR of a tag by the dictionary.
pub(super) fn vr(tag: Tag) -> VR {
    StandardDataDictionary.by_tag(tag).map_or(VR::UN, |entry| entry.vr().relaxed())
}

/// Puts a text; several values are separated by `\`.
pub(super) fn put(object: &mut Object, tag: Tag, text: &str) {
    object.put(DataElement::new(tag, vr(tag), PrimitiveValue::from(text)));
}

/// Puts an element without value, unless there is one.
pub(super) fn require(object: &mut Object, required: &[Tag]) {
    for &tag in required {
        if object.get(tag).is_none() {
            object.put(DataElement::empty(tag, vr(tag)));
        }
    }
}

/// Puts 16-bit numbers.
pub(super) fn put_u16(object: &mut Object, tag: Tag, values: &[u16]) {
    object.put(DataElement::new(tag, VR::US, PrimitiveValue::U16(values.into())));
}

/// Puts a signed 16-bit number.
pub(super) fn put_i16(object: &mut Object, tag: Tag, value: i16) {
    object.put(DataElement::new(tag, VR::SS, PrimitiveValue::from(value)));
}

/// Puts 32-bit numbers.
pub(super) fn put_u32(object: &mut Object, tag: Tag, values: &[u32]) {
    object.put(DataElement::new(tag, VR::UL, PrimitiveValue::U32(values.into())));
}

/// Puts numbers as decimal strings.
pub(super) fn put_decimals(object: &mut Object, tag: Tag, values: &[f64]) {
    let texts: Vec<String> = values.iter().map(|&value| decimal(value)).collect();
    put(object, tag, &texts.join("\\"));
}

/// Puts a sequence.
pub(super) fn put_items(object: &mut Object, tag: Tag, items: Vec<Object>) {
    object.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
}

/// Puts a sequence of codes.
pub(super) fn put_codes(object: &mut Object, tag: Tag, codes: &[Code]) {
    let item = |code: &Code| {
        let mut item = Object::new_empty();
        put(&mut item, tags::CODE_VALUE, &code.value);
        put(&mut item, tags::CODING_SCHEME_DESIGNATOR, &code.scheme);
        put(&mut item, tags::CODE_MEANING, &code.meaning);
        item
    };
    put_items(object, tag, codes.iter().map(item).collect());
}

/// Copies the elements of these tags that `from` has.
pub(super) fn copy(object: &mut Object, from: &Object, kept: &[Tag]) {
    for &tag in kept {
        if let Some(element) = from.get(tag) {
            object.put(element.clone());
        }
    }
}

/// Text of an element without padding; `None` where it is missing or empty.
pub(super) fn text(object: &Object, tag: Tag) -> Option<String> {
    let text = object.get(tag)?.to_str().ok()?;
    let text = text.trim_matches(['\0', ' ']);
    (!text.is_empty()).then(|| text.to_string())
}

/// First number of an element; `None` where it is missing or no number.
pub(super) fn number(object: &Object, tag: Tag) -> Option<f64> {
    let element = object.get(tag).filter(|element| !element.is_empty())?;
    element.to_multi_float64().ok()?.first().copied().filter(|value| value.is_finite())
}

/// Items of a sequence; none where it is missing.
pub(super) fn items(object: &Object, tag: Tag) -> &[Object] {
    object.get(tag).and_then(|element| element.items()).unwrap_or_default()
}

/// An element without the private elements of its items, [`repaired`]; `None` for a private one.
pub(super) fn without_private(element: &InMemElement) -> Option<InMemElement> {
    let tag = element.header().tag;
    if tag.group() % 2 == 1 || tag.element() == 0 {
        return None;
    }
    let Some(items) = element.items() else { return Some(repaired(element.clone())) };
    let cleaned =
        items.iter().map(|item| Object::from_element_iter(item.iter().filter_map(without_private)));
    let sequence = DataSetSequence::from(cleaned.collect::<Vec<_>>());
    Some(DataElement::new(tag, VR::SQ, sequence))
}

/// An element whose text is as the standard wants it, where scanners and archives often differ:
/// code strings in upper case, numbers of up to as many characters as are allowed.
pub(super) fn repaired(element: InMemElement) -> InMemElement {
    let tag = element.header().tag;
    let repair: fn(&str) -> String = match element.vr() {
        VR::CS => |text| {
            let allowed = |letter: char| letter.is_ascii_alphanumeric() || " _".contains(letter);
            let letters = text.trim().chars().filter(|&letter| allowed(letter)).take(16);
            letters.collect::<String>().to_uppercase()
        },
        VR::DS => |text| match text.trim().parse::<f64>() {
            Ok(value) if text.trim().len() > DECIMAL_LENGTH && value.is_finite() => decimal(value),
            _ => text.trim().to_string(),
        },
        _ => return element,
    };
    let Ok(texts) = element.to_multi_str() else { return element };
    let values = texts.iter().flat_map(|text| text.split('\\'));
    let texts: Vec<String> = values.map(repair).collect();
    let vr = element.vr();
    match texts.iter().all(String::is_empty) {
        true => DataElement::empty(tag, vr),
        false => DataElement::new(tag, vr, PrimitiveValue::from(texts.join("\\"))),
    }
}

/// The decimal string of up to 16 characters that is closest to a number.
pub(super) fn decimal(value: f64) -> String {
    // Of a negative zero, too.
    let value = value + 0.0;
    let candidates = (0..DECIMAL_LENGTH)
        .rev()
        .flat_map(|digits| [format!("{value:.digits$}"), format!("{value:.digits$e}")]);
    let shortest = std::iter::once(value.to_string()).chain(candidates);
    let error = |text: &String| (text.parse::<f64>().unwrap_or(f64::INFINITY) - value).abs();
    shortest
        .filter(|text| text.len() <= DECIMAL_LENGTH)
        .min_by(|a, b| error(a).total_cmp(&error(b)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_repaired() {
        let repaired = |tag, text: &str| {
            let element = repaired(DataElement::new(tag, vr(tag), PrimitiveValue::from(text)));
            element.to_str().unwrap().to_string()
        };
        assert_eq!(repaired(tags::BODY_PART_EXAMINED, "Chest "), "CHEST");
        assert_eq!(repaired(tags::IMAGE_TYPE, "ORIGINAL\\Primary"), "ORIGINAL\\PRIMARY");
        assert_eq!(repaired(tags::SPECIFIC_CHARACTER_SET, "\\ISO 2022 IR 87"), "\\ISO 2022 IR 87");
        assert_eq!(repaired(tags::WINDOW_CENTER, "40\\-600.5"), "40\\-600.5");
        assert_eq!(repaired(tags::KVP, "120.000000000000000"), "120");
        assert_eq!(repaired(tags::PATIENT_NAME, "Any^one"), "Any^one");
    }

    #[test]
    fn decimal_strings_are_short_and_close() {
        assert_eq!(decimal(2.5), "2.5");
        assert_eq!(decimal(-0.0), "0");
        assert_eq!(decimal(-1024.0), "-1024");
        assert_eq!(decimal(1.0 / 3.0), "0.33333333333333");
        assert_eq!(decimal(-1000.0 / 3.0), "-333.33333333333");
        for value in [1e-9 / 3.0, -1.0 / 7.0e12, 123_456_789.123_456_79, -2e200 / 3.0, 0.1 + 0.2] {
            let text = decimal(value);
            assert!(text.len() <= 16, "{text}");
            assert!((text.parse::<f64>().unwrap() / value - 1.0).abs() < 1e-8, "{value}: {text}");
        }
    }
}
