//! Which slices of an output volume are known and which lie in between.

use crate::error::{Error, Result};
use crate::volume::geometry::{Axis, Geometry};
use crate::volume::vector::dot;

/// How far, in parts of the smallest known spacing, an output slice may lie from a known one and
/// still be that slice.
const MEETS: f64 = 1e-5;

/// More slices than any scan has: a spacing typed wrongly, not a wish. It is no more than half of
/// 1 / [`MEETS`], so that no two output slices are the same known one.
const MAX_SLICES: f64 = 50_000.0;

/// What the output's slices are to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Spacing {
    /// As close to the in-plane spacing as a whole division of the slice spacing comes.
    Isotropic,
    /// This many parts a known spacing; 1 keeps the volume as it is.
    Factor(usize),
    /// The whole division of the slice spacing that comes closest to this many mm.
    Nearest(f64),
    /// Exactly this many mm, counted from the first slice; known slices where the lattices meet.
    Exact(f64),
    /// The slices of another volume's grid, as far as they lie within this one.
    Like(Geometry),
}

/// Where an output slice comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SliceSource {
    /// Copied bit for bit from this slice of the input.
    Known(usize),
    /// Made between input slice `first` and the next one.
    Between {
        /// The input slice before.
        first: usize,
        /// Where in between, counted from `first`: in (0, 1).
        fraction: f64,
    },
}

impl SliceSource {
    /// The paper's mixing coefficient: 1 is the first slice of the pair, 0 the second. This is the
    /// one place where positions counted from the first slice become the paper's alpha.
    pub fn alpha(self) -> Option<f64> {
        match self {
            SliceSource::Known(_) => None,
            SliceSource::Between { fraction, .. } => Some(1.0 - fraction),
        }
    }
}

/// An output grid and, slice by slice, where its voxels come from.
#[derive(Clone, Debug)]
pub struct Plan {
    axis: Axis,
    output: Geometry,
    slices: Vec<SliceSource>,
    known_positions: Vec<f64>,
    remark: Option<String>,
}

impl Plan {
    /// Plans the slices across `axis` (or the axis with the largest spacing).
    ///
    /// # Errors
    /// [`Error::Geometry`] for a single slice, an axis across which an uneven stack cannot be
    /// resampled, a reference that is not parallel or does not overlap; [`Error::Argument`] for a
    /// spacing or factor that is no number of slices.
    pub fn new(input: &Geometry, axis: Option<Axis>, spacing: &Spacing) -> Result<Plan> {
        let axis = axis.unwrap_or_else(|| input.slice_axis());
        let count = input.length(axis);
        if count < 2 {
            return Err(Error::Geometry(format!(
                "the volume has a single slice across {axis} (size {:?}, i, j, k); there is \
                 nothing to interpolate between",
                input.size()
            )));
        }
        check_length(input, axis)?;
        if input.uneven_slices().is_some() && axis != Axis::K {
            return Err(Error::Geometry(format!(
                "the slices across k are unevenly spaced; resample across k before {axis}"
            )));
        }
        let known = input.slice_positions(axis);
        let lattice = Lattice::choose(input, axis, &known, spacing)?;
        Ok(Plan {
            axis,
            slices: lattice.positions().map(|position| source(&known, position)).collect(),
            output: lattice.geometry(input, axis)?,
            remark: lattice.remark,
            known_positions: known,
        })
    }

    /// The axis across which slices are made.
    pub fn axis(&self) -> Axis {
        self.axis
    }

    /// The output's grid.
    pub fn output(&self) -> &Geometry {
        &self.output
    }

    /// Where each output slice comes from, in order.
    pub fn slices(&self) -> &[SliceSource] {
        &self.slices
    }

    /// Where the input's slices lie along the axis: mm from the first.
    pub fn known_positions(&self) -> &[f64] {
        &self.known_positions
    }

    /// What the user should know about the grid that was chosen, if anything.
    pub fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }

    /// Checks that arrays have the shapes `[k, j, i]` of this plan's input and output.
    ///
    /// # Errors
    /// [`Error::Geometry`].
    pub fn check_shapes(&self, input: &[usize], output: &[usize]) -> Result<()> {
        let [i, j, k] = self.output.size();
        let mut known = [k, j, i];
        known[self.axis.array_axis()] = self.known_positions.len();
        for (what, shape, expected) in [("input", input, known), ("output", output, [k, j, i])] {
            if shape != expected {
                return Err(Error::Geometry(format!(
                    "the plan has an {what} of shape {expected:?} (k, j, i), not {shape:?}"
                )));
            }
        }
        Ok(())
    }

    /// How many output slices lie between known ones.
    pub fn made_count(&self) -> usize {
        self.slices.len() - self.known_count()
    }

    /// How many output slices are copies of known ones.
    pub fn known_count(&self) -> usize {
        self.slices.iter().filter(|source| matches!(source, SliceSource::Known(_))).count()
    }

    /// Whether the output is the input: there is nothing to make.
    pub fn is_copy(&self) -> bool {
        self.slices.len() == self.known_positions.len() && self.known_count() == self.slices.len()
    }

    /// For every pair of known slices that has slices in between: the first of the pair and, in
    /// order, the output indices and fractions of what lies between.
    pub fn pairs(&self) -> Vec<(usize, Vec<(usize, f64)>)> {
        let mut pairs: Vec<(usize, Vec<(usize, f64)>)> = Vec::new();
        for (index, source) in self.slices.iter().enumerate() {
            if let SliceSource::Between { first, fraction } = *source {
                match pairs.last_mut() {
                    Some((pair, members)) if *pair == first => members.push((index, fraction)),
                    _ => pairs.push((first, vec![(index, fraction)])),
                }
            }
        }
        pairs
    }

    /// The known slices before `first` and after the one that follows it, where they are there and lie
    /// as far from the pair as its slices from each other, within a quarter.
    pub fn beyond(&self, first: usize) -> [Option<usize>; 2] {
        let at = |index: usize| self.known_positions.get(index);
        let apart = |a: usize, b: usize| Some((at(b)? - at(a)?).abs());
        let alike = |other: f64| {
            apart(first, first + 1).is_some_and(|own| (0.75..=1.25).contains(&(other / own)))
        };
        let before = first.checked_sub(1).filter(|&before| apart(before, first).is_some_and(alike));
        let after = Some(first + 2).filter(|&after| apart(first + 1, after).is_some_and(alike));
        [before, after]
    }
}

/// Even slice positions along the axis: `start + n * step / parts`, mm from the first known slice.
struct Lattice {
    start: f64,
    step: f64,
    /// The division of the input's step that gives `step`: kept apart, so that a whole division
    /// gives the output's geometry without a rounding of its own.
    parts: f64,
    count: usize,
    remark: Option<String>,
}

impl Lattice {
    fn choose(input: &Geometry, axis: Axis, known: &[f64], spacing: &Spacing) -> Result<Lattice> {
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

    /// The whole division of the known spacing that comes closest to `wish` mm.
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
        // Uneven: the coarsest division of the smallest spacing, near the wish, that meets all.
        for candidate in [0.0, 1.0, 2.0, 3.0].map(|more| parts + more) {
            let count = (extent * candidate / smallest).round();
            if count >= MAX_SLICES {
                break;
            }
            let step = extent / count;
            if known.iter().all(|&place| (place / step - (place / step).round()).abs() < MEETS) {
                let remark = Some(format!(
                    "the known slices are unevenly spaced; {step:.4} mm between slices keeps all"
                ));
                let parts = input.spacing(axis) / step;
                return Ok(Lattice { start: 0.0, step, parts, count: count as usize + 1, remark });
            }
        }
        let remark =
            "the known slices are unevenly spaced and lie on no common lattice; only those \
                      that the new slices meet are kept"
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
        let count = (extent / step + MEETS).floor() as usize + 1;
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
        let mut places: Vec<f64> =
            reference.slice_positions(along).iter().map(|place| shift + sign * place).collect();
        places.sort_by(f64::total_cmp);
        if reference.uneven_slices().is_some() && along == Axis::K {
            return Err(Error::Geometry("the reference's slices are unevenly spaced".into()));
        }
        let step = reference.spacing(along);
        let (extent, slack) = (known[known.len() - 1], step * MEETS);
        let inside: Vec<f64> =
            places.iter().copied().filter(|p| (-slack..=extent + slack).contains(p)).collect();
        let Some(&start) = inside.first() else {
            return Err(Error::Geometry(format!(
                "the reference's slices ({:.2} to {:.2} mm along the slice axis) lie outside the \
                 volume (0 to {extent:.2} mm)",
                places[0],
                places[places.len() - 1]
            )));
        };
        check_count(extent / step, step)?;
        let remark = (inside.len() < places.len()).then(|| {
            format!(
                "{} of the reference's {} slices lie outside the volume and are left out",
                places.len() - inside.len(),
                places.len()
            )
        });
        let parts = input.spacing(axis) / step;
        Ok(Lattice { start, step, parts, count: inside.len(), remark })
    }

    fn positions(&self) -> impl Iterator<Item = f64> {
        (0..self.count).map(|index| self.start + index as f64 * self.step)
    }

    fn geometry(&self, input: &Geometry, axis: Axis) -> Result<Geometry> {
        let output = input.with_slices(axis, self.start, self.parts, self.count);
        Geometry::new(output.size(), output.origin(), Axis::ALL.map(|axis| output.step(axis)))
    }
}

/// Into how many parts `spacing` falls so that one part comes closest to `wish`, both in mm.
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
        "a spacing of {spacing} mm would make {count:.0} slices; {MAX_SLICES} are the most"
    )))
}

/// Before any memory is taken for its slices: a grid may be told without the voxels that fill it.
fn check_length(geometry: &Geometry, axis: Axis) -> Result<()> {
    let count = geometry.length(axis);
    if count as f64 <= MAX_SLICES {
        return Ok(());
    }
    Err(Error::Geometry(format!("{count} slices across {axis}; {MAX_SLICES} are the most")))
}

/// Where the slice at `position` comes from; `known` grows and holds two or more places.
fn source(known: &[f64], position: f64) -> SliceSource {
    let after = known.partition_point(|&place| place <= position).clamp(1, known.len() - 1);
    let first = after - 1;
    let gap = known[after] - known[first];
    let fraction = (position - known[first]) / gap;
    if fraction <= MEETS {
        SliceSource::Known(first)
    } else if fraction >= 1.0 - MEETS {
        SliceSource::Known(after)
    } else {
        SliceSource::Between { first, fraction }
    }
}

#[cfg(test)]
mod tests;
