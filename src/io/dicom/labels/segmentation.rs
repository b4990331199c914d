//! Reads a DICOM segmentation: frames of one segment and one plane each, or of labels.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use crate::error::{Error, Result};
use crate::io::affine::{Affine, swap_lps};
use crate::io::dicom::attributes::{Attributes, items};
use crate::io::dicom::file::{self, DicomFile, FrameBytes, text};
use crate::io::dicom::labels::fields::{code, integers, one_line};
use crate::io::dicom::labels::layers::{Layers, Plane};
use crate::io::segmentation::Segmentation;
use crate::volume::Geometry;
use crate::volume::vector::{cross, dot, minus};

/// Largest number of planes of a segmentation, with the empty ones that it leaves out.
const MAX_PLANES: f64 = 4096.0;

/// Deviation of a plane from an even distance, in parts of it, that rounding explains.
const ROUNDING: f64 = 0.2;

/// Difference of direction cosines, and of pixel spacings in mm, that rounding explains.
const DIRECTION_TOLERANCE: f64 = 1e-3;

/// Distance of two planes within their plane, mm, that rounding explains.
const DRIFT_MM: f64 = 0.1;

/// Distance up to which two planes are the same, mm.
const SAME_PLANE_MM: f64 = 0.01;

/// Reads a segmentation, on the grid of its frames.
///
/// # Errors
/// [`Error::Damaged`]; [`Error::Unsupported`] for compressed frames and for planes that are not
/// parallel or not at even distances; [`Error::Io`], [`Error::Memory`].
pub(super) fn read(path: &Path, cancelled: &dyn Fn() -> bool) -> Result<Segmentation> {
    let file = file::open(path)?;
    let frames = Frames::new(path, &file)?;
    let planes: Vec<FramePlane> =
        (0..frames.count).map(|frame| frames.plane(frame)).collect::<Result<_>>()?;
    let (geometry, slices) = geometry(path, &planes, [frames.columns, frames.rows])?;
    let segments = segments(path, &file.object)?;
    let is_listed =
        |number: usize| segments.iter().any(|listed| usize::from(listed.number) == number);
    if let Some(number) =
        planes.iter().filter_map(|plane| plane.segment).find(|&number| !is_listed(number))
    {
        let reason = format!("a frame of segment {number}, which SegmentSequence does not list");
        return Err(Error::damaged(path, reason));
    }
    let mut layers = Layers::new(path, geometry);
    for segment in segments {
        if cancelled() {
            return Err(Error::Cancelled);
        }
        let mut own: Vec<Plane> = Vec::new();
        for (frame, (&slice, plane)) in slices.iter().zip(&planes).enumerate() {
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

/// Whole number of at least 1.
fn count(path: &Path, object: &InMemDicomObject, tag: Tag, name: &str) -> Result<usize> {
    let count = Attributes::of_image(path, object).count(tag, name)?;
    count.filter(|&count| count > 0).ok_or_else(|| {
        let text = text(object, tag);
        Error::damaged(path, format!("{name} is {text:?}; it must be 1 or more"))
    })
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

/// Frames of a segmentation.
struct Frames<'a> {
    path: &'a Path,
    object: &'a InMemDicomObject,
    pixels: Cow<'a, [u8]>,
    columns: usize,
    rows: usize,
    count: usize,
    encoding: Encoding,
}

/// Meaning of the pixels.
#[derive(Clone, Copy)]
enum Encoding {
    /// A bit per pixel.
    Binary,
    /// A byte per pixel, from 0 to this largest value, of which half is inside.
    Fractional(u16),
    /// Numbers of segments, of this many bytes.
    Labels(usize),
}

/// Place of a frame, LPS, mm.
struct FramePlane {
    position: [f64; 3],
    row_direction: [f64; 3],
    column_direction: [f64; 3],
    row_spacing: f64,
    column_spacing: f64,
    /// Number of the only segment of the frame; `None` for a frame of labels.
    segment: Option<usize>,
    /// SpacingBetweenSlices.
    spacing: Option<f64>,
    /// SliceThickness.
    thickness: Option<f64>,
}

impl<'a> Frames<'a> {
    fn new(path: &'a Path, file: &'a DicomFile) -> Result<Frames<'a>> {
        let object = &file.object;
        let rows = count(path, object, tags::ROWS, "Rows")?;
        let columns = count(path, object, tags::COLUMNS, "Columns")?;
        let frames = count(path, object, tags::NUMBER_OF_FRAMES, "NumberOfFrames")?;
        let integer = |tag| Attributes::of_image(path, object).integer(tag);
        let bits = integer(tags::BITS_ALLOCATED).unwrap_or(1);
        let kind = text(object, tags::SEGMENTATION_TYPE);
        let encoding = match (kind.as_str(), bits) {
            ("BINARY", 1) => Encoding::Binary,
            ("FRACTIONAL", 8) => {
                let max = integer(tags::MAXIMUM_FRACTIONAL_VALUE).unwrap_or(255);
                Encoding::Fractional(max.clamp(1, 255) as u16)
            }
            ("LABELMAP", 8) => Encoding::Labels(1),
            ("LABELMAP", 16) => Encoding::Labels(2),
            _ => {
                let reason = format!(
                    "a segmentation of type {kind:?} with {bits} bits per pixel; BINARY of 1, \
                     FRACTIONAL of 8 and LABELMAP of 8 or 16 are read"
                );
                return Err(Error::unsupported(path, reason));
            }
        };
        let bits = match encoding {
            Encoding::Binary => 1,
            Encoding::Fractional(_) | Encoding::Labels(1) => 8,
            Encoding::Labels(_) => 16,
        };
        let needed = [rows, columns, frames]
            .iter()
            .try_fold(bits, |all: usize, &side| all.checked_mul(side));
        let pixels = needed.and_then(|bits| file.frame(0, 1, bits.div_ceil(8)));
        let pixels = match pixels {
            Some(FrameBytes::Native(pixels)) => pixels,
            Some(FrameBytes::Compressed(_)) => {
                let reason = "a segmentation of compressed frames; decompress it by `gdcmconv \
                              --raw`";
                return Err(Error::unsupported(path, reason));
            }
            None => {
                let reason =
                    format!("does not hold the pixels of {frames} frames of {columns} x {rows}");
                return Err(Error::damaged(path, reason));
            }
        };
        Ok(Frames { path, object, pixels, columns, rows, count: frames, encoding })
    }

    fn plane(&self, frame: usize) -> Result<FramePlane> {
        let attributes = Attributes::of_frame(self.path, self.object, frame);
        let [a, b, c, d, e, f] =
            attributes.numbers(tags::IMAGE_ORIENTATION_PATIENT, "ImageOrientationPatient")?;
        let [row_spacing, column_spacing] =
            attributes.numbers(tags::PIXEL_SPACING, "PixelSpacing")?;
        let length = |tag: Tag, name: &str| {
            attributes.number(tag, name).ok().flatten().filter(|&length| length > 0.0)
        };
        let segment = match self.encoding {
            Encoding::Labels(_) => None,
            _ => {
                let tag = tags::REFERENCED_SEGMENT_NUMBER;
                let number = attributes.count(tag, "ReferencedSegmentNumber")?;
                Some(number.ok_or_else(|| {
                    Error::damaged(self.path, "a frame without ReferencedSegmentNumber")
                })?)
            }
        };
        Ok(FramePlane {
            segment,
            position: attributes.numbers(tags::IMAGE_POSITION_PATIENT, "ImagePositionPatient")?,
            row_direction: [a, b, c],
            column_direction: [d, e, f],
            row_spacing,
            column_spacing,
            spacing: length(tags::SPACING_BETWEEN_SLICES, "SpacingBetweenSlices"),
            thickness: length(tags::SLICE_THICKNESS, "SliceThickness"),
        })
    }

    /// Pixels of a frame of a segment that are in it.
    fn pixels(&self, frame: usize, segment: u16) -> Vec<bool> {
        let size = self.rows * self.columns;
        let bytes = |width: usize| &self.pixels[frame * size * width..(frame + 1) * size * width];
        match self.encoding {
            Encoding::Labels(width) => {
                let is_in = |bytes: &[u8]| match *bytes {
                    [low] => u16::from(low) == segment,
                    [low, high] => u16::from_le_bytes([low, high]) == segment,
                    _ => false,
                };
                bytes(width).chunks(width).map(is_in).collect()
            }
            Encoding::Fractional(max) => {
                bytes(1).iter().map(|&value| 2 * u16::from(value) >= max).collect()
            }
            Encoding::Binary => {
                // The bits of all frames follow each other, the lowest of a byte first.
                let bits = frame * size..(frame + 1) * size;
                bits.map(|bit| self.pixels[bit / 8] >> (bit % 8) & 1 == 1).collect()
            }
        }
    }
}

/// Grid of the frames, with planes that are left out, and the slice of each frame.
fn geometry(
    path: &Path,
    planes: &[FramePlane],
    [columns, rows]: [usize; 2],
) -> Result<(Geometry, Vec<usize>)> {
    let first = &planes[0];
    let directions = |plane: &FramePlane| [plane.row_direction, plane.column_direction].concat();
    let differs = |plane: &&FramePlane| {
        let own = directions(plane);
        own.iter().zip(directions(first)).any(|(a, b)| (a - b).abs() > DIRECTION_TOLERANCE)
            || (plane.row_spacing - first.row_spacing).abs() > DIRECTION_TOLERANCE
            || (plane.column_spacing - first.column_spacing).abs() > DIRECTION_TOLERANCE
    };
    if planes.iter().any(|plane| differs(&plane)) {
        let reason = "a segmentation of planes with different directions or pixels";
        return Err(Error::unsupported(path, reason));
    }
    let normal = cross(first.row_direction, first.column_direction);
    let along = |plane: &FramePlane| dot(minus(plane.position, first.position), normal);
    let mut places: Vec<f64> = planes.iter().map(along).collect();
    let lowest = planes
        .iter()
        .min_by(|a, b| along(a).total_cmp(&along(b)))
        .map_or(first.position, |plane| plane.position);
    let start = places.iter().copied().fold(f64::INFINITY, f64::min);
    places.iter_mut().for_each(|place| *place -= start);
    if let Some(plane) = planes.iter().find(|plane| drift(first, plane, normal) > DRIFT_MM) {
        let reason = format!(
            "a segmentation of planes that are shifted in their plane (at {:?} and {:?} mm)",
            first.position, plane.position
        );
        return Err(Error::unsupported(path, reason));
    }
    let (step, slices) = even_slices(first, &places).ok_or_else(|| {
        let reason = format!("a segmentation of planes at uneven distances ({places:?} mm)");
        Error::unsupported(path, reason.chars().take(300).collect::<String>())
    })?;
    let steps = [
        swap_lps(first.row_direction.map(|part| part * first.column_spacing)),
        swap_lps(first.column_direction.map(|part| part * first.row_spacing)),
        swap_lps(normal.map(|part| part * step)),
    ];
    let size = [columns, rows, slices.iter().copied().max().unwrap_or(0) + 1];
    let affine = Affine { origin: swap_lps(lowest), steps };
    Ok((affine.geometry(path, size)?, slices))
}

/// Distance in mm between two planes within their plane.
fn drift(first: &FramePlane, plane: &FramePlane, normal: [f64; 3]) -> f64 {
    let offset = minus(plane.position, first.position);
    let along = dot(offset, normal);
    let drift = minus(offset, normal.map(|part| part * along));
    dot(drift, drift).sqrt()
}

/// Distance of the planes, as stated or the smallest one, and the index of each of them.
fn even_slices(first: &FramePlane, places: &[f64]) -> Option<(f64, Vec<usize>)> {
    let end = places.iter().copied().fold(0.0, f64::max);
    let mut sorted = places.to_vec();
    sorted.sort_by(f64::total_cmp);
    let gaps = sorted.windows(2).map(|pair| pair[1] - pair[0]);
    let smallest = gaps.filter(|&gap| gap > SAME_PLANE_MM).reduce(f64::min);
    // The mean is more exact than one distance.
    let smallest = smallest.map(|gap| end / (end / gap).round());
    let only = first.thickness.unwrap_or(1.0);
    for step in [first.spacing, smallest, Some(only)].into_iter().flatten() {
        let index = |place: &f64| {
            let index = (place / step).round();
            let fits = (place / step - index).abs() <= ROUNDING && index < MAX_PLANES;
            fits.then_some(index as usize)
        };
        if let Some(slices) = places.iter().map(index).collect() {
            return Some((step, slices));
        }
    }
    None
}
