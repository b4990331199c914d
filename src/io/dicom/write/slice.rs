//! Data set of one derived slice.

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};

use super::attributes::{
    ACQUISITION, NEARER, REQUIRED_OF_CT, REQUIRED_OF_STUDY, SERIES, STUDY, UNPAIRED,
};
use super::elements::{
    Code, Object, copy, items, number, put, put_codes, put_decimals, put_items, put_u16, require,
    text,
};
use super::headers::{Reference, SliceHeader};
use super::place::Place;
use super::{Identity, SOFTWARE, VERSION};

/// Coding scheme of this software's own codes.
const SCHEME: &str = "99HRINET";

/// The known slices that a derived slice comes from.
#[derive(Clone, Copy)]
pub(super) enum Origin<'a> {
    /// A copy of this one.
    Known(&'a SliceHeader),
    /// This one, moved in its plane: its pixels are resampled.
    Moved(&'a SliceHeader),
    /// Between these two, at this fraction from the first.
    Interpolated([&'a SliceHeader; 2], f64),
}

impl<'a> Origin<'a> {
    /// The known slice that it is, or the nearer of the two.
    pub(super) fn nearer(self) -> &'a SliceHeader {
        match self {
            Origin::Known(header) | Origin::Moved(header) => header,
            Origin::Interpolated([first, second], fraction) => {
                if fraction > 0.5 {
                    second
                } else {
                    first
                }
            }
        }
    }

    fn sources(self) -> Vec<&'a SliceHeader> {
        match self {
            Origin::Known(header) | Origin::Moved(header) => vec![header],
            Origin::Interpolated(pair, _) => pair.to_vec(),
        }
    }
}

/// Attributes that all derived slices have in common.
pub(super) fn common(first: &SliceHeader, identity: &Identity, derivation: &str) -> Object {
    let mut object = study(first, identity);
    copy(&mut object, &first.attributes, SERIES);
    describe_side(&mut object);
    put(&mut object, tags::SOP_CLASS_UID, uids::CT_IMAGE_STORAGE);
    put(&mut object, tags::MODALITY, "CT");
    put(&mut object, tags::SERIES_INSTANCE_UID, &identity.series);
    put(&mut object, tags::DERIVATION_DESCRIPTION, derivation);
    let mut equipment = items(&first.attributes, tags::CONTRIBUTING_EQUIPMENT_SEQUENCE).to_vec();
    equipment.push(processing_equipment());
    put_items(&mut object, tags::CONTRIBUTING_EQUIPMENT_SEQUENCE, equipment);
    put_items(&mut object, tags::CODING_SCHEME_IDENTIFICATION_SEQUENCE, vec![coding_scheme()]);
    object
}

/// Patient, study and frame of reference of the source, and the time of writing.
pub(super) fn study(first: &SliceHeader, identity: &Identity) -> Object {
    let mut object = Object::new_empty();
    copy(&mut object, &first.attributes, STUDY);
    require(&mut object, REQUIRED_OF_STUDY);
    put(&mut object, tags::STUDY_INSTANCE_UID, &identity.study);
    put(&mut object, tags::FRAME_OF_REFERENCE_UID, &identity.frame_of_reference);
    if let Some([date, time]) = &identity.created {
        put(&mut object, tags::INSTANCE_CREATION_DATE, date);
        put(&mut object, tags::INSTANCE_CREATION_TIME, time);
    }
    object
}

/// States the side of a body part only where it is known, or where the part may have one.
fn describe_side(object: &mut Object) {
    let part = text(object, tags::BODY_PART_EXAMINED).unwrap_or_default();
    if text(object, tags::LATERALITY).is_none() {
        object.remove_element(tags::LATERALITY);
        if !UNPAIRED.contains(&part.as_str()) {
            require(object, &[tags::LATERALITY]);
        }
    }
}

/// This software, as equipment that took part.
fn processing_equipment() -> Object {
    let mut item = Object::new_empty();
    put(&mut item, tags::MANUFACTURER, SOFTWARE);
    put(&mut item, tags::MANUFACTURER_MODEL_NAME, SOFTWARE);
    put(&mut item, tags::SOFTWARE_VERSIONS, VERSION);
    put(&mut item, tags::CONTRIBUTION_DESCRIPTION, "Interpolation of slices");
    let purpose = Code::new("109102", "DCM", "Processing Equipment");
    put_codes(&mut item, tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, &[purpose]);
    item
}

fn coding_scheme() -> Object {
    let mut item = Object::new_empty();
    put(&mut item, tags::CODING_SCHEME_DESIGNATOR, SCHEME);
    put(&mut item, tags::CODING_SCHEME_NAME, "HRINet, codes of derived slices");
    put(&mut item, tags::CODING_SCHEME_VERSION, VERSION);
    item
}

/// Completes the common attributes to a derived slice of these stored values.
pub(super) fn derived(
    mut object: Object,
    origin: Origin,
    place: &Place,
    uid: &str,
    number: usize,
    pixels: Vec<u16>,
) -> Object {
    let nearer = origin.nearer();
    put(&mut object, tags::SOP_INSTANCE_UID, uid);
    put(&mut object, tags::INSTANCE_NUMBER, &number.to_string());
    copy(&mut object, &nearer.attributes, NEARER);
    copy_acquisition(&mut object, origin);
    require(&mut object, REQUIRED_OF_CT);
    let source_type = text(&nearer.attributes, tags::IMAGE_TYPE).unwrap_or_default();
    let kind = source_type.split('\\').nth(2).filter(|kind| !kind.is_empty()).unwrap_or("AXIAL");
    put(&mut object, tags::IMAGE_TYPE, &format!("DERIVED\\SECONDARY\\{kind}"));
    mark(&mut object, origin);
    put_items(&mut object, tags::SOURCE_IMAGE_SEQUENCE, source_images(origin));
    place.describe(&mut object);
    if !place.is_sheared {
        object.remove_element(tags::GANTRY_DETECTOR_TILT);
    }
    put_u16(&mut object, tags::ROWS, &[place.rows]);
    put_u16(&mut object, tags::COLUMNS, &[place.columns]);
    if object.get(tags::PHOTOMETRIC_INTERPRETATION).is_none() {
        put(&mut object, tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2");
    }
    nearer.stored.describe(&mut object, &nearer.attributes);
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(pixels.into())));
    object
}

/// Copies how a known slice was acquired, or what both neighbours of an interpolated one agree on.
fn copy_acquisition(object: &mut Object, origin: Origin) {
    match origin {
        Origin::Known(header) | Origin::Moved(header) => {
            copy(object, &header.attributes, ACQUISITION);
        }
        Origin::Interpolated([first, second], fraction) => {
            for &tag in ACQUISITION {
                if first.attributes.get(tag) == second.attributes.get(tag) {
                    copy(object, &first.attributes, &[tag]);
                }
            }
            let location = |header: &SliceHeader| number(&header.attributes, tags::SLICE_LOCATION);
            if let (Some(a), Some(b)) = (location(first), location(second)) {
                put_decimals(object, tags::SLICE_LOCATION, &[a + fraction * (b - a)]);
            }
        }
    }
}

/// Says in words, and of a resampled slice by codes, where a slice comes from.
fn mark(object: &mut Object, origin: Origin) {
    let number = |header: &SliceHeader| {
        text(&header.attributes, tags::INSTANCE_NUMBER).unwrap_or_else(|| "?".into())
    };
    let resampled = Code::new("113085", "DCM", "Spatial resampling");
    let comment = match origin {
        Origin::Known(header) => {
            let source = text(&header.attributes, tags::IMAGE_COMMENTS);
            let source = source.map_or(String::new(), |comment| format!(" {comment}"));
            format!("Known slice: instance {} of the source.{source}", number(header))
        }
        Origin::Moved(header) => {
            put_codes(object, tags::DERIVATION_CODE_SEQUENCE, &[resampled]);
            format!("Known slice, moved in its plane: instance {} of the source.", number(header))
        }
        Origin::Interpolated([first, second], fraction) => {
            let codes = [resampled, Code::new("INTERPOLATED", SCHEME, "Interpolated slice")];
            put_codes(object, tags::DERIVATION_CODE_SEQUENCE, &codes);
            format!(
                "Interpolated slice, not scanned: {fraction:.4} of the way from instance {} to {} \
                 of the source.",
                number(first),
                number(second)
            )
        }
    };
    put(object, tags::IMAGE_COMMENTS, &comment);
}

fn source_images(origin: Origin) -> Vec<Object> {
    let purpose = Code::new("121322", "DCM", "Source image for image processing operation");
    let item = |header: &SliceHeader| {
        let mut item = referenced(&header.reference);
        if matches!(origin, Origin::Known(_)) {
            put(&mut item, tags::SPATIAL_LOCATIONS_PRESERVED, "YES");
        }
        put_codes(
            &mut item,
            tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE,
            std::slice::from_ref(&purpose),
        );
        item
    };
    origin.sources().into_iter().map(item).collect()
}

/// Item that refers to an image.
pub(super) fn referenced(image: &Reference) -> Object {
    let mut item = Object::new_empty();
    put(&mut item, tags::REFERENCED_SOP_CLASS_UID, &image.class);
    put(&mut item, tags::REFERENCED_SOP_INSTANCE_UID, &image.instance);
    if let Some(frame) = image.frame {
        put(&mut item, tags::REFERENCED_FRAME_NUMBER, &frame.to_string());
    }
    item
}
