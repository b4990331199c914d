//! Frames of a multi-frame CT as classic slices: the attributes of its functional groups are those
//! of a single image, one level down.

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;

use super::elements::{Object, items, number, put, text, vr, without_private};

/// Sequences whose attributes have the name, unit and meaning of those of a classic CT slice.
const GROUPS: &[Tag] = &[
    tags::PIXEL_MEASURES_SEQUENCE,
    tags::PLANE_POSITION_SEQUENCE,
    tags::PLANE_ORIENTATION_SEQUENCE,
    tags::FRAME_VOILUT_SEQUENCE,
    tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
    tags::FRAME_ANATOMY_SEQUENCE,
    tags::FRAME_CONTENT_SEQUENCE,
    tags::IRRADIATION_EVENT_IDENTIFICATION_SEQUENCE,
    tags::CT_IMAGE_FRAME_TYPE_SEQUENCE,
    tags::CT_ACQUISITION_TYPE_SEQUENCE,
    tags::CT_ACQUISITION_DETAILS_SEQUENCE,
    tags::CT_TABLE_DYNAMICS_SEQUENCE,
    tags::CT_GEOMETRY_SEQUENCE,
    tags::CT_RECONSTRUCTION_SEQUENCE,
    tags::CT_EXPOSURE_SEQUENCE,
    tags::CTX_RAY_DETAILS_SEQUENCE,
];

/// Attributes with another name in a classic slice, in the same unit: of an enhanced image, of a
/// classic one.
const RENAMED: &[(Tag, Tag)] = &[
    (tags::FRAME_TYPE, tags::IMAGE_TYPE),
    (tags::FRAME_ACQUISITION_DATE_TIME, tags::ACQUISITION_DATE_TIME),
    (tags::FRAME_ACQUISITION_NUMBER, tags::ACQUISITION_NUMBER),
    (tags::EXPOSURE_TIME_INMS, tags::EXPOSURE_TIME),
    (tags::X_RAY_TUBE_CURRENT_INM_A, tags::X_RAY_TUBE_CURRENT),
    (tags::EXPOSURE_INM_AS, tags::EXPOSURE),
];

/// Data set of one frame, counted from 0, as that of a classic slice.
pub(super) fn frame(image: &Object, index: usize) -> Object {
    let is_of_image = |tag: Tag| {
        tag != tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE
            && tag != tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE
    };
    let of_image = image.iter().filter(|element| is_of_image(element.header().tag));
    let mut slice = Object::from_element_iter(of_image.filter_map(without_private));
    let shared = items(image, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
    let own = items(image, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).get(index);
    for groups in shared.into_iter().chain(own) {
        for &group in GROUPS {
            if let Some(item) = items(groups, group).first() {
                let elements = item.iter().filter_map(without_private);
                elements.for_each(|element| drop(slice.put(element)));
            }
        }
    }
    rename(&mut slice);
    // Position in the stack, where it is known; the frame's own number otherwise.
    let place = number(&slice, tags::IN_STACK_POSITION_NUMBER).unwrap_or(index as f64 + 1.0);
    put(&mut slice, tags::INSTANCE_NUMBER, &place.to_string());
    slice
}

/// Puts attributes under the names that they have in a classic slice.
fn rename(slice: &mut Object) {
    for &(from, to) in RENAMED {
        match (number(slice, from), text(slice, from)) {
            // Doubles in the enhanced image, whole numbers in a classic one.
            (Some(value), _) if vr(to) == VR::IS => put(slice, to, &value.round().to_string()),
            (_, Some(value)) => put(slice, to, &value),
            _ => {}
        }
    }
}
