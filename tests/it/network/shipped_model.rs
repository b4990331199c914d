//! The shipped models: loading by name, accuracy against linear and cubic interpolation on real
//! CTs, known slices, ensembles.

use std::path::Path;

use hrinet::evaluation::{Comparison, Evaluation, evaluate};
use hrinet::io;
use hrinet::metrics::tissue::TISSUES;
use hrinet::network::model::{DEFAULT, THIN, shipped_names};
use hrinet::network::{Model, Neighbours, Precision, PrecisionChoice, SliceNetwork, System};
use hrinet::resample::{
    Interpolator, InterpolatorOptions, Job, Plan, SliceSource, Spacing, between_slices,
};
use hrinet::volume::{Axis, Volume, voxels};
use ndarray::{Array2, Axis as ArrayAxis};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::Device;

fn shipped() -> Model {
    Model::load(DEFAULT, Device::Cpu).expect("the shipped model loads")
}

/// A real CT beside the project, or one that `scripts/dev/fetch-samples` downloads.
fn ct(path: &str) -> Option<Volume> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if !path.exists() {
        eprintln!("skipped: no CT at {}", path.display());
        return None;
    }
    Some(io::read(&path).expect("a CT"))
}

/// Gains in PSNR and SSIM over linear and over cubic interpolation.
fn gains(volume: &Volume, gap: usize, slices: Option<std::ops::Range<usize>>) -> [[f64; 2]; 2] {
    let scores = |interpolator: Interpolator| {
        let range = slices.clone();
        let comparison = Comparison { range, ..Comparison::new(volume, gap) };
        let Evaluation { scores, .. } =
            evaluate(&comparison, &interpolator, &mut |_| Ok(())).expect("evaluates");
        [scores.psnr, scores.ssim]
    };
    let network = scores(shipped().into());
    [scores(Interpolator::Linear), scores(Interpolator::Cubic)]
        .map(|plain| [network[0] - plain[0], network[1] - plain[1]])
}

#[test]
fn model_cards_name_the_checksum() {
    for name in shipped_names() {
        let model = Model::load(name, Device::Cpu).expect("a shipped model loads");
        let system = model.system();
        let is_motion = name.starts_with("hrinet-motion") || name == THIN;
        assert_eq!(system == System::HrinetMotion, is_motion);
        assert_eq!(model.is_thin(), name == THIN);
        assert!(system == System::HrinetMotion || system.to_string() == name, "{name}: {system}");
        let card = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("models/{name}.md"));
        let card = std::fs::read_to_string(card).expect("the model's card");
        assert!(card.contains(model.checksum()), "the card of {name} is of another model");
        // Test volumes are in no training.
        let record = model.record();
        for test in ["sts003", "sts010", "sts018", "sts031", "sts044", "sts050", "lidc0314"] {
            assert!(!record.trained_on.iter().chain(&record.held_out).any(|name| name == test));
        }
    }
}

/// The sharp model has the noise of known slices; the default one has the higher PSNR.
#[test]
fn sharp_model_has_the_noise_of_known_slices_and_beats_cubic() {
    let Some(limb) = ct("../shared/ct/test/sts010.nii.gz") else { return };
    let sharp = Model::load("hrinet-motion-sharp", Device::Cpu).expect("a shipped model loads");
    let of = |interpolator: Interpolator| {
        let comparison = Comparison::new(&limb, 2);
        evaluate(&comparison, &interpolator, &mut |_| Ok(())).expect("evaluates")
    };
    let [calm, cubic] = [Interpolator::from(shipped()), Interpolator::Cubic].map(of);
    let sharp = of(sharp.into());
    for tissue in [1, 2] {
        let noise =
            |of: &Evaluation| of.tissues[tissue].scores().expect("there is some").noise_ratio;
        let name = TISSUES[tissue].name;
        assert!((0.75..1.1).contains(&noise(&sharp)), "{name}: {}", noise(&sharp));
        assert!(noise(&calm) < noise(&sharp) - 0.05, "{name}: {}", noise(&calm));
    }
    let psnr = |of: &Evaluation| of.scores.psnr;
    assert!(psnr(&cubic) + 1.0 < psnr(&sharp) && psnr(&sharp) < psnr(&calm));
}

#[test]
fn default_model_beats_linear_and_cubic_on_an_unseen_chest() {
    let Some(chest) = ct(".samples/cxr.nii.gz") else { return };
    for gap in [2, 4] {
        for [psnr, ssim] in gains(&chest, gap, Some(60..69)) {
            assert!(psnr > 0.5 && ssim > 0.0, "gap {gap}: {psnr:+.2} dB, SSIM {ssim:+.4}");
        }
    }
}

#[test]
fn default_model_beats_linear_and_cubic_on_unseen_soft_tissue() {
    let Some(limb) = ct("../shared/ct/test/sts010.nii.gz") else { return };
    for gap in [2, 3, 6] {
        for [psnr, ssim] in gains(&limb, gap, None) {
            assert!(psnr > 0.5 && ssim > 0.0, "gap {gap}: {psnr:+.2} dB, SSIM {ssim:+.4}");
        }
    }
}

#[test]
fn known_slices_of_a_real_ct_are_unchanged() {
    let Some(chest) = ct(".samples/cxr.nii.gz") else { return };
    let interpolator = Interpolator::from(shipped());
    // 31.25 mm is 12.5 slices: every second output slice is a known one.
    let plan = Plan::new(chest.geometry(), Some(Axis::K), &Spacing::Exact(31.25)).unwrap();
    let outputs = Job::new(&plan, &interpolator, &chest).run(&mut |_| Ok(())).unwrap();
    let (voxels::Voxels::Int16(before), voxels::Voxels::Int16(after)) =
        (chest.voxels(), outputs.volume.voxels())
    else {
        panic!("the sample is int16")
    };
    let mut known = 0;
    for (index, source) in plan.slices().iter().enumerate() {
        if let SliceSource::Known(slice) = *source {
            known += 1;
            assert_eq!(voxels::slice(before, Axis::K, slice), voxels::slice(after, Axis::K, index));
        }
    }
    let interpolated = outputs.others.work.interpolated;
    assert_eq!((known, interpolated), (plan.known_count(), plan.slices().len() - known));
    assert!(known >= 5 && interpolated >= 5, "{known} known, {interpolated} interpolated");
}

#[test]
fn ensemble_gives_reversed_slices_of_a_reversed_stack() {
    let Some(volume) = ct("../shared/ct/test/sts003.nii.gz") else { return };
    let voxels::Voxels::Int16(array) = volume.voxels() else { panic!("CTs are int16") };
    let hu = |index| array.index_axis(ndarray::Axis(0), index).map(|&hu| f32::from(hu));
    let (a, b) = (hu(20), hu(23));
    let max_difference = |model: Model| {
        let interpolator = Interpolator::from(model);
        let slices = |a: &ndarray::Array2<f32>, b: &ndarray::Array2<f32>, alpha| {
            between_slices(a.view(), b.view(), &[alpha], &interpolator).expect("slices")
        };
        let difference = slices(&a, &b, 0.75) - slices(&b, &a, 0.25);
        difference.iter().fold(0f32, |max, value| max.max(value.abs()))
    };
    let alone = max_difference(shipped());
    let ensemble = max_difference(shipped().with_ensemble());
    assert!(ensemble < 0.01, "differs by {ensemble} HU");
    // The network alone is not symmetric.
    assert!(alone > 1.0, "differs by {alone} HU");
}

/// The cached midpoint flow is independent of the slice that needs it first, in both orders.
#[test]
fn slices_decoded_one_by_one_are_those_of_a_batch() {
    let plane = |seed: u64| {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        Array2::from_shape_simple_fn((40, 56), || random.random::<f32>())
    };
    for name in shipped_names() {
        let model = Model::load(name, Device::Cpu).expect("a shipped model loads").with_ensemble();
        let [first, second] = [1, 2].map(|seed| model.encode(&plane(seed)).expect("encodes"));
        let fractions = [0.2, 0.5, 0.75];
        let together = Neighbours::of_pair(&first, &second);
        let together = model.decode(&together, &fractions).expect("decodes");
        let one_by_one = Neighbours::of_pair(&first, &second);
        for (index, fraction) in fractions.into_iter().enumerate().rev() {
            let alone = model.decode(&one_by_one, &[fraction]).expect("decodes");
            let difference =
                &alone.index_axis(ArrayAxis(0), 0) - &together.index_axis(ArrayAxis(0), index);
            let largest = difference.iter().fold(0f32, |max, value| max.max(value.abs()));
            assert!(largest < 1e-4, "{name} at {fraction}: differs by {largest}");
        }
    }
}

/// On every processor: the automatic precision is float32 for them, bfloat16 is refused.
#[test]
fn systems_of_the_paper_compute_in_float32() {
    let plane = |shift: usize| {
        Array2::from_shape_fn((40, 56), |(row, column)| ((row + shift) * column % 17) as f32 / 17.0)
    };
    let decoded = |model: Model| {
        let [first, second] = [0, 3].map(|shift| model.encode(&plane(shift)).expect("encodes"));
        model.decode(&Neighbours::of_pair(&first, &second), &[0.4]).expect("decodes")
    };
    let options = |precision| InterpolatorOptions { precision, ..InterpolatorOptions::on("cpu") };
    let is_of_paper = |name: &&str| !name.starts_with("hrinet-motion") && *name != THIN;
    for name in shipped_names().into_iter().filter(is_of_paper) {
        let model = || Model::load(name, Device::Cpu).expect("a shipped model loads");
        let asked = model().with_precision(Precision::Bfloat16).expect("a precision");
        assert_eq!(asked.precision(), Precision::Float32);
        assert_eq!(decoded(asked), decoded(model()));
        assert!(Interpolator::load(name, &options(PrecisionChoice::Auto)).is_ok());
        let only = PrecisionChoice::Only(Precision::Bfloat16);
        let error = Interpolator::load(name, &options(only)).err().expect("it is refused");
        assert!(error.to_string().contains("computes in float32 alone"), "{name}: {error}");
    }
}
