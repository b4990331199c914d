//! The segments of a label map, the slices on which each is drawn, and the stretches between.

use std::collections::BTreeMap;
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
    /// Beyond the drawn slice of the first number, which has no neighbour there; the second number
    /// is that of its neighbour on the other side.
    Beyond(usize, usize),
}

impl<T: Voxel> Drawn<T> {
    /// Stretches to fill in a stack of `count` slices; `tapers`: also beyond the outermost drawn
    /// slices, for less than the step to their neighbours.
    pub fn stretches(&self, count: usize, tapers: bool) -> Vec<Stretch> {
        let index = |number: usize| self.slices[number].0;
        let between = (1..self.slices.len()).map(|next| Stretch {
            place: Place::After(next - 1),
            slices: index(next - 1) + 1..index(next),
        });
        let mut all: Vec<Stretch> = between.collect();
        if tapers && self.slices.len() > 1 {
            let last = self.slices.len() - 1;
            let before = (2 * index(0) + 1).saturating_sub(index(1))..index(0);
            let behind = index(last) + 1..(2 * index(last) - index(last - 1)).min(count);
            all.insert(0, Stretch { place: Place::Beyond(0, 1), slices: before });
            all.push(Stretch { place: Place::Beyond(last, last - 1), slices: behind });
        }
        all.retain(|stretch| !stretch.slices.is_empty());
        all
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
            let all = found[1].stretches(20, tapers).into_iter();
            all.map(|stretch| (stretch.place, stretch.slices)).collect()
        };
        let between = [(Place::After(0), 3..5), (Place::After(2), 7..12)];
        assert_eq!(places(false), between);
        let [first, second] = between;
        let before = (Place::Beyond(0, 1), 0..2);
        let behind = (Place::Beyond(3, 2), 13..18);
        assert_eq!(places(true), [before, first, second, behind]);
        assert!(found[0].stretches(20, true).is_empty());
    }
}
