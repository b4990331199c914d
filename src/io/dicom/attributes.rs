//! Attributes of an image or of one of its frames, as text and numbers.

use std::path::Path;

use dicom_core::Tag;
use dicom_core::header::HasLength;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;

use crate::error::{Error, Result};
use crate::io::dicom::file;

/// Attributes of an image or of one of its frames. Those of a frame are in its functional groups,
/// in the groups that all frames share, or in the image itself; the first is what counts.
pub(crate) struct Attributes<'a> {
    path: &'a Path,
    /// Where an attribute is looked for, in this order.
    places: Vec<&'a InMemDicomObject>,
}

impl<'a> Attributes<'a> {
    /// Attributes of an image.
    pub(crate) fn of_image(path: &'a Path, object: &'a InMemDicomObject) -> Attributes<'a> {
        Attributes { path, places: vec![object] }
    }

    /// Attributes of a frame, by its index.
    pub(crate) fn of_frame(
        path: &'a Path,
        object: &'a InMemDicomObject,
        frame: usize,
    ) -> Attributes<'a> {
        let own = items(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).get(frame);
        let shared = items(object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
        let mut places = Vec::new();
        for groups in own.into_iter().chain(shared) {
            let groups = groups.iter().filter_map(|group| group.items());
            places.extend(groups.filter_map(|items| items.first()));
        }
        places.push(object);
        Attributes { path, places }
    }

    fn get(&self, tag: Tag) -> Option<&'a InMemElement> {
        self.places.iter().find_map(|place| place.get(tag).filter(|element| !element.is_empty()))
    }

    /// Whether there is a value.
    pub(crate) fn has(&self, tag: Tag) -> bool {
        self.get(tag).is_some()
    }

    /// Text of an attribute, or empty.
    pub(crate) fn text(&self, tag: Tag) -> String {
        self.get(tag).map(file::text_of).unwrap_or_default()
    }

    /// Non-negative integer, if present.
    pub(crate) fn count(&self, tag: Tag, name: &str) -> Result<Option<usize>> {
        let Some(element) = self.get(tag) else {
            return Ok(None);
        };
        element.to_int().map(Some).map_err(|_| {
            let text = element.to_str().unwrap_or_default();
            Error::damaged(self.path, format!("{name} is {text:?}; it must be a whole number"))
        })
    }

    /// Whole number, if present and readable.
    pub(crate) fn integer(&self, tag: Tag) -> Option<i64> {
        self.get(tag)?.to_int().ok()
    }

    /// Finite number, if present.
    pub(crate) fn number(&self, tag: Tag, name: &str) -> Result<Option<f64>> {
        match self.get(tag) {
            Some(_) => Ok(Some(self.numbers::<1>(tag, name)?[0])),
            None => Ok(None),
        }
    }

    /// Exactly `N` finite numbers.
    pub(crate) fn numbers<const N: usize>(&self, tag: Tag, name: &str) -> Result<[f64; N]> {
        let Some(element) = self.get(tag) else {
            return Err(Error::damaged(self.path, format!("{name} is missing")));
        };
        let values = element.to_multi_float64().ok();
        values
            .and_then(|values| <[f64; N]>::try_from(values).ok())
            .filter(|values| values.iter().all(|value| value.is_finite()))
            .ok_or_else(|| {
                let text = element.to_str().unwrap_or_default();
                Error::damaged(
                    self.path,
                    format!("{name} is {text:?}; it must be {N} finite numbers"),
                )
            })
    }
}

/// Items of a sequence; none where it is missing.
pub(crate) fn items(object: &InMemDicomObject, tag: Tag) -> &[InMemDicomObject] {
    object.get(tag).and_then(|sequence| sequence.items()).unwrap_or_default()
}

/// SeriesInstanceUID, if there is one.
pub(crate) fn series_of(object: &InMemDicomObject) -> Option<String> {
    Some(file::text(object, tags::SERIES_INSTANCE_UID)).filter(|series| !series.is_empty())
}
