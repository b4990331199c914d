//! Output grid of a resampling, and the source of each output slice.

use std::ops::Range;

use serde::{Deserialize, Serialize, Serializer};

use crate::error::{Error, Result, count_of};
use crate::resample::lattice::{Lattice, check_length};
use crate::resample::output_slices::{PART_BYTES, PARTS_IN_MEMORY};
use crate::resample::slabs::{thin_sources, with_known};
use crate::resample::straighten::Straightening;
use crate::volume::{Axis, Geometry, SliceSource, VoxelType};

/// Distance of an output slice from a known one, in parts of the smallest known spacing, up to
/// which it is that slice.
pub(super) const MATCH_TOLERANCE: f64 = 1e-5;

/// Distance of a slice from its position in the header, mm, from which on a remark says so.
const ROUNDING_REMARK_MM: f64 = 0.01;

/// Wished spacing of the output slices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spacing {
    /// The whole division of the slice spacing closest to the in-plane spacing.
    Isotropic,
    /// The slice spacing divided by this factor; 1 keeps the volume as it is.
    Factor(usize),
    /// The whole division of the slice spacing closest to this many mm.
    Nearest(f64),
    /// Exactly this many mm, counted from the first slice; known slices where the lattices meet.
    Exact(f64),
    /// The slices of another volume's grid, as far as they are within this one.
    #[serde(skip_deserializing, serialize_with = "serialize_grid")]
    Like(Geometry),
}

/// Writes a reference grid as its matrix from (i, j, k, 1) to RAS in mm.
fn serialize_grid<S: Serializer>(
    grid: &Geometry,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    grid.ijk_to_ras().serialize(serializer)
}

/// Output grid of a volume, and the source of each of its slices.
#[derive(Clone, Debug)]
pub struct Plan {
    axis: Axis,
    output: Geometry,
    stack: Geometry,
    straightening: Option<Straightening>,
    slices: Vec<SliceSource>,
    known_positions: Vec<f64>,
    /// Thin slices of each known slice, where no slice is known.
    thin_factor: Option<usize>,
    remark: Option<String>,
}

impl Plan {
    /// Plans the slices along `axis`; `None`: the slice axis of the volume. The slices of a tilted
    /// gantry are interpolated along their stack, and then moved in their plane onto a right-angled
    /// grid ([`Plan::straightening`]).
    ///
    /// # Errors
    /// [`Error::Geometry`] for a single slice, another axis than that of unevenly spaced slices,
    /// slices without right angles, a reference that is not parallel or does not overlap;
    /// [`Error::Argument`] for a factor or spacing of zero and less, and one that gives too many
    /// slices.
    pub fn new(input: &Geometry, axis: Option<Axis>, spacing: &Spacing) -> Result<Plan> {
        Self::build(input, axis, spacing, false)
    }

    /// As [`Plan::new`], but the output of a tilted gantry is sheared like the input, so that known
    /// slices stay bit for bit.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn keeping_tilt(input: &Geometry, axis: Option<Axis>, spacing: &Spacing) -> Result<Plan> {
        Self::build(input, axis, spacing, true)
    }

    fn build(
        input: &Geometry,
        axis: Option<Axis>,
        spacing: &Spacing,
        keep_tilt: bool,
    ) -> Result<Plan> {
        let axis = axis.unwrap_or_else(|| input.slice_axis());
        check_slices(input, axis)?;
        let tilted = input.tilt_degrees().is_some();
        let upright = if tilted { &input.upright(axis) } else { input };
        let known = upright.slice_positions(axis);
        let lattice = Lattice::choose(upright, axis, &known, spacing)?;
        let grid = lattice.geometry(upright, axis)?;
        let start = lattice.start();
        let stack = if tilted { grid.leaning_as(input, axis, start)? } else { grid.clone() };
        let straightening = (tilted && !keep_tilt)
            .then(|| Straightening::new(input, axis, &grid, start))
            .transpose()?;
        let mut plan = Plan {
            axis,
            slices: lattice.positions().map(|position| source(&known, position)).collect(),
            output: straightening.as_ref().map_or(&stack, Straightening::output).clone(),
            stack,
            straightening,
            thin_factor: None,
            remark: None,
            known_positions: known,
        };
        plan.remark = plan.describe(input, lattice.remark);
        log::debug!(
            "plan along {axis} for {spacing:?}: {} known, {} interpolated, tilted: {tilted}",
            count_of(plan.known_count(), "slice"),
            plan.interpolated_count()
        );
        Ok(plan)
    }

    /// Replaces known slices on the grid by thin ones: each shows a whole part of the thickness of
    /// the known slices, at their places as well, and none is a copy. A plan that is a copy stays
    /// one.
    ///
    /// # Errors
    /// [`Error::Argument`] where slices do not divide the distance of the known ones alike.
    pub fn thin(self) -> Result<Plan> {
        if self.is_copy() || self.thin_factor.is_some() {
            return Ok(self);
        }
        let (factor, slices) = thin_sources(&self.slices, self.known_positions.len())?;
        let kept = "no known slice is kept: every slice is a thin one";
        let remark = self.remark.as_ref().map_or(kept.into(), |remark| format!("{remark}; {kept}"));
        Ok(Plan { slices, thin_factor: Some(factor), remark: Some(remark), ..self })
    }

    /// By how much output slices are thinner than known ones; `None` where they are as thick.
    pub fn thin_factor(&self) -> Option<usize> {
        self.thin_factor
    }

    /// Puts known slices back where they are, for label maps.
    pub(crate) fn with_known(&self) -> Plan {
        Plan { slices: with_known(&self.slices), thin_factor: None, ..self.clone() }
    }

    /// What the user should know of the grid: how it differs from the wish and from the header.
    fn describe(&self, input: &Geometry, lattice: Option<String>) -> Option<String> {
        let moved = input.slice_rounding_mm();
        let rounding = (moved > ROUNDING_REMARK_MM).then(|| {
            format!("the header rounds slice positions: slices lie up to {moved:.3} mm beside them")
        });
        let tilt = input.tilt_degrees().map(|degrees| match &self.straightening {
            None => format!(
                "the gantry is tilted by {degrees:.2} degrees; the output is sheared like the \
                 input, with known slices bit for bit"
            ),
            Some(straightening) => straightening.to_string(),
        });
        let copy = if self.straightening.is_none() { self.describe_copy(input) } else { None };
        let remarks: Vec<String> =
            [copy.or(lattice), rounding, tilt].into_iter().flatten().collect();
        (!remarks.is_empty()).then(|| remarks.join("; "))
    }

    fn describe_copy(&self, input: &Geometry) -> Option<String> {
        let spacing = input.spacing(self.axis);
        let pixels = self.axis.others().map(|other| input.spacing(other));
        let closer =
            if spacing < pixels[0].min(pixels[1]) { ", closer than the pixels" } else { "" };
        self.is_copy().then(|| {
            format!(
                "the slices are {spacing:.3} mm apart already{closer}; the volume is copied as it \
                 is"
            )
        })
    }

    /// The axis along which slices are interpolated.
    pub fn axis(&self) -> Axis {
        self.axis
    }

    /// The output grid.
    pub fn output(&self) -> &Geometry {
        &self.output
    }

    /// Grid on which the slices are interpolated: the output grid, unless they are moved in their
    /// plane afterwards.
    pub(crate) fn stack(&self) -> &Geometry {
        &self.stack
    }

    /// How the slices of a tilted gantry are moved in their plane onto the output grid.
    pub fn straightening(&self) -> Option<&Straightening> {
        self.straightening.as_ref()
    }

    /// Source of each output slice, in order.
    pub fn slices(&self) -> &[SliceSource] {
        &self.slices
    }

    /// Positions of the input slices along their normal, in mm from the first.
    pub fn known_positions(&self) -> &[f64] {
        &self.known_positions
    }

    /// Remark for the user on how the grid differs from the wish.
    pub fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }

    /// Shape `[k, j, i]` of input arrays.
    pub fn input_shape(&self) -> [usize; 3] {
        let mut shape = self.stack_shape();
        shape[self.axis.array_axis()] = self.known_positions.len();
        shape
    }

    /// Shape `[k, j, i]` of output arrays.
    pub fn output_shape(&self) -> [usize; 3] {
        let [i, j, k] = self.output.size();
        [k, j, i]
    }

    /// Shape `[k, j, i]` of the slices before they are moved in their plane.
    pub(crate) fn stack_shape(&self) -> [usize; 3] {
        let [i, j, k] = self.stack.size();
        [k, j, i]
    }

    /// Bytes that moving slices in their plane takes, of voxels of this many bytes.
    pub(crate) fn straightening_bytes(&self, voxel_bytes: u64) -> u64 {
        let sides = self.stack.size().map(|side| side as u64);
        match self.straightening {
            Some(_) => sides.into_iter().fold(voxel_bytes, u64::saturating_mul),
            None => 0,
        }
    }

    /// Slices of a part of the output, where making it part by part takes less memory than making
    /// it whole: 32 MiB, or a slice. `None` for a small output, slices along another axis than k,
    /// which files store one after the other, and those that are moved in their plane.
    pub fn part_slices(&self, voxel_type: VoxelType) -> Option<usize> {
        if self.axis != Axis::K || self.straightening.is_some() {
            return None;
        }
        let [slices, rows, columns] = self.output_shape();
        let part = (PART_BYTES / (rows * columns * voxel_type.bytes()).max(1)).max(1);
        (PARTS_IN_MEMORY * part < slices).then_some(part)
    }

    /// Number of output slices between known ones.
    pub fn interpolated_count(&self) -> usize {
        self.slices.len() - self.known_count()
    }

    /// Number of output slices that are copies of known ones.
    pub fn known_count(&self) -> usize {
        self.slices.iter().filter(|source| matches!(source, SliceSource::Known(_))).count()
    }

    /// Whether the output is a copy of the input.
    pub fn is_copy(&self) -> bool {
        self.slices.len() == self.known_positions.len() && self.known_count() == self.slices.len()
    }

    /// Pairs of known slices with interpolated ones between them: the first slice of the pair, and
    /// index and fraction of each output slice between, in order.
    pub fn pairs(&self) -> Vec<(usize, Vec<(usize, f64)>)> {
        self.pairs_in(0..self.slices.len())
    }

    /// As [`Plan::pairs`], for output slices of a range.
    pub(crate) fn pairs_in(&self, range: Range<usize>) -> Vec<(usize, Vec<(usize, f64)>)> {
        let mut pairs: Vec<(usize, Vec<(usize, f64)>)> = Vec::new();
        for index in range {
            let source = &self.slices[index];
            if let SliceSource::Interpolated { first, fraction } = *source {
                match pairs.last_mut() {
                    Some((pair, members)) if *pair == first => members.push((index, fraction)),
                    _ => pairs.push((first, vec![(index, fraction)])),
                }
            }
        }
        pairs
    }

    /// Context slices of the pair that begins with `first`: the known slice before and the one
    /// after it, where their distance from the pair is that of the pair itself, within a quarter.
    pub fn context(&self, first: usize) -> [Option<usize>; 2] {
        let at = |index: usize| self.known_positions.get(index);
        let distance = |a: usize, b: usize| Some((at(b)? - at(a)?).abs());
        let similar = |other: f64| {
            distance(first, first + 1).is_some_and(|own| (0.75..=1.25).contains(&(other / own)))
        };
        let before =
            first.checked_sub(1).filter(|&before| distance(before, first).is_some_and(similar));
        let after =
            Some(first + 2).filter(|&after| distance(first + 1, after).is_some_and(similar));
        [before, after]
    }
}

/// Refuses an axis along which nothing can be interpolated.
fn check_slices(input: &Geometry, axis: Axis) -> Result<()> {
    if input.length(axis) < 2 {
        return Err(Error::Geometry(format!(
            "the volume has a single slice along {axis} (size {:?}, i, j, k); interpolation needs \
             two or more",
            input.size()
        )));
    }
    check_length(input, axis)?;
    if input.uneven_slices().is_some() && axis != Axis::K {
        return Err(Error::Geometry(format!(
            "the slices along k are unevenly spaced; resample along k before {axis}"
        )));
    }
    if !input.is_right_angled_across(axis) {
        return Err(Error::Geometry(format!(
            "the gantry is tilted, and slices across {axis} are no rectangles; resample along {}",
            input.slice_axis()
        )));
    }
    Ok(())
}

/// Source of the slice at `position`; `known` holds two or more increasing positions.
fn source(known: &[f64], position: f64) -> SliceSource {
    let after = known.partition_point(|&other| other <= position).clamp(1, known.len() - 1);
    let first = after - 1;
    let spacing = known[after] - known[first];
    let fraction = (position - known[first]) / spacing;
    if fraction <= MATCH_TOLERANCE {
        SliceSource::Known(first)
    } else if fraction >= 1.0 - MATCH_TOLERANCE {
        SliceSource::Known(after)
    } else {
        SliceSource::Interpolated { first, fraction }
    }
}

#[cfg(test)]
mod tests;
