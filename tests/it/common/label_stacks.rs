//! Label maps for tests: stacks of discs, and the plan that makes them finer.

use hrinet::resample::{Plan, Spacing};
use hrinet::volume::{Axis, Geometry};
use ndarray::Array3;
use proptest::prelude::*;

/// Stacks `[k, j, i]` of up to `most` discs of a few labels, so that shapes meet, split and end.
pub fn stacks(size: [usize; 3], most: usize) -> impl Strategy<Value = Array3<u16>> {
    let [slices, rows, columns] = size;
    let disc = (0..slices, 0.0..columns as f64, 0.0..rows as f64, 1.0f64..5.0, 1u16..5);
    proptest::collection::vec(disc, 1..=most).prop_map(move |discs| {
        Array3::from_shape_fn(size, |(k, j, i)| {
            let holds = |(slice, x, y, r, _): &&(usize, f64, f64, f64, u16)| {
                *slice == k && (i as f64 - x).hypot(j as f64 - y) <= *r
            };
            discs.iter().find(holds).map_or(0, |disc| disc.4)
        })
    })
}

/// `factor` slices for each of a stack `(k, j, i)`; pixels of `pixel` mm (column, row), slices 5 mm
/// apart.
pub fn plan((k, j, i): (usize, usize, usize), factor: usize, pixel: [f64; 2]) -> Plan {
    let steps = [[pixel[0], 0.0, 0.0], [0.0, pixel[1], 0.0], [0.0, 0.0, 5.0]];
    let geometry = Geometry::new([i, j, k], [0.0; 3], steps).expect("a sound grid");
    Plan::new(&geometry, Some(Axis::K), &Spacing::Factor(factor)).expect("a plan")
}
