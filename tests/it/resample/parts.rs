//! Outputs that are made part by part: the voxels, counts and errors of those made whole.

use hrinet::labels::LabelMethod;
use hrinet::resample::{Interpolator, InterpolatorOptions, Job, Plan, Progress, Spacing};
use hrinet::runtime::threads;
use hrinet::volume::{Geometry, Rescale, Volume, VoxelType, Voxels};
use hrinet::{Error, Result};
use ndarray::{Array3, Axis, concatenate};

use crate::common::phantom::moving_discs;

/// Parts of int16 as one array.
fn joined(parts: &[Voxels]) -> Array3<i16> {
    let arrays = parts.iter().map(|part| match part {
        Voxels::Int16(array) => array.view(),
        _ => panic!("another type"),
    });
    concatenate(Axis(0), &arrays.collect::<Vec<_>>()).expect("equal planes")
}

/// Compares a job that is made whole with the same one in parts of so many slices.
fn same_in_parts(job: &Job, sizes: &[usize], in_order: bool) {
    let mut whole_progress = Vec::new();
    let mut keep = |progress: Progress| {
        whole_progress.push(progress);
        Ok(())
    };
    let whole = job.run(&mut keep).expect("runs");
    let slices = job.plan.slices().len();
    for &size in sizes {
        let job = Job {
            label_maps: job.label_maps,
            label_method: job.label_method,
            expected_error: job.expected_error,
            part_slices: Some(size),
            ..Job::new(job.plan, job.interpolator, job.volume)
        };
        let (mut parts, mut progress) = (Vec::new(), Vec::new());
        let mut take = |part| {
            parts.push(part);
            Ok(())
        };
        let others = job.run_to(&mut take, &mut |now| {
            progress.push(now);
            Ok(())
        });
        let others = others.expect("runs");
        assert!(Voxels::from(joined(&parts)) == *whole.volume.voxels(), "parts of {size} differ");
        let expected = (0..slices).step_by(size).map(|first| size.min(slices - first));
        assert!(parts.iter().map(|part| part.shape()[0]).eq(expected));
        assert!(progress.is_sorted_by_key(|now| now.done));
        assert_eq!(progress.last(), whole_progress.last());
        assert!(!in_order || progress == whole_progress, "another progress");
        let counts = |work: &hrinet::resample::Work| {
            (work.encoded, work.interpolated, work.label_slices, work.warnings.clone())
        };
        assert_eq!(counts(&others.work), counts(&whole.others.work));
        let voxels = |volume: &Volume| volume.voxels().clone();
        assert!(
            others.expected_error.as_ref().map(voxels)
                == whole.others.expected_error.as_ref().map(voxels)
        );
        assert_eq!(others.mean_expected_error_hu, whole.others.mean_expected_error_hu);
        assert!(
            others.label_maps.iter().map(voxels).eq(whole.others.label_maps.iter().map(voxels))
        );
    }
}

/// Slices 3 mm apart, and one 6 mm from the next.
fn uneven() -> Volume {
    let volume = moving_discs(32, 8, 3);
    let positions = vec![0.0, 3.0, 6.0, 9.0, 15.0, 18.0, 21.0, 24.0];
    let geometry = volume.geometry().clone().with_slice_positions(positions).expect("increasing");
    Volume::new(volume.voxels().clone(), Rescale::IDENTITY, geometry).expect("a volume")
}

#[test]
fn linear_and_cubic_parts_are_those_of_the_whole() {
    let spacings = [
        Spacing::Factor(1),
        Spacing::Factor(4),
        Spacing::Factor(40),
        Spacing::Nearest(1.1),
        // Ends before the last known slice, and meets few of them.
        Spacing::Exact(0.7),
        Spacing::Exact(5.0),
    ];
    for volume in [moving_discs(32, 8, 2), uneven()] {
        for spacing in &spacings {
            let plan = Plan::new(volume.geometry(), None, spacing).expect("a plan");
            for interpolator in [Interpolator::Linear, Interpolator::Cubic] {
                let job = Job::new(&plan, &interpolator, &volume);
                let in_order = matches!(interpolator, Interpolator::Linear);
                same_in_parts(&job, &[1, 3, 7, 1000], in_order);
            }
        }
    }
}

#[test]
fn parts_of_a_network_are_those_of_the_whole_by_any_number_of_threads() {
    let volume = moving_discs(64, 9, 1);
    let labels = Array3::from_shape_fn((9, 64, 64), |(k, j, i)| (k + j / 16 + i / 16) as u8);
    let labels = Volume::new(labels.into(), Rescale::IDENTITY, volume.geometry().clone());
    let maps = [labels.expect("a label map")];
    let _restored = threads::restored();
    for (model, count, spacing) in [
        ("hrinet-motion", 1, Spacing::Factor(3)),
        ("hrinet-motion", 3, Spacing::Factor(3)),
        ("hrinet-motion-small", 4, Spacing::Exact(0.8)),
        ("hrinet-thin", 3, Spacing::Factor(4)),
    ] {
        threads::set_current(count);
        let options = InterpolatorOptions::on("cpu");
        let interpolator = Interpolator::load(model, &options).expect("a shipped model");
        let plan = Plan::new(volume.geometry(), None, &spacing).expect("a plan");
        let mut job = Job::new(&plan, &interpolator, &volume);
        job.expected_error = interpolator.predicts_error();
        job.label_maps = &maps;
        job.label_method = LabelMethod::Shape;
        same_in_parts(&job, &[1, 2, 5, 1000], false);
    }
}

#[test]
fn nan_is_put_back_into_parts() {
    let column: [f32; 4] = [f32::NAN, 10.0, f32::NAN, 30.0];
    let array = Array3::from_shape_fn((4, 2, 2), |(k, _, i)| if i == 0 { column[k] } else { 5.0 });
    let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 4.0]];
    let geometry = Geometry::new([2, 2, 4], [0.0; 3], steps).expect("right angles");
    let volume = Volume::new(array.into(), Rescale::IDENTITY, geometry).expect("a volume");
    let plan = Plan::new(volume.geometry(), None, &Spacing::Factor(2)).expect("a plan");
    for nan_as in [None, Some(-60.0)] {
        let job =
            Job { nan_as, part_slices: Some(2), ..Job::new(&plan, &Interpolator::Linear, &volume) };
        let whole = bits(job.run(&mut |_| Ok(())).expect("runs").volume.voxels());
        let mut parts = Vec::new();
        let mut take = |part: Voxels| {
            parts.extend(bits(&part));
            Ok(())
        };
        job.run_to(&mut take, &mut |_| Ok(())).expect("runs");
        assert_eq!(parts, whole);
    }
}

fn bits(voxels: &Voxels) -> Vec<u64> {
    voxels.values().map(f64::to_bits).collect()
}

#[test]
fn error_of_the_sink_and_cancelling_end_the_job() {
    let volume = moving_discs(64, 12, 2);
    let plan = Plan::new(volume.geometry(), None, &Spacing::Factor(3)).expect("a plan");
    let network = Interpolator::load("hrinet-motion-small", &InterpolatorOptions::on("cpu"));
    let interpolators =
        [Interpolator::Linear, Interpolator::Cubic, network.expect("a shipped model")];
    let _restored = threads::restored();
    threads::set_current(3);
    for interpolator in &interpolators {
        let job = Job { part_slices: Some(4), ..Job::new(&plan, interpolator, &volume) };
        let run = |room: usize, most: usize| -> (usize, Result<()>) {
            let mut taken = 0;
            let mut take = |_| {
                taken += 1;
                if taken > room { Err(Error::Argument("the sink is full".into())) } else { Ok(()) }
            };
            let result = job.run_to(&mut take, &mut |progress| {
                if progress.done > most { Err(Error::Cancelled) } else { Ok(()) }
            });
            (taken, result.map(drop))
        };
        let (taken, full) = run(3, 1000);
        assert!(full.unwrap_err().to_string().contains("the sink is full") && taken == 4);
        let (taken, cancelled) = run(1000, 12);
        assert!(matches!(cancelled, Err(Error::Cancelled)) && taken < 8, "{taken}");
    }
}

#[test]
fn parts_are_for_outputs_that_are_larger() {
    let steps = [[0.7, 0.0, 0.0], [0.0, 0.7, 0.0], [0.0, 0.0, 7.0]];
    let plan = |size: [usize; 3], factor: usize| {
        let geometry = Geometry::new(size, [0.0; 3], steps).expect("right angles");
        Plan::new(&geometry, None, &Spacing::Factor(factor)).expect("a plan")
    };
    // 32 MiB are 64 slices of int16; four parts are in memory.
    let large = plan([512, 512, 201], 10);
    assert_eq!(large.part_slices(VoxelType::Int16), Some(64));
    assert_eq!(large.part_slices(VoxelType::Float64), Some(16));
    assert_eq!(plan([512, 512, 26], 10).part_slices(VoxelType::Int16), None);
    assert_eq!(plan([8000, 8000, 5], 1).part_slices(VoxelType::Int16), Some(1));
    let volume = moving_discs(24, 4, 0);
    let tilted = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 4.0]];
    let geometry = Geometry::new([24, 24, 4], [0.0; 3], tilted).expect("a tilted gantry");
    let tilted = Volume::new(volume.voxels().clone(), Rescale::IDENTITY, geometry);
    let tilted = tilted.expect("a volume");
    let plan = Plan::new(tilted.geometry(), None, &Spacing::Factor(2)).expect("a plan");
    let job = Job::new(&plan, &Interpolator::Linear, &tilted);
    let error = job.run_to(&mut |_| Ok(()), &mut |_| Ok(())).err().expect("it is refused");
    assert!(error.to_string().contains("tilted gantry"), "{error}");
}
