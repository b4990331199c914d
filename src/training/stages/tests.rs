//! Single steps of each stage.

use std::path::Path;

use tch::Kind;

use super::discriminators::{Reconstruction, critic_step, patch_gan_step};
use super::*;
use crate::network::{Checkpoint, System};
use crate::training::Trainer;
use crate::training::settings::OptimizerKind;

const LEARNING_RATE: f64 = 1e-3;

fn settings(system: System) -> Settings {
    let defaults = Settings::default_for(system);
    let stage_one_iterations = u64::from(defaults.stage_one_iterations > 0);
    Settings { size: 64, batch: 2, stage_one_iterations, iterations: 3, ..defaults }
}

/// Two groups of seven squares of noise.
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

/// A trainer after two steps, in its last stage.
fn in_last_stage(system: System) -> Trainer {
    let mut trainer = Trainer::new(settings(system), Device::Cpu).unwrap();
    trainer.step(&batch(0)).unwrap();
    trainer.step(&batch(1)).unwrap();
    trainer
}

/// Stage II after a step of Stage I.
fn stage_two(settings: &Settings) -> PaperStageTwo {
    let mut trainer = Trainer::new(settings.clone(), Device::Cpu).unwrap();
    trainer.step(&batch(0)).unwrap();
    let given = trainer.stage.weights();
    PaperStageTwo::new(StageStart {
        settings,
        architecture: trainer.architecture(),
        device: Device::Cpu,
        generator: Parameters::from_tensors(given.group(GENERATOR), Device::Cpu),
        given,
        generator_record: Record::default(),
    })
    .unwrap()
}

/// Copies of the weights of a stage.
fn snapshot(stage: &dyn Stage) -> StateDict {
    let mut copies = StateDict::default();
    let weights = stage.weights();
    let tensors: Vec<_> = weights.tensors().iter().map(|(n, t)| (n.clone(), t.copy())).collect();
    copies.extend(tensors.iter().map(|(name, tensor)| (name, tensor)));
    copies
}

/// The networks whose weights differ.
fn moved(before: &StateDict, after: &StateDict) -> Vec<&'static str> {
    let groups = ["generator", "critic", "patch_gan", "perceptual"];
    let differ = |group: &&str| before.group(group) != after.group(group);
    groups.into_iter().filter(differ).collect()
}

fn checkpoint(trainer: &Trainer) -> Checkpoint {
    Checkpoint::from_bytes(Path::new("state"), &trainer.checkpoint().unwrap()).unwrap()
}

#[test]
fn each_optimizer_moves_its_own_network_only() {
    let settings = settings(System::HrinetPerceptual);
    let mut stage = stage_two(&settings);
    let begin = snapshot(&stage);
    for group in ["generator", "critic", "patch_gan", "perceptual"] {
        assert!(!begin.group(group).is_empty(), "{group}");
    }
    let batch = batch(2);
    // Attached to the generator: a discriminator's step that did not detach them would reach it.
    let images =
        Reconstruction::new(stage.generator.network.as_ref(), &batch, Precision::Float32).unwrap();
    let critic = stage.critic.as_mut().unwrap();
    critic_step(critic, &images, &batch.random_alpha, LEARNING_RATE, &settings).unwrap();
    let after_critic = snapshot(&stage);
    assert_eq!(moved(&begin, &after_critic), ["critic"]);
    let patch_gan = stage.patch_gan.as_mut().unwrap();
    let (real, blended) = (&images.slices, &images.blended);
    patch_gan_step(patch_gan, real, blended, LEARNING_RATE, &settings).unwrap();
    let after_patch_gan = snapshot(&stage);
    assert_eq!(moved(&after_critic, &after_patch_gan), ["patch_gan"]);

    stage.set_discriminators_require_grad(false).unwrap();
    let mut losses = StepLosses { learning_rate: LEARNING_RATE, ..StepLosses::default() };
    stage.generator_step(&images, &mut losses).unwrap();
    stage.set_discriminators_require_grad(true).unwrap();
    assert!(losses.against_critic.is_some() && losses.against_patch_gan.is_some());
    let after_step_one = snapshot(&stage);
    assert_eq!(moved(&after_patch_gan, &after_step_one), ["generator"]);
    stage.step_two(&batch, &mut losses).unwrap();
    assert_eq!(moved(&after_step_one, &snapshot(&stage)), ["generator"]);
}

#[test]
fn each_system_has_the_losses_of_its_equations() {
    let has = |system| {
        let losses = in_last_stage(system).step(&batch(3)).unwrap();
        let values = losses.values();
        std::array::from_fn::<bool, 6, _>(|index| values[index].is_some())
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
fn d1_and_d2_change_the_generators_step() {
    let after = |lambda, beta| {
        let settings = Settings { lambda, beta, ..settings(System::HrinetPatchgan) };
        let mut stage = stage_two(&settings);
        let before = snapshot(&stage);
        stage.step(&batch(1), LEARNING_RATE).unwrap();
        (moved(&before, &snapshot(&stage)), snapshot(&stage).group("generator"))
    };
    let (alone, with_d1, with_d2) = (after(0.0, 0.0), after(0.5, 0.0), after(0.0, 0.01));
    assert_eq!(alone.0, ["generator"]);
    assert_eq!(with_d1.0, ["generator", "critic"]);
    assert_eq!(with_d2.0, ["generator", "patch_gan"]);
    assert!(alone.1 != with_d1.1 && alone.1 != with_d2.1);
}

#[test]
fn d2_changes_the_step_of_hrinet_motion() {
    let after_steps = |beta| {
        let settings = Settings { beta, ..settings(System::HrinetMotion) };
        let mut trainer = Trainer::new(settings, Device::Cpu).unwrap();
        let first = trainer.step(&batch(0)).unwrap();
        trainer.step(&batch(1)).unwrap();
        (checkpoint(&trainer), first)
    };
    let (alone, _) = after_steps(0.0);
    let (against, losses) = after_steps(0.5);
    assert!(alone.group("patch_gan").is_empty() && !against.group("patch_gan").is_empty());
    assert_ne!(alone.group("generator"), against.group("generator"));
    // A random D2 guesses: both logarithms are about that of a half.
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
        let (half, whole) = (of_half.values()[index].unwrap(), of_whole.values()[index].unwrap());
        assert!((half - whole).abs() < 0.03 * whole + 1e-3, "{index}: {half} {whole}");
    }
    for number in 1..4 {
        half.step(&batch(number)).unwrap();
    }
    let weights = half.stage.weights();
    assert!(weights.tensors().values().all(|weight| weight.kind() == Kind::Float));
}

/// A checkpoint after any number of steps continues as the run does, with Muon in every stage.
#[test]
fn every_stage_resumes_bit_for_bit_with_muon() {
    let muon = |system| Settings { optimizer: OptimizerKind::Muon, ..settings(system) };
    let motion = muon(System::HrinetMotion);
    let against_d2 = Settings { beta: 0.01, ..motion.clone() };
    let paper = [System::Acai, System::HrinetPerceptual].map(muon);
    for settings in paper.into_iter().chain([motion, against_d2]) {
        let mut trainer = Trainer::new(settings.clone(), Device::Cpu).unwrap();
        for step in 0..3 {
            let mut resumed =
                Trainer::resume(checkpoint(&trainer), settings.clone(), Device::Cpu).unwrap();
            let losses = trainer.step(&batch(step)).unwrap();
            assert_eq!(losses, resumed.step(&batch(step)).unwrap(), "{settings:?} {step}");
            let [whole, resumed] = [&trainer, &resumed].map(checkpoint);
            assert_eq!(whole.tensors, resumed.tensors, "{settings:?} {step}");
        }
    }
}

#[test]
fn validation_compares_with_the_linear_blend() {
    let mut held_out = batch(4);
    // The truth is the blend itself with an error of 0.1: 20 dB in every image.
    let blend =
        |first: &Tensor, second: &Tensor, alpha: f64| first * alpha + second * (1.0 - alpha);
    let alpha = [0.8, 0.6, 0.5, 0.4, 0.2];
    let images = (0..2).flat_map(|group| {
        let (first, second) = (held_out.first.get(group), held_out.second.get(group));
        alpha.map(|alpha| blend(&first, &second, alpha) + 0.1)
    });
    held_out.truth = Tensor::stack(&images.collect::<Vec<_>>(), 0);
    let trainer = Trainer::new(settings(System::Ae), Device::Cpu).unwrap();
    let validation = trainer.validate([Ok(held_out)].into_iter()).unwrap();
    let Validation::Psnr { generator, linear } = validation else { panic!("{validation:?}") };
    assert!((linear - 20.0).abs() < 1e-3, "{linear}");
    assert!(generator.is_finite() && generator < linear);
}

#[test]
fn diverging_losses_are_errors() {
    let mut trainer = in_last_stage(System::HrinetMse);
    let mut diverging = batch(3);
    let _ = diverging.first.get(0).fill_(f64::NAN);
    let error = trainer.step(&diverging).unwrap_err().to_string();
    assert!(error.contains("diverged at step 3: the critic's loss is NaN"), "{error}");
    let mut trainer = in_last_stage(System::HrinetMotion);
    diverging = batch(3);
    let _ = diverging.truth.fill_(1e5);
    let error = trainer.step(&diverging).unwrap_err().to_string();
    assert!(error.contains("exploded to 1.000e10"), "{error}");
}
