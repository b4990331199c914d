//! Shapes in between: signed distances of two slices blended (Raya and Udupa, IEEE TMI 1990), for each
//! body of each label.
//!
//! A pixel takes the label that it lies deepest in. Where no label reaches it but all that is not
//! background does (two labels whose common border moves), it takes the one that it is nearest to, so
//! that no gap opens between neighbours. Equal depths go to the label with fewer pixels, which has
//! more to lose, then to the one that is met first, row by row, in either slice; where two labels are
//! alike in that too, to the one in the first slice.
//!
//! Distances are asked for near outlines alone: a pixel that lies in the same body in both slices, or
//! in none, lies in it between them too.

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::labels::components::{Component, Components};
use crate::labels::flow::{Flow, Meeting};
use crate::labels::outline::Plane;
use crate::volume::Voxel;

/// DistanceCache closer than this are equal, mm.
const EQUAL: f64 = 1e-6;

/// The bodies of two neighbouring slices, ready for every slice between them.
pub struct Shapes<T> {
    labels: Components<T>,
    /// All labels as one, where there are several.
    foreground: Option<Components<u8>>,
    flow: Option<Flow>,
    /// Rows and columns.
    size: [usize; 2],
}

impl<T: Voxel> Shapes<T> {
    /// Of two slices of the same size. `pixel`: mm between rows and between columns.
    /// `flow`: between them, where the tissue's motion is known.
    pub fn new(slices: [ArrayView2<T>; 2], pixel: [f64; 2], flow: Option<Flow>) -> Shapes<T> {
        let plane = Plane::new(slices[0].dim().into(), pixel);
        let meetings: Vec<Meeting> = flow.iter().flat_map(|flow| flow.meetings()).collect();
        let labels = Components::of(slices, plane, &meetings);
        let foreground = labels.several_labels().then(|| {
            let masks = slices.map(|slice| slice.map(|&label| u8::from(label != T::default())));
            Components::of([masks[0].view(), masks[1].view()], plane, &meetings)
        });
        Shapes { labels, foreground, flow, size: plane.size }
    }

    /// Writes the slice at `fraction` from the first, in (0, 1).
    pub fn write(&self, fraction: f64, mut output: ArrayViewMut2<T>) {
        for ((row, column), out) in output.indexed_iter_mut() {
            let at = [row, column];
            let seen =
                self.flow.as_ref().map(|flow| [0, 1].map(|side| flow.place(at, side, fraction)));
            *out = self.label(&Place { at, fraction, seen, size: self.size });
        }
    }

    fn label(&self, place: &Place) -> T {
        let near = match place.near(&self.labels) {
            Near::Background => return T::default(),
            Near::Within(body) => return body.label,
            Near::Outlines(near) => near,
        };
        match place.deepest(near.bodies(&self.labels)) {
            Some((body, depth)) if depth > EQUAL => body.label,
            nearest if self.covers(place) => {
                // The nearest of those around first: few others are nearer.
                let all = nearest.map(|(body, _)| body).into_iter().chain(&self.labels.all);
                place.deepest(all).map_or_else(T::default, |(body, _)| body.label)
            }
            _ => T::default(),
        }
    }

    /// Whether all labels together reach a pixel.
    fn covers(&self, place: &Place) -> bool {
        let Some(foreground) = &self.foreground else { return false };
        match place.near(foreground) {
            Near::Background => false,
            Near::Within(_) => true,
            Near::Outlines(near) => {
                place.deepest(near.bodies(foreground)).is_some_and(|(_, depth)| depth > EQUAL)
            }
        }
    }
}

/// A pixel of a plane between two slices.
struct Place {
    at: [usize; 2],
    /// How far from the first slice the plane is, in (0, 1).
    fraction: f64,
    /// Where it lies in both slices (row, column), where motion is known.
    seen: Option<[[f64; 2]; 2]>,
    /// Rows and columns of the plane.
    size: [usize; 2],
}

/// What both slices have where a pixel in between is seen from.
enum Near<'a, T> {
    Background,
    /// One body and nothing else, in both.
    Within(&'a Component<T>),
    /// Several bodies, or one and background.
    Outlines(Numbers),
}

/// Of bodies, as [`Components::numbers`] has them: those of the pixel itself in both slices, and of the four
/// pixels of each around where it lies there.
struct Numbers([u32; 10]);

impl Numbers {
    /// The bodies, each once.
    fn bodies<T>(self, all: &Components<T>) -> impl Iterator<Item = &Component<T>> {
        let Numbers(mut numbers) = self;
        numbers.sort_unstable();
        let new = move |&place: &usize| place == 0 || numbers[place] != numbers[place - 1];
        let met = (0..numbers.len()).filter(new).map(move |place| numbers[place]);
        met.filter(|&number| number > 0).map(|number| &all.all[number as usize - 1])
    }
}

impl Place {
    /// The bodies that may reach here. No other one does: none of its pixels is among the four that its
    /// depth is looked up between, so that it is negative in both slices.
    fn near<'a, T>(&self, labels: &'a Components<T>) -> Near<'a, T> {
        let own = [0, 1].map(|side| labels.numbers[side][self.at]);
        let mut numbers = [own[0]; 10];
        numbers[1] = own[1];
        if let Some(places) = self.seen {
            for side in 0..2 {
                let near = around(places[side], self.size);
                for (number, at) in numbers[2 + 4 * side..].iter_mut().zip(near) {
                    *number = labels.numbers[side][at];
                }
            }
        }
        match (numbers.iter().all(|&number| number == own[0]), own[0]) {
            (true, 0) => Near::Background,
            (true, number) => Near::Within(&labels.all[number as usize - 1]),
            (false, _) => Near::Outlines(Numbers(numbers)),
        }
    }

    /// The one of some bodies that the pixel lies deepest in, and how deep, mm; `None` where it is
    /// within the bounds of none.
    fn deepest<'a, T>(
        &self,
        bodies: impl Iterator<Item = &'a Component<T>>,
    ) -> Option<(&'a Component<T>, f64)> {
        let mut best: Option<(&Component<T>, f64)> = None;
        for body in bodies.filter(|body| body.bounds.holds(self.at)) {
            let worst = best.map_or(f64::NEG_INFINITY, |(_, deepest)| deepest - 2.0 * EQUAL);
            let own = (body, body.depth(self.at, self.seen, (self.fraction, worst)));
            let better = best.is_none_or(|best| match (own.1 - best.1).abs() <= EQUAL {
                true => own.0.rank < best.0.rank,
                false => own.1 > best.1,
            });
            if better {
                best = Some(own);
            }
        }
        best
    }
}

/// The four pixels around a place (row, column), those of the plane's border where it lies beyond.
fn around(place: [f64; 2], size: [usize; 2]) -> [[usize; 2]; 4] {
    let near = |axis: usize| {
        let last = size[axis] - 1;
        let low = place[axis].clamp(0.0, last as f64) as usize;
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

    /// The bodies of a pair `[2, rows, columns]` as masks: numbers spread to neighbours of the same label
    /// until none changes.
    fn bodies_by_spreading(pair: &Array3<u8>) -> Vec<Array3<bool>> {
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

    /// How deep each pixel of a plane lies in a body, everywhere in its box.
    fn depth_by_maps(body: &Array3<bool>, fraction: f64) -> Array2<f64> {
        let most = f64::hypot(body.dim().1 as f64 * PIXEL[0], body.dim().2 as f64 * PIXEL[1]);
        let depth = |side| distance::signed(body.index_axis(Axis(0), side), PIXEL, most);
        let there = [0, 1].map(|side| body.index_axis(Axis(0), side).iter().any(|&inside| inside));
        let deepest = |map: &Array2<f64>| map.iter().copied().fold(0.0, f64::max);
        let blend = match there {
            [true, true] => depth(0) * (1.0 - fraction) + depth(1) * fraction,
            [true, false] => depth(0).mapv(|mm| mm - fraction * deepest(&depth(0))),
            _ => depth(1).mapv(|mm| mm - (1.0 - fraction) * deepest(&depth(1))),
        };
        let box_of = |axis: usize| {
            let taken = body.indexed_iter().filter(|&(_, &inside)| inside);
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

        /// The label of the deepest body, by whole distance maps of bodies found otherwise; equal depths,
        /// which either may win, are left out.
        #[test]
        fn a_pixel_takes_the_label_it_lies_deepest_in(
            pixels in proptest::collection::vec(prop_oneof![3 => Just(0u8), 4 => Just(1), 2 => Just(2)], 126),
            fraction in 0.1f64..0.9,
        ) {
            let pair = Array3::from_shape_vec((2, 7, 9), pixels).expect("126 pixels");
            let slices = [pair.index_axis(Axis(0), 0), pair.index_axis(Axis(0), 1)];
            let shapes = Shapes::new(slices, PIXEL, None);
            let mut made = Array2::zeros((7, 9));
            shapes.write(fraction, made.view_mut());

            let bodies = bodies_by_spreading(&pair);
            let label = |body: &Array3<bool>| {
                let at = body.indexed_iter().find(|&(_, &inside)| inside).expect("a pixel").0;
                pair[at]
            };
            let all = pair.mapv(|label| u8::from(label > 0));
            let covering: Vec<_> =
                bodies_by_spreading(&all).iter().map(|body| depth_by_maps(body, fraction)).collect();
            let depths: Vec<_> = bodies.iter().map(|body| depth_by_maps(body, fraction)).collect();
            for (at, &label_made) in made.indexed_iter() {
                let mut ranked: Vec<(f64, u8)> =
                    depths.iter().zip(&bodies).map(|(map, body)| (map[at], label(body))).collect();
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
                prop_assert_eq!(label_made, expected, "at {:?} of {:?}", at, pair);
            }
        }
    }
}
