//! Place and pixels of a plane in the patient: of a slice, or of a frame of a segmentation.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use crate::error::Result;
use crate::io::dicom::attributes::Attributes;
use crate::volume::vector::cross;

/// Attributes that place an image in the patient (the Image Plane Module), LPS.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ImagePlane {
    /// ImagePositionPatient: centre of the first pixel, mm.
    pub(crate) position: [f64; 3],
    /// First direction of ImageOrientationPatient: of growing column index.
    pub(crate) row_direction: [f64; 3],
    /// Second direction of ImageOrientationPatient: of growing row index.
    pub(crate) column_direction: [f64; 3],
    /// Distance of neighbouring columns, mm.
    pub(crate) column_spacing: f64,
    /// Distance of neighbouring rows, mm.
    pub(crate) row_spacing: f64,
    /// SpacingBetweenSlices, mm, above zero.
    pub(crate) slice_spacing: Option<f64>,
    /// SliceThickness, mm, above zero.
    pub(crate) thickness: Option<f64>,
}

impl ImagePlane {
    /// Reads the attributes of an image or frame.
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::Error::Damaged) where place, directions or pixel spacing are
    /// missing or no finite numbers.
    pub(crate) fn read(attributes: &Attributes) -> Result<ImagePlane> {
        let [row_spacing, column_spacing] =
            attributes.numbers(tags::PIXEL_SPACING, "PixelSpacing")?;
        let [a, b, c, d, e, f] =
            attributes.numbers(tags::IMAGE_ORIENTATION_PATIENT, "ImageOrientationPatient")?;
        let length = |tag: Tag, name: &str| -> Result<Option<f64>> {
            Ok(attributes.number(tag, name)?.filter(|&length| length > 0.0))
        };
        Ok(ImagePlane {
            position: attributes.numbers(tags::IMAGE_POSITION_PATIENT, "ImagePositionPatient")?,
            row_direction: [a, b, c],
            column_direction: [d, e, f],
            column_spacing,
            row_spacing,
            slice_spacing: length(tags::SPACING_BETWEEN_SLICES, "SpacingBetweenSlices")?,
            thickness: length(tags::SLICE_THICKNESS, "SliceThickness")?,
        })
    }

    /// Normal of the plane, of unit length where its directions are.
    pub(crate) fn normal(&self) -> [f64; 3] {
        cross(self.row_direction, self.column_direction)
    }

    /// Whether the directions of two planes differ by no more than this in any component.
    pub(crate) fn is_parallel(&self, other: &ImagePlane, tolerance: f64) -> bool {
        let directions =
            |plane: &ImagePlane| [plane.row_direction, plane.column_direction].concat();
        let pairs = directions(self).into_iter().zip(directions(other));
        pairs.into_iter().all(|(a, b)| (a - b).abs() <= tolerance)
    }
}
