//! Sorts slices.

use crate::error::{Error, Result};
use crate::io::dicom::slice::Slice;
use crate::io::dicom::stack;
use crate::volume::Geometry;
use crate::volume::vector::{cross, dot, minus};

/// Distance of slices, mm, below which they are at the same position.
const SAME_POSITION_MM: f64 = 0.01;

/// Sorts the slices of a series along their normal and derives their geometry.
///
/// # Errors
/// [`Error::Damaged`] for two slices at the same position and for invalid spacings or directions;
/// [`Error::Geometry`] for a sheared stack (gantry tilt).
pub(crate) fn sort(mut slices: Vec<Slice>) -> Result<(Vec<Slice>, Geometry)> {
    check_pixel_spacing(&slices)?;
    let first = &slices[0];
    let (x, y) =
        (unit(first, first.plane.row_direction)?, unit(first, first.plane.column_direction)?);
    let normal = cross(x, y);
    let along = |slice: &Slice| dot(slice.plane.position, normal);
    slices.sort_by(|a, b| along(a).total_cmp(&along(b)));
    reject_duplicates(&slices, normal)?;
    let geometry = stack::geometry(&slices, [x, y, normal])?;
    Ok((slices, geometry))
}

/// Rejects pixel spacings that are not positive or differ within the series.
fn check_pixel_spacing(slices: &[Slice]) -> Result<()> {
    let first = &slices[0];
    let plane = &first.plane;
    for (name, spacing) in [("column", plane.column_spacing), ("row", plane.row_spacing)] {
        if spacing <= 0.0 {
            let reason =
                format!("the {name} spacing is {spacing} mm (PixelSpacing); it must be above zero");
            return Err(Error::damaged(&first.path, reason));
        }
    }
    if let Some(other) = slices.iter().find(|slice| {
        (slice.plane.column_spacing - plane.column_spacing).abs() > 1e-4 * plane.column_spacing
            || (slice.plane.row_spacing - plane.row_spacing).abs() > 1e-4 * plane.row_spacing
    }) {
        let reason = format!(
            "PixelSpacing is {}\\{}, but {}\\{} in {} of the same series",
            other.plane.row_spacing,
            other.plane.column_spacing,
            plane.row_spacing,
            plane.column_spacing,
            first.path.display()
        );
        return Err(Error::damaged(&other.path, reason));
    }
    Ok(())
}

fn reject_duplicates(slices: &[Slice], normal: [f64; 3]) -> Result<()> {
    for pair in slices.windows(2) {
        let [first, second] = [&pair[0].plane, &pair[1].plane];
        let distance = dot(minus(second.position, first.position), normal);
        if distance < SAME_POSITION_MM {
            let reason = format!(
                "at the same position as {} ({:?} mm); keep one of them, or one phase of a series \
                 over time",
                pair[0].path.display(),
                first.position
            );
            return Err(Error::damaged(&pair[1].path, reason));
        }
    }
    Ok(())
}

fn unit(slice: &Slice, direction: [f64; 3]) -> Result<[f64; 3]> {
    let length = dot(direction, direction).sqrt();
    if (length - 1.0).abs() > 0.01 {
        let reason =
            format!("ImageOrientationPatient has {direction:?}, which is not a unit vector");
        return Err(Error::damaged(&slice.path, reason));
    }
    Ok(direction.map(|component| component / length))
}
