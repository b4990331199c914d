//! Reads a DICOM segmentation: frames of one segment and one plane each, or of labels.

use std::collections::BTreeMap;
use std::path::Path;

use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use crate::error::{Error, Result};
use crate::io::dicom::attributes::{Attributes, items};
use crate::io::dicom::file::{self, text};
use crate::io::dicom::labels::compare_frames_of_reference;
use crate::io::dicom::labels::fields::{code, count, integers, one_line};
use crate::io::dicom::labels::frame_grid::FrameGrid;
use crate::io::dicom::labels::frames::{FramePlane, Frames};
use crate::io::dicom::labels::layers::{Layers, Plane};
use crate::io::segmentation::Segmentation;
use crate::volume::Volume;

/// Reads a segmentation of a CT, on the grid of its frames.
///
/// # Errors
/// [`Error::Damaged`]; [`Error::Unsupported`] for a compression that is not read and for planes
/// that are not parallel, not on a line or not at even distances; [`Error::Io`],
/// [`Error::Memory`].
pub(super) fn read(path: &Path, ct: &Volume, cancelled: &dyn Fn() -> bool) -> Result<Segmentation> {
    let file = file::open(path)?;
    let frame_of_reference = text(&file.object, tags::FRAME_OF_REFERENCE_UID);
    compare_frames_of_reference(path, &[frame_of_reference], ct);
    let frames = Frames::new(path, &file)?;
    let planes: Vec<FramePlane> =
        (0..frames.count).map(|frame| frames.plane(frame)).collect::<Result<_>>()?;
    let grid = FrameGrid::of(path, &planes, frames.size())?;
    let segments = segments(path, &file.object)?;
    let is_listed =
        |number: usize| segments.iter().any(|listed| usize::from(listed.number) == number);
    if let Some(number) =
        planes.iter().filter_map(|plane| plane.segment).find(|&number| !is_listed(number))
    {
        let reason = format!("a frame of segment {number}, which SegmentSequence does not list");
        return Err(Error::damaged(path, reason));
    }
    let mut layers = Layers::new(path, grid.geometry);
    for segment in segments {
        if cancelled() {
            return Err(Error::Cancelled);
        }
        let mut own: Vec<Plane> = Vec::new();
        for (frame, (&slice, plane)) in grid.slices.iter().zip(&planes).enumerate() {
            if plane.segment.is_none_or(|number| number == usize::from(segment.number)) {
                own.push((slice, frames.pixels(frame, segment.number)));
            }
        }
        layers.add(segment.number, &own, segment.attributes)?;
    }
    layers.finish()
}

/// A segment of the list.
struct SegmentItem {
    number: u16,
    attributes: Vec<(String, String)>,
}

fn segments(path: &Path, object: &InMemDicomObject) -> Result<Vec<SegmentItem>> {
    let mut segments = BTreeMap::new();
    for item in items(object, tags::SEGMENT_SEQUENCE) {
        // The background of a label map.
        if Attributes::of_image(path, item).integer(tags::SEGMENT_NUMBER) == Some(0) {
            continue;
        }
        let number = count(path, item, tags::SEGMENT_NUMBER, "SegmentNumber")?;
        let number = u16::try_from(number)
            .map_err(|_| Error::damaged(path, format!("SegmentNumber is {number}")))?;
        let name = match text(item, tags::SEGMENT_LABEL) {
            label if label.is_empty() => text(item, tags::SEGMENT_DESCRIPTION),
            label => label,
        };
        let mut attributes = vec![
            ("ID".to_string(), format!("Segment_{number}")),
            ("Name".to_string(), one_line(&name)),
        ];
        let lab = integers(item, tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE);
        if let Ok(lab) = <[i64; 3]>::try_from(lab) {
            let [r, g, b] = rgb(lab).map(|part| format!("{part:.6}"));
            attributes.push(("Color".to_string(), format!("{r} {g} {b}")));
        }
        attributes.push(("Tags".to_string(), terminology(item)));
        segments.insert(number, attributes);
    }
    let segment = |(number, attributes)| SegmentItem { number, attributes };
    Ok(segments.into_iter().map(segment).collect())
}

/// Category, type and region of a segment as 3D Slicer writes them.
fn terminology(item: &InMemDicomObject) -> String {
    let category = code(item, tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE);
    let kind = code(item, tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE);
    let type_item = items(item, tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE).first();
    let modifier = type_item.map_or("^^".to_string(), |item| {
        code(item, tags::SEGMENTED_PROPERTY_TYPE_MODIFIER_CODE_SEQUENCE)
    });
    let region = code(item, tags::ANATOMIC_REGION_SEQUENCE);
    let region_item = items(item, tags::ANATOMIC_REGION_SEQUENCE).first();
    let region_modifier = region_item
        .map_or("^^".to_string(), |item| code(item, tags::ANATOMIC_REGION_MODIFIER_SEQUENCE));
    format!(
        "TerminologyEntry:Segmentation category and type - DICOM master list~{category}~{kind}\
         ~{modifier}~Anatomic codes - DICOM master list~{region}~{region_modifier}|"
    )
}

/// sRGB, 0 to 1, of a colour in CIELab as DICOM scales it to 16 bits.
fn rgb([l, a, b]: [i64; 3]) -> [f64; 3] {
    let part = |value: i64| (value as f64 / 65535.0).clamp(0.0, 1.0);
    let (l, a, b) = (part(l) * 100.0, part(a) * 255.0 - 128.0, part(b) * 255.0 - 128.0);
    let y = (l + 16.0) / 116.0;
    let cube = |t: f64| if t > 6.0 / 29.0 { t.powi(3) } else { (t - 4.0 / 29.0) * 108.0 / 841.0 };
    // White of D65, as highdicom, dcmqi and 3D Slicer have it.
    let [x, y, z] = [0.95047 * cube(y + a / 500.0), cube(y), 1.08883 * cube(y - b / 200.0)];
    let linear = [
        3.2404542 * x - 1.5371385 * y - 0.4985314 * z,
        -0.9692660 * x + 1.8760108 * y + 0.0415560 * z,
        0.0556434 * x - 0.2040259 * y + 1.0572252 * z,
    ];
    linear.map(|value| {
        let value = value.clamp(0.0, 1.0);
        if value <= 0.0031308 { 12.92 * value } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 }
    })
}
