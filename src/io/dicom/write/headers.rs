//! What a derived series needs of the headers of its source.

use dicom_dictionary_std::{tags, uids};

use super::attributes;
use super::elements::{Object, number, put, text, without_private};
use super::functional_groups;
use super::stored::StoredType;
use crate::error::{Error, Result};
use crate::io::dicom::file::{DicomFile, FileReader};
use crate::io::dicom::slice::Slice;

/// Transfer syntaxes that always lose information.
const LOSSY: &[&str] =
    &[uids::JPEG_BASELINE8_BIT, uids::JPEG_EXTENDED12_BIT, uids::JPEGLS_NEAR_LOSSLESS];

/// SOP classes of CT images.
const CT_CLASSES: &[&str] = &[
    uids::CT_IMAGE_STORAGE,
    uids::ENHANCED_CT_IMAGE_STORAGE,
    uids::LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE,
];

/// Headers of the slices of a CT series, in the order of the volume's slices.
///
/// They hold the attributes that a derived series takes over, none that are private.
#[derive(Clone, Debug)]
pub struct DicomHeaders {
    /// At least one.
    pub(super) slices: Vec<SliceHeader>,
}

/// Header of one known slice.
#[derive(Clone, Debug)]
pub(super) struct SliceHeader {
    /// Attributes that are read or taken over.
    pub(super) attributes: Object,
    pub(super) reference: Reference,
    pub(super) stored: StoredType,
}

/// The image that a slice was read from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reference {
    pub(super) class: String,
    pub(super) instance: String,
    /// Frame of a multi-frame image, counted from 1.
    pub(super) frame: Option<usize>,
}

impl DicomHeaders {
    /// Reads the headers of sorted slices.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a series that is no CT and for stored values of more than 16
    /// bits; those of reading a file.
    pub(crate) fn of(slices: &[Slice]) -> Result<DicomHeaders> {
        let mut reader = FileReader::default();
        let read = |slice| SliceHeader::read(slice, reader.open(&slice.path)?);
        let slices = slices.iter().map(read).collect::<Result<_>>()?;
        Ok(DicomHeaders { slices })
    }

    /// Number of known slices.
    pub fn slice_count(&self) -> usize {
        self.slices.len()
    }

    /// The first slice, which stands for all where an attribute is of the series.
    pub(super) fn first(&self) -> &SliceHeader {
        &self.slices[0]
    }

    /// Whether instance numbers decrease from the first slice to the last.
    pub(super) fn is_numbered_backwards(&self) -> bool {
        let number = |header: Option<&SliceHeader>| {
            header.and_then(|header| number(&header.attributes, tags::INSTANCE_NUMBER))
        };
        matches!((number(self.slices.first()), number(self.slices.last())),
            (Some(first), Some(last)) if first > last)
    }
}

impl SliceHeader {
    fn read(slice: &Slice, file: &DicomFile) -> Result<SliceHeader> {
        let path = slice.path.as_path();
        let image = &file.object;
        let class = file.class.clone();
        let modality = text(image, tags::MODALITY).unwrap_or_default();
        if !CT_CLASSES.contains(&class.as_str()) && modality != "CT" {
            return Err(Error::unsupported(
                path,
                format!(
                    "of modality {modality:?}; only CT is written as DICOM, write a .nrrd or \
                     .nii.gz file instead"
                ),
            ));
        }
        let frame = frame_of(slice, image);
        let mut attributes = match frame {
            Some(index) => functional_groups::frame(image, index),
            None => Object::from_element_iter(image.iter().filter_map(without_private)),
        };
        attributes.retain(|element| attributes::is_kept(element.header().tag));
        mark_lossy(&mut attributes, &file.syntax);
        let instance = text(&attributes, tags::SOP_INSTANCE_UID)
            .ok_or_else(|| Error::damaged(path, "SOPInstanceUID is missing"))?;
        let frame = frame.map(|index| index + 1);
        let stored = StoredType::of(slice, &attributes)?;
        Ok(SliceHeader { attributes, reference: Reference { class, instance, frame }, stored })
    }
}

/// Index of the frame of a multi-frame image that a slice is, from 0.
fn frame_of(slice: &Slice, image: &Object) -> Option<usize> {
    image.get(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).map(|_| slice.frame)
}

/// Says that pixels went through a lossy compression, where only the transfer syntax says so.
fn mark_lossy(attributes: &mut Object, syntax: &str) {
    if LOSSY.contains(&syntax) {
        put(attributes, tags::LOSSY_IMAGE_COMPRESSION, "01");
    }
}
