//! Connected components of the labels of two neighbouring slices, connected across both.

use std::collections::HashMap;
use std::ops::Range;

use ndarray::{Array2, ArrayView2, s};

use crate::labels::distance_cache::DistanceCache;
use crate::labels::flow::Match;
use crate::labels::outline::{Outline, Plane};
use crate::labels::roi::Roi;
use crate::labels::runs::{Run, Runs};
use crate::volume::Voxel;

/// Connected components of two slices, and the component of every pixel.
pub struct Components<T> {
    /// In the order in which their pixels come, row by row, first slice first.
    pub all: Vec<Component<T>>,
    /// For each slice and pixel the index in `all` plus 1; 0 for background.
    pub numbers: [Array2<u32>; 2],
}

/// Pixels of one label in both slices that touch within a slice (eight neighbours) or overlap
/// across the two.
pub struct Component<T> {
    /// The label.
    pub label: T,
    /// Precedence among components of equal depth; the lowest wins.
    pub rank: Rank,
    /// Bounds of its pixels in both slices.
    pub bounds: Roi,
    form: Form,
}

/// Precedence of a label, compared field by field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// Pixels of the label in both slices.
    pub size: usize,
    /// First pixel of the label, row by row, in either slice.
    pub first_pixel: usize,
    /// Number of labels that come before it.
    pub order: usize,
}

/// Slices with pixels of a component.
enum Form {
    Both(Box<[DistanceCache; 2]>),
    /// One slice alone: the component tapers towards the other.
    Tapering {
        /// 0 for the first slice, 1 for the second.
        side: usize,
        /// Depths in mm of all pixels within the bounds, and the largest.
        depths: Array2<f64>,
        deepest: f64,
    },
}

impl<T> Component<T> {
    /// Depth of a pixel within the bounds, in mm: its distance from the outline, positive inside.
    /// Exact where it is more than `limit`, else at most `limit`, which takes less search.
    ///
    /// `fraction`: position of the plane, 0 at the first slice, 1 at the second. `positions`:
    /// positions (row, column) of the pixel in both slices, where the flow is known.
    ///
    /// The depth of a component in both slices is the weighted mean of both. A component in one
    /// slice tapers in place: its outline moves inwards, until its innermost pixel is gone at the
    /// other slice.
    pub fn depth(
        &self,
        at: [usize; 2],
        positions: Option<[[f64; 2]; 2]>,
        fraction: f64,
        limit: f64,
    ) -> f64 {
        match &self.form {
            Form::Both(slices) => {
                // A negative limit would leave out pixels inside.
                let depth = |side: usize, limit: f64| match positions {
                    Some(positions) => slices[side].between(positions[side], limit.max(0.0)),
                    None => slices[side].at(at, limit.max(0.0)),
                };
                let weights = [1.0 - fraction, fraction];
                // The nearer slice has more weight; the other one bounds how deep it must be.
                let (near, far) = if fraction > 0.5 { (1, 0) } else { (0, 1) };
                let of_far = depth(far, 0.0) * weights[far];
                let of_near = depth(near, (of_far - limit) / weights[near]) * weights[near];
                if of_near + of_far <= limit {
                    return limit;
                }
                of_near + depth(far, (of_near - limit) / weights[far]) * weights[far]
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
    /// Components of all labels but the background (0). `matches`: pixels of both slices that
    /// overlap besides those at the same position.
    pub fn of(slices: [ArrayView2<T>; 2], plane: Plane, matches: &[Match]) -> Components<T> {
        let runs = slices.map(Runs::of);
        let mut numbers = slices.map(|slice| Array2::zeros(slice.dim()));
        // Every run begins as a set of its own, numbered through both slices from 1.
        let before = [0, runs[0].all().len()];
        for side in 0..2 {
            for (index, run) in runs[side].all().iter().enumerate() {
                let pixels = s![run.row, run.columns.clone()];
                numbers[side].slice_mut(pixels).fill((1 + before[side] + index) as u32);
            }
        }
        let mut sets = DisjointSets::new(before[1] + runs[1].all().len());
        join_neighbours(&runs, before, &mut sets);
        for &[first, second] in matches {
            if slices[0][first] == slices[1][second] && slices[0][first] != T::default() {
                sets.join(numbers[0][first] as usize - 1, numbers[1][second] as usize - 1);
            }
        }
        let (all, places) = collect(&runs, &mut sets, plane);
        for numbers in &mut numbers {
            let component = |run: u32| places[run as usize - 1] as u32 + 1;
            numbers.mapv_inplace(|run| if run > 0 { component(run) } else { 0 });
        }
        Components { all, numbers }
    }

    /// Whether there is more than one label.
    pub fn has_several_labels(&self) -> bool {
        self.all.iter().any(|component| component.label != self.all[0].label)
    }
}

/// Runs of one row.
struct RowRuns<'a, T> {
    runs: &'a Runs<T>,
    /// Indices of the row's runs.
    row: Range<usize>,
    /// Number of runs in slices before.
    before: usize,
}

/// Joins runs that touch within a slice or overlap across both. `before`: number of runs before
/// those of each slice.
fn join_neighbours<T: Voxel>(runs: &[Runs<T>; 2], before: [usize; 2], sets: &mut DisjointSets) {
    let row_runs = |side: usize, row: usize| RowRuns {
        runs: &runs[side],
        row: runs[side].row(row),
        before: before[side],
    };
    for (side, slice_runs) in runs.iter().enumerate() {
        for row in 1..slice_runs.rows() {
            join_rows(row_runs(side, row - 1), row_runs(side, row), 1, sets);
        }
    }
    for row in 0..runs[0].rows() {
        join_rows(row_runs(0, row), row_runs(1, row), 0, sets);
    }
}

/// Joins runs of two rows that have the same label and overlap, or would if they were `slack`
/// columns longer.
fn join_rows<T: Voxel>(
    upper: RowRuns<T>,
    lower: RowRuns<T>,
    slack: usize,
    sets: &mut DisjointSets,
) {
    let mut start = lower.row.start;
    for index in upper.row {
        let run: &Run<T> = &upper.runs.all()[index];
        // Runs that end before this one end before the next ones too.
        let is_before = |other: &Run<T>| other.columns.end + slack <= run.columns.start;
        while start < lower.row.end && is_before(&lower.runs.all()[start]) {
            start += 1;
        }
        for other in start..lower.row.end {
            let near = &lower.runs.all()[other];
            if near.columns.start >= run.columns.end + slack {
                break;
            }
            if near.label == run.label {
                sets.join(upper.before + index, lower.before + other);
            }
        }
    }
}

/// Disjoint sets of numbers: the parent of each, a lower number or itself.
struct DisjointSets(Vec<usize>);

impl DisjointSets {
    fn new(count: usize) -> DisjointSets {
        DisjointSets((0..count).collect())
    }

    /// Lowest number of the set.
    fn root(&mut self, mut number: usize) -> usize {
        while self.0[number] < number {
            // Path halving.
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

/// Pixels of a component.
struct Pixels<T> {
    label: T,
    /// Index of the label's rank.
    rank: usize,
    bounds: Roi,
    /// In the first and in the second slice.
    outlines: [Outline; 2],
}

/// The components of joined runs, and for each run the index of its component.
fn collect<T: Voxel>(
    runs: &[Runs<T>; 2],
    sets: &mut DisjointSets,
    plane: Plane,
) -> (Vec<Component<T>>, Vec<usize>) {
    let mut ranks: Vec<Rank> = Vec::new();
    let mut rank_of_label: HashMap<u64, usize> = HashMap::new();
    let mut components: Vec<Pixels<T>> = Vec::new();
    let mut component_of_set: Vec<Option<usize>> = vec![None; sets.0.len()];
    let mut component_of_run = Vec::with_capacity(sets.0.len());
    for (side, run) in
        [0, 1].into_iter().flat_map(|side| runs[side].all().iter().map(move |run| (side, run)))
    {
        let first_pixel = run.row * plane.size[1] + run.columns.start;
        let rank = *rank_of_label.entry(run.label.key()).or_insert(ranks.len());
        if rank == ranks.len() {
            ranks.push(Rank { size: 0, first_pixel, order: rank });
        }
        ranks[rank].size += run.columns.len();
        ranks[rank].first_pixel = ranks[rank].first_pixel.min(first_pixel);
        let bounds = Roi::of_run(run.row, run.columns.clone());
        let root = sets.root(component_of_run.len());
        let index = *component_of_set[root].get_or_insert(components.len());
        if index == components.len() {
            let outlines = Default::default();
            components.push(Pixels { label: run.label, rank, bounds, outlines });
        }
        let pixels = &mut components[index];
        pixels.bounds = pixels.bounds.union(bounds);
        pixels.outlines[side].push(run.row, [run.columns.start, run.columns.end]);
        component_of_run.push(index);
    }
    let component = |pixels: Pixels<T>| {
        let Pixels { label, rank, bounds, outlines } = pixels;
        Component { label, rank: ranks[rank], bounds, form: Form::of(outlines, bounds, plane) }
    };
    (components.into_iter().map(component).collect(), component_of_run)
}

impl Form {
    fn of(outlines: [Outline; 2], bounds: Roi, plane: Plane) -> Form {
        let side = match outlines.each_ref().map(Outline::is_empty) {
            [false, false] => {
                let caches = outlines.map(|outline| DistanceCache::new(outline, bounds, plane));
                return Form::Both(Box::new(caches));
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

        /// A limited search changes no depth above its limit.
        #[test]
        fn depth_is_exact_above_the_limit(
            pixels in proptest::collection::vec(prop_oneof![3 => Just(0u8), 2 => Just(1)], 126),
            positions in [[-2.0f64..9.0, -2.0f64..11.0], [-2.0f64..9.0, -2.0f64..11.0]],
            has_flow in any::<bool>(),
            fraction in 0.05f64..0.95,
            limit in -6.0f64..3.0,
        ) {
            let slice = |side: usize| {
                let pixels = pixels[63 * side..][..63].to_vec();
                Array2::from_shape_vec((7, 9), pixels).expect("63 pixels")
            };
            let slices = [slice(0), slice(1)];
            let plane = Plane::new([7, 9], [0.7, 1.1]);
            let views = slices.each_ref().map(|slice| slice.view());
            let components = Components::of(views, plane, &[]);
            let positions = has_flow.then_some(positions);
            for component in &components.all {
                let at = component.bounds.corner();
                let depth = |limit| component.depth(at, positions, fraction, limit);
                // The limited search first, since results are cached.
                let (found, exact) = (depth(limit), depth(f64::NEG_INFINITY));
                match exact > limit {
                    true => prop_assert!((found - exact).abs() < 1e-9, "{found}, not {exact}"),
                    false => prop_assert!(found <= limit + 1e-9, "{found} above {limit}: {exact}"),
                }
            }
        }
    }
}
