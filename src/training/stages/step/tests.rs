//! Single steps of each system.

use super::*;
use crate::network::Checkpoint;
use crate::training::Settings;
use crate::training::settings::Precision;
use std::path::Path;
use tch::Device;

const LEARNING_RATE: f64 = 1e-3;

fn settings(system: System) -> Settings {
    let default_for = Settings::default_for(system);
    let stage_one_iterations = u64::from(default_for.stage_one_iterations > 0);
    Settings { size: 64, batch: 2, stage_one_iterations, iterations: 3, ..default_for }
}

/// Two groups of ten squares of noise.
fn batch(seed: i64) -> Batch {
    tch::manual_seed(seed);
    let options = (Kind::Float, Device::Cpu);
    let images = |count: i64| Tensor::rand([count, 1, 64, 64], options);
    let alpha = Tensor::from_slice(&[0.8f32, 0.6, 0.5, 0.4, 0.2]).repeat([2]);
    let random_alpha = Tensor::rand([2], options);
    let gap = Tensor::from_slice(&[6i64, 6]);
    let [first, second, truth] = [2, 2, 10].map(images);
    Batch { first, second, truth, alpha, gap, random_alpha, context: None }
}

/// A trainer whose next iteration is in its last stage, with all that it has there.
fn in_last_stage(system: System) -> Trainer {
    let mut trainer = Trainer::new(settings(system), Device::Cpu).unwrap();
    trainer.step(&batch(0)).unwrap();
    trainer.step(&batch(1)).unwrap();
    trainer
}

/// Which networks' weights differ between two states.
fn moved(before: &Checkpoint, after: &Checkpoint) -> Vec<&'static str> {
    let groups = ["generator", "critic", "patch_gan", "perceptual"];
    let differ = |group: &&str| before.group(group) != after.group(group);
    groups.into_iter().filter(differ).collect()
}

fn state(trainer: &Trainer) -> Checkpoint {
    Checkpoint::from_bytes(Path::new("state"), &trainer.checkpoint().unwrap()).unwrap()
}

#[test]
fn every_step_moves_its_own_network_and_nothing_else() {
    let mut trainer = in_last_stage(System::HrinetPerceptual);
    let begin = state(&trainer);
    for group in ["generator", "critic", "patch_gan", "perceptual"] {
        assert!(!begin.group(group).is_empty(), "{group}");
    }
    let batch = batch(2);
    let slices = batch.endpoints().unwrap();
    let features = trainer.generator.network.encode(&slices).unwrap();
    let alpha = Tensor::from_slice(&[0.3f32; 4]);
    // Attached to the generator: a step that did not cut them off would reach it.
    let made = trainer.generator.network.decode(Pair::new(&features, &features), &alpha).unwrap();
    let mixed = made.narrow(0, 0, 2);

    trainer.critic_step((&slices, &made, &mixed), &batch.random_alpha, LEARNING_RATE).unwrap();
    let after_critic = state(&trainer);
    assert_eq!(moved(&begin, &after_critic), ["critic"]);
    trainer.patch_gan_step(&slices, &mixed, LEARNING_RATE).unwrap();
    let after_patch_gan = state(&trainer);
    assert_eq!(moved(&after_critic, &after_patch_gan), ["patch_gan"]);

    trainer.freeze_discriminators(true).unwrap();
    let losses = StepLosses { learning_rate: LEARNING_RATE, ..StepLosses::default() };
    let images = (&slices, &made, &mixed);
    let losses = trainer.generator_step_one(images, Stage::Two, losses).unwrap();
    trainer.freeze_discriminators(false).unwrap();
    assert!(losses.against_critic.is_some() && losses.against_patch_gan.is_some());
    let after_step_one = state(&trainer);
    assert_eq!(moved(&after_patch_gan, &after_step_one), ["generator"]);
    trainer.step_two(&batch, LEARNING_RATE).unwrap();
    assert_eq!(moved(&after_step_one, &state(&trainer)), ["generator"]);
}

#[test]
fn each_system_has_the_losses_of_its_equations() {
    let has = |system| {
        let mut trainer = in_last_stage(system);
        let losses = trainer.step(&batch(3)).unwrap();
        let terms = losses.terms();
        std::array::from_fn::<bool, 6, _>(|index| terms[index].is_some())
    };
    //                                         5/6    7      8      9      2      1
    assert_eq!(has(System::Ae), [true, false, false, false, false, false]);
    assert_eq!(has(System::Acai), [true, true, false, false, true, false]);
    assert_eq!(has(System::HrinetPatchgan), [true, true, true, false, true, true]);
    assert_eq!(has(System::HrinetMse), [true; 6]);
    assert_eq!(has(System::HrinetPerceptual), [true; 6]);
    assert_eq!(has(System::HrinetMotion), [false, false, false, true, false, false]);
}

#[test]
fn the_generator_is_pulled_by_d1_and_by_d2() {
    let norm = |lambda, beta| {
        let settings = Settings { lambda, beta, ..settings(System::HrinetMse) };
        let mut trainer = Trainer::new(settings, Device::Cpu).unwrap();
        trainer.step(&batch(0)).unwrap();
        trainer.enter_stage_two().unwrap();
        let before = state(&trainer);
        trainer.step_one(&batch(1), Stage::Two, LEARNING_RATE).unwrap();
        (moved(&before, &state(&trainer)), state(&trainer).group("generator"))
    };
    let (alone, with_d1, with_d2) = (norm(0.0, 0.0), norm(0.5, 0.0), norm(0.0, 0.01));
    assert_eq!(alone.0, ["generator"]);
    assert_eq!(with_d1.0, ["generator", "critic"]);
    assert_eq!(with_d2.0, ["generator", "patch_gan"]);
    assert!(alone.1 != with_d1.1 && alone.1 != with_d2.1);
}

#[test]
fn hrinet_motion_is_pulled_by_d2_where_it_has_a_beta() {
    let after_steps = |beta| {
        let settings = Settings { beta, ..settings(System::HrinetMotion) };
        let mut trainer = Trainer::new(settings, Device::Cpu).unwrap();
        let first = trainer.step(&batch(0)).unwrap();
        trainer.step(&batch(1)).unwrap();
        (state(&trainer), first)
    };
    let (alone, _) = after_steps(0.0);
    let (pulled, losses) = after_steps(0.5);
    assert!(alone.group("patch_gan").is_empty() && !pulled.group("patch_gan").is_empty());
    assert_ne!(alone.group("generator"), pulled.group("generator"));
    // D2, drawn just now, cannot tell: both logarithms are about that of a half.
    let (of_d2, against) = (losses.patch_gan.unwrap(), losses.against_patch_gan.unwrap());
    assert!((of_d2 - 2.0 * 2f64.ln()).abs() < 0.6, "{of_d2}");
    assert!((against + 2f64.ln()).abs() < 0.4, "{against}");
}

#[test]
fn bfloat16_passes_train_float32_weights() {
    let precision = Precision::Bfloat16;
    let settings = Settings { precision, ..settings(System::HrinetPerceptual) };
    let mut half = Trainer::new(settings.clone(), Device::Cpu).unwrap();
    let whole = Settings { precision: Precision::Float32, ..settings };
    let mut whole = Trainer::new(whole, Device::Cpu).unwrap();
    let (of_half, of_whole) = (half.step(&batch(0)).unwrap(), whole.step(&batch(0)).unwrap());
    assert_ne!(of_half, of_whole);
    // Content, against the critic, the critic's: of the same weights, with 8 bits of precision.
    for index in [0, 1, 4] {
        let (half, whole) = (of_half.terms()[index].unwrap(), of_whole.terms()[index].unwrap());
        assert!((half - whole).abs() < 0.03 * whole + 1e-3, "{index}: {half} {whole}");
    }
    for number in 1..4 {
        half.step(&batch(number)).unwrap();
    }
    assert_eq!(half.generator.weights()[0].1.kind(), Kind::Float);
}

#[test]
fn held_out_groups_are_measured_beside_their_linear_blend() {
    let mut made_of_batch = batch(4);
    // The truth is the blend itself, off by 0.1: 20 dB in every image.
    let blend =
        |first: &Tensor, second: &Tensor, alpha: f64| first * alpha + second * (1.0 - alpha);
    let alpha = [0.8, 0.6, 0.5, 0.4, 0.2];
    let images = (0..2).flat_map(|group| {
        let (first, second) = (made_of_batch.first.get(group), made_of_batch.second.get(group));
        alpha.map(|alpha| blend(&first, &second, alpha) + 0.1)
    });
    made_of_batch.truth = Tensor::stack(&images.collect::<Vec<_>>(), 0);
    let trainer = Trainer::new(settings(System::Ae), Device::Cpu).unwrap();
    let [made, linear] = trainer.validate([Ok(made_of_batch)].into_iter()).unwrap();
    assert!((linear - 20.0).abs() < 1e-3, "{linear}");
    assert!(made.is_finite() && made < linear);
}

#[test]
fn losses_that_are_no_training_stop_it() {
    let mut trainer = in_last_stage(System::HrinetMse);
    let mut astray = batch(3);
    let _ = astray.first.get(0).fill_(f64::NAN);
    let error = trainer.step(&astray).unwrap_err().to_string();
    assert!(error.contains("diverged at step 3: the critic's loss is NaN"), "{error}");
    let mut trainer = in_last_stage(System::HrinetMotion);
    astray = batch(3);
    let _ = astray.truth.fill_(1e5);
    let error = trainer.step(&astray).unwrap_err().to_string();
    assert!(error.contains("exploded to 1.000e10"), "{error}");
}
