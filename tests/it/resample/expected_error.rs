//! Expected errors: an error head is trained beside a frozen generator, and predicts errors beside
//! unchanged slices.

use std::path::Path;

use crate::common::phantom::moving_discs;
use hrinet::network::motion::config::MotionConfig;
use hrinet::network::{Checkpoint, Model, SliceNetwork, System};
use hrinet::resample::{Interpolator, Job, Outputs, Plan, SliceSource, Spacing, resample};
use hrinet::training::settings::OptimizerKind;
use hrinet::training::{Batch, Settings, Trainer};
use hrinet::volume::{Rescale, Volume, Voxels};
use ndarray::{Array3, Array4, Axis, s};
use tch::Device;

/// A small generator with context slices.
fn sizes() -> MotionConfig {
    MotionConfig {
        widths: [4, 6, 8, 8],
        hidden: 2,
        refinement: 4,
        context: [2, 0, 2, 0],
        ..MotionConfig::default()
    }
}

fn checkpoint(bytes: &[u8]) -> Checkpoint {
    Checkpoint::from_bytes(Path::new("in memory"), bytes).unwrap()
}

fn model(bytes: &[u8]) -> Model {
    Model::new(checkpoint(bytes), Device::Cpu).unwrap()
}

/// A group of five slices of a body that moves, in HU.
fn batch(step: u64) -> Batch {
    let volume = moving_discs(48, 5, step as usize);
    let Voxels::Int16(array) = volume.voxels() else { panic!() };
    let group = Array4::from_shape_fn((1, 5, 48, 48), |(_, k, j, i)| f32::from(array[(k, j, i)]));
    Batch::from_hu(group.view(), 1, step, Device::Cpu).unwrap()
}

/// Checkpoint file of a generator after a short training.
fn generator() -> Vec<u8> {
    let default_for =
        Settings { optimizer: OptimizerKind::AdamW, ..Settings::default_for(System::HrinetMotion) };
    let settings = Settings { size: 48, iterations: 3, motion: Some(sizes()), ..default_for };
    let mut trainer = Trainer::new(settings, Device::Cpu).unwrap();
    for step in 0..3 {
        trainer.step(&batch(step)).unwrap();
    }
    trainer.record_mut().command = "hrinet train".into();
    trainer.record_mut().max_slice_spacing_mm = Some(6.0);
    trainer.model().unwrap()
}

fn settings(iterations: u64) -> Settings {
    Settings { size: 48, iterations, warm_up: 0, ..Settings::default_for_error_head() }
}

/// Checkpoint file of the generator with an error head that was trained for `steps` steps.
fn with_error_head(generator: &[u8], steps: u64) -> Vec<u8> {
    let mut trainer =
        Trainer::begin_from(&checkpoint(generator), settings(steps), Device::Cpu).unwrap();
    trainer.record_mut().command = "hrinet train --confidence".into();
    for step in 0..steps {
        trainer.step(&batch(step)).unwrap();
    }
    trainer.model().unwrap()
}

/// Resamples with expected errors.
fn with_errors(
    volume: &Volume,
    plan: &Plan,
    interpolator: &Interpolator,
) -> hrinet::Result<Outputs> {
    let mut job = Job::new(plan, interpolator, volume);
    job.expected_error = true;
    job.run(&mut |_| Ok(()))
}

fn errors(outputs: &Outputs) -> &Array3<f32> {
    floats(outputs.others.expected_error.as_ref().expect("expected errors"))
}

fn floats(volume: &Volume) -> &Array3<f32> {
    match volume.voxels() {
        Voxels::Float32(array) => array,
        other => panic!("{} instead of float32", other.voxel_type().name()),
    }
}

#[test]
fn error_head_leaves_generator_and_slices_unchanged() {
    let generator = generator();
    let bytes = with_error_head(&generator, 4);
    let (before, after) = (checkpoint(&generator), checkpoint(&bytes));
    assert_eq!(before.group("generator"), after.group("generator"));
    assert!(before.group("confidence").is_empty() && !after.group("confidence").is_empty());

    // The generator's record is its own; that of the confidence stands beside it.
    let of_confidence = after.header.record.error_head.clone().expect("a record");
    assert_eq!(of_confidence.steps, 4);
    assert_eq!(of_confidence.began_from, Some(before.file_sha256));
    let without = hrinet::network::Record { error_head: None, ..after.header.record };
    assert_eq!(without, before.header.record);

    let (plain, confident) = (model(&generator), model(&bytes));
    assert!(!plain.predicts_error() && confident.predicts_error());
    assert!(confident.parameter_count() > plain.parameter_count());
    let volume = moving_discs(40, 5, 7);
    let plan = Plan::new(volume.geometry(), None, &Spacing::Factor(3)).unwrap();
    let without = resample(&volume, &plan, &plain.into()).unwrap();
    let with = with_errors(&volume, &plan, &confident.into()).unwrap();
    assert_eq!(without.voxels(), with.volume.voxels());
}

#[test]
fn expected_error_is_zero_in_known_slices_only() {
    let confident = model(&with_error_head(&generator(), 4));
    let volume = moving_discs(40, 5, 7);
    let plan = Plan::new(volume.geometry(), None, &Spacing::Factor(3)).unwrap();
    let outputs = with_errors(&volume, &plan, &confident.into()).unwrap();
    let array = errors(&outputs);
    let mut sum = 0.0;
    let mut count = 0;
    for (plane, source) in array.outer_iter().zip(plan.slices()) {
        match source {
            SliceSource::Known(_) => assert!(plane.iter().all(|&error| error == 0.0)),
            SliceSource::Interpolated { .. } => {
                assert!(plane.iter().all(|&error| error >= 0.1), "{plane}");
                sum += plane.iter().map(|&error| f64::from(error)).sum::<f64>();
                count += plane.len();
            }
        }
    }
    let mean = outputs.others.mean_expected_error_hu.expect("interpolated slices");
    assert!((mean - sum / count as f64).abs() < 1e-9, "{mean}");

    for interpolator in [Interpolator::Linear, Interpolator::Cubic, model(&generator()).into()] {
        let result = with_errors(&volume, &plan, &interpolator);
        let Err(error) = result else { panic!("there is no error head") };
        assert!(error.to_string().contains("predicts no expected error"), "{error}");
    }
}

#[test]
fn expected_error_outside_the_window_is_half_the_difference() {
    let confident = model(&with_error_head(&generator(), 1));
    let mut array = Array3::from_elem((2, 32, 32), 3000i16);
    array.slice_mut(s![1, .., ..]).fill(2000);
    array[(0, 4, 5)] = 40;
    let steps = [[0.8, 0.0, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, 3.0]];
    let geometry = hrinet::volume::Geometry::new([32, 32, 2], [0.0; 3], steps).unwrap();
    let volume = Volume::new(array.into(), Rescale::IDENTITY, geometry).unwrap();
    let plan = Plan::new(volume.geometry(), None, &Spacing::Factor(2)).unwrap();
    let outputs = with_errors(&volume, &plan, &confident.into()).unwrap();
    let array = errors(&outputs);
    assert_eq!(array[(1, 20, 20)], 500.0);
    // Tissue into metal: half of what lies beyond the window, and what the network expects.
    assert!(array[(1, 4, 5)] > 500.0 && array[(1, 4, 5)] < 1500.0, "{}", array[(1, 4, 5)]);
}

#[test]
fn ensemble_expects_the_mean_error_of_both_orders() {
    let bytes = with_error_head(&generator(), 4);
    let volume = moving_discs(40, 4, 3);
    let Voxels::Int16(array) = volume.voxels() else { panic!() };
    let mut turned = array.clone();
    turned.invert_axis(Axis(0));
    let turned = turned.as_standard_layout().into_owned();
    let turned = Volume::new(turned.into(), Rescale::IDENTITY, volume.geometry().clone()).unwrap();
    let plan = Plan::new(volume.geometry(), None, &Spacing::Factor(3)).unwrap();
    let expected = |interpolator: &Interpolator, volume: &Volume| {
        errors(&with_errors(volume, &plan, interpolator).unwrap()).clone()
    };
    let single = Interpolator::from(model(&bytes));
    let (one, mut other) = (expected(&single, &volume), expected(&single, &turned));
    other.invert_axis(Axis(0));
    let both = expected(&model(&bytes).with_ensemble().into(), &volume);
    assert!((&one - &other).iter().any(|apart| apart.abs() > 1e-3), "orders differ");
    for ((&one, &other), &both) in one.iter().zip(&other).zip(&both) {
        assert!((0.5 * (one + other) - both).abs() < 1e-3 * (1.0 + both), "{one} {other} {both}");
    }
}

#[test]
fn error_head_learns_the_mean_error() {
    let generator = generator();
    let mean = |steps| {
        let settings = Settings { learning_rate: 0.01, ..settings(100) };
        let mut trainer =
            Trainer::begin_from(&checkpoint(&generator), settings, Device::Cpu).unwrap();
        for _ in 0..steps {
            trainer.step(&batch(9)).unwrap();
        }
        trainer.validate(std::iter::once(Ok(batch(9)))).unwrap().values()
    };
    let [begin, real] = mean(0);
    // ln(1 + e^-4.6) of a window of 2000 HU, and the least of all.
    let new = 2000.0 * (-4.6f64).exp().ln_1p() + 0.1;
    assert!((begin - new).abs() < 0.01, "{begin} instead of {new}");
    let [end, same] = mean(100);
    assert_eq!(real, same);
    let off = |expected: f64| (expected / real).ln().abs();
    assert!(off(begin) > 0.7, "it had nothing to learn: {begin}, {real}");
    assert!(off(end) < 0.35, "expected {end}, real {real}");
}

#[test]
fn resumed_training_of_the_error_head_is_bit_identical() {
    let generator = checkpoint(&generator());
    let begin = || Trainer::begin_from(&generator, settings(4), Device::Cpu).unwrap();
    let mut whole = begin();
    let mut broken = begin();
    for step in 0..4 {
        whole.step(&batch(step)).unwrap();
        if step == 2 {
            let kept = checkpoint(&broken.checkpoint().unwrap());
            assert!(!kept.group("confidence_optimizer").is_empty());
            assert!(kept.group("optimizer").is_empty());
            broken = Trainer::resume(kept, settings(4), Device::Cpu).unwrap();
            assert_eq!(broken.steps(), 2);
        }
        broken.step(&batch(step)).unwrap();
    }
    assert_eq!(whole.checkpoint().unwrap(), broken.checkpoint().unwrap());
}

#[test]
fn training_the_generator_on_drops_the_error_head() {
    let bytes = with_error_head(&generator(), 1);
    // By way of a model in memory, as a host adapts one.
    let kept = model(&bytes).checkpoint().unwrap();
    assert!(!kept.group("confidence").is_empty());
    let default_for = Settings::default_for(System::HrinetMotion);
    let further = Settings { size: 48, iterations: 2, ..default_for };
    let mut trainer = Trainer::begin_from(&kept, further, Device::Cpu).unwrap();
    trainer.step(&batch(0)).unwrap();
    let adapted = checkpoint(&trainer.model().unwrap());
    assert!(adapted.group("confidence").is_empty());
    assert_eq!(adapted.header.record.error_head, None);

    let error = Trainer::new(settings(1), Device::Cpu).err().expect("no generator").to_string();
    assert!(error.contains("--from"), "{error}");
    let other = Settings { system: System::HrinetMse, size: 64, ..settings(1) };
    assert!(other.check().unwrap_err().to_string().contains("hrinet-motion alone"));
    assert!(Settings { motion: Some(sizes()), ..settings(1) }.check().is_err());
}

#[test]
fn slices_farther_apart_than_in_training_give_a_warning() {
    let trained = Interpolator::from(model(&generator()));
    let warning = |spacing: f64, trained: &Interpolator| {
        let steps = [[0.8, 0.0, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, spacing]];
        let geometry = hrinet::volume::Geometry::new([8, 8, 3], [0.0; 3], steps).unwrap();
        let plan = Plan::new(&geometry, None, &Spacing::Factor(2)).unwrap();
        trained.spacing_warning(&plan)
    };
    assert_eq!(warning(6.0, &trained), None);
    let text = warning(7.5, &trained).expect("a warning");
    assert!(text.contains("7.5 mm apart") && text.contains("6.0 mm"), "{text}");

    // No warning where the spacing of the training is unknown.
    let mut unknown = checkpoint(&generator());
    unknown.header.record.max_slice_spacing_mm = None;
    assert_eq!(warning(75.0, &Model::new(unknown, Device::Cpu).unwrap().into()), None);
}
