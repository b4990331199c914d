//! Segmentations: label maps on one grid, and what their labels stand for.
//!
//! In a `.seg.nrrd` file, as 3D Slicer has it, lines `SegmentN_Key:=value` of the header describe
//! the segments, and a fourth axis holds layers, where segments overlap.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io::{Code, DicomSegment};
use crate::volume::Volume;

/// A part of a segmentation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Segment {
    /// Index of the label map that it is in.
    pub layer: usize,
    /// Its value there.
    pub label: i64,
    /// What else a `.seg.nrrd` file says of it, in its order: `Name`, `Color`, `ID`, `Tags` and
    /// others. Values are as in the file, where `\n` is a line break.
    pub attributes: Vec<(String, String)>,
}

impl Segment {
    /// An attribute by its name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Its name, where it has one.
    pub fn name(&self) -> Option<&str> {
        self.attribute("Name").map(str::trim).filter(|name| !name.is_empty())
    }

    /// Its colour, where it has one: red, green and blue, 0 to 1.
    pub fn colour(&self) -> Option<[f64; 3]> {
        let parts = self.attribute("Color")?.split_whitespace().map(|part| part.parse().ok());
        parts.collect::<Option<Vec<f64>>>()?.try_into().ok()
    }

    /// The segment as a DICOM SEG has it: tissue where its terminology is not known.
    pub fn to_dicom(&self) -> DicomSegment {
        let unnamed = DicomSegment::unnamed(self.layer, self.label);
        DicomSegment {
            name: self.name().map_or(unnamed.name, |name| name.chars().take(MAX_NAME).collect()),
            colour: self.colour(),
            meaning: self.meaning().unwrap_or(unnamed.meaning),
            ..unnamed
        }
    }

    /// Category and type in the terminology of 3D Slicer:
    /// `TerminologyEntry:CONTEXT~SCHEME^VALUE^MEANING~SCHEME^VALUE^MEANING~...|`.
    fn meaning(&self) -> Option<[Code; 2]> {
        let (_, entry) = self.attribute("Tags")?.split_once("TerminologyEntry:")?;
        let mut codes = entry.split('|').next()?.split('~').skip(1).map(|code| {
            let mut parts = code.splitn(3, '^').map(str::trim);
            let [scheme, value, meaning] = [parts.next()?, parts.next()?, parts.next()?];
            let is_whole = ![scheme, value, meaning].contains(&"");
            is_whole.then(|| Code::new(value, scheme, meaning))
        });
        Some([codes.next()??, codes.next()??])
    }
}

/// Longest name in DICOM, characters.
const MAX_NAME: usize = 64;

/// Label maps on one grid, and what their labels stand for.
#[derive(Clone, Debug)]
pub struct Segmentation {
    /// Label maps, at least one; several where segments overlap.
    pub layers: Vec<Volume>,
    /// Segments, in the order of the file; none for a label map without metadata.
    pub segments: Vec<Segment>,
    /// Other metadata, keys and values, in the order of the file.
    pub others: Vec<(String, String)>,
}

/// Key of a segment's index of its label map.
const LAYER: &str = "Layer";

/// Key of a segment's value.
const LABEL: &str = "LabelValue";

/// Key of the bounds of a segment, which follow from the voxels.
const EXTENT: &str = "Extent";

/// Key of the grid's place in that of the CT, in voxels.
const OFFSET: &str = "Segmentation_ReferenceImageExtentOffset";

/// Key of what made the label maps from surfaces, with the grid for that.
const CONVERSION: &str = "Segmentation_ConversionParameters";

impl From<Volume> for Segmentation {
    fn from(labels: Volume) -> Segmentation {
        Segmentation { layers: vec![labels], segments: Vec::new(), others: Vec::new() }
    }
}

impl Segmentation {
    /// Finds the segments in the metadata of a `.seg.nrrd` file.
    pub(super) fn from_metadata(
        layers: Vec<Volume>,
        metadata: Vec<(String, String)>,
    ) -> Segmentation {
        let mut numbered: BTreeMap<usize, Vec<(String, String)>> = BTreeMap::new();
        let mut others = Vec::new();
        for (key, value) in metadata {
            match segment_key(&key) {
                Some((number, name)) => {
                    numbered.entry(number).or_default().push((name.to_string(), value));
                }
                None => others.push((key, value)),
            }
        }
        let has_layers = layers.len() > 1;
        let segment = |(index, (_, attributes)): (usize, (usize, Vec<(String, String)>))| {
            let number = |name: &str| {
                let value = attributes.iter().find(|(key, _)| key == name);
                value.and_then(|(_, value)| value.trim().parse::<i64>().ok())
            };
            // Old files have a layer of ones for each segment.
            let layer = number(LAYER).and_then(|layer| usize::try_from(layer).ok());
            Segment {
                layer: layer.unwrap_or(if has_layers { index } else { 0 }),
                label: number(LABEL).unwrap_or(if has_layers { 1 } else { index as i64 + 1 }),
                attributes: attributes
                    .into_iter()
                    .filter(|(key, _)| ![LAYER, LABEL, EXTENT].contains(&key.as_str()))
                    .collect(),
            }
        };
        let segments = numbered.into_iter().enumerate().map(segment).collect();
        Segmentation { layers, segments, others }
    }

    /// Metadata of a `.seg.nrrd` file with these label maps.
    pub(super) fn metadata(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for (number, segment) in self.segments.iter().enumerate() {
            let mut put = |key: &str, value: String| {
                all.push((format!("Segment{number}_{key}"), value));
            };
            for (key, value) in &segment.attributes {
                put(key, value.clone());
            }
            put(EXTENT, self.extent(segment));
            put(LABEL, segment.label.to_string());
            put(LAYER, segment.layer.to_string());
        }
        for (key, value) in &self.others {
            let value = match key.as_str() {
                OFFSET => "0 0 0".to_string(),
                CONVERSION => without_grid(value),
                _ => value.clone(),
            };
            all.push((key.clone(), value));
        }
        all
    }

    /// First and last index of a segment along i, j and k; an empty one ends before it begins.
    fn extent(&self, segment: &Segment) -> String {
        let mut bounds = [[usize::MAX, 0]; 3];
        if let Some(layer) = self.layers.get(segment.layer) {
            let [columns, rows, _] = layer.geometry().size();
            let values = layer.voxels().values().enumerate();
            for (at, _) in values.filter(|&(_, value)| value == segment.label as f64) {
                let index = [at % columns, at / columns % rows, at / columns / rows];
                for (bounds, index) in bounds.iter_mut().zip(index) {
                    *bounds = [bounds[0].min(index), bounds[1].max(index)];
                }
            }
        }
        let words = bounds.map(|[first, last]| match first <= last {
            true => format!("{first} {last}"),
            false => "0 -1".to_string(),
        });
        words.join(" ")
    }

    /// The first label map; `path` is named in errors.
    ///
    /// # Errors
    /// [`Error::Argument`] without any, and for others of another grid or voxel type.
    pub(super) fn first_layer(&self, path: &Path) -> Result<&Volume> {
        let fault = |fault: &str| Err(Error::Argument(format!("{}: {fault}", path.display())));
        let Some(first) = self.layers.first() else {
            return fault("a segmentation without label maps");
        };
        let same = |layer: &Volume| {
            layer.geometry() == first.geometry()
                && layer.voxels().voxel_type() == first.voxels().voxel_type()
        };
        match self.layers.iter().all(same) {
            true => Ok(first),
            false => fault("label maps of different grids or voxel types"),
        }
    }
}

/// Whether metadata describe segments.
pub(super) fn has_segments(metadata: &[(String, String)]) -> bool {
    metadata.iter().any(|(key, _)| segment_key(key).is_some())
}

/// Number and name of a key `SegmentN_Name`.
fn segment_key(key: &str) -> Option<(usize, &str)> {
    let (number, name) = key.strip_prefix("Segment")?.split_once('_')?;
    Some((number.parse().ok()?, name))
}

/// Conversion parameters without the grid of the CT that the segmentation was drawn on.
fn without_grid(value: &str) -> String {
    let kept = value.split('&').filter(|part| !part.starts_with("Reference image geometry|"));
    kept.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::{Geometry, Rescale, Voxels};
    use ndarray::Array3;

    fn layer(value: u8) -> Volume {
        let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 4.0]];
        let geometry = Geometry::new([4, 3, 2], [0.0; 3], steps).unwrap();
        let mut voxels = Array3::zeros((2, 3, 4));
        voxels[(1, 2, 1)] = value;
        voxels[(1, 1, 3)] = value;
        Volume::new(Voxels::from(voxels), Rescale::IDENTITY, geometry).unwrap()
    }

    fn pairs(lines: &[&str]) -> Vec<(String, String)> {
        let pair = |line: &&str| {
            let (key, value) = line.split_once(":=").unwrap();
            (key.to_string(), value.to_string())
        };
        lines.iter().map(pair).collect()
    }

    #[test]
    fn metadata_are_kept_and_what_depends_on_the_grid_is_new() {
        let lines = [
            "Segment10_Name:=last",
            "Segment2_Name:=first",
            "Segment2_Color:=1 0 0",
            "Segment2_LabelValue:=7",
            "Segment2_Layer:=0",
            "Segment2_Extent:=9 9 9 9 9 9",
            "Segment10_LabelValue:=3",
            "Segment10_Layer:=1",
            "Segmentation_ReferenceImageExtentOffset:=7 5 1",
            "Segmentation_ConversionParameters:=A|1|&Reference image geometry|1;0;|grid&B|2|",
            "mine:=a: b",
        ];
        let segmentation = Segmentation::from_metadata(vec![layer(7), layer(2)], pairs(&lines));
        assert_eq!(segmentation.segments[0].attribute("Name"), Some("first"));
        let expected = [
            "Segment0_Name:=first",
            "Segment0_Color:=1 0 0",
            "Segment0_Extent:=1 3 1 2 1 1",
            "Segment0_LabelValue:=7",
            "Segment0_Layer:=0",
            "Segment1_Name:=last",
            "Segment1_Extent:=0 -1 0 -1 0 -1",
            "Segment1_LabelValue:=3",
            "Segment1_Layer:=1",
            "Segmentation_ReferenceImageExtentOffset:=0 0 0",
            "Segmentation_ConversionParameters:=A|1|&B|2|",
            "mine:=a: b",
        ];
        assert_eq!(segmentation.metadata(), pairs(&expected));
    }

    #[test]
    fn segments_keep_name_colour_and_terminology_in_dicom() {
        let lines = [
            "Segment0_Name:=liver",
            "Segment0_Color:=0.5 0.25 1",
            "Segment0_Tags:=A:b|TerminologyEntry:c~SCT^1^Organ~SCT^2^Liver~^^~|",
            "Segment1_Tags:=TerminologyEntry:c~SCT^1^Organ~^^~|",
        ];
        let segmentation = Segmentation::from_metadata(vec![layer(1)], pairs(&lines));
        let [liver, other] = [0, 1].map(|at: usize| segmentation.segments[at].to_dicom());
        assert_eq!((liver.name.as_str(), liver.colour), ("liver", Some([0.5, 0.25, 1.0])));
        let codes = [Code::new("1", "SCT", "Organ"), Code::new("2", "SCT", "Liver")];
        assert_eq!(liver.meaning, codes);
        assert_eq!(other, DicomSegment::unnamed(0, 2));
    }

    #[test]
    fn old_files_have_a_layer_for_each_segment() {
        let lines = pairs(&["Segment0_Name:=a", "Segment1_Name:=b"]);
        let segmentation = Segmentation::from_metadata(vec![layer(1), layer(1)], lines.clone());
        let places = |segmentation: &Segmentation| -> Vec<(usize, i64)> {
            segmentation.segments.iter().map(|segment| (segment.layer, segment.label)).collect()
        };
        assert_eq!(places(&segmentation), [(0, 1), (1, 1)]);
        let one = Segmentation::from_metadata(vec![layer(1)], lines);
        assert_eq!(places(&one), [(0, 1), (0, 2)]);
        assert!(Segmentation::from(layer(1)).metadata().is_empty());
    }
}
