//! Laws of plans for random grids and spacings: any plan keeps them (`fuzz/bodies/laws.rs`), and
//! valid options give a plan.

use crate::fuzz::bodies::laws;
use std::panic::catch_unwind;

use hrinet::resample::{Plan, Spacing};
use hrinet::volume::{Axis, Geometry};
use proptest::prelude::*;

/// Grids of scans: any direction, slices 0.3 to 10 mm apart, now and then farther apart than a
/// pixel is wide, now and then nearer.
fn grid() -> impl Strategy<Value = Geometry> {
    let size = [1usize..40, 1usize..40, 2usize..80];
    let spacing = [0.3f64..2.0, 0.3f64..2.0, 0.3f64..10.0];
    let angles = [-3.2f64..3.2, -3.2f64..3.2, -3.2f64..3.2];
    let origin = [-500.0f64..500.0, -500.0f64..500.0, -2000.0f64..2000.0];
    (size, spacing, angles, origin).prop_map(|(size, spacing, angles, origin)| {
        Geometry::new(size, origin, laws::rotated(spacing, angles)).expect("a sound grid")
    })
}

/// Distances between slices: of a series with missing slices, or random.
fn gaps() -> impl Strategy<Value = Vec<f64>> {
    let missing = (0.5f64..6.0, prop::collection::vec(1usize..4, 1..30))
        .prop_map(|(step, parts)| parts.iter().map(|&parts| step * parts as f64).collect());
    prop_oneof![missing, prop::collection::vec(0.3f64..8.0, 1..30)]
}

fn positions(gaps: &[f64]) -> Vec<f64> {
    let place = |count: usize| gaps[..count].iter().sum();
    (0..=gaps.len()).map(place).collect()
}

/// A spacing that is valid for any scan.
fn wish() -> impl Strategy<Value = Spacing> {
    prop_oneof![
        Just(Spacing::Isotropic),
        (1usize..12).prop_map(Spacing::Factor),
        (0.2f64..6.0).prop_map(Spacing::Nearest),
        (0.2f64..6.0).prop_map(Spacing::Exact),
    ]
}

/// The laws fail for the plan of another grid or spacing.
#[test]
fn plan_of_another_spacing_breaks_a_law() {
    let grid = |slices: usize, spacing: f64, origin: f64| {
        let steps = [[0.8, 0.0, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, spacing]];
        Geometry::new([4, 4, slices], [0.0, 0.0, origin], steps).expect("a sound grid")
    };
    let input = grid(9, 5.0, 30.0);
    let like = |step: f64, origin: f64| Spacing::Like(grid(20, step, origin));
    for (planned, told) in [
        ((&input, Spacing::Factor(2)), (&input, Spacing::Factor(3))),
        ((&input, Spacing::Nearest(5.0)), (&input, Spacing::Nearest(3.4))),
        ((&input, Spacing::Factor(5)), (&input, Spacing::Isotropic)),
        ((&input, Spacing::Exact(1.0)), (&input, Spacing::Exact(1.001))),
        ((&input, like(1.5, 31.0)), (&input, like(1.5, 31.1))),
        ((&input, like(1.5, 31.0)), (&input, like(3.0, 31.0))),
        ((&input, Spacing::Factor(2)), (&grid(9, 5.0, 30.001), Spacing::Factor(2))),
        ((&input, Spacing::Factor(2)), (&grid(9, 5.001, 30.0), Spacing::Factor(2))),
        ((&input, Spacing::Factor(2)), (&grid(10, 5.0, 30.0), Spacing::Factor(2))),
    ] {
        let plan = Plan::new(planned.0, None, &planned.1).expect("a plan");
        laws::assert_kept(planned.0, None, &planned.1, &plan);
        let broken = catch_unwind(|| laws::assert_kept(told.0, None, &told.1, &plan));
        assert!(broken.is_err(), "{planned:?} passes for {told:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn even_grids(input in grid(), wish in wish(), across_k: bool) {
        let axis = across_k.then_some(Axis::K);
        if input.length(axis.unwrap_or_else(|| input.slice_axis())) > 1 {
            let plan = Plan::new(&input, axis, &wish).expect("a plan");
            laws::assert_kept(&input, axis, &wish, &plan);
        }
    }

    #[test]
    fn uneven_slices(
        gaps in gaps(),
        angles in [-3.2f64..3.2, -3.2f64..3.2, -3.2f64..3.2],
        wish in wish(),
    ) {
        let steps = laws::rotated([0.8; 3], angles);
        let input = Geometry::new([3, 2, gaps.len() + 1], [10.0, -20.0, 30.0], steps)
            .and_then(|even| even.with_slice_positions(positions(&gaps)))
            .expect("a sound grid");
        let plan = Plan::new(&input, None, &wish).expect("a plan");
        if input.uneven_slices().is_some() {
            prop_assert_eq!(plan.axis(), Axis::K);
        }
        laws::assert_kept(&input, None, &wish, &plan);
    }

    /// A series with missing slices has an even lattice with all slices, for any division of it.
    #[test]
    fn known_slices_of_a_series_with_gaps_are_kept(
        step in 0.5f64..6.0,
        parts in prop::collection::vec(1usize..4, 1..30),
        factor in 1usize..6,
    ) {
        let gaps: Vec<f64> =
            [1].iter().chain(&parts).map(|&parts| step * parts as f64).collect();
        let steps = laws::rotated([0.8; 3], [0.0; 3]);
        let input = Geometry::new([3, 2, gaps.len() + 1], [0.0; 3], steps)
            .and_then(|even| even.with_slice_positions(positions(&gaps)))
            .expect("a sound grid");
        let plan = Plan::new(&input, Some(Axis::K), &Spacing::Factor(factor)).expect("a plan");
        prop_assert_eq!(plan.known_count(), gaps.len() + 1);
        let whole: usize = 1 + parts.iter().sum::<usize>();
        prop_assert_eq!(plan.slices().len(), whole * factor + 1);
    }

    /// A reference with any of its axes along the slices, in either direction, beginning anywhere
    /// between one extent before and one behind the first slice.
    #[test]
    fn references(
        input in grid(),
        axis in prop::sample::select(Axis::ALL.to_vec()),
        (turn, back) in (0usize..3, any::<bool>()),
        step in 0.2f64..5.0,
        count in 1usize..200,
        (from, beside) in (-1.0f64..1.0, -50.0f64..50.0),
    ) {
        prop_assume!(input.length(axis) > 1);
        let directions = Axis::ALL.map(|axis| input.direction(axis));
        let mut steps: [[f64; 3]; 3] =
            std::array::from_fn(|n| directions[(axis as usize + n) % 3]);
        let signed = if back { -step } else { step };
        steps[0] = steps[0].map(|component| component * signed);
        steps.rotate_right(turn);
        let mut size = [4; 3];
        size[turn] = count;
        let positions = input.slice_positions(axis);
        let extent = positions[positions.len() - 1];
        let other = directions[(axis as usize + 1) % 3];
        let origin = std::array::from_fn(|row| {
            let along = directions[axis as usize][row] * from * extent;
            input.origin()[row] + along + other[row] * beside
        });
        let reference = Geometry::new(size, origin, steps).expect("a sound grid");

        let wish = Spacing::Like(reference);
        let first = if back { from * extent - (count - 1) as f64 * step } else { from * extent };
        let inside = (0..count)
            .map(|index| first + index as f64 * step)
            .filter(|place| (0.0..=extent).contains(place))
            .count();
        match Plan::new(&input, Some(axis), &wish) {
            Ok(plan) => {
                laws::assert_kept(&input, Some(axis), &wish, &plan);
                prop_assert!(plan.slices().len().abs_diff(inside) <= 1);
            }
            Err(error) => prop_assert!(inside <= 1, "{} slices inside: {}", inside, error),
        }
    }
}
