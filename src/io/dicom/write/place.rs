//! Place of a slice in the patient, as DICOM states it.

use dicom_dictionary_std::tags;

use super::elements::{Object, put_decimals};
use crate::error::{Error, Result};
use crate::volume::vector::{cross, dot};
use crate::volume::{Axis, Geometry};

/// Part by which the distance of slices may differ from that along the normal of their planes.
const SHEAR_TOLERANCE: f64 = 1e-5;

/// Place and grid of a slice across k, LPS.
pub(super) struct Place {
    pub(super) rows: u16,
    pub(super) columns: u16,
    /// Centre of the first pixel, mm.
    position: [f64; 3],
    /// Directions of growing column and row index.
    directions: [[f64; 3]; 2],
    /// Distance of neighbouring rows, and of neighbouring columns, mm.
    pixel_spacing: [f64; 2],
    /// Distance of neighbouring slices along their normal, mm.
    slice_spacing: f64,
    /// Whether the slices of the stack are shifted in their planes (gantry tilt).
    pub(super) is_sheared: bool,
}

impl Place {
    /// Place of slice `k` of a grid of even slices.
    ///
    /// # Errors
    /// [`Error::Geometry`] for more rows or columns than an image can have.
    pub(super) fn of(grid: &Geometry, k: usize) -> Result<Place> {
        let [columns, rows, _] = grid.size();
        let side = |length: usize| {
            u16::try_from(length).map_err(|_| {
                Error::Geometry(format!("planes of {columns} x {rows} pixels; DICOM allows 65535"))
            })
        };
        let step = grid.step(Axis::K);
        let position: [f64; 3] =
            std::array::from_fn(|row| grid.origin()[row] + k as f64 * step[row]);
        let directions = [grid.direction(Axis::I), grid.direction(Axis::J)];
        let spacing = grid.spacing(Axis::K);
        let along = dot(step, cross(directions[0], directions[1])).abs();
        let is_sheared = along < spacing * (1.0 - SHEAR_TOLERANCE);
        Ok(Place {
            rows: side(rows)?,
            columns: side(columns)?,
            position: lps(position),
            directions: directions.map(lps),
            pixel_spacing: [grid.spacing(Axis::J), grid.spacing(Axis::I)],
            slice_spacing: if is_sheared { along } else { spacing },
            is_sheared,
        })
    }

    /// Puts all attributes of a classic slice.
    pub(super) fn describe(&self, object: &mut Object) {
        self.describe_position(object);
        self.describe_orientation(object);
        self.describe_spacing(object);
    }

    pub(super) fn describe_position(&self, object: &mut Object) {
        put_decimals(object, tags::IMAGE_POSITION_PATIENT, &self.position);
    }

    pub(super) fn describe_orientation(&self, object: &mut Object) {
        put_decimals(object, tags::IMAGE_ORIENTATION_PATIENT, &self.directions.concat());
    }

    pub(super) fn describe_spacing(&self, object: &mut Object) {
        put_decimals(object, tags::PIXEL_SPACING, &self.pixel_spacing);
        put_decimals(object, tags::SPACING_BETWEEN_SLICES, &[self.slice_spacing]);
    }

    /// Puts the slice spacing as thickness, where none is known.
    pub(super) fn describe_thickness(&self, object: &mut Object) {
        put_decimals(object, tags::SLICE_THICKNESS, &[self.slice_spacing]);
    }
}

/// A vector in LPS.
fn lps([right, anterior, superior]: [f64; 3]) -> [f64; 3] {
    [-right, -anterior, superior]
}
