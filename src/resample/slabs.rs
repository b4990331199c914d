//! Thin slices from thick ones: known slices as slabs, and the output slices within each.
//!
//! Each known slice is taken as the average over a slab as thick as slices are apart, side by side
//! with the next slab. With a factor n, output slices are one n-th as thick: n of them fill a slab,
//! or for an even n one fewer and half of one at either border, which two slabs share. Whatever the
//! average of the output over a slab lacks of the known slice is added to the slices within the
//! slab: known slices are no part of the output, but follow from it.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use ndarray::{Array2, Zip};

use crate::error::{Error, Result};
use crate::resample::{Plan, SliceSource};

/// Output slices that wait for the others of their slabs.
pub(crate) struct Slabs {
    /// Output slices a known slice.
    factor: usize,
    /// Slabs whose slices are complete.
    is_complete: Vec<bool>,
    /// Slices in HU by index: those of slabs that are not complete yet.
    waiting: BTreeMap<usize, Array2<f64>>,
}

impl Slabs {
    /// The slabs of a plan of thin slices; `None` for other plans.
    pub(super) fn of(plan: &Plan) -> Option<Slabs> {
        Some(Slabs::new(plan.thin_factor()?, plan.known_positions().len()))
    }

    /// Slabs of `known` slices, with `factor` output slices each.
    fn new(factor: usize, known: usize) -> Slabs {
        Slabs { factor, is_complete: vec![false; known], waiting: BTreeMap::new() }
    }

    /// Adds output slice `index` in HU, and returns all slices that are final by it, with their
    /// indices; `known` returns a known slice in HU.
    pub(super) fn add(
        &mut self,
        index: usize,
        slice: Array2<f64>,
        known: &dyn Fn(usize) -> Array2<f64>,
    ) -> Vec<(usize, Array2<f64>)> {
        self.waiting.insert(index, slice);
        let slabs = self.slabs_of(index);
        slabs.flat_map(|slab| self.complete(slab, known)).collect()
    }

    /// The slabs that an output slice is in: one, or both whose border it is on.
    fn slabs_of(&self, index: usize) -> Range<usize> {
        let upper = (index + self.factor / 2) / self.factor;
        let lower = if self.is_border(index) { upper - 1 } else { upper };
        lower..upper + 1
    }

    fn is_border(&self, index: usize) -> bool {
        self.factor.is_multiple_of(2) && index % self.factor == self.factor / 2
    }

    /// The output slices in a slab, its borders among them; the first and the last slab are halves.
    fn slices_in(&self, slab: usize) -> RangeInclusive<usize> {
        let (middle, half) = (slab * self.factor, self.factor / 2);
        let last = (self.is_complete.len() - 1) * self.factor;
        middle.saturating_sub(half)..=(middle + half).min(last)
    }

    /// The slices that are final by a slab, where all in it are there.
    fn complete(
        &mut self,
        slab: usize,
        known: &dyn Fn(usize) -> Array2<f64>,
    ) -> Vec<(usize, Array2<f64>)> {
        let slices = self.slices_in(slab);
        let is_there = |index: usize| self.waiting.contains_key(&index);
        if self.is_complete[slab] || !slices.clone().all(is_there) {
            return Vec::new();
        }
        self.is_complete[slab] = true;
        let is_whole = slab > 0 && slab + 1 < self.is_complete.len();
        let missing = is_whole.then(|| self.missing(slab, known(slab)));
        let mut done = Vec::new();
        for index in slices {
            if !self.slabs_of(index).all(|slab| self.is_complete[slab]) {
                continue;
            }
            let Some(mut slice) = self.waiting.remove(&index) else { continue };
            if let Some(missing) = missing.as_ref().filter(|_| !self.is_border(index)) {
                slice += missing;
            }
            done.push((index, slice));
        }
        done
    }

    /// What each slice within a whole slab lacks, so that their average is the known slice: those
    /// on the borders, which are half in it, stay as they are.
    fn missing(&self, slab: usize, known: Array2<f64>) -> Array2<f64> {
        let (mut missing, mut within) = (known, 0.0);
        for index in self.slices_in(slab) {
            let share = if self.is_border(index) { 0.5 } else { 1.0 } / self.factor as f64;
            if !self.is_border(index) {
                within += share;
            }
            if let Some(slice) = self.waiting.get(&index) {
                Zip::from(&mut missing).and(slice).for_each(|missing, &hu| *missing -= share * hu);
            }
        }
        missing / within
    }
}

/// Sources of output slices that are all to be interpolated, known places included, and their
/// number for each known slice.
///
/// # Errors
/// [`Error::Argument`] where they do not divide the distance of all `known` slices alike.
pub(super) fn thin_sources(
    sources: &[SliceSource],
    known: usize,
) -> Result<(usize, Vec<SliceSource>)> {
    let pairs = known.saturating_sub(1).max(1);
    let factor = (sources.len().max(1) - 1) / pairs;
    let is_even = |(index, source): (usize, &SliceSource)| match *source {
        SliceSource::Known(slice) => index == slice * factor,
        SliceSource::Interpolated { first, fraction } => {
            let place = (first as f64 + fraction) * factor as f64;
            (place - index as f64).abs() < 1e-3
        }
    };
    if factor < 2 || sources.len() != pairs * factor + 1 || !sources.iter().enumerate().all(is_even)
    {
        return Err(Error::Argument(
            "thin slices divide each thick one alike: the slices must be evenly spaced, and their \
             distance divided by a whole number; choose a factor"
                .into(),
        ));
    }
    let thin = |source: &SliceSource| match *source {
        SliceSource::Known(slice) if slice < pairs => {
            SliceSource::Interpolated { first: slice, fraction: 0.0 }
        }
        SliceSource::Known(slice) => SliceSource::Interpolated { first: slice - 1, fraction: 1.0 },
        interpolated => interpolated,
    };
    Ok((factor, sources.iter().map(thin).collect()))
}

/// The sources before [`thin_sources`].
pub(super) fn with_known(sources: &[SliceSource]) -> Vec<SliceSource> {
    let source = |source: &SliceSource| match *source {
        SliceSource::Interpolated { first, fraction: 0.0 } => SliceSource::Known(first),
        SliceSource::Interpolated { first, fraction: 1.0 } => SliceSource::Known(first + 1),
        other => other,
    };
    sources.iter().map(source).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All slices of `count` slabs, in an order that mixes them; known slices are 100 times their
    /// number, output slices before the correction the square of theirs.
    fn corrected(factor: usize, count: usize) -> Vec<f64> {
        let mut slabs = Slabs::new(factor, count);
        let slices = (count - 1) * factor + 1;
        let mut found = vec![f64::NAN; slices];
        for step in 0..slices {
            let index = (step * 13 + 3) % slices;
            let slice = Array2::from_elem((1, 2), (index * index) as f64);
            let known = |slab| Array2::from_elem((1, 2), 100.0 * slab as f64);
            for (index, slice) in slabs.add(index, slice, &known) {
                assert!(found[index].is_nan(), "slice {index} twice");
                found[index] = slice[(0, 1)];
            }
        }
        assert!(slabs.waiting.is_empty() && found.iter().all(|hu| hu.is_finite()));
        found
    }

    #[test]
    fn averages_over_slabs_are_the_known_slices() {
        for (factor, count) in [(2, 5), (3, 4), (4, 6), (5, 3), (6, 4), (9, 4)] {
            let found = corrected(factor, count);
            let half = factor / 2;
            for slab in 1..count - 1 {
                let middle = slab * factor;
                let mut sum: f64 = found[middle - half..=middle + half].iter().sum();
                if factor % 2 == 0 {
                    sum -= 0.5 * (found[middle - half] + found[middle + half]);
                }
                let average = sum / factor as f64;
                assert!((average - 100.0 * slab as f64).abs() < 1e-9, "{factor}: {average}");
            }
            // The halves at both ends stay as they were.
            assert_eq!(found[..half], (0..half).map(|k| (k * k) as f64).collect::<Vec<_>>());
        }
    }

    #[test]
    fn pair_of_slices_has_no_whole_slab() {
        assert_eq!(corrected(3, 2), [0.0, 1.0, 4.0, 9.0]);
        assert_eq!(corrected(2, 2), [0.0, 1.0, 4.0]);
    }

    #[test]
    fn known_places_are_interpolated_and_come_back() {
        let between = |first, fraction| SliceSource::Interpolated { first, fraction };
        let known = SliceSource::Known;
        let sources = [known(0), between(0, 0.5), known(1), between(1, 0.5), known(2)];
        let (factor, thin) = thin_sources(&sources, 3).unwrap();
        assert_eq!(factor, 2);
        let expected =
            [between(0, 0.0), between(0, 0.5), between(1, 0.0), between(1, 0.5), between(1, 1.0)];
        assert_eq!(thin, expected);
        assert_eq!(with_known(&thin), sources);
        for uneven in [&sources[..4], &sources[..1], &[known(0), between(0, 0.3), known(1)]] {
            let error = thin_sources(uneven, 3).unwrap_err().to_string();
            assert!(error.contains("choose a factor"), "{error}");
        }
    }
}
