//! Segments of a DICOM SEG: labels of label maps, what they mean and how they are shown.

use std::collections::{BTreeMap, BTreeSet};

use super::elements::Code;
use crate::error::{Error, Result};
use crate::volume::voxels::with_voxels;
use crate::volume::{Volume, Voxel};

/// Largest number of segments.
const MAX_SEGMENTS: usize = 65_535;

/// A segment: a label of a label map, and what it means.
#[derive(Clone, Debug, PartialEq)]
pub struct DicomSegment {
    /// Label map, counted from 0.
    pub layer: usize,
    /// Value of the voxels.
    pub label: i64,
    /// Name, up to 64 characters.
    pub name: String,
    /// Colour in a display, red, green and blue from 0 to 1.
    pub colour: Option<[f64; 3]>,
    /// Category and type of what it shows.
    pub meaning: [Code; 2],
}

impl DicomSegment {
    /// A segment that is named by its label alone: tissue of no stated kind.
    pub fn unnamed(layer: usize, label: i64) -> DicomSegment {
        let tissue = Code::new("85756007", "SCT", "Tissue");
        let meaning = [tissue.clone(), tissue];
        DicomSegment { layer, label, name: format!("Label {label}"), colour: None, meaning }
    }
}

/// The segments of label maps: those that are described, then one for each other label.
///
/// # Errors
/// [`Error::Argument`] for labels that are no whole numbers, for none and for too many.
pub(super) fn segments(
    label_maps: &[Volume],
    described: &[DicomSegment],
) -> Result<Vec<DicomSegment>> {
    let mut all: BTreeMap<(usize, i64), DicomSegment> = BTreeMap::new();
    for (layer, map) in label_maps.iter().enumerate() {
        if !map.voxels().voxel_type().is_integer() {
            return Err(Error::Argument(format!(
                "a label map of {} voxels; a DICOM SEG needs whole numbers",
                map.voxels().voxel_type()
            )));
        }
        for label in labels(map) {
            let named = described
                .iter()
                .find(|segment| (segment.layer, segment.label) == (layer, label))
                .cloned();
            all.insert(
                (layer, label),
                named.unwrap_or_else(|| DicomSegment::unnamed(layer, label)),
            );
        }
    }
    match all.len() {
        0 => Err(Error::Argument(
            "the label map has no label but background; a DICOM SEG needs a segment".into(),
        )),
        count if count > MAX_SEGMENTS => Err(Error::Argument(format!(
            "{count} labels; a DICOM SEG has up to {MAX_SEGMENTS} segments"
        ))),
        _ => Ok(all.into_values().collect()),
    }
}

/// Labels of a map, without the background.
fn labels(map: &Volume) -> BTreeSet<i64> {
    with_voxels!(map.voxels(), array => {
        let mut last = 0;
        let mut found = BTreeSet::new();
        for value in array.iter().map(|&value| value.to_f64() as i64) {
            // Neighbours are mostly the same.
            if value != last {
                found.insert(value);
                last = value;
            }
        }
        found.remove(&0);
        found
    })
}

/// A colour of sRGB as CIELab, scaled to 16 bits as DICOM stores it.
pub(super) fn cie_lab(colour: [f64; 3]) -> [u16; 3] {
    let linear =
        colour.map(
            |part| {
                if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
            },
        );
    let [r, g, b] = linear;
    // White of D65.
    let x = (0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047;
    let y = 0.2126729 * r + 0.7151522 * g + 0.0721750 * b;
    let z = (0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883;
    let f = |t: f64| {
        if t > 216.0 / 24389.0 { t.cbrt() } else { (24389.0 / 27.0 * t + 16.0) / 116.0 }
    };
    let [x, y, z] = [x, y, z].map(f);
    let (l, a, b) = (116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z));
    let scaled = |value: f64, low: f64, high: f64| {
        ((value - low) / (high - low) * 65535.0).round().clamp(0.0, 65535.0) as u16
    };
    [scaled(l, 0.0, 100.0), scaled(a, -128.0, 127.0), scaled(b, -128.0, 127.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_cie_lab_as_dicom_scales_it() {
        // Of white, black and red: L 100, 0, 53.24; a 0, 0, 80.09; b 0, 0, 67.20.
        let scaled = |value: f64, low: f64, high: f64| (value - low) / (high - low) * 65535.0;
        for (colour, [l, a, b]) in [
            ([1.0, 1.0, 1.0], [100.0, 0.0, 0.0]),
            ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
            ([1.0, 0.0, 0.0], [53.24, 80.09, 67.20]),
        ] {
            let expected =
                [scaled(l, 0.0, 100.0), scaled(a, -128.0, 127.0), scaled(b, -128.0, 127.0)];
            for (found, expected) in cie_lab(colour).into_iter().zip(expected) {
                assert!((f64::from(found) - expected).abs() < 5.0, "{colour:?}: {found}");
            }
        }
    }
}
