//! Slice positions of plans against closed forms.

use super::*;

fn stack(slices: usize, spacing: f64) -> Geometry {
    let steps = [[0.78, 0.0, 0.0], [0.0, 0.78, 0.0], [0.0, 0.0, spacing]];
    Geometry::new([4, 4, slices], [10.0, 20.0, 30.0], steps).unwrap()
}

fn known(plan: &Plan) -> Vec<usize> {
    plan.slices()
        .iter()
        .filter_map(|s| if let SliceSource::Known(index) = s { Some(*index) } else { None })
        .collect()
}

#[test]
fn isotropic_spacing_keeps_every_known_slice() {
    let plan = Plan::new(&stack(10, 5.0), None, &Spacing::Isotropic).unwrap();
    assert_eq!(plan.output().size(), [4, 4, 55]);
    assert!((plan.output().spacing(Axis::K) - 5.0 / 6.0).abs() < 1e-12);
    assert_eq!(known(&plan), (0..10).collect::<Vec<_>>());
    let SliceSource::Interpolated { first, fraction } = plan.slices()[8] else { panic!() };
    assert_eq!(first, 1);
    assert!((fraction - 2.0 / 6.0).abs() < 1e-9);
}

#[test]
fn exact_spacing_keeps_slices_on_both_lattices() {
    let plan = Plan::new(&stack(5, 2.5), None, &Spacing::Exact(1.0)).unwrap();
    assert_eq!(plan.slices().len(), 11);
    assert_eq!(known(&plan), [0, 2, 4]);
    let plan = Plan::new(&stack(5, 2.5), None, &Spacing::Nearest(1.0)).unwrap();
    assert_eq!(plan.slices().len(), 13);
    assert!(plan.remark().unwrap().contains("0.8333"));
}

#[test]
fn nearest_division_is_the_nearest_in_mm() {
    // 5 mm at a wish of 3.4: 2.5 mm is off by 0.9, 5 mm by 1.6.
    for (wish, parts) in [(3.4, 2), (3.8, 1), (2.1, 2), (2.05, 3), (9.0, 1)] {
        let plan = Plan::new(&stack(3, 5.0), None, &Spacing::Nearest(wish)).unwrap();
        assert_eq!(plan.slices().len(), 2 * parts + 1, "{wish}");
    }
}

#[test]
fn isotropic_input_is_a_copy() {
    let plan = Plan::new(&stack(5, 0.8), None, &Spacing::Isotropic).unwrap();
    assert!(plan.is_copy());
}

#[test]
fn missing_slice_is_interpolated_between_its_neighbours() {
    let uneven = stack(4, 5.0).with_slice_positions(vec![0.0, 5.0, 15.0, 20.0]).unwrap();
    let plan = Plan::new(&uneven, None, &Spacing::Factor(1)).unwrap();
    assert_eq!(plan.slices().len(), 5);
    assert_eq!(plan.slices()[2], SliceSource::Interpolated { first: 1, fraction: 0.5 });
    assert!((plan.output().spacing(Axis::K) - 5.0).abs() < 1e-12);
    assert_eq!(known(&plan), [0, 1, 2, 3]);
}

#[test]
fn reference_gives_its_slices_within_the_volume() {
    let input = stack(5, 4.0);
    let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.5]];
    let reference = Geometry::new([3, 3, 20], [0.0, 0.0, 40.0], steps).unwrap();
    let plan = Plan::new(&input, None, &Spacing::Like(reference)).unwrap();
    // 40, 38.5, ... down to 31 within 30..46, counted upwards from the input's first slice.
    assert!((plan.output().origin()[2] - 31.0).abs() < 1e-9);
    assert!((plan.output().step(Axis::K)[2] - 1.5).abs() < 1e-12);
    assert_eq!(plan.slices().len(), 7);
    let elsewhere = Geometry::new([3, 3, 2], [0.0, 0.0, 400.0], steps).unwrap();
    assert!(Plan::new(&input, None, &Spacing::Like(elsewhere)).is_err());
}

#[test]
fn invalid_spacing_is_rejected_with_its_value() {
    for (slices, spacing, says) in [
        (1, Spacing::Isotropic, "single slice"),
        (5, Spacing::Factor(0), "factor of 0"),
        (5, Spacing::Exact(-1.0), "-1 mm"),
        (5, Spacing::Nearest(1e-9), "slices"),
        (5, Spacing::Exact(f64::NAN), "NaN mm"),
        // One slice, and a spacing whose square overflows.
        (5, Spacing::Exact(1e200), "non-finite extent"),
        // Hundred thousandths of a spacing would all match one slice.
        (2, Spacing::Factor(100_000), "the maximum is 50000"),
        // Grids larger than any memory, of the volume and of a reference.
        (1 << 40, Spacing::Isotropic, "1099511627776 slices along k"),
        (5, Spacing::Like(stack(1 << 40, 1.0)), "1099511627776 slices along k"),
    ] {
        let text = Plan::new(&stack(slices, 5.0), None, &spacing).unwrap_err().to_string();
        assert!(text.contains(says), "{text}");
    }
}
