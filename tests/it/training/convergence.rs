//! Training from nothing reaches what the paper claims: interpolation that follows motion.

use hrinet::network::System;
use hrinet::training::settings::{LrSchedule, OptimizerKind};
use hrinet::training::{Batch, Settings, Trainer};
use ndarray::Array4;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Tensor};

const SIDE: usize = 64;
const GROUPS: usize = 2;
const MIDDLE: i64 = 2;

/// Groups of seven slices of a disc of bone that moves by four pixels a slice, in soft tissue.
fn moving_discs(seed: u64) -> Batch {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = |low: f32, high: f32| low + (high - low) * random.random::<f32>();
    let discs: Vec<[f32; 3]> = (0..GROUPS)
        .map(|_| [draw(24.0, 40.0), draw(24.0, 40.0), draw(0.0, 2.0 * std::f32::consts::PI)])
        .collect();
    let hu = Array4::from_shape_fn((GROUPS, 7, SIDE, SIDE), |(group, slice, row, column)| {
        let [middle_row, middle_column, angle] = discs[group];
        let step = 4.0 * (slice as f32 - 3.0);
        let (y, x) = (middle_row + step * angle.sin(), middle_column + step * angle.cos());
        let distance = (row as f32 - y).hypot(column as f32 - x);
        50.0 + 650.0 * (9.0 - distance).clamp(0.0, 1.0)
    });
    Batch::from_hu(hu.view(), seed, 0, Device::Cpu).unwrap()
}

/// Mean PSNR in dB of the middle slice of each group.
fn middle_psnr(batch: &Batch, slices: &Tensor) -> f64 {
    let middle = |slices: &Tensor| slices.view([GROUPS as i64, 5, -1]).select(1, MIDDLE);
    let error = (middle(slices).clamp(0.0, 1.0) - middle(&batch.truth)).square();
    (error.mean_dim(1, false, None).log10() * -10.0).mean(None).double_value(&[])
}

/// A minute on one idle core; `scripts/test --full` runs it.
#[test]
#[ignore = "a minute of training"]
fn hrinet_mse_with_muon_beats_the_linear_blend_on_moving_discs() {
    let settings = Settings {
        size: SIDE as i64,
        batch: GROUPS,
        stage_one_iterations: 200,
        iterations: 200,
        learning_rate: 2e-3,
        lr_schedule: LrSchedule::Cosine,
        warm_up: 10,
        optimizer: OptimizerKind::Muon,
        seed: 1,
        ..Settings::default_for(System::HrinetMse)
    };
    tch::set_num_threads(1);
    let all = settings.all_iterations();
    let mut trainer = Trainer::new(settings, Device::Cpu).unwrap();
    for step in 0..all {
        trainer.step(&moving_discs(1000 + step)).unwrap();
    }
    let held_out = (0..8).map(moving_discs);
    let (mut generator, mut linear) = (0.0, 0.0);
    for batch in held_out {
        generator += middle_psnr(&batch, &trainer.interpolate(&batch).unwrap()) / 8.0;
        linear += middle_psnr(&batch, &batch.linear_blend().unwrap()) / 8.0;
    }
    assert!(generator > linear + 1.0, "{generator:.2} dB, linear blend {linear:.2} dB");
}
