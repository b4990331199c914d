//! Shapes in between: signed distances of two slices blended (Raya and Udupa, IEEE TMI 1990), for each
//! body of each label.
//!
//! A pixel takes the label that it lies deepest in. Where no label reaches it but all that is not
//! background does (two labels whose common border moves), it takes the one that it is nearest to, so
//! that no gap opens between neighbours. Equal depths go to the label with fewer pixels, which has
//! more to lose, then to the one that is met first, row by row, in either slice; where two labels are
//! alike in that too, to the one in the first slice.

use ndarray::{Array2, ArrayView2, ArrayViewMut2};

use super::flow::Flow;
use super::pair::{Body, bodies, foreground};
use crate::volume::Voxel;

/// Depths closer than this are equal, mm.
const EQUAL: f64 = 1e-6;

/// The bodies of two neighbouring slices, ready for every slice between them.
pub struct Shapes<T> {
    bodies: Vec<Body<T>>,
    /// All labels as one; of a single label nothing, which is its own.
    foreground: Vec<Body<bool>>,
    flow: Option<Flow>,
    size: (usize, usize),
}

impl<T: Voxel> Shapes<T> {
    /// Of two slices of the same size. `pixel`: mm between rows and between columns.
    /// `flow`: between them, where the tissue's motion is known.
    pub fn new(slices: [ArrayView2<T>; 2], pixel: [f64; 2], flow: Option<Flow>) -> Shapes<T> {
        let size = slices[0].dim();
        let meetings: Vec<_> = flow.iter().flat_map(|flow| flow.meetings()).collect();
        let bodies = bodies(slices, pixel, &meetings);
        let several = bodies.iter().any(|body| body.label != bodies[0].label);
        let foreground = if several { foreground(slices, pixel, &meetings) } else { Vec::new() };
        Shapes { bodies, foreground, flow, size }
    }

    /// Writes the slice at `fraction` from the first, in (0, 1).
    pub fn write(&self, fraction: f64, mut output: ArrayViewMut2<T>) {
        let flow = self.flow.as_ref();
        let covered = deepest(&self.foreground, (fraction, flow), self.size);
        let chosen = deepest(&self.bodies, (fraction, flow), self.size);
        output.fill(T::default());
        for ((out, chosen), covered) in output.iter_mut().zip(&chosen).zip(&covered) {
            let Some((number, depth)) = *chosen else { continue };
            let within = covered.is_some_and(|(_, depth)| depth > EQUAL);
            if depth > EQUAL || within {
                *out = self.bodies[number].label;
            }
        }
    }
}

/// For every pixel the body it lies deepest in, and how deep, mm; `None` where no body is near.
fn deepest<T: PartialEq>(
    bodies: &[Body<T>],
    (fraction, flow): (f64, Option<&Flow>),
    size: (usize, usize),
) -> Array2<Option<(usize, f64)>> {
    let mut best: Array2<Option<(usize, f64)>> = Array2::from_elem(size, None);
    for (number, body) in bodies.iter().enumerate() {
        for ((row, column), &depth) in body.at(fraction, flow).indexed_iter() {
            let best = &mut best[(body.corner[0] + row, body.corner[1] + column)];
            let better = match *best {
                None => true,
                Some((other, deepest)) if (depth - deepest).abs() <= EQUAL => {
                    let other = &bodies[other];
                    (body.size, body.met) < (other.size, other.met)
                }
                Some((_, deepest)) => depth > deepest,
            };
            if better {
                *best = Some((number, depth));
            }
        }
    }
    best
}
