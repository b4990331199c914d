//! Puts slices in order and in space.

use crate::error::{Error, Result};
use crate::io::dicom::slice::Slice;
use crate::volume::Geometry;
use crate::volume::vector::{cross, dot};

/// How far beside the normal, per mm along it, a slice may lie. Files round their numbers; the least
/// gantry tilt is 0.5 degrees, which is 9e-3.
const SIDEWAYS_TOLERANCE: f64 = 1e-3;

/// How far in mm rounding alone may put a slice beside the normal, or two slices on one place.
const ROUNDING_MM: f64 = 0.01;

/// Sorts the slices of a stack along their normal and gives their grid, uneven where they are.
///
/// # Errors
/// [`Error::Damaged`] for two slices at one place and for spacings or directions that are none;
/// [`Error::Geometry`] for slices that drift sideways, as those of a tilted gantry do.
pub(crate) fn in_order(mut slices: Vec<Slice>) -> Result<(Vec<Slice>, Geometry)> {
    let first = &slices[0];
    let (x, y) = (unit(first, first.along_row)?, unit(first, first.along_column)?);
    let normal = cross(x, y);
    for (name, spacing) in [("column", first.column_spacing), ("row", first.row_spacing)] {
        if spacing <= 0.0 {
            let reason =
                format!("the {name} spacing is {spacing} mm (PixelSpacing), not above zero");
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

    slices.sort_by(|a, b| dot(a.position, normal).total_cmp(&dot(b.position, normal)));
    let origin = slices[0].position;
    refuse_doubles(&slices, normal)?;
    refuse_tilt(&slices, normal)?;

    let count = slices.len();
    let last = minus(slices[count - 1].position, origin);
    let length = dot(last, last).sqrt();
    // From the first slice to the last, so that both lie where they should to the last bit; rounding
    // in the files turns it by next to nothing from the normal.
    let z = if count > 1 { last.map(|x| x / length) } else { normal };
    let thickness = slices[0].thickness.filter(|&thickness| thickness > 0.0).unwrap_or(1.0);
    let step = if count > 1 { length / (count - 1) as f64 } else { thickness };
    let positions = slices.iter().map(|slice| dot(minus(slice.position, origin), z)).collect();

    // Subtracted, not negated: zero has no sign.
    let ras = |[left, posterior, superior]: [f64; 3]| [0.0 - left, 0.0 - posterior, superior];
    let first = &slices[0];
    let steps = [
        ras(x.map(|component| component * first.column_spacing)),
        ras(y.map(|component| component * first.row_spacing)),
        ras(z.map(|component| component * step)),
    ];
    let geometry = Geometry::new([first.columns, first.rows, count], ras(origin), steps)
        .and_then(|geometry| geometry.with_slice_positions(positions))
        .map_err(|error| error.in_file(&first.path))?;
    Ok((slices, geometry))
}

fn refuse_doubles(slices: &[Slice], normal: [f64; 3]) -> Result<()> {
    for pair in slices.windows(2) {
        let distance = dot(minus(pair[1].position, pair[0].position), normal);
        if distance < ROUNDING_MM {
            let reason = format!(
                "lies at the same place as {} ({:?} mm); keep one of them, or one phase of a series \
                 over time",
                pair[0].path.display(),
                pair[0].position
            );
            return Err(Error::damaged(&pair[1].path, reason));
        }
    }
    Ok(())
}

fn refuse_tilt(slices: &[Slice], normal: [f64; 3]) -> Result<()> {
    let first = &slices[0];
    for slice in &slices[1..] {
        let offset = minus(slice.position, first.position);
        let along = dot(offset, normal);
        let beside = minus(offset, normal.map(|component| component * along));
        let beside = dot(beside, beside).sqrt();
        if beside > (SIDEWAYS_TOLERANCE * along).max(ROUNDING_MM) {
            return Err(Error::Geometry(format!(
                "{}: the slices drift sideways by {beside:.3} mm on {along:.3} mm from {}, which is \
                 {:.2} degrees: a tilted gantry; resample the series to a right-angled grid first",
                slice.path.display(),
                first.path.display(),
                beside.atan2(along).to_degrees()
            )));
        }
    }
    Ok(())
}

fn unit(slice: &Slice, direction: [f64; 3]) -> Result<[f64; 3]> {
    let length = dot(direction, direction).sqrt();
    if (length - 1.0).abs() > 0.01 {
        let reason = format!("ImageOrientationPatient has {direction:?}, which is no direction");
        return Err(Error::damaged(&slice.path, reason));
    }
    Ok(direction.map(|component| component / length))
}

fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [0, 1, 2].map(|row| a[row] - b[row])
}
