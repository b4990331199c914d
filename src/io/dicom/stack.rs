//! Geometry of sorted slices: their line in space, against what rounding in the files explains.

use crate::error::{Error, Result};
use crate::io::dicom::image_plane::ImagePlane;
use crate::io::dicom::slice::Slice;
use crate::volume::positions::{ROUNDING_MM, rounding_of_offset, rounding_unit};
use crate::volume::vector::{dot, minus};
use crate::volume::{Axis, Geometry};

/// Cosine of an angle, or in-plane drift of the slices in mm per mm along their normal, that counts
/// as none. The smallest gantry tilt is 0.5 degrees, which is 9e-3.
const DIRECTION_TOLERANCE: f64 = 1e-3;

/// Drift of a slice, mm, that is never a tilt.
const MIN_DRIFT_MM: f64 = 0.01;

/// Geometry of two or more sorted slices, or of one; `x`, `y` and `normal` are the unit vectors of
/// rows, columns and normal, LPS.
///
/// # Errors
/// [`Error::Geometry`] for slices that do not lie on a line, and for one tilted further than any
/// gantry.
pub(crate) fn geometry(slices: &[Slice], [x, y, normal]: [[f64; 3]; 3]) -> Result<Geometry> {
    let y = perpendicular(&slices[0].plane, x, y);
    let (first, count) = (&slices[0], slices.len());
    let plane = &first.plane;
    let origin = plane.position;
    let thickness = plane.slice_spacing.or(plane.thickness).unwrap_or(1.0);
    let z = direction(slices, normal)?;
    let along = |slice: &Slice| dot(minus(slice.plane.position, origin), z);
    let step = if count > 1 { along(&slices[count - 1]) / (count - 1) as f64 } else { thickness };
    let positions = slices.iter().map(along).collect();

    // Subtracted rather than negated: no negative zeros.
    let ras = |[left, posterior, superior]: [f64; 3]| [0.0 - left, 0.0 - posterior, superior];
    let steps = [
        ras(x.map(|component| component * plane.column_spacing)),
        ras(y.map(|component| component * plane.row_spacing)),
        ras(z.map(|component| component * step)),
    ];
    Geometry::with_axis([first.columns, first.rows, count], ras(origin), steps, Some(Axis::K))
        .and_then(|geometry| geometry.with_slice_positions(positions))
        .map_err(|error| error.in_file(&first.path))
}

/// The direction `y`, at a right angle to `x` where it is off by more than usual, but only by the
/// rounding of ImageOrientationPatient.
fn perpendicular(plane: &ImagePlane, x: [f64; 3], y: [f64; 3]) -> [f64; 3] {
    let cosine = dot(x, y);
    if cosine.abs() <= DIRECTION_TOLERANCE || cosine.abs() > rounding_of_directions(plane) {
        return y;
    }
    let across = minus(y, x.map(|component| component * cosine));
    let length = dot(across, across).sqrt();
    across.map(|component| component / length)
}

/// Direction from slice to slice: from the first to the last, so that both positions are exact,
/// also for a tilted gantry; the normal where the difference is larger than usual, but only
/// rounding.
fn direction(slices: &[Slice], normal: [f64; 3]) -> Result<[f64; 3]> {
    let (first, last) = (&slices[0], &slices[slices.len() - 1]);
    let whole = minus(last.plane.position, first.plane.position);
    let length = dot(whole, normal);
    if slices.len() < 2 {
        return Ok(normal);
    }
    let drift = Drift::of(whole, normal);
    let per_mm = drift.vector.map(|component| component / length);
    for slice in &slices[1..] {
        let own = Drift::of(minus(slice.plane.position, first.plane.position), normal);
        let beside = minus(own.vector, per_mm.map(|component| component * own.along));
        let beside = dot(beside, beside).sqrt();
        if beside > rounding_of_offset(ROUNDING_MM) && !own.is_small() {
            return Err(Error::Geometry(format!(
                "{}: the slice lies {beside:.2} mm beside the line from {} to {}; its \
                 ImagePositionPatient may be wrong, or the slices are not one stack",
                slice.path.display(),
                first.path.display(),
                last.path.display()
            )));
        }
    }
    if drift.length() <= DIRECTION_TOLERANCE * length {
        let length = dot(whole, whole).sqrt();
        return Ok(whole.map(|component| component / length));
    }
    let positions: Vec<f64> = slices.iter().flat_map(|slice| slice.plane.position).collect();
    let rounding = rounding_of_offset(rounding_unit(&positions));
    let explained = rounding + length * rounding_of_directions(&first.plane);
    if drift.length() <= explained.max(MIN_DRIFT_MM) {
        return Ok(normal);
    }
    // A tilted gantry: the slices lean.
    let length = dot(whole, whole).sqrt();
    Ok(whole.map(|component| component / length))
}

/// Offset between two slices, along their normal and in their plane, mm.
struct Drift {
    along: f64,
    vector: [f64; 3],
}

impl Drift {
    fn of(offset: [f64; 3], normal: [f64; 3]) -> Drift {
        let along = dot(offset, normal);
        Drift { along, vector: minus(offset, normal.map(|component| component * along)) }
    }

    fn length(&self) -> f64 {
        dot(self.vector, self.vector).sqrt()
    }

    fn is_small(&self) -> bool {
        self.length() <= (DIRECTION_TOLERANCE * self.along).max(MIN_DRIFT_MM)
    }
}

/// Error of the normal, a drift in mm per mm, that rounding of ImageOrientationPatient explains.
fn rounding_of_directions(plane: &ImagePlane) -> f64 {
    let cosines: Vec<f64> = [plane.row_direction, plane.column_direction]
        .concat()
        .into_iter()
        .filter(|cosine| cosine.fract() != 0.0)
        .collect();
    match rounding_unit(&cosines) {
        // An axis at 0.1 or 0.6 and 0.8 is exact: nothing rounds as coarsely.
        unit if cosines.is_empty() || unit > 1e-3 => 0.0,
        unit => rounding_of_offset(unit),
    }
}
