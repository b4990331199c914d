//! Shape-based interpolation: weighted means of the signed distances in two slices (Raya and Udupa,
//! IEEE TMI 1990), for each connected component of each label.
//!
//! A pixel takes the label in which it is deepest. Where it is outside every label but inside all
//! labels together (two labels with a common border that moves), it takes the nearest one, so that
//! no gap opens between neighbours. Of equal depths the label with fewer pixels wins, then the one
//! whose first pixel comes first, row by row, in either slice, then the one of the first slice.
//!
//! Distances are computed near outlines alone: a pixel that is in the same component in both
//! slices, or in none, is so between them too.

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::labels::components::{Component, Components};
use crate::labels::flow::{Flow, Match};
use crate::labels::outline::Plane;
use crate::volume::Voxel;

/// Depths within this many mm are equal.
const DEPTH_TOLERANCE_MM: f64 = 1e-6;

/// Shapes of two neighbouring slices, from which every slice between them is interpolated.
pub struct Shapes<T> {
    labels: Components<T>,
    /// Components of all labels as one, where there are several.
    foreground: Option<Components<u8>>,
    flow: Option<Flow>,
    /// Rows and columns.
    size: [usize; 2],
}

impl<T: Voxel> Shapes<T> {
    /// Prepares two slices of the same size. `pixel`: distance in mm between rows and between
    /// columns. `flow`: between the slices, where it is known.
    pub fn new(slices: [ArrayView2<T>; 2], pixel: [f64; 2], flow: Option<Flow>) -> Shapes<T> {
        let plane = Plane::new(slices[0].dim().into(), pixel);
        let matches: Vec<Match> = flow.iter().flat_map(|flow| flow.matches()).collect();
        let labels = Components::of(slices, plane, &matches);
        let foreground = labels.has_several_labels().then(|| {
            let masks = slices.map(|slice| slice.map(|&label| u8::from(label != T::default())));
            Components::of([masks[0].view(), masks[1].view()], plane, &matches)
        });
        Shapes { labels, foreground, flow, size: plane.size }
    }

    /// Writes the slice at `fraction` from the first, in (0, 1).
    pub fn write(&self, fraction: f64, mut output: ArrayViewMut2<T>) {
        for ((row, column), out) in output.indexed_iter_mut() {
            let at = [row, column];
            let flow = self.flow.as_ref();
            let positions = flow.map(|flow| [0, 1].map(|side| flow.position(at, side, fraction)));
            *out = self.label(&Pixel { at, fraction, positions, size: self.size });
        }
    }

    fn label(&self, pixel: &Pixel) -> T {
        let numbers = match pixel.surroundings(&self.labels) {
            Surroundings::Background => return T::default(),
            Surroundings::Inside(component) => return component.label,
            Surroundings::Outlines(numbers) => numbers,
        };
        match pixel.deepest(numbers.components(&self.labels)) {
            Some((component, depth)) if depth > DEPTH_TOLERANCE_MM => component.label,
            nearest if self.covers(pixel) => {
                // The nearest of those around first: few others are nearer.
                let first = nearest.map(|(component, _)| component);
                let all = first.into_iter().chain(&self.labels.all);
                pixel.deepest(all).map_or_else(T::default, |(component, _)| component.label)
            }
            _ => T::default(),
        }
    }

    /// Whether a pixel is inside all labels together.
    fn covers(&self, pixel: &Pixel) -> bool {
        let Some(foreground) = &self.foreground else { return false };
        match pixel.surroundings(foreground) {
            Surroundings::Background => false,
            Surroundings::Inside(_) => true,
            Surroundings::Outlines(numbers) => pixel
                .deepest(numbers.components(foreground))
                .is_some_and(|(_, depth)| depth > DEPTH_TOLERANCE_MM),
        }
    }
}

/// A pixel of a plane between two slices.
struct Pixel {
    /// Row and column.
    at: [usize; 2],
    /// Position of the plane: 0 at the first slice, 1 at the second.
    fraction: f64,
    /// Positions (row, column) of the pixel in both slices, where the flow is known.
    positions: Option<[[f64; 2]; 2]>,
    /// Rows and columns of the plane.
    size: [usize; 2],
}

/// Content of both slices around the positions of a pixel.
enum Surroundings<'a, T> {
    Background,
    /// One component and nothing else, in both.
    Inside(&'a Component<T>),
    /// Several components, or one and background.
    Outlines(Numbers),
}

/// Numbers of components as in [`Components::numbers`]: at the pixel itself in both slices, and at
/// the four pixels around its position in each.
struct Numbers([u32; 10]);

impl Numbers {
    /// The components, each once.
    fn components<T>(self, all: &Components<T>) -> impl Iterator<Item = &Component<T>> {
        let Numbers(mut numbers) = self;
        numbers.sort_unstable();
        let is_new = move |&at: &usize| at == 0 || numbers[at] != numbers[at - 1];
        let distinct = (0..numbers.len()).filter(is_new).map(move |at| numbers[at]);
        distinct.filter(|&number| number > 0).map(|number| &all.all[number as usize - 1])
    }
}

impl Pixel {
    /// The components whose depth may be positive here. That of any other is negative in both
    /// slices: none of its pixels is among the four between which its depth is interpolated.
    fn surroundings<'a, T>(&self, labels: &'a Components<T>) -> Surroundings<'a, T> {
        let own = [0, 1].map(|side| labels.numbers[side][self.at]);
        let mut numbers = [own[0]; 10];
        numbers[1] = own[1];
        if let Some(positions) = self.positions {
            for side in 0..2 {
                let near = around(positions[side], self.size);
                for (number, at) in numbers[2 + 4 * side..].iter_mut().zip(near) {
                    *number = labels.numbers[side][at];
                }
            }
        }
        match (numbers.iter().all(|&number| number == own[0]), own[0]) {
            (true, 0) => Surroundings::Background,
            (true, number) => Surroundings::Inside(&labels.all[number as usize - 1]),
            (false, _) => Surroundings::Outlines(Numbers(numbers)),
        }
    }

    /// The component in which the pixel is deepest, and its depth in mm; `None` outside the bounds
    /// of all.
    fn deepest<'a, T>(
        &self,
        components: impl Iterator<Item = &'a Component<T>>,
    ) -> Option<(&'a Component<T>, f64)> {
        let mut best: Option<(&Component<T>, f64)> = None;
        for component in components.filter(|component| component.bounds.contains(self.at)) {
            let limit =
                best.map_or(f64::NEG_INFINITY, |(_, deepest)| deepest - 2.0 * DEPTH_TOLERANCE_MM);
            let depth = component.depth(self.at, self.positions, self.fraction, limit);
            let is_better = best.is_none_or(|(best, deepest)| {
                match (depth - deepest).abs() <= DEPTH_TOLERANCE_MM {
                    true => component.rank < best.rank,
                    false => depth > deepest,
                }
            });
            if is_better {
                best = Some((component, depth));
            }
        }
        best
    }
}

/// The four pixels around a position (row, column), clamped to the plane.
fn around(position: [f64; 2], size: [usize; 2]) -> [[usize; 2]; 4] {
    let near = |axis: usize| {
        let last = size[axis] - 1;
        let low = position[axis].clamp(0.0, last as f64) as usize;
        [low, (low + 1).min(last)]
    };
    let [[above, under], [left, right]] = [near(0), near(1)];
    [[above, left], [above, right], [under, left], [under, right]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::distance;
    use ndarray::{Array2, Array3, Axis};
    use proptest::prelude::*;

    const PIXEL: [f64; 2] = [0.7, 1.1];

    /// Components of a pair `[2, rows, columns]` as masks: numbers spread to neighbours of the same
    /// label until none changes.
    fn components_by_spreading(pair: &Array3<u8>) -> Vec<Array3<bool>> {
        let mut numbers = Array3::from_shape_fn(pair.dim(), |at| {
            if pair[at] > 0 { at.0 * 999 + at.1 * 31 + at.2 + 1 } else { 0 }
        });
        loop {
            let before = numbers.clone();
            for ((side, row, column), number) in numbers.indexed_iter_mut() {
                let touches = |other: (usize, usize, usize)| match other.0 == side {
                    true => other.1.abs_diff(row) <= 1 && other.2.abs_diff(column) <= 1,
                    false => (other.1, other.2) == (row, column),
                };
                for (other, &theirs) in before.indexed_iter() {
                    if pair[other] > 0 && pair[other] == pair[(side, row, column)] && touches(other)
                    {
                        *number = theirs.min(*number);
                    }
                }
            }
            if numbers == before {
                break;
            }
        }
        let mut found: Vec<usize> = numbers.iter().copied().filter(|&number| number > 0).collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|number| numbers.mapv(|other| other == number)).collect()
    }

    /// Depth of each pixel of a plane in a component, everywhere in its bounds.
    fn depth_by_maps(component: &Array3<bool>, fraction: f64) -> Array2<f64> {
        let most =
            f64::hypot(component.dim().1 as f64 * PIXEL[0], component.dim().2 as f64 * PIXEL[1]);
        let depth = |side| distance::signed(component.index_axis(Axis(0), side), PIXEL, most);
        let there =
            [0, 1].map(|side| component.index_axis(Axis(0), side).iter().any(|&inside| inside));
        let deepest = |map: &Array2<f64>| map.iter().copied().fold(0.0, f64::max);
        let blend = match there {
            [true, true] => depth(0) * (1.0 - fraction) + depth(1) * fraction,
            [true, false] => depth(0).mapv(|mm| mm - fraction * deepest(&depth(0))),
            _ => depth(1).mapv(|mm| mm - (1.0 - fraction) * deepest(&depth(1))),
        };
        let box_of = |axis: usize| {
            let taken = component.indexed_iter().filter(|&(_, &inside)| inside);
            let at: Vec<usize> = taken.map(|(at, _)| [at.0, at.1, at.2][axis]).collect();
            at.iter().copied().min().unwrap()..=at.iter().copied().max().unwrap()
        };
        let (rows, columns) = (box_of(1), box_of(2));
        Array2::from_shape_fn(blend.dim(), |(row, column)| {
            match rows.contains(&row) && columns.contains(&column) {
                true => blend[(row, column)],
                false => f64::NEG_INFINITY,
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        /// Against whole distance maps of components that are found in another way. Equal depths,
        /// which either label may win, are left out.
        #[test]
        fn pixel_takes_the_label_in_which_it_is_deepest(
            pixels in proptest::collection::vec(
                prop_oneof![3 => Just(0u8), 4 => Just(1), 2 => Just(2)],
                126,
            ),
            fraction in 0.1f64..0.9,
        ) {
            let pair = Array3::from_shape_vec((2, 7, 9), pixels).expect("126 pixels");
            let slices = [pair.index_axis(Axis(0), 0), pair.index_axis(Axis(0), 1)];
            let shapes = Shapes::new(slices, PIXEL, None);
            let mut output = Array2::zeros((7, 9));
            shapes.write(fraction, output.view_mut());

            let components = components_by_spreading(&pair);
            let label = |component: &Array3<bool>| {
                let at = component.indexed_iter().find(|&(_, &inside)| inside).expect("a pixel").0;
                pair[at]
            };
            let all = pair.mapv(|label| u8::from(label > 0));
            let maps = |components: &[Array3<bool>]| -> Vec<Array2<f64>> {
                components.iter().map(|component| depth_by_maps(component, fraction)).collect()
            };
            let covering = maps(&components_by_spreading(&all));
            let depths = maps(&components);
            for (at, &label_found) in output.indexed_iter() {
                let mut ranked: Vec<(f64, u8)> = (depths.iter().zip(&components))
                    .map(|(map, component)| (map[at], label(component)))
                    .collect();
                ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
                let covered = covering.iter().map(|map| map[at]).fold(f64::NEG_INFINITY, f64::max);
                let Some(&(deepest, expected)) = ranked.first() else { continue };
                let close = ranked.iter().any(|&(depth, other)| {
                    other != expected && (depth - deepest).abs() < 1e-9
                });
                if close || deepest.abs() < 1e-9 || covered.abs() < 1e-9 {
                    continue;
                }
                let expected = if deepest.max(covered) > 0.0 { expected } else { 0 };
                prop_assert_eq!(label_found, expected, "at {:?} of {:?}", at, pair);
            }
        }
    }
}
