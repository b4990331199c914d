//! The labels of two neighbouring slices, cut into bodies: what belongs together across both.

use std::collections::HashMap;
use std::ops::Range;

use ndarray::{Array2, ArrayView2, s};

use crate::labels::distance_cache::DistanceCache;
use crate::labels::flow::Meeting;
use crate::labels::outline::{Outline, Plane};
use crate::labels::roi::Roi;
use crate::labels::runs::{Run, Runs};
use crate::volume::Voxel;

/// The bodies of two slices, and which of them every pixel belongs to.
pub struct Components<T> {
    /// In the order in which their labels are met.
    pub all: Vec<Component<T>>,
    /// Of each slice, 1 more than the place in `all` of the body that a pixel belongs to; 0 where it
    /// is background.
    pub numbers: [Array2<u32>; 2],
}

/// A part of one label: pixels of both slices that touch within a slice (eight neighbours) or overlap
/// across the two.
pub struct Component<T> {
    /// The label.
    pub label: T,
    /// What decides where this body and one of another label are equally deep, the lower one: pixels of
    /// the whole label in both slices; where it is met first, row by row, in either; how many labels
    /// were met before it.
    pub rank: (usize, usize, usize),
    /// The smallest box of all its pixels.
    pub bounds: Roi,
    form: Form,
}

/// Which slices a body is in.
enum Form {
    Both(Box<[DistanceCache; 2]>),
    /// In one of them only. `side`: 0 the first, 1 the second; `depths`: of all pixels within the
    /// bounds, mm; `deepest`: the largest.
    Tapering {
        side: usize,
        depths: Array2<f64>,
        deepest: f64,
    },
}

impl<T> Component<T> {
    /// How far inside the body a pixel within its bounds lies at `fraction` from the first slice, mm: exact
    /// where that is more than `worst`, and else no more than `worst`, which takes less looking.
    ///
    /// A body in both slices is the blend of both. One that is in a single slice tapers: its border
    /// moves inwards until the other slice, where its innermost pixel is gone. What is in both is seen
    /// from the plane in between at the `seen` places of the slices (row, column), where they are
    /// known; what tapers stays where it is.
    pub fn depth(
        &self,
        at: [usize; 2],
        seen: Option<[[f64; 2]; 2]>,
        (fraction, worst): (f64, f64),
    ) -> f64 {
        match &self.form {
            Form::Both(slices) => {
                // Less than no distance at all would leave pixels inside unlooked for.
                let see = |side: usize, most: f64| match seen {
                    Some(places) => slices[side].between(places[side], most.max(0.0)),
                    None => slices[side].at(at, most.max(0.0)),
                };
                let shares = [1.0 - fraction, fraction];
                // The nearer slice counts more: the other one can make up for as much as it lies inside.
                let (near, far) = if fraction > 0.5 { (1, 0) } else { (0, 1) };
                let of_far = see(far, 0.0) * shares[far];
                let of_near = see(near, (of_far - worst) / shares[near]) * shares[near];
                if of_near + of_far <= worst {
                    return worst;
                }
                of_near + see(far, (of_near - worst) / shares[far]) * shares[far]
            }
            Form::Tapering { side, depths, deepest } => {
                let passed = if *side == 0 { fraction } else { 1.0 - fraction };
                let [top, left] = self.bounds.corner();
                depths[(at[0] - top, at[1] - left)] - passed * deepest
            }
        }
    }
}

impl<T: Voxel> Components<T> {
    /// The bodies of all labels but the background (0). `meetings`: pixels that overlap beside those
    /// that do where they stand.
    pub fn of(slices: [ArrayView2<T>; 2], plane: Plane, meetings: &[Meeting]) -> Components<T> {
        let runs = slices.map(Runs::of);
        let mut numbers = slices.map(|slice| Array2::zeros(slice.dim()));
        // Every run is a part of its own, numbered through both slices from 1.
        let before = [0, runs[0].all().len()];
        for side in 0..2 {
            for (place, run) in runs[side].all().iter().enumerate() {
                let pixels = s![run.row, run.columns.clone()];
                numbers[side].slice_mut(pixels).fill((1 + before[side] + place) as u32);
            }
        }
        let mut parts = Parts::new(before[1] + runs[1].all().len());
        join_neighbours(&runs, before, &mut parts);
        for &[first, second] in meetings {
            if slices[0][first] == slices[1][second] && slices[0][first] != T::default() {
                parts.join(numbers[0][first] as usize - 1, numbers[1][second] as usize - 1);
            }
        }
        let (all, places) = collect(&runs, &mut parts, plane);
        for numbers in &mut numbers {
            numbers
                .mapv_inplace(|run| if run > 0 { places[run as usize - 1] as u32 + 1 } else { 0 });
        }
        Components { all, numbers }
    }

    /// Whether there is more than one label.
    pub fn several_labels(&self) -> bool {
        self.all.iter().any(|body| body.label != self.all[0].label)
    }
}

/// Joins runs that touch within a slice or overlap across both. `before`: runs numbered before those of
/// each slice.
fn join_neighbours<T: Voxel>(runs: &[Runs<T>; 2], before: [usize; 2], parts: &mut Parts) {
    for side in 0..2 {
        for row in 1..runs[side].rows() {
            let rows = [row - 1, row].map(|row| (&runs[side], runs[side].row(row), before[side]));
            join_rows(rows, 1, parts);
        }
    }
    for row in 0..runs[0].rows() {
        let rows = [0, 1].map(|side| (&runs[side], runs[side].row(row), before[side]));
        join_rows(rows, 0, parts);
    }
}

/// Joins runs of two rows that carry the same label and overlap, or would if they were `apart` columns
/// longer.
fn join_rows<T: Voxel>(
    rows: [(&Runs<T>, Range<usize>, usize); 2],
    apart: usize,
    parts: &mut Parts,
) {
    let [(upper, upper_places, upper_before), (lower, lower_places, lower_before)] = rows;
    let mut place = lower_places.start;
    for number in upper_places {
        let run: &Run<T> = &upper.all()[number];
        // What ends before this run ends before the next ones too.
        let beyond = |other: &Run<T>| other.columns.end + apart <= run.columns.start;
        while place < lower_places.end && beyond(&lower.all()[place]) {
            place += 1;
        }
        for other in place..lower_places.end {
            let near = &lower.all()[other];
            if near.columns.start >= run.columns.end + apart {
                break;
            }
            if near.label == run.label {
                parts.join(upper_before + number, lower_before + other);
            }
        }
    }
}

/// What is joined, by the lowest number that each one has met: its own where it has met none lower.
struct Parts(Vec<usize>);

impl Parts {
    fn new(count: usize) -> Parts {
        Parts((0..count).collect())
    }

    /// The lowest number of the part.
    fn root(&mut self, mut number: usize) -> usize {
        while self.0[number] < number {
            // The way is half as long the next time.
            self.0[number] = self.0[self.0[number]];
            number = self.0[number];
        }
        number
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.0[one.max(other)] = one.min(other);
    }
}

/// What a label's bodies have in common: pixels, and where it is met first.
struct Label {
    size: usize,
    met: usize,
}

/// The bodies of joined runs, and of each run the place of its body among them.
fn collect<T: Voxel>(
    runs: &[Runs<T>; 2],
    parts: &mut Parts,
    plane: Plane,
) -> (Vec<Component<T>>, Vec<usize>) {
    let mut labels: Vec<Label> = Vec::new();
    let mut order: HashMap<u64, usize> = HashMap::new();
    let mut outlines: Vec<(T, usize, Roi, [Outline; 2])> = Vec::new();
    let mut of_part: Vec<Option<usize>> = vec![None; parts.0.len()];
    let mut places = Vec::with_capacity(parts.0.len());
    for (side, run) in
        [0, 1].into_iter().flat_map(|side| runs[side].all().iter().map(move |run| (side, run)))
    {
        let met = run.row * plane.size[1] + run.columns.start;
        let number = *order.entry(run.label.key()).or_insert(labels.len());
        if number == labels.len() {
            labels.push(Label { size: 0, met });
        }
        labels[number].size += run.columns.len();
        labels[number].met = labels[number].met.min(met);
        let own = Roi::of_run(run.row, run.columns.clone());
        let root = parts.root(places.len());
        let place = *of_part[root].get_or_insert(outlines.len());
        if place == outlines.len() {
            outlines.push((run.label, number, own, Default::default()));
        }
        let (_, _, bounds, sides) = &mut outlines[place];
        *bounds = bounds.with(own);
        sides[side].push(run.row, [run.columns.start, run.columns.end]);
        places.push(place);
    }
    let body = |(label, number, bounds, outlines): (T, usize, Roi, [Outline; 2])| {
        let rank = (labels[number].size, labels[number].met, number);
        Component { label, rank, bounds, form: Form::of(outlines, bounds, plane) }
    };
    (outlines.into_iter().map(body).collect(), places)
}

impl Form {
    fn of(outlines: [Outline; 2], bounds: Roi, plane: Plane) -> Form {
        let side = match outlines.each_ref().map(Outline::is_empty) {
            [false, false] => {
                let depths = outlines.map(|outline| DistanceCache::new(outline, bounds, plane));
                return Form::Both(Box::new(depths));
            }
            [true, _] => 1,
            [_, true] => 0,
        };
        let (depths, deepest) = outlines[side].depths(bounds, plane);
        Form::Tapering { side, depths, deepest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// To look for a body no farther than matters changes nothing that matters.
        #[test]
        fn a_depth_is_exact_above_the_worst_that_matters(
            pixels in proptest::collection::vec(prop_oneof![3 => Just(0u8), 2 => Just(1)], 126),
            places in [[-2.0f64..9.0, -2.0f64..11.0], [-2.0f64..9.0, -2.0f64..11.0]],
            moves in any::<bool>(),
            fraction in 0.05f64..0.95,
            worst in -6.0f64..3.0,
        ) {
            let slice = |side: usize| {
                Array2::from_shape_vec((7, 9), pixels[63 * side..][..63].to_vec()).expect("63 pixels")
            };
            let slices = [slice(0), slice(1)];
            let plane = Plane::new([7, 9], [0.7, 1.1]);
            let bodies = Components::of(slices.each_ref().map(|slice| slice.view()), plane, &[]);
            let seen = moves.then_some(places);
            for body in &bodies.all {
                let at = body.bounds.corner();
                let depth = |worst| body.depth(at, seen, (fraction, worst));
                // First what is looked for less: what is found is kept.
                let (found, exact) = (depth(worst), depth(f64::NEG_INFINITY));
                match exact > worst {
                    true => prop_assert!((found - exact).abs() < 1e-9, "{found}, not {exact}"),
                    false => prop_assert!(found <= worst + 1e-9, "{found} above {worst}: {exact}"),
                }
            }
        }
    }
}
