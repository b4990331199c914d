//! Sorts slices and derives their geometry.

use crate::error::{Error, Result};
use crate::io::dicom::slice::Slice;
use crate::volume::Geometry;
use crate::volume::vector::{cross, dot};

/// In-plane drift of the slices, in mm per mm along their normal, that rounding in the files
/// explains. The smallest gantry tilt is 0.5 degrees, which is 9e-3.
const DRIFT_TOLERANCE: f64 = 1e-3;

/// Error of a position, mm, that rounding in the files explains.
const ROUNDING_MM: f64 = 0.01;

/// Sorts the slices of a series along their normal and derives their geometry.
///
/// # Errors
/// [`Error::Damaged`] for two slices at the same position and for invalid spacings or directions;
/// [`Error::Geometry`] for a sheared stack (gantry tilt).
pub(crate) fn sort(mut slices: Vec<Slice>) -> Result<(Vec<Slice>, Geometry)> {
    check_pixel_spacing(&slices)?;
    let first = &slices[0];
    let (x, y) = (unit(first, first.row_direction)?, unit(first, first.column_direction)?);
    let normal = cross(x, y);
    slices.sort_by(|a, b| dot(a.position, normal).total_cmp(&dot(b.position, normal)));
    reject_duplicates(&slices, normal)?;
    reject_tilt(&slices, normal)?;
    let geometry = geometry(&slices, [x, y, normal])?;
    Ok((slices, geometry))
}

/// Rejects pixel spacings that are not positive or differ within the series.
fn check_pixel_spacing(slices: &[Slice]) -> Result<()> {
    let first = &slices[0];
    for (name, spacing) in [("column", first.column_spacing), ("row", first.row_spacing)] {
        if spacing <= 0.0 {
            let reason =
                format!("the {name} spacing is {spacing} mm (PixelSpacing); it must be above zero");
            return Err(Error::damaged(&first.path, reason));
        }
    }
    if let Some(other) = slices.iter().find(|slice| {
        (slice.column_spacing - first.column_spacing).abs() > 1e-4 * first.column_spacing
            || (slice.row_spacing - first.row_spacing).abs() > 1e-4 * first.row_spacing
    }) {
        let reason = format!(
            "PixelSpacing is {}\\{}, but {}\\{} in {} of the same series",
            other.row_spacing,
            other.column_spacing,
            first.row_spacing,
            first.column_spacing,
            first.path.display()
        );
        return Err(Error::damaged(&other.path, reason));
    }
    Ok(())
}

/// Geometry of sorted slices with these directions of rows, columns and normal, LPS.
fn geometry(slices: &[Slice], [x, y, normal]: [[f64; 3]; 3]) -> Result<Geometry> {
    let origin = slices[0].position;
    let count = slices.len();
    let last = minus(slices[count - 1].position, origin);
    let length = dot(last, last).sqrt();
    // From the first slice to the last, so that both positions are exact; rounding in the files
    // makes it differ from the normal only slightly.
    let z = if count > 1 { last.map(|x| x / length) } else { normal };
    let thickness = slices[0].thickness.filter(|&thickness| thickness > 0.0).unwrap_or(1.0);
    let step = if count > 1 { length / (count - 1) as f64 } else { thickness };
    let positions = slices.iter().map(|slice| dot(minus(slice.position, origin), z)).collect();

    // Subtracted rather than negated: no negative zeros.
    let ras = |[left, posterior, superior]: [f64; 3]| [0.0 - left, 0.0 - posterior, superior];
    let first = &slices[0];
    let steps = [
        ras(x.map(|component| component * first.column_spacing)),
        ras(y.map(|component| component * first.row_spacing)),
        ras(z.map(|component| component * step)),
    ];
    Geometry::new([first.columns, first.rows, count], ras(origin), steps)
        .and_then(|geometry| geometry.with_slice_positions(positions))
        .map_err(|error| error.in_file(&first.path))
}

fn reject_duplicates(slices: &[Slice], normal: [f64; 3]) -> Result<()> {
    for pair in slices.windows(2) {
        let distance = dot(minus(pair[1].position, pair[0].position), normal);
        if distance < ROUNDING_MM {
            let reason = format!(
                "at the same position as {} ({:?} mm); keep one of them, or one phase of a series \
                 over time",
                pair[0].path.display(),
                pair[0].position
            );
            return Err(Error::damaged(&pair[1].path, reason));
        }
    }
    Ok(())
}

fn reject_tilt(slices: &[Slice], normal: [f64; 3]) -> Result<()> {
    let first = &slices[0];
    for slice in &slices[1..] {
        let offset = minus(slice.position, first.position);
        let along = dot(offset, normal);
        let drift = minus(offset, normal.map(|component| component * along));
        let drift = dot(drift, drift).sqrt();
        if drift > (DRIFT_TOLERANCE * along).max(ROUNDING_MM) {
            return Err(Error::Geometry(format!(
                "{}: the slices drift in their plane by {drift:.3} mm over {along:.3} mm from {}: \
                 a gantry tilt of {:.2} degrees; resample the series to an orthogonal grid first",
                slice.path.display(),
                first.path.display(),
                drift.atan2(along).to_degrees()
            )));
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

fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [0, 1, 2].map(|row| a[row] - b[row])
}
