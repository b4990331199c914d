//! Label maps as a DICOM SEG: one binary plane for each segment and slice that has it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use ndarray::Axis as ArrayAxis;

use super::attributes::SERIES;
use super::elements::{
    Code, Object, copy, put, put_codes, put_decimals, put_items, put_u16, put_u32, require, text,
};
use super::headers::{Reference, SliceHeader};
use super::place::Place;
use super::segments::{DicomSegment, cie_lab, segments};
use super::slice::{referenced, study};
use super::{DerivedSeries, Identity, SOFTWARE, VERSION, series_number};
use crate::error::{Error, Result};
use crate::volume::voxels::with_voxels;
use crate::volume::{Geometry, Volume, Voxel};

/// Label maps to write as a DICOM SEG.
#[derive(Clone, Copy)]
pub struct DicomSeg<'a> {
    /// The file, in the folder of the series or elsewhere.
    pub file: &'a Path,
    /// Whether a file outside of the series' folder may be overwritten.
    pub overwrite: bool,
    /// Label maps on the grid of the series; 0 is background. Segments of different maps may
    /// overlap.
    pub label_maps: &'a [Volume],
    /// Names and meanings; other labels of the maps are named by their value.
    pub segments: &'a [DicomSegment],
    /// How labels were interpolated, up to 40 characters.
    pub method: &'a str,
}

/// A plane of one segment.
struct Frame {
    /// Counted from 1.
    segment: usize,
    slice: usize,
    /// One bit a pixel, lowest first.
    bits: Vec<u8>,
}

impl DicomSeg<'_> {
    /// Checks ahead of long work that label maps can be written.
    ///
    /// # Errors
    /// [`Error::Argument`] for labels that are no whole numbers, for none and for too many.
    pub fn check(label_maps: &[Volume]) -> Result<()> {
        segments(label_maps, &[]).map(drop)
    }

    /// Whether a file is directly in the folder of a series, which may not exist yet: it is then
    /// written together with the series.
    pub fn is_in(file: &Path, folder: &Path) -> bool {
        // Components drop a trailing slash.
        file.parent().is_some_and(|parent| parent.components().eq(folder.components()))
    }

    pub(super) fn file_name(&self) -> Result<&std::ffi::OsStr> {
        self.file
            .file_name()
            .ok_or_else(|| Error::Argument(format!("{}: not a file name", self.file.display())))
    }

    pub(super) fn path(&self, folder: &Path) -> PathBuf {
        match (DicomSeg::is_in(self.file, folder), self.file.file_name()) {
            (true, Some(name)) => folder.join(name),
            _ => self.file.to_path_buf(),
        }
    }

    /// Data set of the segmentation of a derived series whose slices are `images`.
    pub(super) fn object(
        &self,
        series: &DerivedSeries,
        identity: &Identity,
        images: &[Reference],
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Object> {
        let segments = segments(self.label_maps, self.segments)?;
        let frames = self.frames(&segments, cancelled)?;
        let grid = series.output.geometry();
        let first = series.headers.first();
        let mut object = study(first, identity);
        describe_series(&mut object, first, identity);
        put(&mut object, tags::SERIES_DESCRIPTION, &series.series_description(" labels"));
        put_items(
            &mut object,
            tags::SEGMENT_SEQUENCE,
            segments
                .iter()
                .enumerate()
                .map(|(at, segment)| self.segment_item(at + 1, segment))
                .collect(),
        );
        put_items(
            &mut object,
            tags::REFERENCED_SERIES_SEQUENCE,
            vec![referenced_series(identity, images)],
        );
        let place = Place::of(grid, 0)?;
        describe_pixels(&mut object, &place, frames.len());
        describe_dimensions(&mut object, &identity.uids.uid("dimensions"));
        put_items(
            &mut object,
            tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
            vec![shared_groups(&place, first, series.thin_factor)],
        );
        let groups: Result<Vec<Object>> =
            frames.iter().map(|frame| frame_groups(frame, grid, &images[frame.slice])).collect();
        put_items(&mut object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, groups?);
        let pixels = PrimitiveValue::U8(packed(&frames, grid).into());
        object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, pixels));
        Ok(object)
    }

    /// Planes of all segments, by segment and then by slice.
    fn frames(
        &self,
        segments: &[DicomSegment],
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Vec<Frame>> {
        let mut frames = Vec::new();
        for (layer, map) in self.label_maps.iter().enumerate() {
            let numbers: BTreeMap<i64, usize> = segments
                .iter()
                .enumerate()
                .filter(|(_, segment)| segment.layer == layer)
                .map(|(at, segment)| (segment.label, at + 1))
                .collect();
            for slice in 0..map.geometry().size()[2] {
                if cancelled() {
                    return Err(Error::Cancelled);
                }
                frames.extend(planes(map, slice, &numbers));
            }
        }
        frames.sort_by_key(|frame| (frame.segment, frame.slice));
        Ok(frames)
    }

    fn segment_item(&self, number: usize, segment: &DicomSegment) -> Object {
        let mut item = Object::new_empty();
        put_u16(&mut item, tags::SEGMENT_NUMBER, &[number as u16]);
        let name: String = segment.name.chars().take(64).collect();
        put(&mut item, tags::SEGMENT_LABEL, &name.replace('\\', "/"));
        put(&mut item, tags::SEGMENT_DESCRIPTION, &format!("Label {}", segment.label));
        put(&mut item, tags::SEGMENT_ALGORITHM_TYPE, "SEMIAUTOMATIC");
        let method = format!("{SOFTWARE} {VERSION}, {}", self.method);
        put(&mut item, tags::SEGMENT_ALGORITHM_NAME, &method);
        let [category, kind] = &segment.meaning;
        for (tag, code) in [
            (tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE, category),
            (tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, kind),
        ] {
            put_codes(&mut item, tag, std::slice::from_ref(code));
        }
        if let Some(colour) = segment.colour {
            put_u16(&mut item, tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE, &cie_lab(colour));
        }
        item
    }
}

/// Planes of all segments that a slice of a label map has.
fn planes(map: &Volume, slice: usize, numbers: &BTreeMap<i64, usize>) -> Vec<Frame> {
    let [columns, rows, _] = map.geometry().size();
    let bytes = (columns * rows).div_ceil(8);
    let mut planes: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    with_voxels!(map.voxels(), array => {
        let plane = array.index_axis(ArrayAxis(0), slice);
        for (at, value) in plane.iter().map(|&value| value.to_f64() as i64).enumerate() {
            if value == 0 {
                continue;
            }
            if let Some(&number) = numbers.get(&value) {
                let bits = planes.entry(number).or_insert_with(|| vec![0; bytes]);
                bits[at / 8] |= 1 << (at % 8);
            }
        }
    });
    planes.into_iter().map(|(segment, bits)| Frame { segment, slice, bits }).collect()
}

/// Bits of all frames one after the other, without gaps, to an even number of bytes.
fn packed(frames: &[Frame], grid: &Geometry) -> Vec<u8> {
    let [columns, rows, _] = grid.size();
    let each = columns * rows;
    let mut bytes = Vec::with_capacity((frames.len() * each).div_ceil(8) + 1);
    let mut used = 0;
    for frame in frames {
        if used == 0 {
            bytes.extend_from_slice(&frame.bits);
        } else {
            for &byte in &frame.bits {
                if let Some(last) = bytes.last_mut() {
                    *last |= byte << used;
                }
                bytes.push(byte >> (8 - used));
            }
        }
        // Bits of the last byte that are taken; more bytes than they need are cut off.
        let total = bytes.len();
        let end = match used {
            0 => total - frame.bits.len(),
            _ => total - frame.bits.len() - 1,
        } * 8
            + used
            + each;
        bytes.truncate(end.div_ceil(8));
        used = end % 8;
    }
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
    bytes
}

fn describe_series(object: &mut Object, first: &SliceHeader, identity: &Identity) {
    let of_patient = [
        tags::SERIES_DATE,
        tags::SERIES_TIME,
        tags::BODY_PART_EXAMINED,
        tags::CLINICAL_TRIAL_SERIES_ID,
        tags::CLINICAL_TRIAL_SERIES_DESCRIPTION,
    ];
    debug_assert!(of_patient.iter().all(|tag| SERIES.contains(tag)));
    copy(object, &first.attributes, &of_patient);
    let uids = &identity.uids;
    let content = |tag: Tag, other: Tag| {
        text(&first.attributes, tag).or_else(|| text(&first.attributes, other))
    };
    let [date, time] = identity.created.clone().unwrap_or_else(|| {
        [
            content(tags::CONTENT_DATE, tags::STUDY_DATE).unwrap_or_else(|| "19000101".into()),
            content(tags::CONTENT_TIME, tags::STUDY_TIME).unwrap_or_else(|| "000000".into()),
        ]
    });
    for (tag, value) in [
        (tags::SOP_CLASS_UID, uids::SEGMENTATION_STORAGE),
        (tags::SOP_INSTANCE_UID, &uids.uid("segmentation")),
        (tags::SERIES_INSTANCE_UID, &uids.uid("series of the segmentation")),
        (tags::SERIES_NUMBER, &series_number(first, 2000)),
        (tags::INSTANCE_NUMBER, "1"),
        (tags::MODALITY, "SEG"),
        (tags::MANUFACTURER, SOFTWARE),
        (tags::MANUFACTURER_MODEL_NAME, SOFTWARE),
        (tags::DEVICE_SERIAL_NUMBER, "0"),
        (tags::SOFTWARE_VERSIONS, VERSION),
        (tags::CONTENT_DATE, &date),
        (tags::CONTENT_TIME, &time),
        (tags::CONTENT_LABEL, "SEGMENTATION"),
        (tags::CONTENT_DESCRIPTION, "Label maps between known slices, not for diagnosis"),
        (tags::IMAGE_TYPE, "DERIVED\\PRIMARY"),
        (tags::SEGMENTATION_TYPE, "BINARY"),
        (tags::LOSSY_IMAGE_COMPRESSION, "00"),
    ] {
        put(object, tag, value);
    }
    require(object, &[tags::CONTENT_CREATOR_NAME]);
}

fn describe_pixels(object: &mut Object, place: &Place, frames: usize) {
    put(object, tags::NUMBER_OF_FRAMES, &frames.to_string());
    put(object, tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2");
    for (tag, value) in [
        (tags::SAMPLES_PER_PIXEL, 1),
        (tags::ROWS, place.rows),
        (tags::COLUMNS, place.columns),
        (tags::BITS_ALLOCATED, 1),
        (tags::BITS_STORED, 1),
        (tags::HIGH_BIT, 0),
        (tags::PIXEL_REPRESENTATION, 0),
    ] {
        put_u16(object, tag, &[value]);
    }
}

/// Frames are ordered by segment and position.
fn describe_dimensions(object: &mut Object, uid: &str) {
    let mut organization = Object::new_empty();
    put(&mut organization, tags::DIMENSION_ORGANIZATION_UID, uid);
    put_items(object, tags::DIMENSION_ORGANIZATION_SEQUENCE, vec![organization]);
    let index = |pointer: Tag, group: Tag, label: &str| {
        let mut item = Object::new_empty();
        put(&mut item, tags::DIMENSION_ORGANIZATION_UID, uid);
        for (tag, value) in
            [(tags::DIMENSION_INDEX_POINTER, pointer), (tags::FUNCTIONAL_GROUP_POINTER, group)]
        {
            let value = PrimitiveValue::Tags([value].as_slice().into());
            item.put(DataElement::new(tag, VR::AT, value));
        }
        put(&mut item, tags::DIMENSION_DESCRIPTION_LABEL, label);
        item
    };
    let indices = vec![
        index(
            tags::REFERENCED_SEGMENT_NUMBER,
            tags::SEGMENT_IDENTIFICATION_SEQUENCE,
            "ReferencedSegmentNumber",
        ),
        index(tags::IMAGE_POSITION_PATIENT, tags::PLANE_POSITION_SEQUENCE, "ImagePositionPatient"),
    ];
    put_items(object, tags::DIMENSION_INDEX_SEQUENCE, indices);
}

fn referenced_series(identity: &Identity, images: &[Reference]) -> Object {
    let mut item = Object::new_empty();
    put(&mut item, tags::SERIES_INSTANCE_UID, &identity.series);
    put_items(
        &mut item,
        tags::REFERENCED_INSTANCE_SEQUENCE,
        images.iter().map(referenced).collect(),
    );
    item
}

/// Attributes of all frames: spacing, orientation, and thickness, which thin slices divide.
fn shared_groups(place: &Place, first: &SliceHeader, thin_factor: Option<usize>) -> Object {
    let mut measures = Object::new_empty();
    place.describe_spacing(&mut measures);
    match super::elements::number(&first.attributes, tags::SLICE_THICKNESS) {
        Some(thickness) if thickness > 0.0 => {
            let thickness = thickness / thin_factor.unwrap_or(1) as f64;
            put_decimals(&mut measures, tags::SLICE_THICKNESS, &[thickness]);
        }
        _ => place.describe_thickness(&mut measures),
    }
    let mut orientation = Object::new_empty();
    place.describe_orientation(&mut orientation);
    let mut groups = Object::new_empty();
    put_items(&mut groups, tags::PIXEL_MEASURES_SEQUENCE, vec![measures]);
    put_items(&mut groups, tags::PLANE_ORIENTATION_SEQUENCE, vec![orientation]);
    groups
}

/// What one frame is of: its slice and its segment.
fn frame_groups(frame: &Frame, grid: &Geometry, image: &Reference) -> Result<Object> {
    let mut position = Object::new_empty();
    Place::of(grid, frame.slice)?.describe_position(&mut position);
    let mut content = Object::new_empty();
    let index = [frame.segment as u32, frame.slice as u32 + 1];
    put_u32(&mut content, tags::DIMENSION_INDEX_VALUES, &index);
    let mut segment = Object::new_empty();
    put_u16(&mut segment, tags::REFERENCED_SEGMENT_NUMBER, &[frame.segment as u16]);

    let mut source = referenced(image);
    let purpose = Code::new("121322", "DCM", "Source image for image processing operation");
    put_codes(&mut source, tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, &[purpose]);
    put(&mut source, tags::SPATIAL_LOCATIONS_PRESERVED, "YES");
    let mut derivation = Object::new_empty();
    put_items(&mut derivation, tags::SOURCE_IMAGE_SEQUENCE, vec![source]);
    let code = Code::new("113076", "DCM", "Segmentation");
    put_codes(&mut derivation, tags::DERIVATION_CODE_SEQUENCE, &[code]);

    let mut groups = Object::new_empty();
    put_items(&mut groups, tags::FRAME_CONTENT_SEQUENCE, vec![content]);
    put_items(&mut groups, tags::PLANE_POSITION_SEQUENCE, vec![position]);
    put_items(&mut groups, tags::SEGMENT_IDENTIFICATION_SEQUENCE, vec![segment]);
    put_items(&mut groups, tags::DERIVATION_IMAGE_SEQUENCE, vec![derivation]);
    Ok(groups)
}
