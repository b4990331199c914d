//! Sform and qform: the geometry of a NIfTI file.

use std::path::Path;

use crate::error::{Error, Result};
use crate::io::affine::Affine;
use crate::io::nifti::header::Header;
use crate::volume::vector::{cross, dot};
use crate::volume::{Axis, Geometry};

/// Relative difference between the spacing of the sform and `pixdim` above which the header
/// contradicts itself.
const SPACING_TOLERANCE: f64 = 0.01;

/// Difference in mm up to which the entries of sform and qform are equal.
const EQUAL_TOLERANCE_MM: f64 = 1e-4;

/// Affine of the file, with sform or qform chosen as ITK and 3D Slicer choose it.
///
/// The sform is taken where its code is 1 (scanner), where the qform has no code, and where both
/// are equal; else the qform. Where neither has a code, the origin is 0 and the axes point to left,
/// posterior and superior. Lengths are those of `pixdim`, directions those of the matrix.
pub(crate) fn ijk_to_ras(path: &Path, header: &Header) -> Result<Affine> {
    let spacing = spacing(path, header)?;
    let sform = (header.sform_code > 0).then(|| sform(path, header, spacing)).transpose()?;
    let qform = (header.qform_code > 0).then(|| qform(header, spacing));
    let (affine, name) = match (sform, qform) {
        (Some(sform), Some(qform)) if header.sform_code != 1 && !equal(&sform, &qform) => {
            (qform, "the qform")
        }
        (Some(sform), _) => (sform, "the sform"),
        (None, Some(qform)) => (qform, "the qform"),
        (None, None) => {
            let [i, j, k] = spacing;
            let steps = [[-i, 0.0, 0.0], [0.0, -j, 0.0], [0.0, 0.0, k]];
            (Affine { origin: [0.0; 3], steps }, "neither sform nor qform, but pixdim alone")
        }
    };
    let (sform_code, qform_code) = (header.sform_code, header.qform_code);
    log::debug!(
        "{}: the grid is that of {name} (sform_code {sform_code}, qform_code {qform_code})",
        path.display()
    );
    let mm = match header.xyzt_units & 7 {
        1 => 1e3,
        3 => 1e-3,
        _ => 1.0,
    };
    Ok(Affine {
        origin: affine.origin.map(|x| x * mm),
        steps: affine.steps.map(|step| step.map(|x| x * mm)),
    })
}

/// Spacing along i, j and k in the units of the file. A negative `pixdim` counts by its amount, as
/// in ITK and NiBabel: directions are those of sform and qform.
fn spacing(path: &Path, header: &Header) -> Result<[f64; 3]> {
    let mut spacing = [0.0; 3];
    for (axis, length) in spacing.iter_mut().enumerate() {
        let pixdim = header.pixdim[axis + 1];
        *length = pixdim.abs();
        if !(length.is_finite() && *length > 0.0) {
            let reason = format!(
                "the spacing along {} is {pixdim} (pixdim[{}]); it must be greater than zero",
                Axis::ALL[axis],
                axis + 1
            );
            return Err(Error::damaged(path, reason));
        }
    }
    Ok(spacing)
}

fn equal(first: &Affine, second: &Affine) -> bool {
    let entries = |affine: &Affine| {
        let [i, j, k] = affine.steps;
        [i, j, k, affine.origin].concat()
    };
    entries(first).iter().zip(entries(second)).all(|(a, b)| (a - b).abs() <= EQUAL_TOLERANCE_MM)
}

fn sform(path: &Path, header: &Header, spacing: [f64; 3]) -> Result<Affine> {
    let rows = header.srow;
    let mut steps = [[0.0; 3]; 3];
    for axis in 0..3 {
        let column = rows.map(|row| row[axis]);
        let length = column.iter().map(|x| x * x).sum::<f64>().sqrt();
        let difference = (length / spacing[axis] - 1.0).abs();
        if difference.is_nan() || difference > SPACING_TOLERANCE {
            let reason = format!(
                "the header contradicts itself: the spacing along {} is {length} mm in its sform \
                 and {} mm in pixdim[{}]",
                Axis::ALL[axis],
                spacing[axis],
                axis + 1
            );
            return Err(Error::damaged(path, reason));
        }
        steps[axis] = column.map(|x| x * (spacing[axis] / length));
    }
    Ok(Affine { origin: rows.map(|row| row[3]), steps })
}

/// Affine of the qform: a rotation as a unit quaternion (a, b, c, d) of which the file omits
/// a >= 0; `pixdim[0]` < 0 mirrors k.
fn qform(header: &Header, spacing: [f64; 3]) -> Affine {
    let [mut b, mut c, mut d] = header.quaternion;
    let length = b * b + c * c + d * d;
    let mut a = (1.0 - length).max(0.0).sqrt();
    if 1.0 - length < 1e-7 {
        a = 0.0;
        [b, c, d] = [b, c, d].map(|x| x / length.sqrt());
    }
    let mirror = if header.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
    let [i, j, k] = [spacing[0], spacing[1], spacing[2] * mirror];
    let steps = [
        [a * a + b * b - c * c - d * d, 2.0 * (b * c + a * d), 2.0 * (b * d - a * c)]
            .map(|x| x * i),
        [2.0 * (b * c - a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d + a * b)]
            .map(|x| x * j),
        [2.0 * (b * d + a * c), 2.0 * (c * d - a * b), a * a + d * d - b * b - c * c]
            .map(|x| x * k),
    ];
    Affine { origin: header.qoffset, steps }
}

/// Directions of a grid as a qform stores them.
pub(crate) struct Quaternion {
    /// (b, c, d) of the unit quaternion (a, b, c, d), a >= 0.
    pub(crate) vector: [f64; 3],
    /// -1 for a left-handed grid (k against the cross product of i and j), else 1.
    pub(crate) mirror: f64,
}

/// Rotation closest to the directions of a grid, with i kept exactly.
pub(crate) fn quaternion(geometry: &Geometry) -> Quaternion {
    let [x, y, k] = Axis::ALL.map(|axis| geometry.direction(axis));
    // Files round: the second axis is made exactly orthogonal to the first.
    let y = unit([0, 1, 2].map(|row| y[row] - dot(x, y) * x[row]));
    let z = cross(x, y);
    let mirror = if dot(z, k) < 0.0 { -1.0 } else { 1.0 };
    // Dividing by the largest of four sums is numerically stable.
    let [xx, yy, zz] = [x[0], y[1], z[2]];
    let sums = [1.0 + xx + yy + zz, 1.0 + xx - yy - zz, 1.0 - xx + yy - zz, 1.0 - xx - yy + zz];
    let largest = (0..4).fold(0, |best, next| if sums[next] > sums[best] { next } else { best });
    let twice = sums[largest].sqrt();
    let part = |difference: f64| difference / (2.0 * twice);
    let [a, b, c, d] = match largest {
        0 => [twice / 2.0, part(y[2] - z[1]), part(z[0] - x[2]), part(x[1] - y[0])],
        1 => [part(y[2] - z[1]), twice / 2.0, part(x[1] + y[0]), part(z[0] + x[2])],
        2 => [part(z[0] - x[2]), part(x[1] + y[0]), twice / 2.0, part(y[2] + z[1])],
        _ => [part(x[1] - y[0]), part(z[0] + x[2]), part(y[2] + z[1]), twice / 2.0],
    };
    let sign = if a < 0.0 { -1.0 } else { 1.0 };
    Quaternion { vector: [b, c, d].map(|x| x * sign), mirror }
}

fn unit(a: [f64; 3]) -> [f64; 3] {
    a.map(|x| x / dot(a, a).sqrt())
}
