//! Plans any output grid of any input grid: a plan that keeps its laws, or an error.

use hrinet::resample::{Interpolator, Plan, Spacing};
use hrinet::volume::{Axis, Geometry};

use super::laws;
use super::numbers::Numbers;

/// Decodes a grid and a spacing from bytes and plans them.
pub fn plan(bytes: &[u8]) {
    let mut numbers = Numbers(bytes);
    let (axis, spacing) = {
        let axis = match numbers.byte() % 4 {
            3 => None,
            index => Some(Axis::ALL[usize::from(index)]),
        };
        let spacing = match numbers.byte() % 5 {
            0 => Spacing::Isotropic,
            1 => Spacing::Factor(numbers.count()),
            2 => Spacing::Nearest(numbers.number()),
            3 => Spacing::Exact(numbers.number()),
            _ => match geometry(&mut numbers) {
                Some(reference) => Spacing::Like(reference),
                None => return,
            },
        };
        (axis, spacing)
    };
    let Some(input) = geometry(&mut numbers) else {
        return;
    };
    if let Ok(plan) = Plan::new(&input, axis, &spacing) {
        laws::assert_kept(&input, axis, &spacing, &plan);
        Interpolator::Linear.work_bytes(&plan);
    }
}

fn geometry(numbers: &mut Numbers) -> Option<Geometry> {
    let size = std::array::from_fn(|_| numbers.count());
    let kind = numbers.byte();
    let mut three = || -> [f64; 3] { std::array::from_fn(|_| numbers.number()) };
    let origin = three();
    let steps = match kind % 4 {
        0 => std::array::from_fn(|_| three()),
        1 => laws::rotated(three(), three()),
        _ => laws::rotated(three(), [0.0; 3]),
    };
    let geometry = Geometry::new(size, origin, steps).ok()?;
    if kind & 4 == 0 || size[2] > 1000 {
        return Some(geometry);
    }
    let mut place = 0.0;
    let positions = (0..size[2]).map(|index| {
        place += if index == 0 { 0.0 } else { numbers.number() };
        place
    });
    geometry.with_slice_positions(positions.collect()).ok()
}
