//! Choice of the even slice positions of an output.

use crate::error::{Error, Result};
use crate::resample::plan::{MATCH_TOLERANCE, Spacing};
use crate::volume::vector::dot;
use crate::volume::{Axis, Geometry};

/// Maximum number of slices of a plan; no scan has as many. At most half of 1 /
/// [`MATCH_TOLERANCE`], so that no two output slices match one known slice.
const MAX_SLICES: f64 = 50_000.0;

/// Even slice positions along an axis: `start + n * step`, in mm from the first known slice.
pub(super) struct Lattice {
    start: f64,
    step: f64,
    /// Division of the input's step that gives `step`. The output geometry is derived from it, so
    /// that a whole division adds no rounding.
    parts: f64,
    count: usize,
    /// Remark for the user on how the lattice differs from the wish.
    pub(super) remark: Option<String>,
}

impl Lattice {
    /// Chooses the lattice of a wished spacing; `known` are the positions of the known slices.
    ///
    /// # Errors
    /// As [`Plan::new`](crate::resample::Plan::new).
    pub(super) fn choose(
        input: &Geometry,
        axis: Axis,
        known: &[f64],
        spacing: &Spacing,
    ) -> Result<Lattice> {
        let smallest = known.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        match spacing {
            Spacing::Factor(0) => {
                Err(Error::Argument("a factor of 0 leaves no slices; 2 halves the spacing".into()))
            }
            Spacing::Factor(parts) => Self::divided(input, axis, known, smallest / *parts as f64),
            Spacing::Isotropic => {
                let in_plane = axis.others().map(|other| input.spacing(other));
                Self::divided(input, axis, known, in_plane[0].min(in_plane[1]))
            }
            Spacing::Nearest(millimetres) => {
                Self::divided(input, axis, known, positive(*millimetres)?)
            }
            Spacing::Exact(millimetres) => {
                Self::exact(input, axis, known, 0.0, positive(*millimetres)?, None)
            }
            Spacing::Like(reference) => Self::like(input, axis, known, reference),
        }
    }

    /// The whole division of the known spacing closest to `wish` mm.
    fn divided(input: &Geometry, axis: Axis, known: &[f64], wish: f64) -> Result<Lattice> {
        let extent = known[known.len() - 1];
        let smallest = known.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        let parts = closest_division(smallest, wish);
        check_count(extent * parts / smallest, wish)?;
        if input.uneven_slices().is_none() {
            let step = input.spacing(axis) / parts;
            let count = (known.len() - 1) * parts as usize + 1;
            let remark = ((step - wish).abs() > 0.005 * wish).then(|| {
                format!(
                    "{step:.4} mm between slices ({parts} parts of {:.4} mm) instead of {wish:.4} \
                     mm, so that every known slice is kept",
                    input.spacing(axis)
                )
            });
            return Ok(Lattice { start: 0.0, step, parts, count, remark });
        }
        // Uneven: the coarsest division of the smallest spacing near the wish with all known
        // slices.
        for candidate in [0.0, 1.0, 2.0, 3.0].map(|more| parts + more) {
            let count = (extent * candidate / smallest).round();
            if count >= MAX_SLICES {
                break;
            }
            let step = extent / count;
            if known.iter().all(|&at| (at / step - (at / step).round()).abs() < MATCH_TOLERANCE) {
                let remark = Some(format!(
                    "the known slices are unevenly spaced; {step:.4} mm between slices keeps all"
                ));
                let parts = input.spacing(axis) / step;
                return Ok(Lattice { start: 0.0, step, parts, count: count as usize + 1, remark });
            }
        }
        let remark =
            "the known slices are unevenly spaced and share no even lattice; only those at the \
             position of an output slice are kept"
                .to_string();
        Self::exact(input, axis, known, 0.0, smallest / parts, Some(remark))
    }

    fn exact(
        input: &Geometry,
        axis: Axis,
        known: &[f64],
        start: f64,
        step: f64,
        remark: Option<String>,
    ) -> Result<Lattice> {
        let extent = known[known.len() - 1] - start;
        check_count(extent / step, step)?;
        let count = (extent / step + MATCH_TOLERANCE).floor() as usize + 1;
        let parts = input.spacing(axis) / step;
        Ok(Lattice { start, step, parts, count, remark })
    }

    fn like(input: &Geometry, axis: Axis, known: &[f64], reference: &Geometry) -> Result<Lattice> {
        let normal = input.direction(axis);
        let along = Axis::ALL
            .into_iter()
            .find(|&other| dot(reference.direction(other), normal).abs() > 1.0 - 1e-5)
            .ok_or_else(|| {
                Error::Geometry(format!(
                    "no axis of the reference is parallel to the slice axis {axis} of the volume; \
                     a reference must have parallel slices"
                ))
            })?;
        check_length(reference, along)?;
        let offset: [f64; 3] =
            std::array::from_fn(|row| reference.origin()[row] - input.origin()[row]);
        let shift = dot(offset, normal);
        let sign = dot(reference.direction(along), normal).signum();
        let mut positions: Vec<f64> = reference
            .slice_positions(along)
            .iter()
            .map(|position| shift + sign * position)
            .collect();
        positions.sort_by(f64::total_cmp);
        if reference.uneven_slices().is_some() && along == Axis::K {
            return Err(Error::Geometry(
                "the slices of the reference are unevenly spaced; use an even one".into(),
            ));
        }
        let step = reference.spacing(along);
        let (extent, slack) = (known[known.len() - 1], step * MATCH_TOLERANCE);
        let inside: Vec<f64> =
            positions.iter().copied().filter(|p| (-slack..=extent + slack).contains(p)).collect();
        let Some(&start) = inside.first() else {
            return Err(Error::Geometry(format!(
                "the slices of the reference ({:.2} to {:.2} mm along the slice axis) are outside \
                 the volume (0 to {extent:.2} mm)",
                positions[0],
                positions[positions.len() - 1]
            )));
        };
        check_count(extent / step, step)?;
        let remark = (inside.len() < positions.len()).then(|| {
            let outside = positions.len() - inside.len();
            let are = if outside == 1 { "is" } else { "are" };
            format!(
                "{outside} of the {} slices of the reference {are} outside the volume and {are} \
                 left out",
                positions.len()
            )
        });
        let parts = input.spacing(axis) / step;
        Ok(Lattice { start, step, parts, count: inside.len(), remark })
    }

    /// Position of the first slice in mm from the first known one.
    pub(super) fn start(&self) -> f64 {
        self.start
    }

    /// Positions of the slices in mm from the first known one.
    pub(super) fn positions(&self) -> impl Iterator<Item = f64> {
        (0..self.count).map(|index| self.start + index as f64 * self.step)
    }

    /// Output grid with these slices.
    ///
    /// # Errors
    /// As [`Geometry::new`].
    pub(super) fn geometry(&self, input: &Geometry, axis: Axis) -> Result<Geometry> {
        let output = input.with_slices(axis, self.start, self.parts, self.count);
        let steps = Axis::ALL.map(|axis| output.step(axis));
        Geometry::with_axis(output.size(), output.origin(), steps, input.named_slice_axis())
    }
}

/// Number of parts of `spacing` whose length comes closest to `wish`, both in mm.
fn closest_division(spacing: f64, wish: f64) -> f64 {
    let fewer = (spacing / wish).floor().max(1.0);
    let off = |parts: f64| (spacing / parts - wish).abs();
    if off(fewer) <= off(fewer + 1.0) { fewer } else { fewer + 1.0 }
}

fn positive(millimetres: f64) -> Result<f64> {
    if millimetres.is_finite() && millimetres > 0.0 {
        return Ok(millimetres);
    }
    Err(Error::Argument(format!("a spacing of {millimetres} mm; it must be greater than zero")))
}

fn check_count(count: f64, spacing: f64) -> Result<()> {
    if count < MAX_SLICES {
        return Ok(());
    }
    Err(Error::Argument(format!(
        "a spacing of {spacing} mm gives {count:.0} slices; the maximum is {MAX_SLICES}"
    )))
}

/// Refuses too many slices before memory is taken for them: a grid may come without voxels.
pub(super) fn check_length(geometry: &Geometry, axis: Axis) -> Result<()> {
    let count = geometry.length(axis);
    if count as f64 <= MAX_SLICES {
        return Ok(());
    }
    Err(Error::Geometry(format!("{count} slices along {axis}; the maximum is {MAX_SLICES}")))
}
