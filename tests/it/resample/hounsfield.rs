//! Volumes whose values are no Hounsfield units: the warning, and the window that maps them.

use std::path::Path;

use crate::common::phantom::moving_discs;
use hrinet::Error;
use hrinet::resample::{Interpolator, InterpolatorOptions, Job, Outputs, Plan, Spacing};
use hrinet::volume::{Geometry, Rescale, Volume, Voxels, Window};
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
        let warnings = resampled(&volume(hu.clone()), &network, None).others.work.warnings;
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
        let warnings = resampled(&volume(values.clone()), &network, None).others.work.warnings;
        let [warning] = &warnings[..] else { panic!("{name}: {warnings:?}") };
        for part in ["Hounsfield", "`linear`", window] {
            assert!(warning.contains(part), "{name}: {warning:?} lacks {part:?}");
        }
        let linear = resampled(&volume(values), &Interpolator::Linear, None).others.work.warnings;
        assert!(linear.is_empty(), "{name}: {linear:?}");
    }
}

/// Brain of real heads without skull and air, as it is cropped, and with other values around it.
#[test]
fn brain_alone_gives_no_warning_but_scaled_brain_does() {
    let network = network();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/ct/train");
    if !folder.is_dir() {
        println!("skipped: {} is not here", folder.display());
        return;
    }
    for (name, [i, j, k]) in [
        ("gehead_7mm", [70, 190, 0]),
        ("gehead_4mm", [190, 250, 6]),
        ("acrin001_head", [60, 40, 4]),
    ] {
        let ct = hrinet::io::read(&folder.join(format!("{name}.nii.gz"))).unwrap();
        let Voxels::Int16(hu) = ct.voxels() else { panic!("{name}: not int16") };
        let brain = hu.slice(s![k..k + 3, j..j + 32, i..i + 32]).mapv(f32::from);
        let cut_out = |around: f32| {
            let mut cut_out = brain.clone();
            cut_out.slice_mut(s![.., ..10, ..]).fill(around);
            cut_out
        };
        for hu in [brain.clone(), cut_out(0.0), cut_out(-1024.0)] {
            let warnings = resampled(&volume(hu), &network, None).others.work.warnings;
            assert!(warnings.is_empty(), "{name}: {warnings:?}");
        }
        let mean = brain.mean().unwrap();
        for (how, values) in [
            ("unit", brain.map(|hu| hu / 100.0)),
            ("z-score", brain.map(|hu| (hu - mean) / 8.0)),
            ("attenuation", brain.map(|hu| 0.02 * (1.0 + hu / 1000.0))),
            ("stored", brain.map(|hu| hu + 1024.0)),
            ("8 bits", brain.map(|hu| (hu * 2.55).round())),
            ("magnetic resonance", cut_out(0.0).map(|hu| hu * 9.0)),
        ] {
            let warnings = resampled(&volume(values), &network, None).others.work.warnings;
            assert_eq!(warnings.len(), 1, "{name}, {how}");
        }
    }
}

/// Every real CT, and what becomes of it when it is scaled as networks like it.
#[test]
fn real_cts_give_no_warning_but_scaled_ones_do() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/ct");
    let folders = [shared.join("train"), shared.join("test")];
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten());
    let network = network();
    for path in files.map(|entry| entry.unwrap().path()) {
        let name = path.display().to_string();
        if !name.ends_with(".nii.gz") || name.contains("_gtv") {
            continue;
        }
        let ct = hrinet::io::read(&path).unwrap();
        // A band of three slices in the middle, so that no network need look at all.
        let Voxels::Int16(hu) = ct.voxels() else { panic!("{name}: not int16") };
        let middle = hu.dim().0 / 2;
        let some = hu.slice(s![middle - 1..middle + 2, ..;7, ..;7]).mapv(f32::from);
        let (rows, columns) = (some.dim().1, some.dim().2);
        let warnings = |array: Array3<f32>| {
            let steps = [[0.8, 0.0, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, 3.0]];
            let grid = Geometry::new([columns, rows, 3], [0.0; 3], steps).unwrap();
            let volume = Volume::new(array.into(), Rescale::IDENTITY, grid).unwrap();
            resampled(&volume, &network, None).others.work.warnings
        };
        assert!(warnings(some.clone()).is_empty(), "{name}");
        let (low, high) =
            some.iter().fold((f32::MAX, f32::MIN), |(low, high), &hu| (low.min(hu), high.max(hu)));
        let unit = some.map(|hu| (hu - low) / (high - low));
        for (how, scale) in [("unit", 1.0), ("8 bits", 255.0)] {
            assert_eq!(warnings(unit.map(|value| value * scale)).len(), 1, "{name}, {how}");
        }
    }
}

#[test]
fn quantity_of_the_header_gives_a_warning() {
    let said = Some("Modality PT, Units BQML".to_string());
    let outputs = resampled(&volume(body()).with_quantity(said), &network(), None);
    let warnings = outputs.others.work.warnings;
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
    assert!(mapped.others.work.warnings.is_empty(), "{:?}", mapped.others.work.warnings);
    let [hu_voxels, mapped_voxels] = [&hu, &mapped].map(|outputs| floats(&outputs.volume));
    for (known, slice) in unit.outer_iter().zip(mapped_voxels.outer_iter().step_by(2)) {
        assert_eq!(known, slice);
    }
    for (a, b) in hu_voxels.iter().zip(mapped_voxels) {
        assert!((a - (b * 2000.0 - 1000.0)).abs() < 0.1, "{a} {b}");
    }
    let [errors, scaled] = [&hu, &mapped]
        .map(|outputs| floats(outputs.others.expected_error.as_ref().expect("expected errors")));
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
