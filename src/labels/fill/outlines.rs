//! Outlines of one segment between its drawn slices.

use std::ops::Range;

use ndarray::{Array2, ArrayRef3, Zip};

use crate::error::Result;
use crate::labels::fill::chain::Carried;
use crate::labels::fill::drawn::{Drawn, Place, Stretch};
use crate::labels::fill::evidence::Evidence;
use crate::labels::fill::smooth::{box_mean, smoothed};
use crate::labels::roi::Roi;
use crate::volume::{Axis, Voxel};

/// Distance around a segment, mm, that is looked at, and its bounds in pixels.
const MARGIN_MM: f64 = 12.0;
const MARGIN: [usize; 2] = [8, 64];

/// Outlines that share less than this part (Dice) are sought by the flow of the image.
const FAR_APART: f64 = 0.7;

/// Distances between outlines beyond this are alike, mm.
const MAX_APART_MM: f32 = 8.0;

/// Radius of the mean of these distances, pixels.
const APART_RADIUS: usize = 2;

/// Exponent of the taper: between a cone (1) and a parabola (2).
const TAPER: f32 = 1.5;

/// Length of a cap in depths of its segment: between half a ball (1) and a tip.
const CAP: f32 = 2.0;

/// An image, and a label map on its grid.
pub struct Stack<'a, T> {
    /// The label map.
    pub labels: &'a ArrayRef3<T>,
    /// The axis across the slices.
    pub axis: Axis,
    /// Grey values of a region of a slice, finite.
    pub grey: &'a dyn Fn(usize, Roi) -> Array2<f32>,
    /// Positions of the slices, mm.
    pub positions: Vec<f64>,
    /// Distance in mm between rows and between columns.
    pub pixel: [f64; 2],
    /// Rows and columns.
    pub size: (usize, usize),
}

/// Receives what was found of a slice: its index, a region, and the depths there, mm.
pub type OnSlice<'a> = &'a mut dyn FnMut(usize, Roi, &Array2<f32>) -> Result<()>;

impl<T: Voxel> Stack<'_, T> {
    /// Finds the outlines of a segment in a stretch, in the slices that are `wanted`. `on_step` is
    /// called while nothing is found yet.
    ///
    /// # Errors
    /// Those of the callbacks.
    pub fn fill(
        &self,
        drawn: &Drawn<T>,
        stretch: &Stretch,
        wanted: Range<usize>,
        on_step: &mut dyn FnMut() -> Result<()>,
        on_slice: OnSlice,
    ) -> Result<()> {
        match stretch.place {
            Place::After(number) => self.between(drawn, number, wanted, on_step, on_slice),
            Place::Beyond { number, inner, gone } => {
                self.beyond(drawn, (number, inner), gone, wanted, on_slice)
            }
        }
    }

    fn between(
        &self,
        drawn: &Drawn<T>,
        number: usize,
        wanted: Range<usize>,
        on_step: &mut dyn FnMut() -> Result<()>,
        on_slice: OnSlice,
    ) -> Result<()> {
        let numbers = number.saturating_sub(1)..(number + 3).min(drawn.slices.len());
        let numbers: Vec<usize> = numbers.collect();
        let (roi, depths) = self.depths(drawn, &numbers);
        let own = number - numbers[0];
        let [first, second] = [&depths[own], &depths[own + 1]];
        let [start, end] = [number, number + 1].map(|number| drawn.slices[number].0);
        let greys = [start, end].map(|index| (self.grey)(index, roi));
        let evidence = Evidence::learn(&greys, &depths[own..own + 2]);
        let carried = match overlap(first, second) < FAR_APART {
            true => {
                let greys = (start..=end).map(|index| (self.grey)(index, roi)).collect();
                Carried::along(greys, [first, second], on_step)?
            }
            false => None,
        };
        let around = [own.checked_sub(1), Some(own + 2).filter(|&at| at < depths.len())];
        let at = |at: usize| self.positions[drawn.slices[numbers[at]].0];
        let curve = Curve::new([own, own + 1].map(at), around.map(|around| around.map(at)));
        let outer = around.map(|around| around.map(|at| &depths[at]));
        for index in wanted {
            let part = curve.part(self.positions[index]);
            let mut depth = curve.depths([first, second], outer, part);
            let carried = carried.as_ref().map(|carried| carried.at(index - start));
            if let Some(carried) = carried {
                move_along(&mut depth, [first, second], carried, part);
            }
            let mut depth = smoothed(&depth, self.finest());
            if let Some(evidence) = &evidence {
                let apart = apart(carried.unwrap_or([first, second]), part);
                evidence.add_to(&mut depth, &apart, &(self.grey)(index, roi));
            }
            on_slice(index, roi, &depth)?;
        }
        Ok(())
    }

    /// Tapers a segment beyond the drawn slice of a number, as far as the image does not say
    /// otherwise. `inner`: number of its neighbour on the other side; `gone`: index of a slice at
    /// whose distance the segment is gone.
    fn beyond(
        &self,
        drawn: &Drawn<T>,
        (number, inner): (usize, Option<usize>),
        gone: usize,
        wanted: Range<usize>,
        on_slice: OnSlice,
    ) -> Result<()> {
        let numbers: Vec<usize> = std::iter::once(number).chain(inner).collect();
        let (roi, depths) = self.depths(drawn, &numbers);
        let index = |number: usize| drawn.slices[number].0;
        let greys: Vec<Array2<f32>> =
            numbers.iter().map(|&number| (self.grey)(index(number), roi)).collect();
        let evidence = Evidence::learn(&greys, &depths);
        let end = self.positions[index(number)];
        let distance = |index: usize| (self.positions[index] - end).abs() as f32;
        let step = distance(gone);
        let taper = Taper::new(deepest(&depths[0]), depths.get(1).map(deepest), step);
        let depth = smoothed(&depths[0], self.finest());
        for index in wanted {
            let along = distance(index);
            let mut found = &depth - taper.loss(along);
            if let Some(evidence) = &evidence {
                let apart = Array2::from_elem(
                    depth.dim(),
                    (taper.deepest * along / step).min(MAX_APART_MM),
                );
                evidence.add_to(&mut found, &apart, &(self.grey)(index, roi));
            }
            on_slice(index, roi, &found)?;
        }
        Ok(())
    }

    /// The shorter side of a pixel, mm.
    fn finest(&self) -> f64 {
        self.pixel[0].min(self.pixel[1])
    }

    /// Region around a segment in some of its drawn slices, and its depths there in each, mm.
    fn depths(&self, drawn: &Drawn<T>, numbers: &[usize]) -> (Roi, Vec<Array2<f32>>) {
        let bounds = |number: &usize| drawn.slices[*number].1;
        let own = bounds(&numbers[0]);
        let all = numbers.iter().map(bounds).fold(own, |all, bounds| all.union(bounds));
        let margin = ((MARGIN_MM / self.finest()).ceil() as usize).clamp(MARGIN[0], MARGIN[1]);
        let roi = all.extended(margin, 1, self.size);
        let depths =
            |&number: &usize| drawn.depths(self.labels, self.axis, number, (roi, self.pixel));
        (roi, numbers.iter().map(depths).collect())
    }
}

/// Curve through the depths of a pixel in drawn slices: cubic, with the slopes of Catmull and Rom
/// (1974), so that what bulges between two slices does so in the result.
struct Curve {
    /// Positions of both slices, mm.
    ends: [f64; 2],
    /// Slope at each of both: weight of the difference of the values on either side of it.
    slopes: [f64; 2],
}

impl Curve {
    /// A curve between two slices; `around`: the positions of the drawn ones before and behind
    /// them. Without one, the segment is gone at the same distance.
    fn new(ends: [f64; 2], around: [Option<f64>; 2]) -> Curve {
        let step = ends[1] - ends[0];
        let before = around[0].unwrap_or(ends[0] - step);
        let behind = around[1].unwrap_or(ends[1] + step);
        Curve { ends, slopes: [step / (ends[1] - before), step / (behind - ends[0])] }
    }

    /// Position between both slices: 0 at the first, 1 at the second.
    fn part(&self, position: f64) -> f64 {
        (position - self.ends[0]) / (self.ends[1] - self.ends[0])
    }

    /// Weights of the slices before, first, second and behind.
    fn weights(&self, part: f64) -> [f64; 4] {
        let rest = 1.0 - part;
        let first = self.slopes[0] * part * rest * rest;
        let second = self.slopes[1] * part * part * rest;
        let value = part * part * (3.0 - 2.0 * part);
        [-first, 1.0 - value + second, value + first, -second]
    }

    /// Depths between both slices, of those in both and in the ones around.
    fn depths(
        &self,
        [first, second]: [&Array2<f32>; 2],
        outer: [Option<&Array2<f32>>; 2],
        part: f64,
    ) -> Array2<f32> {
        let weights = self.weights(part).map(|weight| weight as f32);
        let mut depth = Zip::from(first)
            .and(second)
            .map_collect(|first, second| weights[1] * first + weights[2] * second);
        let ends = [(outer[0], first, weights[0]), (outer[1], second, weights[3])];
        for (outer, end, weight) in ends {
            match outer {
                Some(outer) => depth.scaled_add(weight, outer),
                None => {
                    depth.scaled_add(weight, end);
                    depth -= weight * deepest(end);
                }
            }
        }
        depth
    }
}

/// Moves depths by what the flow changes at their mean.
fn move_along(
    depth: &mut Array2<f32>,
    still: [&Array2<f32>; 2],
    carried: [&Array2<f32>; 2],
    part: f64,
) {
    for ((still, carried), weight) in still.into_iter().zip(carried).zip([1.0 - part, part]) {
        let weight = weight as f32;
        Zip::from(&mut *depth).and(still).and(carried).for_each(|depth, still, carried| {
            *depth += weight * (carried - still);
        });
    }
}

/// Distance between both outlines around each pixel, mm: none at the drawn slices, most halfway.
fn apart([first, second]: [&Array2<f32>; 2], part: f64) -> Array2<f32> {
    let weight = (4.0 * part * (1.0 - part)) as f32;
    let apart = Zip::from(first)
        .and(second)
        .map_collect(|first, second| weight * (first - second).abs().min(MAX_APART_MM));
    box_mean(apart.view(), APART_RADIUS)
}

/// Dice of two outlines.
fn overlap(first: &Array2<f32>, second: &Array2<f32>) -> f64 {
    let [both, sum] = Zip::from(first).and(second).fold([0.0; 2], |[both, sum], &a, &b| {
        let [a, b] = [a > 0.0, b > 0.0].map(f64::from);
        [both + a * b, sum + a + b]
    });
    2.0 * both / sum
}

/// End of a segment beyond its outermost drawn slice: a tube of unchanged outlines, and a cap.
struct Taper {
    /// Largest depth in the drawn slice, mm.
    deepest: f32,
    /// Lengths of the tube and of the cap, mm.
    tube: f32,
    cap: f32,
}

impl Taper {
    /// `deepest`: largest depth, mm, in the outermost drawn slice; `inside`: in the one before, if
    /// there is one; `step`: distance, mm, at which the segment is gone.
    ///
    /// As the end of a ball is, the end is the longer the wider the segment is, though at most the
    /// step: their geometric mean. A segment much narrower than the step ends in its first half as
    /// likely as in its second, so that it goes on to the middle. The end is shorter by as much as
    /// the segment is already thinner than in the drawn slice before.
    fn new(deepest: f32, inside: Option<f32>, step: f32) -> Taper {
        let thinner = inside.map_or(1.0, |inside| (deepest / inside).min(1.0));
        let length = (deepest * step).sqrt().clamp(step / 2.0, step) * thinner;
        let cap = (CAP * deepest).min(length);
        Taper { deepest, tube: length - cap, cap }
    }

    /// Depth lost at a distance from the drawn slice, mm.
    fn loss(&self, along: f32) -> f32 {
        self.deepest * ((along - self.tube).max(0.0) / self.cap).powf(TAPER)
    }
}

/// Largest depth.
fn deepest(depth: &Array2<f32>) -> f32 {
    depth.fold(0.0, |deepest, &depth| f32::max(deepest, depth))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slices at any distances: a plane that leans stays one, and drawn slices are met.
    #[test]
    fn curve_is_exact_for_straight_lines() {
        for (ends, around) in [
            ([0.0, 3.0], [Some(-2.0), Some(9.0)]),
            ([1.0, 2.0], [Some(-9.0), Some(2.5)]),
            ([0.0, 6.0], [Some(-6.0), Some(12.0)]),
        ] {
            let curve = Curve::new(ends, around);
            let places = [around[0].unwrap(), ends[0], ends[1], around[1].unwrap()];
            for position in [ends[0], 0.3 * ends[0] + 0.7 * ends[1], ends[1]] {
                let weights = curve.weights(curve.part(position));
                let sum: f64 = weights.iter().sum();
                let found: f64 = weights.iter().zip(places).map(|(w, place)| w * place).sum();
                assert!((sum - 1.0).abs() < 1e-12 && (found - position).abs() < 1e-12);
            }
        }
    }
}
