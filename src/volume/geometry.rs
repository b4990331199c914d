//! Geometry of a volume: size, origin, spacing, directions, slice axis, uneven slice positions.
//!
//! Positions are in millimetres in RAS: x grows to the patient's right, y to anterior, z to
//! superior. `io` converts files that are in LPS (DICOM, NRRD).

mod tilt;

use std::cmp::Ordering;

use crate::error::{Error, Result};
use crate::volume::axis::Axis;
use crate::volume::positions;
use crate::volume::vector::dot;

/// Relative difference of the two spacings of a plane: of files, which round them, and of pixels
/// that are not quite square.
const EQUAL_SPACING: f64 = 1e-3;
const NEARLY_EQUAL_SPACING: f64 = 0.05;

/// Largest number of voxels of a volume; their bytes can be counted in 64 bits.
const MAX_VOXELS: usize = 1 << 48;

/// Grid of voxels in space: orthogonal, or with slices that lean (a tilted gantry).
///
/// The steps from one voxel to the next are kept as vectors in mm, not as spacing times direction,
/// so that the values of a file are kept bit for bit.
#[derive(Clone, Debug)]
pub struct Geometry {
    size: [usize; 3],
    origin: [f64; 3],
    steps: [[f64; 3]; 3],
    uneven_slices: Option<Vec<f64>>,
    slice_rounding_mm: f64,
    named_slice_axis: Option<Axis>,
}

/// Whether each voxel is at the same place; what the header said of it does not matter.
impl PartialEq for Geometry {
    fn eq(&self, other: &Geometry) -> bool {
        self.size == other.size
            && self.origin == other.origin
            && self.steps == other.steps
            && self.uneven_slices == other.uneven_slices
    }
}

impl Geometry {
    /// Builds a grid of `size` voxels along i, j, k; `origin` is the centre of voxel (0, 0, 0) and
    /// `steps[axis]` the vector from one voxel to the next along that axis, both in mm in RAS.
    ///
    /// # Errors
    /// [`Error::Geometry`] for an empty axis, for more than 2^48 voxels, for a step of zero length,
    /// for non-finite values or a non-finite extent, and for sheared axes other than those of a
    /// gantry tilted by up to 35 degrees.
    pub fn new(size: [usize; 3], origin: [f64; 3], steps: [[f64; 3]; 3]) -> Result<Geometry> {
        Self::with_axis(size, origin, steps, None)
    }

    /// As [`Geometry::new`], with the slice axis where the source of the volume names it: a DICOM
    /// series stacks slices.
    ///
    /// # Errors
    /// As [`Geometry::new`]; for a named axis also where its slices have no right angle.
    pub fn with_axis(
        size: [usize; 3],
        origin: [f64; 3],
        steps: [[f64; 3]; 3],
        slice_axis: Option<Axis>,
    ) -> Result<Geometry> {
        if size.contains(&0) {
            return Err(Error::Geometry(format!("a volume of size {size:?} (i, j, k) is empty")));
        }
        let voxels = size.iter().try_fold(1usize, |voxels, &side| voxels.checked_mul(side));
        if voxels.is_none_or(|voxels| voxels > MAX_VOXELS) {
            return Err(Error::Geometry(format!(
                "a volume of size {size:?} (i, j, k) has more voxels than any memory holds"
            )));
        }
        if !origin.iter().chain(steps.iter().flatten()).all(|value| value.is_finite()) {
            return Err(Error::Geometry(format!(
                "the geometry is not finite: origin {origin:?}, steps {steps:?} mm"
            )));
        }
        let geometry = Geometry {
            size,
            origin,
            steps,
            uneven_slices: None,
            slice_rounding_mm: 0.0,
            named_slice_axis: slice_axis,
        };
        let reach = |axis: Axis| geometry.spacing(axis) * geometry.length(axis) as f64;
        if !Axis::ALL.into_iter().map(reach).sum::<f64>().is_finite() {
            return Err(Error::Geometry(format!(
                "a volume of size {size:?} (i, j, k) with steps of {steps:?} mm has a non-finite \
                 extent"
            )));
        }
        for axis in Axis::ALL {
            if geometry.spacing(axis) < 1e-9 {
                return Err(Error::Geometry(format!(
                    "the spacing along {axis} is {} mm; it must be greater than zero",
                    geometry.spacing(axis)
                )));
            }
        }
        geometry.check_shear()?;
        Ok(geometry)
    }

    /// Places the k slices at these distances in mm from the first, for a series with missing
    /// slices or changing spacing. Positions that are even within what file headers round (0.1 mm,
    /// or 5 % of the spacing) give an even grid whose step is their mean; with missing slices they
    /// are put on the even lattice that their rounding hides. [`Geometry::slice_rounding_mm`] is
    /// then the largest distance of a slice from its position.
    ///
    /// # Errors
    /// [`Error::Geometry`] unless there is one position per slice, the first is 0 and they
    /// increase.
    pub fn with_slice_positions(mut self, positions: Vec<f64>) -> Result<Geometry> {
        if positions.len() != self.size[2] {
            return Err(Error::Geometry(format!(
                "{} slice positions for {} slices",
                positions.len(),
                self.size[2]
            )));
        }
        if positions.first().is_some_and(|&first| first != 0.0) {
            return Err(Error::Geometry(format!(
                "the first slice position is {} mm; it must be 0",
                positions[0]
            )));
        }
        if let Some(position) = positions.iter().find(|position| !position.is_finite()) {
            return Err(Error::Geometry(format!(
                "a slice position is {position} mm; it must be finite"
            )));
        }
        for (index, pair) in positions.windows(2).enumerate() {
            if (pair[1] - pair[0]).partial_cmp(&1e-6) != Some(Ordering::Greater) {
                return Err(Error::Geometry(format!(
                    "slices {index} and {} are at {} and {} mm; slice positions must increase",
                    index + 1,
                    pair[0],
                    pair[1]
                )));
            }
        }
        let last = positions.len() - 1;
        if last == 0 {
            return Ok(self);
        }
        let mean = positions[last] / last as f64;
        let direction = self.direction(Axis::K);
        self.steps[2] = direction.map(|component| component * mean);
        (self.uneven_slices, self.slice_rounding_mm) = match positions::even(&positions) {
            Some(moved_mm) => (None, moved_mm),
            None => match positions::snapped(&positions) {
                Some(snapped) => (Some(snapped.positions), snapped.moved_mm),
                None => (Some(positions), 0.0),
            },
        };
        Ok(self)
    }

    /// Number of voxels along i, j, k.
    pub fn size(&self) -> [usize; 3] {
        self.size
    }

    /// Number of voxels along one axis.
    pub fn length(&self, axis: Axis) -> usize {
        self.size[axis as usize]
    }

    /// Centre of voxel (0, 0, 0), mm in RAS.
    pub fn origin(&self) -> [f64; 3] {
        self.origin
    }

    /// Vector from one voxel to the next along an axis, mm in RAS; the mean along k of uneven
    /// slices.
    pub fn step(&self, axis: Axis) -> [f64; 3] {
        self.steps[axis as usize]
    }

    /// Distance from one voxel to the next along an axis, mm; the mean along k of uneven slices.
    pub fn spacing(&self, axis: Axis) -> f64 {
        let step = self.step(axis);
        dot(step, step).sqrt()
    }

    /// Unit vector of an axis, in RAS.
    pub fn direction(&self, axis: Axis) -> [f64; 3] {
        let length = self.spacing(axis);
        self.step(axis).map(|component| component / length)
    }

    /// Matrix that maps (i, j, k, 1) to RAS in mm, row by row.
    pub fn ijk_to_ras(&self) -> [[f64; 4]; 4] {
        let [i, j, k] = self.steps;
        let row = |r: usize| [i[r], j[r], k[r], self.origin[r]];
        [row(0), row(1), row(2), [0.0, 0.0, 0.0, 1.0]]
    }

    /// Whether another grid has the same size and every voxel at the same position, to a hundredth
    /// of the smallest spacing: NIfTI stores single precision.
    pub fn is_close_to(&self, other: &Geometry) -> bool {
        let tolerance =
            0.01 * Axis::ALL.map(|axis| self.spacing(axis)).into_iter().fold(f64::MAX, f64::min);
        // The first voxel and the last one along each axis.
        let corners = |grid: &Geometry| {
            let far = Axis::ALL.map(|axis| {
                let (count, step) = (grid.length(axis) as f64 - 1.0, grid.step(axis));
                std::array::from_fn(|at| grid.origin()[at] + count * step[at])
            });
            [grid.origin(), far[0], far[1], far[2]]
        };
        let (own, others) = (corners(self), corners(other));
        self.size() == other.size()
            && own
                .iter()
                .flatten()
                .zip(others.iter().flatten())
                .all(|(a, b)| (a - b).abs() <= tolerance)
    }

    /// Distances of the k slices from the first, mm, where the slice spacing is uneven.
    pub fn uneven_slices(&self) -> Option<&[f64]> {
        self.uneven_slices.as_deref()
    }

    /// Largest distance of a k slice from its position in the file header, mm, which rounds.
    pub fn slice_rounding_mm(&self) -> f64 {
        self.slice_rounding_mm
    }

    /// Distances of the slices along `axis` from the first, mm.
    pub fn slice_positions(&self, axis: Axis) -> Vec<f64> {
        match (&self.uneven_slices, axis) {
            (Some(positions), Axis::K) => positions.clone(),
            _ => {
                let spacing = self.spacing(axis);
                (0..self.length(axis)).map(|index| index as f64 * spacing).collect()
            }
        }
    }

    /// The slice axis that [`Geometry::with_axis`] named.
    pub fn named_slice_axis(&self) -> Option<Axis> {
        self.named_slice_axis
    }

    /// Slice axis: the one that is named; k of uneven slices; the axis across the right-angled
    /// plane of two equal spacings (to 0.1 %, else to 5 %); the axis of a single slice; else the
    /// axis with the largest spacing. In case of a tie, and where slices lean, k, the slice axis of
    /// most files.
    pub fn slice_axis(&self) -> Axis {
        if let Some(axis) = self.named_slice_axis {
            return axis;
        }
        if self.uneven_slices.is_some() {
            return Axis::K;
        }
        let only = |holds: &dyn Fn(Axis) -> bool| {
            let mut axes = Axis::ALL.into_iter().filter(|&axis| holds(axis));
            axes.next().filter(|_| axes.next().is_none())
        };
        let across_equal = |tolerance: f64| {
            only(&|axis: Axis| {
                let [a, b] = axis.others().map(|other| self.spacing(other));
                self.is_right_angled_across(axis) && (a - b).abs() <= tolerance * a.max(b)
            })
        };
        let leaning_k = || self.skewed_axes().is_some() && self.is_right_angled_across(Axis::K);
        across_equal(EQUAL_SPACING)
            .or_else(|| across_equal(NEARLY_EQUAL_SPACING))
            .or_else(|| only(&|axis| self.length(axis) == 1))
            .or_else(|| leaning_k().then_some(Axis::K))
            .unwrap_or_else(|| self.axis_of_largest_spacing())
    }

    fn axis_of_largest_spacing(&self) -> Axis {
        let mut chosen = Axis::K;
        for axis in [Axis::J, Axis::I] {
            if self.spacing(axis) > self.spacing(chosen) * (1.0 + EQUAL_SPACING) {
                chosen = axis;
            }
        }
        chosen
    }

    /// Replaces the slices along `axis` by `count` slices, the first `offset_mm` after the first of
    /// this grid, at `1 / parts` of its spacing.
    pub(crate) fn with_slices(
        &self,
        axis: Axis,
        offset_mm: f64,
        parts: f64,
        count: usize,
    ) -> Geometry {
        let mut refined = self.clone();
        let direction = self.direction(axis);
        refined.size[axis as usize] = count;
        refined.uneven_slices = None;
        refined.slice_rounding_mm = 0.0;
        refined.origin = std::array::from_fn(|row| self.origin[row] + direction[row] * offset_mm);
        refined.steps[axis as usize] = self.step(axis).map(|component| component / parts);
        refined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thick() -> Geometry {
        let steps = [[0.7, 0.0, 0.0], [0.0, 0.7, 0.0], [0.0, 0.0, 5.0]];
        Geometry::new([8, 6, 4], [1.0, 2.0, 3.0], steps).unwrap()
    }

    #[test]
    fn slice_axis_is_across_equal_pixels_else_along_the_largest_spacing() {
        let axis = |size: [usize; 3], [i, j, k]: [f64; 3]| {
            let steps = [[i, 0.0, 0.0], [0.0, j, 0.0], [0.0, 0.0, k]];
            Geometry::new(size, [0.0; 3], steps).unwrap()
        };
        for (spacing, expected) in [
            ([0.7, 0.7, 5.0], Axis::K),
            ([5.0, 0.7, 0.7], Axis::I),
            ([1.0, 1.0, 1.0], Axis::K),
            // Slices closer together than the pixels, along each axis.
            ([0.976562, 0.976562, 0.625], Axis::K),
            ([0.976562, 0.625, 0.976562], Axis::J),
            ([0.625, 0.9766, 0.9765], Axis::I),
            ([0.97, 0.98, 0.625], Axis::K),
            // Pixels that are not square.
            ([0.6, 0.9, 3.0], Axis::K),
            ([3.0, 0.6, 0.9], Axis::I),
        ] {
            assert_eq!(axis([8, 6, 4], spacing).slice_axis(), expected, "{spacing:?}");
        }
        // A single slice, thinner than its pixels are wide.
        assert_eq!(axis([8, 6, 1], [3.25, 3.3, 3.2]).slice_axis(), Axis::K);
        assert_eq!(axis([1, 6, 8], [3.2, 3.25, 3.3]).slice_axis(), Axis::I);
        let steps = [[5.0, 0.0, 0.0], [0.0, 0.7, 0.0], [0.0, 0.0, 0.7]];
        let named = Geometry::with_axis([8, 6, 4], [0.0; 3], steps, Some(Axis::K)).unwrap();
        assert_eq!(named.slice_axis(), Axis::K);
        // Leaning slices whose distance is nearly that of the rows.
        let leaning = [[0.7, 0.0, 0.0], [0.0, 0.8, 0.0], [0.0, 0.16, 0.75]];
        let leaning = Geometry::new([8, 6, 4], [0.0; 3], leaning).unwrap();
        assert_eq!(leaning.slice_axis(), Axis::K);
        assert!((leaning.tilt_degrees().unwrap() - 12.04).abs() < 0.01);
    }

    #[test]
    fn sheared_and_degenerate_grids_are_rejected_with_the_value() {
        let tilted = [[0.7, 0.0, 0.0], [0.0, 0.7, 0.0], [0.0, 5.0, 5.0]];
        let text = Geometry::new([8, 6, 4], [0.0; 3], tilted).unwrap_err().to_string();
        assert!(text.contains("45.00 degrees"), "{text}");
        let skewed = [[0.7, 0.0, 0.0], [0.2, 0.7, 0.0], [0.0, 1.0, 5.0]];
        assert!(Geometry::new([8, 6, 4], [0.0; 3], skewed).is_err());
        let flat = [[0.7, 0.0, 0.0], [0.0, 0.7, 0.0], [0.0, 0.0, 0.0]];
        let text = Geometry::new([8, 6, 4], [0.0; 3], flat).unwrap_err().to_string();
        assert!(text.contains("along k is 0 mm"), "{text}");
        assert!(Geometry::new([8, 0, 4], [0.0; 3], tilted).is_err());
        let even = [[0.7, 0.0, 0.0], [0.0, 0.7, 0.0], [0.0, 0.0, 5.0]];
        for size in [[usize::MAX, 2, 1], [1 << 40, 1 << 20, 4]] {
            let text = Geometry::new(size, [0.0; 3], even).unwrap_err().to_string();
            assert!(text.contains("more voxels"), "{text}");
        }
        assert!(Geometry::new([8, 6, 4], [f64::NAN, 0.0, 0.0], tilted).is_err());
        // Finite steps of non-finite length.
        let huge = [[0.7, 0.0, 0.0], [0.0, 0.7, 0.0], [0.0, 0.0, 1e160]];
        let text = Geometry::new([8, 6, 4], [0.0; 3], huge).unwrap_err().to_string();
        assert!(text.contains("non-finite extent"), "{text}");
    }

    #[test]
    fn even_positions_give_an_even_grid_and_uneven_ones_are_kept() {
        let even = thick().with_slice_positions(vec![0.0, 2.5, 5.001, 7.5]).unwrap();
        assert_eq!(even.uneven_slices(), None);
        assert!((even.spacing(Axis::K) - 2.5).abs() < 1e-12);
        let uneven = thick().with_slice_positions(vec![0.0, 5.0, 15.0, 20.0]).unwrap();
        assert_eq!(uneven.uneven_slices(), Some(&[0.0, 5.0, 15.0, 20.0][..]));
        assert!(thick().with_slice_positions(vec![0.0, 5.0, 5.0, 20.0]).is_err());
        assert!(thick().with_slice_positions(vec![0.0, 5.0, 15.0, f64::INFINITY]).is_err());
    }
}
