//! Attributes of objects with labels, as texts of header lines.

use std::path::Path;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use crate::error::{Error, Result};
use crate::io::dicom::attributes::{Attributes, items};
use crate::io::dicom::file::text;

/// Whole number of at least 1.
///
/// # Errors
/// [`Error::Damaged`].
pub(super) fn count(path: &Path, object: &InMemDicomObject, tag: Tag, name: &str) -> Result<usize> {
    let count = Attributes::of_image(path, object).count(tag, name)?;
    count.filter(|&count| count > 0).ok_or_else(|| {
        let text = text(object, tag);
        Error::damaged(path, format!("{name} is {text:?}; it must be 1 or more"))
    })
}

/// Whole numbers; none where they are missing.
pub(super) fn integers(object: &InMemDicomObject, tag: Tag) -> Vec<i64> {
    object.get(tag).and_then(|element| element.to_multi_int().ok()).unwrap_or_default()
}

/// A code as 3D Slicer writes it: scheme, value and meaning of the first item of a sequence.
pub(super) fn code(object: &InMemDicomObject, sequence: Tag) -> String {
    let Some(item) = items(object, sequence).first() else { return "^^".to_string() };
    let parts = [tags::CODING_SCHEME_DESIGNATOR, tags::CODE_VALUE, tags::CODE_MEANING];
    parts.map(|tag| one_line(&text(item, tag)).replace(['^', '~', '|'], " ")).join("^")
}

/// A text as the value of a header line, without line breaks and other control characters.
pub(super) fn one_line(text: &str) -> String {
    let clean = |character: char| if character.is_control() { ' ' } else { character };
    text.chars().map(clean).collect::<String>().replace('\\', "\\\\")
}
