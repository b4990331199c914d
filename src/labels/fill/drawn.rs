//! The segments of a label map, the slices on which each is drawn, and the stretches between.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use ndarray::{Array2, ArrayRef3};

use crate::labels::distance;
use crate::labels::roi::Roi;
use crate::labels::runs::Runs;
use crate::volume::voxels::slice;
use crate::volume::{Axis, Voxel};

/// A segment, and the slices that have a voxel of it.
pub struct Drawn<T> {
    /// The label.
    pub label: T,
    /// Indices of slices in rising order, with the bounds of the segment in each.
    pub slices: Vec<(usize, Roi)>,
}

/// Indices of the slices on which any of the segments is drawn, in rising order.
pub fn slices<T>(segments: &[Drawn<T>]) -> Vec<usize> {
    let all: BTreeSet<usize> =
        segments.iter().flat_map(|drawn| drawn.slices.iter().map(|(index, _)| *index)).collect();
    all.into_iter().collect()
}

/// All segments of a label map, by their bit patterns.
pub fn segments<T: Voxel>(labels: &ArrayRef3<T>, axis: Axis) -> Vec<Drawn<T>> {
    let mut found: BTreeMap<u64, Drawn<T>> = BTreeMap::new();
    for index in 0..labels.shape()[axis.array_axis()] {
        for run in Runs::of(slice(labels, axis, index)).all() {
            let bounds = Roi::of_run(run.row, run.columns.clone());
            let drawn = found.entry(run.label.key());
            let drawn = drawn.or_insert_with(|| Drawn { label: run.label, slices: Vec::new() });
            match drawn.slices.last_mut() {
                Some((last, all)) if *last == index => *all = all.union(bounds),
                _ => drawn.slices.push((index, bounds)),
            }
        }
    }
    found.into_values().collect()
}

/// Neighbouring slices to fill.
pub struct Stretch {
    /// Place of the stretch among the drawn slices.
    pub place: Place,
    /// Indices of the slices.
    pub slices: Range<usize>,
}

/// Place of a stretch; numbers count the drawn slices of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Between the drawn slice of this number and the next one.
    After(usize),
    /// Beyond a drawn slice that has no neighbour there.
    Beyond {
        /// Number of the drawn slice.
        number: usize,
        /// Number of its neighbour on the other side; `None` where it is the only one.
        inner: Option<usize>,
        /// Index of a slice: at its distance the segment is gone.
        gone: usize,
    },
}

impl<T: Voxel> Drawn<T> {
    /// Stretches to fill in a stack of `count` slices; `tapers`: also beyond the outermost drawn
    /// slices. `all_drawn`: indices of the slices on which any segment is drawn, in rising order.
    pub fn stretches(&self, count: usize, all_drawn: &[usize], tapers: bool) -> Vec<Stretch> {
        let index = |number: usize| self.slices[number].0;
        let between = (1..self.slices.len()).map(|next| Stretch {
            place: Place::After(next - 1),
            slices: index(next - 1) + 1..index(next),
        });
        let [before, behind] = match tapers {
            true => self.ends(count, all_drawn),
            false => [None, None],
        };
        let all = before.into_iter().chain(between).chain(behind);
        all.filter(|stretch| !stretch.slices.is_empty()).collect()
    }

    /// The stretches before the first and behind the last drawn slice: less than the step to the
    /// next drawn one. A segment on one slice alone has no next one, but where others are drawn
    /// before and behind, it is not; with others on one side alone, that step counts for both.
    fn ends(&self, count: usize, all_drawn: &[usize]) -> [Option<Stretch>; 2] {
        let last = self.slices.len() - 1;
        let [first, end] = [0, last].map(|number| self.slices[number].0);
        let [before, behind] = if last > 0 {
            [1, last - 1].map(|number| Some(self.slices[number].0))
        } else {
            let before = all_drawn.iter().copied().rfind(|&other| other < first);
            let behind = all_drawn.iter().copied().find(|&other| other > first);
            [before.or(behind), behind.or(before)]
        };
        let inner = |number: usize| (last > 0).then_some(number);
        let before = before.map(|gone| Stretch {
            place: Place::Beyond { number: 0, inner: inner(1), gone },
            slices: (first + 1).saturating_sub(first.abs_diff(gone))..first,
        });
        let behind = behind.map(|gone| Stretch {
            place: Place::Beyond { number: last, inner: inner(last.saturating_sub(1)), gone },
            slices: end + 1..(end + end.abs_diff(gone)).min(count),
        });
        [before, behind]
    }

    /// Depths, mm, of the pixels of a region in the outline of a drawn slice, positive inside.
    /// `pixel`: distance in mm between rows and between columns.
    pub fn depths(
        &self,
        labels: &ArrayRef3<T>,
        axis: Axis,
        number: usize,
        (roi, pixel): (Roi, [f64; 2]),
    ) -> Array2<f32> {
        let plane = roi.of(slice(labels, axis, self.slices[number].0));
        let mask = plane.map(|&label| label == self.label);
        let diagonal = (mask.nrows() as f64 * pixel[0]).hypot(mask.ncols() as f64 * pixel[1]);
        distance::signed(mask.view(), pixel, diagonal).mapv(|depth| depth as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    #[test]
    fn stretches_are_the_slices_that_are_not_drawn() {
        let mut labels = Array3::<u8>::zeros((20, 3, 3));
        for index in [2, 5, 6, 12] {
            labels[(index, 1, 1)] = 7;
        }
        labels[(4, 0, 0)] = 3;
        let found = segments(&labels, Axis::K);
        assert_eq!(found.iter().map(|drawn| drawn.label).collect::<Vec<_>>(), [3, 7]);
        let places = |tapers: bool| -> Vec<(Place, Range<usize>)> {
            let all = found[1].stretches(20, &[2, 4, 5, 6, 12], tapers).into_iter();
            all.map(|stretch| (stretch.place, stretch.slices)).collect()
        };
        let between = [(Place::After(0), 3..5), (Place::After(2), 7..12)];
        assert_eq!(places(false), between);
        let [first, second] = between;
        let before = (Place::Beyond { number: 0, inner: Some(1), gone: 5 }, 0..2);
        let behind = (Place::Beyond { number: 3, inner: Some(2), gone: 6 }, 13..18);
        assert_eq!(places(true), [before, first, second, behind]);
    }

    #[test]
    fn one_slice_alone_ends_before_those_of_other_segments() {
        let mut labels = Array3::<u8>::zeros((20, 3, 3));
        labels[(8, 1, 1)] = 1;
        let drawn = segments(&labels, Axis::K).remove(0);
        let slices = |all_drawn: &[usize], tapers: bool| -> Vec<Range<usize>> {
            let all = drawn.stretches(20, all_drawn, tapers).into_iter();
            all.map(|stretch| stretch.slices).collect()
        };
        assert_eq!(slices(&[1, 5, 8, 14], true), [6..8, 9..14]);
        assert_eq!(slices(&[5, 8], true), [6..8, 9..11]);
        assert_eq!(slices(&[7, 8, 9], true), []);
        assert_eq!(slices(&[1, 5, 8, 14], false), []);
        assert_eq!(slices(&[8], true), []);
    }
}
