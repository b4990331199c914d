//! Slices of a tilted gantry: interpolated along their stack, and moved onto a right-angled grid.

use crate::common::volumes::position;
use hrinet::labels::LabelMethod;
use hrinet::resample::{ArrayJob, Interpolator, LabelArrays, Plan, SliceSource, Spacing, resample};
use hrinet::volume::{Axis, Geometry, Rescale, Volume, Voxels};
use ndarray::Array3;
use proptest::prelude::*;

/// HU at a place: linear in space.
fn hu([x, y, z]: [f64; 3]) -> f64 {
    7.0 * x - 5.0 * y + 6.0 * z + 300.0
}

/// Volume whose HU are linear in space, float64.
fn linear(geometry: &Geometry) -> Volume {
    let [i, j, k] = geometry.size();
    let array = Array3::from_shape_fn((k, j, i), |(k, j, i)| hu(position(geometry, [i, j, k])));
    Volume::new(array.into(), Rescale::IDENTITY, geometry.clone()).unwrap()
}

/// Grid whose slices across `axis` lean by these mm per slice along the axes of their plane.
fn leaning(axis: Axis, lean: [f64; 2]) -> Geometry {
    let mut steps = [[0.0; 3]; 3];
    let mut size = [0; 3];
    let [a, b] = axis.others();
    for (other, mm, count) in [(a, 0.7, 14), (b, 0.8, 11), (axis, 3.0, 6)] {
        steps[other as usize][other as usize] = mm;
        size[other as usize] = count;
    }
    steps[axis as usize][a as usize] = lean[0];
    steps[axis as usize][b as usize] = lean[1];
    Geometry::with_axis(size, [10.4, -20.3, -55.0], steps, Some(axis)).unwrap()
}

/// Index of a place in a grid.
fn index(geometry: &Geometry, place: [f64; 3]) -> [f64; 3] {
    let [[a, b, c], [d, e, f], [g, h, i]] = Axis::ALL.map(|axis| geometry.step(axis));
    let p: [f64; 3] = [0, 1, 2].map(|row: usize| place[row] - geometry.origin()[row]);
    let det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
    [
        (p[0] * (e * i - f * h) - p[1] * (d * i - f * g) + p[2] * (d * h - e * g)) / det,
        (a * (p[1] * i - p[2] * h) - b * (p[0] * i - p[2] * g) + c * (p[0] * h - p[1] * g)) / det,
        (a * (e * p[2] - f * p[1]) - b * (d * p[2] - f * p[0]) + c * (d * p[1] - e * p[0])) / det,
    ]
}

fn doubles(volume: &Volume) -> &Array3<f64> {
    match volume.voxels() {
        Voxels::Float64(array) => array,
        other => panic!("{} instead of float64", other.voxel_type().name()),
    }
}

/// Panics unless the output is right-angled, has the HU of each place within the input, the lowest
/// value beyond it, and covers all of it.
fn assert_straight(input: &Volume, output: &Volume) {
    let (grid, straight) = (input.geometry(), output.geometry());
    assert_eq!(straight.tilt_degrees(), None);
    let lowest = doubles(input).iter().copied().fold(f64::INFINITY, f64::min);
    let size = grid.size();
    let mut inside = 0;
    for ((k, j, i), &value) in doubles(output).indexed_iter() {
        let place = position(straight, [i, j, k]);
        let at = index(grid, place);
        let within = |margin: f64| {
            (0..3).all(|axis| (margin..=size[axis] as f64 - 1.0 - margin).contains(&at[axis]))
        };
        // Slices less than this beside a pixel are copied, as are those that are on it.
        let near = |&x: &f64| (x - x.round()).abs() < 1e-4;
        if at.iter().all(near) || within(1.0) {
            // On a voxel, or with neighbours on all sides.
            if within(-0.01) {
                assert!((value - hu(place)).abs() < 2e-3, "{at:?}: {value} {}", hu(place));
            }
        }
        inside += usize::from(within(-1e-6));
        let slices = input.geometry().slice_axis();
        let beyond = slices
            .others()
            .into_iter()
            .any(|axis| !(-0.51..=size[axis as usize] as f64 - 0.49).contains(&at[axis as usize]));
        if beyond {
            assert_eq!(value, lowest, "{at:?}");
        }
    }
    // Every corner of the input is within the output.
    for corner in 0..8 {
        let at = [0, 1, 2].map(|axis: usize| (corner >> axis & 1) * (size[axis] - 1));
        let found = index(straight, position(grid, at));
        for axis in 0..3 {
            let last = straight.size()[axis] as f64 - 1.0;
            assert!((-0.5..=last + 0.5).contains(&found[axis]), "{at:?} is at {found:?}");
        }
    }
    assert!(inside > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn straight_volume_has_the_values_of_each_place(
        axis in prop::sample::select(Axis::ALL.to_vec()),
        lean in [-1.3f64..1.3, -1.3f64..1.3],
        factor in 1usize..4,
    ) {
        prop_assume!(lean.iter().any(|mm| mm.abs() > 0.05));
        let input = linear(&leaning(axis, lean));
        let plan = Plan::new(input.geometry(), None, &Spacing::Factor(factor)).unwrap();
        prop_assert_eq!(plan.axis(), axis);
        let moved = plan.straightening().expect("a tilt");
        let expected = 5.0 * lean[0].hypot(lean[1]);
        prop_assert!((moved.moved_mm() - expected).abs() < 1e-9);
        let output = resample(&input, &plan, &Interpolator::Linear).unwrap();
        assert_straight(&input, &output);
    }
}

#[test]
fn distances_are_those_along_the_normal() {
    // 12 degrees: slices 3 mm apart along the table are 3 cos 12 mm apart.
    let angle = 12f64.to_radians();
    let lean = 3.0 * angle.sin();
    let mut steps = [[0.7, 0.0, 0.0], [0.0, 0.8, 0.0], [0.0; 3]];
    steps[2] = [0.0, lean, 3.0 * angle.cos()];
    let grid = Geometry::new([9, 9, 5], [0.0; 3], steps).unwrap();
    let plan = Plan::new(&grid, None, &Spacing::Factor(3)).unwrap();
    assert!((plan.output().spacing(Axis::K) - angle.cos()).abs() < 1e-12);
    assert!((plan.straightening().unwrap().tilt_degrees() - 12.0).abs() < 1e-9);
    let remark = plan.remark().unwrap();
    for part in ["12.00 degrees", "cubic convolution", "2.49 mm", "lowest value"] {
        assert!(remark.contains(part), "{remark:?} lacks {part:?}");
    }
    let plan = Plan::new(&grid, None, &Spacing::Exact(1.0)).unwrap();
    assert!((plan.output().spacing(Axis::K) - 1.0).abs() < 1e-12);
    assert_eq!(plan.slices().len(), 12);
}

#[test]
fn known_slices_stay_bit_for_bit_with_the_tilt_kept() {
    let grid = leaning(Axis::K, [0.3, -0.9]);
    let array = Array3::from_shape_fn((6, 11, 14), |(k, j, i)| (k * 997 + j * 31 + i * 7) as i16);
    let input = Volume::new(array.clone().into(), Rescale::IDENTITY, grid.clone()).unwrap();
    let plan = Plan::keeping_tilt(&grid, None, &Spacing::Factor(2)).unwrap();
    assert!(plan.straightening().is_none());
    let output = resample(&input, &plan, &Interpolator::Linear).unwrap();
    let Voxels::Int16(voxels) = output.voxels() else { panic!() };
    for (index, source) in plan.slices().iter().enumerate() {
        if let SliceSource::Known(known) = *source {
            let slice = voxels.index_axis(ndarray::Axis(0), index);
            assert_eq!(slice, array.index_axis(ndarray::Axis(0), known));
            let [here, there] =
                [position(output.geometry(), [3, 4, index]), position(&grid, [3, 4, known])];
            assert!(here.iter().zip(there).all(|(a, b)| (a - b).abs() < 1e-9));
        }
    }
    assert_eq!(plan.known_count(), 6);
}

/// A lean of whole pixels moves voxels without interpolation, also what no double holds.
#[test]
fn whole_pixels_are_copied() {
    let grid = leaning(Axis::K, [0.7, -0.8]);
    let array = Array3::from_shape_fn((6, 11, 14), |(k, j, i)| {
        (1i64 << 60) + (k * 1000 + j * 31 + i) as i64
    });
    let input = Volume::new(array.clone().into(), Rescale::IDENTITY, grid.clone()).unwrap();
    let plan = Plan::new(&grid, None, &Spacing::Factor(1)).unwrap();
    assert_eq!(plan.output().size(), [14 + 5, 11 + 5, 6]);
    let output = resample(&input, &plan, &Interpolator::Linear).unwrap();
    let Voxels::Int64(voxels) = output.voxels() else { panic!() };
    for ((k, j, i), value) in array.indexed_iter() {
        assert_eq!(voxels[(k, j + 5 - k, i + k)], *value);
    }
}

#[test]
fn labels_are_moved_to_the_nearest_pixel() {
    let grid = leaning(Axis::K, [0.0, 1.0]);
    let labels = Array3::from_shape_fn((6, 11, 14), |(_, j, i)| u8::from(j > 3 && i > 5) * 7);
    let plan = Plan::new(&grid, None, &Spacing::Factor(2)).unwrap();
    let mut output = Array3::<u8>::zeros(plan.output_shape());
    let mut job = ArrayJob::new(&plan, &Interpolator::Linear);
    job.labels.push(LabelArrays {
        input: labels.view().into(),
        output: output.view_mut().into(),
        method: LabelMethod::Nearest,
    });
    job.run(&mut |_| Ok(())).unwrap();
    let mut seen = 0;
    for ((k, j, i), &label) in output.indexed_iter() {
        let at = index(&grid, position(plan.output(), [i, j, k]));
        // Away from the outline by more than the half pixel of the nearest one.
        let edge = (at[1] - 3.5).abs() < 0.51 || (at[0] - 5.5).abs() < 0.51;
        let rim = at[1] < 0.01 || at[1] > 9.99;
        if !edge && !rim {
            assert_eq!(label, u8::from(at[1] > 3.5 && at[0] > 5.5) * 7, "{at:?}");
            seen += 1;
        }
    }
    assert!(seen > 500);
}

#[test]
fn slices_that_are_no_rectangles_are_rejected() {
    let grid = leaning(Axis::K, [0.0, 1.0]);
    let input = linear(&grid);
    for axis in [Axis::I, Axis::J] {
        let plan = Plan::new(&grid, Some(axis), &Spacing::Factor(2));
        match axis {
            // Columns lean against slices.
            Axis::I => {
                let text = plan.unwrap_err().to_string();
                assert!(text.contains("across i are no rectangles"), "{text}");
            }
            _ => {
                assert!(resample(&input, &plan.unwrap(), &Interpolator::Linear).is_ok());
            }
        }
    }
}
