//! Volumes whose values are no Hounsfield units: the warning, and the window that maps them.

use crate::common::phantom::moving_discs;
use hrinet::Error;
use hrinet::resample::{Interpolator, InterpolatorOptions, Job, Outputs, Plan, Spacing};
use hrinet::volume::{Rescale, Volume, Voxels, Window};
use ndarray::{Array3, s};

fn network() -> Interpolator {
    Interpolator::load("hrinet-motion-small", &InterpolatorOptions::on("cpu")).unwrap()
}

/// A body in HU with noise and a padded corner, float32.
fn body() -> Array3<f32> {
    let Voxels::Int16(discs) = moving_discs(32, 3, 0).voxels().clone() else { panic!() };
    let mut noise = 1u32;
    discs.map(|&hu| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(hu) + (noise >> 26) as f32 - 32.0
    })
}

fn volume(array: Array3<f32>) -> Volume {
    let geometry = moving_discs(32, 3, 0).geometry().clone();
    Volume::new(array.into(), Rescale::IDENTITY, geometry).unwrap()
}

fn resampled(volume: &Volume, network: &Interpolator, window: Option<Window>) -> Outputs {
    let plan = Plan::new(volume.geometry(), None, &Spacing::Factor(2)).unwrap();
    let mut job = Job::new(&plan, network, volume);
    (job.window, job.expected_error) = (window, network.predicts_error());
    job.run(&mut |_| Ok(())).unwrap()
}

fn floats(volume: &Volume) -> &Array3<f32> {
    match volume.voxels() {
        Voxels::Float32(array) => array,
        other => panic!("{} instead of float32", other.voxel_type().name()),
    }
}

#[test]
fn values_that_are_no_hounsfield_units_give_a_warning() {
    let network = network();
    let body = body();
    let mut padded = body.clone();
    padded.slice_mut(s![.., ..12, ..12]).fill(-3024.0);
    let fat_and_muscle = body.map(|hu| hu.clamp(-200.0, 300.0));
    for (name, hu) in [("body", &body), ("padded", &padded), ("no air", &fat_and_muscle)] {
        let warnings = resampled(&volume(hu.clone()), &network, None).work.warnings;
        assert!(warnings.is_empty(), "{name}: {warnings:?}");
    }
    let phase = Array3::from_shape_fn((3, 32, 32), |(k, j, i)| {
        ((k * 1024 + j * 32 + i) * 1201 % 8192) as f32 - 4096.0
    });
    for (name, values, window) in [
        ("unit", body.map(|hu| (hu + 1040.0) / 2100.0), "`--window 0"),
        ("z-score", body.map(|hu| (hu + 500.0) / 600.0), "`--window -"),
        ("attenuation", body.map(|hu| 0.02 * (1.04 + hu / 1000.0)), "`--window 0"),
        ("stored", body.map(|hu| hu + 1050.0), "`--window "),
        ("magnetic resonance", body.map(|hu| (hu + 1040.0) * 3.0), "`--window "),
        ("phase", phase, "`--window -4"),
    ] {
        let warnings = resampled(&volume(values.clone()), &network, None).work.warnings;
        let [warning] = &warnings[..] else { panic!("{name}: {warnings:?}") };
        for part in ["Hounsfield", "`linear`", window] {
            assert!(warning.contains(part), "{name}: {warning:?} lacks {part:?}");
        }
        let linear = resampled(&volume(values), &Interpolator::Linear, None).work.warnings;
        assert!(linear.is_empty(), "{name}: {linear:?}");
    }
}

#[test]
fn quantity_of_the_header_gives_a_warning() {
    let said = Some("Modality PT, Units BQML".to_string());
    let outputs = resampled(&volume(body()).with_quantity(said), &network(), None);
    let warnings = outputs.work.warnings;
    assert!(warnings[0].contains("the header says Modality PT, Units BQML"), "{warnings:?}");
}

/// Values scaled to 0 to 1 with the window 0 to 1 give what HU give, scaled.
#[test]
fn window_maps_values_to_those_of_the_network_and_back() {
    let network = network();
    let body = body();
    let hu = resampled(&volume(body.clone()), &network, None);
    let unit = body.map(|hu| (hu + 1000.0) / 2000.0);
    let window = Some(Window { low: 0.0, high: 1.0 });
    let mapped = resampled(&volume(unit.clone()), &network, window);
    assert!(mapped.work.warnings.is_empty(), "{:?}", mapped.work.warnings);
    let [hu_voxels, mapped_voxels] = [&hu, &mapped].map(|outputs| floats(&outputs.volume));
    for (known, slice) in unit.outer_iter().zip(mapped_voxels.outer_iter().step_by(2)) {
        assert_eq!(known, slice);
    }
    for (a, b) in hu_voxels.iter().zip(mapped_voxels) {
        assert!((a - (b * 2000.0 - 1000.0)).abs() < 0.1, "{a} {b}");
    }
    let [errors, scaled] = [&hu, &mapped]
        .map(|outputs| floats(outputs.expected_error.as_ref().expect("expected errors")));
    assert!(errors.iter().any(|&error| error > 1.0));
    for (a, b) in errors.iter().zip(scaled) {
        assert!((a - b * 2000.0).abs() < 0.1, "{a} {b}");
    }
}

#[test]
fn window_without_width_is_rejected() {
    let volume = volume(body());
    let plan = Plan::new(volume.geometry(), None, &Spacing::Factor(2)).unwrap();
    let mut job = Job::new(&plan, &Interpolator::Linear, &volume);
    for (low, high) in [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
        job.window = Some(Window { low, high });
        let Err(error) = job.run(&mut |_| Ok(())) else { panic!("{low} {high}") };
        assert!(matches!(error, Error::Argument(_)), "{error}");
    }
}
