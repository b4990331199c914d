//! Grid of the frames of a segmentation, which leaves out planes without labels.

use std::path::Path;

use crate::error::{Error, Result};
use crate::io::affine::{Affine, swap_lps};
use crate::io::dicom::image_plane::ImagePlane;
use crate::io::dicom::labels::frames::FramePlane;
use crate::volume::Geometry;
use crate::volume::vector::{dot, minus};

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

/// Grid with all planes from the first to the last, and the slice of each frame.
pub(super) struct FrameGrid {
    pub(super) geometry: Geometry,
    pub(super) slices: Vec<usize>,
}

impl FrameGrid {
    /// Finds the grid of frames, one or more, of `columns` and `rows`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for planes that are not parallel, not on a line or not at even
    /// distances; [`Error::Geometry`].
    pub(super) fn of(
        path: &Path,
        planes: &[FramePlane],
        [columns, rows]: [usize; 2],
    ) -> Result<FrameGrid> {
        let first = &planes[0].plane;
        let differs = |plane: &ImagePlane| {
            !first.is_parallel(plane, DIRECTION_TOLERANCE)
                || (plane.row_spacing - first.row_spacing).abs() > DIRECTION_TOLERANCE
                || (plane.column_spacing - first.column_spacing).abs() > DIRECTION_TOLERANCE
        };
        if planes.iter().any(|frame| differs(&frame.plane)) {
            let reason = "a segmentation of planes with different directions or pixels";
            return Err(Error::unsupported(path, reason));
        }
        let line = Line::through(path, planes)?;
        let places: Vec<f64> = planes.iter().map(|frame| line.place(&frame.plane)).collect();
        let (step, slices) = even_slices(first, &places).ok_or_else(|| {
            let reason = format!("a segmentation of planes at uneven distances ({places:?} mm)");
            Error::unsupported(path, reason.chars().take(300).collect::<String>())
        })?;
        let steps = [
            swap_lps(first.row_direction.map(|part| part * first.column_spacing)),
            swap_lps(first.column_direction.map(|part| part * first.row_spacing)),
            swap_lps(line.direction.map(|part| part * step)),
        ];
        let size = [columns, rows, slices.iter().copied().max().unwrap_or(0) + 1];
        let affine = Affine { origin: swap_lps(line.start), steps };
        Ok(FrameGrid { geometry: affine.geometry(path, size)?, slices })
    }
}

/// Line on which the first pixels of all planes lie, LPS: along the normal, or beside it where the
/// gantry was tilted.
struct Line {
    start: [f64; 3],
    normal: [f64; 3],
    /// From one plane to another, per mm along the normal.
    direction: [f64; 3],
}

impl Line {
    /// Finds the line through planes, one or more.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where there is none.
    fn through(path: &Path, planes: &[FramePlane]) -> Result<Line> {
        let normal = planes[0].plane.normal();
        let along = |frame: &&FramePlane| dot(frame.plane.position, normal);
        let by_place = |a: &&FramePlane, b: &&FramePlane| along(a).total_cmp(&along(b));
        let lowest = planes.iter().min_by(by_place).unwrap_or(&planes[0]);
        let highest = planes.iter().max_by(by_place).unwrap_or(&planes[0]);
        let start = lowest.plane.position;
        let mut line = Line { start, normal, direction: normal };
        if line.drift(&highest.plane) > DRIFT_MM {
            let whole = minus(highest.plane.position, start);
            let length = dot(whole, normal);
            line.direction = whole.map(|part| part / length);
        }
        // NaN is on no line.
        let is_on_line = |frame: &FramePlane| line.drift(&frame.plane) <= DRIFT_MM;
        match planes.iter().find(|frame| !is_on_line(frame)) {
            None => Ok(line),
            Some(FramePlane { plane, .. }) => Err(Error::unsupported(
                path,
                format!(
                    "a segmentation of planes that are not on a line ({:?}, {start:?} and {:?} mm)",
                    plane.position, highest.plane.position
                ),
            )),
        }
    }

    /// Distance of a plane from the first along the normal, mm.
    fn place(&self, plane: &ImagePlane) -> f64 {
        dot(minus(plane.position, self.start), self.normal)
    }

    /// Distance of the first pixel of a plane from the line, within the plane, mm.
    fn drift(&self, plane: &ImagePlane) -> f64 {
        let place = self.place(plane);
        let offset = minus(plane.position, self.start);
        let beside = minus(offset, self.direction.map(|part| part * place));
        dot(beside, beside).sqrt()
    }
}

/// Distance of the planes, as stated or the smallest one, and the index of each of them.
fn even_slices(first: &ImagePlane, places: &[f64]) -> Option<(f64, Vec<usize>)> {
    let end = places.iter().copied().fold(0.0, f64::max);
    let mut sorted = places.to_vec();
    sorted.sort_by(f64::total_cmp);
    let gaps = sorted.windows(2).map(|pair| pair[1] - pair[0]);
    let smallest = gaps.filter(|&gap| gap > SAME_PLANE_MM).reduce(f64::min);
    // The mean is more exact than one distance.
    let smallest = smallest.map(|gap| end / (end / gap).round());
    let only = first.thickness.unwrap_or(1.0);
    for step in [first.slice_spacing, smallest, Some(only)].into_iter().flatten() {
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
