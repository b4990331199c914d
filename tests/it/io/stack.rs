//! Geometry of DICOM series whose headers round positions and directions.

use std::path::Path;

use crate::common::volumes::{describe, position, written_by};
use hrinet::resample::{Plan, Spacing};
use hrinet::volume::{Axis, Volume, Voxels};
use hrinet::{Result, io};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Reads a series that `tests/oracles/io_stack_make.py` writes.
fn series(case: &Value) -> Result<Volume> {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), case);
    io::read(folder.path())
}

fn written(folder: &Path, case: &Value) {
    written_by("io_stack_make.py", folder, &[&case.to_string()]);
}

/// Numbers as a header states them, with so many digits after the point.
fn stated(numbers: [f64; 3], digits: usize) -> [String; 3] {
    numbers.map(|number| format!("{number:.digits$}"))
}

/// Directions of rows, columns and normal (LPS), turned about x and then y.
fn turned(about_x: f64, about_y: f64) -> [[f64; 3]; 3] {
    let (a, b) = (about_x.to_radians().sin_cos(), about_y.to_radians().sin_cos());
    [[b.1, a.0 * b.0, -a.1 * b.0], [0.0, a.1, a.0], [b.0, -a.0 * b.1, a.1 * b.1]]
}

fn along(direction: [f64; 3], mm: f64) -> [f64; 3] {
    [0, 1, 2].map(|row: usize| [-10.4, 20.3, -55.0][row] + direction[row] * mm)
}

/// Panics unless each slice is within `tolerance` mm of where it was scanned, and all known slices
/// are in the plan of a division.
fn assert_kept(volume: &Volume, normal: [f64; 3], places: &[f64], tolerance: f64) {
    let geometry = volume.geometry();
    let known = geometry.slice_positions(Axis::K);
    assert_eq!(known.len(), places.len());
    let first = position(geometry, [0, 0, 0]);
    for (mm, place) in known.iter().zip(places) {
        let direction = geometry.direction(Axis::K);
        let found = [0, 1, 2].map(|row: usize| first[row] + direction[row] * mm);
        let [x, y, z] = along(normal, *place);
        for (found, expected) in found.iter().zip([-x, -y, z]) {
            assert!((found - expected).abs() <= tolerance, "{found} {expected} {known:?}");
        }
    }
    for spacing in [Spacing::Factor(1), Spacing::Factor(3), Spacing::Isotropic] {
        let plan = Plan::new(geometry, None, &spacing).unwrap();
        assert_eq!(plan.axis(), Axis::K);
        assert_eq!(plan.known_count(), places.len(), "{spacing:?} {known:?}");
    }
}

#[test]
fn rounded_positions_of_a_series_are_those_of_simple_itk() {
    let [x, y, normal] = turned(17.0, 9.0);
    let positions: Vec<[String; 3]> =
        (0..9).map(|k| stated(along(normal, 3.0 * k as f64), 1)).collect();
    let folder = tempfile::tempdir().unwrap();
    let iop = [x, y].concat();
    written(folder.path(), &json!({"iop": iop, "positions": positions}));
    let volume = io::read(folder.path()).unwrap();
    let path = folder.path().to_str().unwrap().to_string();
    describe(&[path])[0].assert_same(&volume, 0.2, "oblique");
}

#[test]
fn small_tilt_is_told_from_rounding() {
    // Half a degree over 45 mm is 0.39 mm, in positions to 0.01 mm: no rounding.
    let case = |digits: usize| {
        let positions: Vec<[String; 3]> = (0..16)
            .map(|k| {
                stated([0.0, 0.5_f64.to_radians().tan() * 3.0 * k as f64, 3.0 * k as f64], digits)
            })
            .collect();
        json!({"positions": positions})
    };
    for digits in [1, 2, 6] {
        let volume = series(&case(digits)).unwrap();
        let tilt = volume.geometry().tilt_degrees().expect("a tilt");
        assert!((tilt - 0.5).abs() < 0.2, "{digits}: {tilt}");
    }
    // A slice that lies beside the others is no tilt.
    let mut positions: Vec<[f64; 3]> = (0..6).map(|k| [0.0, 0.0, 3.0 * k as f64]).collect();
    positions[3][0] = 5.0;
    let text = series(&json!({"positions": positions})).unwrap_err().to_string();
    assert!(text.contains("003.dcm") && text.contains("5.00 mm beside the line"), "{text}");
}

/// The places of a tilted series are those of its header, slice by slice.
#[test]
fn tilted_series_is_read_as_a_sheared_volume() {
    let [x, y, _] = turned(-12.0, 0.0);
    let positions: Vec<[f64; 3]> = (0..6).map(|k| [-10.4, 20.3, -55.0 + 3.0 * k as f64]).collect();
    let iop = [x, y].concat();
    let case = json!({"iop": iop, "positions": positions, "gradient": [7, -5, 6], "constant": 300});
    let volume = series(&case).unwrap();
    let geometry = volume.geometry();
    assert!((geometry.tilt_degrees().unwrap() - 12.0).abs() < 1e-6);
    assert_eq!(geometry.slice_axis(), Axis::K);
    let Voxels::Int16(voxels) = volume.voxels() else { panic!() };
    for ((k, j, i), &hu) in voxels.indexed_iter() {
        let [right, anterior, superior] = position(geometry, [i, j, k]);
        let expected = -7.0 * right + 5.0 * anterior + 6.0 * superior + 300.0;
        assert!((f64::from(hu) - expected).abs() <= 0.5 + 1e-6, "{i} {j} {k}");
    }
}

#[test]
fn directions_to_three_digits_are_right_angled() {
    let [x, y, normal] = turned(23.0, -31.0);
    let iop: Vec<String> = [x, y].concat().iter().map(|cosine| format!("{cosine:.3}")).collect();
    let positions: Vec<[String; 3]> =
        (0..30).map(|k| stated(along(normal, 2.0 * k as f64), 3)).collect();
    let volume = series(&json!({"iop": iop, "positions": positions})).unwrap();
    let places: Vec<f64> = (0..30).map(|k| 2.0 * k as f64).collect();
    assert_kept(&volume, normal, &places, 0.12);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rounding_costs_no_known_slice(
        step in prop::sample::select(vec![0.625, 0.8, 1.25, 1.7, 2.5, 3.0, 5.0]),
        digits in 1usize..4,
        gaps in prop::collection::vec(prop::sample::select(vec![1, 1, 1, 1, 2, 3]), 4..20),
        angles in prop::sample::select(vec![(0.0, 0.0), (17.0, 9.0), (-30.0, 4.0)]),
    ) {
        // Two neighbours at least show the step.
        let mut places = vec![0.0, step, 2.0 * step];
        for gap in gaps {
            places.push(places[places.len() - 1] + step * f64::from(gap));
        }
        let [x, y, normal] = turned(angles.0, angles.1);
        let positions: Vec<[String; 3]> =
            places.iter().map(|&place| stated(along(normal, place), digits)).collect();
        let iop = [x, y].concat();
        let volume = series(&json!({"iop": iop, "positions": positions}));
        // Half a unit per coordinate of the header, and as much of the first and last slice.
        let tolerance = 1.5 * 10f64.powi(-(digits as i32)) + 1e-4;
        assert_kept(&volume.unwrap(), normal, &places, tolerance);
    }
}
