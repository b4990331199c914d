//! Laws of label maps between slices, on random stacks and on shapes with a closed form.

use crate::common::label_stacks;
use crate::common::label_stacks::{Label, plan};
use hrinet::labels::LabelMethod;
use hrinet::resample::Interpolator;
use ndarray::{Array3, ArrayView3, Axis, s};
use proptest::prelude::*;

const METHODS: [LabelMethod; 2] = [LabelMethod::Nearest, LabelMethod::Shape];

/// Resamples a stack by a factor; pixels of `pixel` mm (column, row), slices 5 mm apart.
fn finer<T: Label>(
    labels: ArrayView3<T>,
    factor: usize,
    pixel: [f64; 2],
    method: LabelMethod,
) -> Array3<T> {
    let plan = plan(labels.dim(), factor, pixel);
    let labels = labels.to_owned();
    label_stacks::resample(&labels, &plan, method, &Interpolator::Linear, None).unwrap()
}

/// Up to eight discs in four slices of 11 x 14 pixels.
fn stacks() -> impl Strategy<Value = Array3<u16>> {
    label_stacks::stacks([4, 11, 14], 8)
}

/// Whether two labels of a pair of slices have the same number of pixels and the same first pixel,
/// as if one replaced the other: a choice between them then depends on order and name.
fn any_alike(stack: &Array3<u16>) -> bool {
    let pixels = stack.len_of(Axis(1)) * stack.len_of(Axis(2));
    stack.axis_windows(Axis(0), 2).into_iter().any(|pair| {
        let seen = (1..5).filter_map(|label| {
            let places = pair.iter().enumerate().filter(|&(_, &other)| other == label);
            let places: Vec<usize> = places.map(|(at, _)| at % pixels).collect();
            places.iter().min().map(|&first| (places.len(), first))
        });
        let seen: Vec<_> = seen.collect();
        seen.iter().collect::<std::collections::BTreeSet<_>>().len() < seen.len()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn known_slices_stay_and_no_label_is_new(stack in stacks(), factor in 2usize..6) {
        for method in METHODS {
            let made = finer(stack.view(), factor, [0.7, 0.9], method);
            prop_assert_eq!(made.slice(s![..;factor, .., ..]), stack.view());
            for (slice, plane) in made.outer_iter().enumerate() {
                let neighbours = stack.slice(s![slice / factor..=slice.div_ceil(factor), .., ..]);
                for ((j, i), label) in plane.indexed_iter().filter(|&(_, &label)| label > 0) {
                    // The label is in a neighbour, and this pixel within its bounds there.
                    let places = || {
                        let all = neighbours.indexed_iter();
                        all.filter(|&(_, other)| other == label).map(|(place, _)| place)
                    };
                    let within = |at: usize, axis: fn((usize, usize, usize)) -> usize| {
                        let low = places().map(axis).min();
                        low.is_some_and(|low| low <= at) && places().map(axis).max() >= Some(at)
                    };
                    prop_assert!(within(j, |place| place.1) && within(i, |place| place.2));
                }
            }
        }
    }

    #[test]
    fn reversed_stack_gives_reversed_slices(stack in stacks(), factor in 2usize..6) {
        prop_assume!(!any_alike(&stack));
        let made = finer(stack.view(), factor, [0.7, 0.9], LabelMethod::Shape);
        let reversed = stack.slice(s![..;-1, .., ..]);
        let reversed = finer(reversed, factor, [0.7, 0.9], LabelMethod::Shape);
        prop_assert_eq!(made.slice(s![..;-1, .., ..]), reversed);
    }

    #[test]
    fn renamed_labels_give_the_same_shapes(stack in stacks(), factor in 2usize..5) {
        let renamed = |label: u16| [0, 30_000, 7, 1, 512][usize::from(label)];
        for method in METHODS {
            let made = finer(stack.view(), factor, [0.7, 0.9], method).mapv(renamed);
            let other = finer(stack.mapv(renamed).view(), factor, [0.7, 0.9], method);
            prop_assert_eq!(made, other);
        }
    }

    /// One label: between several, equal depths are decided by their first pixels.
    #[test]
    fn mirrored_stack_gives_mirrored_slices(stack in stacks(), factor in 2usize..5) {
        let stack = stack.mapv(|label| u8::from(label > 0));
        let made = finer(stack.view(), factor, [0.7, 0.9], LabelMethod::Shape);
        for mirror in [s![.., ..;-1, ..], s![.., .., ..;-1]] {
            let mirrored = finer(stack.slice(mirror), factor, [0.7, 0.9], LabelMethod::Shape);
            prop_assert_eq!(made.slice(mirror), mirrored);
        }
    }

    /// Background around the labels makes no difference.
    #[test]
    fn larger_plane_gives_the_same_labels(
        stack in stacks(), factor in 2usize..5, above in 1usize..9, left in 1usize..9,
    ) {
        let within = |[rows, columns]: [usize; 2], [top, left]: [usize; 2]| {
            let mut plane = Array3::zeros((4, 11 + rows, 14 + columns));
            plane.slice_mut(s![.., top..top + 11, left..left + 14]).assign(&stack);
            finer(plane.view(), factor, [0.7, 0.9], LabelMethod::Shape)
                .slice(s![.., top - 1..top + 12, left - 1..left + 15])
                .to_owned()
        };
        prop_assert_eq!(within([2, 2], [1, 1]), within([17, 23], [above, left]));
    }

    #[test]
    fn unchanged_labels_stay(stack in stacks(), factor in 2usize..5) {
        let first = stack.index_axis(Axis(0), 0);
        let still = ndarray::stack(Axis(0), &[first, first]).unwrap();
        let made = finer(still.view(), factor, [0.7, 0.9], LabelMethod::Shape);
        prop_assert!(made.outer_iter().all(|slice| slice == first));
    }
}

#[test]
fn empty_stays_empty_and_full_stays_full() {
    for method in METHODS {
        for label in [0i16, -3] {
            let stack = Array3::from_elem((3, 6, 7), label);
            let made = finer(stack.view(), 4, [1.0, 1.0], method);
            assert!(made.iter().all(|&made| made == label));
        }
    }
}

/// A cone: between discs of radius 30 and 10 mm the radius is interpolated.
#[test]
fn cone_has_its_radius_between_slices() {
    let pixel = [0.5, 1.0];
    let radius = [30.0, 10.0];
    let stack = Array3::from_shape_fn((2, 70, 140), |(k, j, i)| {
        let (x, y) = ((i as f64 - 69.5) * pixel[0], (j as f64 - 34.5) * pixel[1]);
        u8::from(x.hypot(y) <= radius[k])
    });
    let made = finer(stack.view(), 4, pixel, LabelMethod::Shape);
    for (slice, radius) in [(1, 25.0), (2, 20.0), (3, 15.0)] {
        let pixels = made.index_axis(Axis(0), slice).iter().filter(|&&label| label == 1).count();
        let area = pixels as f64 * pixel[0] * pixel[1];
        let expected = std::f64::consts::PI * radius * radius;
        assert!((area / expected - 1.0).abs() < 0.03, "slice {slice}: {area} of {expected} mm2");
    }
}

/// The cap of a ball: a label in one slice alone tapers towards the next, and is not cut halfway.
#[test]
fn label_that_ends_between_slices_tapers() {
    let stack = Array3::from_shape_fn((3, 41, 41), |(k, j, i)| {
        u8::from(k == 1 && (i as f64 - 20.0).hypot(j as f64 - 20.0) <= 12.0)
    });
    let made = finer(stack.view(), 5, [1.0, 1.0], LabelMethod::Shape);
    let areas: Vec<usize> =
        made.outer_iter().map(|slice| slice.iter().filter(|&&label| label > 0).count()).collect();
    assert!(areas[0] == 0 && areas[10] == 0 && areas[1] > 0, "{areas:?}");
    assert!(areas[..6].windows(2).all(|pair| pair[0] < pair[1]), "{areas:?}");
    assert!(areas[5..].windows(2).all(|pair| pair[0] > pair[1]), "{areas:?}");
}

/// Two labels side by side whose border moves: no gap opens between them.
#[test]
fn no_gap_opens_between_neighbours() {
    let stack = Array3::from_shape_fn((2, 10, 40), |(k, _, i)| match i < [12, 25][k] {
        true => 1u8,
        false => 2,
    });
    let made = finer(stack.view(), 5, [1.0, 1.0], LabelMethod::Shape);
    for (slice, plane) in made.outer_iter().enumerate() {
        let border = plane.row(5).iter().filter(|&&label| label == 1).count();
        let expected = 12.0 + 13.0 * slice as f64 / 5.0;
        assert!((border as f64 - expected).abs() <= 1.0, "slice {slice}: {border}, {expected}");
        assert!(plane.iter().all(|&label| label > 0), "slice {slice}");
    }
}

#[test]
fn thousand_labels_move_at_once() {
    // 32 x 32 squares of 4 pixels, each with its own label, that move by one pixel.
    let stack = Array3::from_shape_fn((2, 192, 192), |(k, j, i)| {
        let (row, column) = (j / 6, (i + 1 - k) / 6);
        let inside = j % 6 < 4 && (i + 1 - k) % 6 < 4;
        if inside { (1 + row * 33 + column) as u32 } else { 0 }
    });
    let labels = |plane: ndarray::ArrayView2<u32>| {
        plane.iter().copied().filter(|&label| label > 0).collect::<std::collections::BTreeSet<_>>()
    };
    let made = finer(stack.view(), 3, [1.0, 1.0], LabelMethod::Shape);
    assert!(labels(stack.index_axis(Axis(0), 0)).len() > 1000);
    for slice in [1, 2] {
        let here = labels(made.index_axis(Axis(0), slice));
        assert!(labels(stack.index_axis(Axis(0), 0)).intersection(&here).count() > 1000);
    }
}
