//! The models that ship: they load by name; the default beats what users have today, and keeps its promises on a
//! real CT.

use std::path::Path;

use hrinet::evaluation::{Evaluation, evaluate};
use hrinet::io;
use hrinet::metrics::tissue::TISSUES;
use hrinet::network::model::{DEFAULT, shipped_names};
use hrinet::network::{Model, Neighbours, SliceNetwork, System};
use hrinet::resample::Interpolator;
use hrinet::resample::interpolate::{between_slices, interpolate};
use hrinet::resample::{Plan, SliceSource, Spacing};
use hrinet::volume::{Axis, Volume, voxels};
use ndarray::{Array2, Axis as ArrayAxis};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::Device;

fn shipped() -> Model {
    Model::load(DEFAULT, Device::Cpu).expect("the shipped model loads")
}

/// A real CT beside the project, or one that `scripts/dev/fetch-samples` brings.
fn ct(path: &str) -> Option<Volume> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if !path.exists() {
        eprintln!("skipped: no CT at {}", path.display());
        return None;
    }
    Some(io::read(&path).expect("a CT"))
}

/// PSNR and SSIM over linear and over cubic.
fn gains(volume: &Volume, gap: usize, slices: Option<std::ops::Range<usize>>) -> [[f64; 2]; 2] {
    let model = shipped();
    let scores = |method: Interpolator| {
        let Evaluation { scores, .. } =
            evaluate(volume, gap, slices.clone(), &method, &mut |_| Ok(())).expect("evaluates");
        [scores.psnr, scores.ssim]
    };
    let network = scores(Interpolator::Network(&model));
    [scores(Interpolator::Linear), scores(Interpolator::Cubic)]
        .map(|plain| [network[0] - plain[0], network[1] - plain[1]])
}

#[test]
fn all_are_the_motion_network_and_their_cards_name_their_checksums() {
    for name in shipped_names() {
        let model = Model::load(name, Device::Cpu).expect("a shipped model loads");
        assert_eq!(model.system(), System::HrinetMotion);
        let card = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("models/{name}.md"));
        let card = std::fs::read_to_string(card).expect("the model's card");
        assert!(card.contains(model.checksum()), "the card of {name} is of another model");
        assert!(card.contains(&model.record().command), "the card of {name} has another command");
        // Never trained on what it is tested on.
        let record = model.record();
        for test in ["sts003", "sts010", "sts018", "sts031", "sts044", "sts050", "lidc0314"] {
            assert!(!record.trained_on.iter().chain(&record.held_out).any(|name| name == test));
        }
    }
}

/// What each is for: the sharp one's grain is that of scanned slices, the default's slices are closer to
/// them.
#[test]
fn the_sharp_model_has_the_noise_of_scanned_slices_and_is_still_closer_than_cubic() {
    let Some(limb) = ct("../shared/ct/test/sts010.nii.gz") else { return };
    let sharp = Model::load("hrinet-motion-sharp", Device::Cpu).expect("a shipped model loads");
    let of = |method: Interpolator| {
        evaluate(&limb, 2, None, &method, &mut |_| Ok(())).expect("evaluates")
    };
    let [calm, cubic] = [Interpolator::Network(&shipped()), Interpolator::Cubic].map(of);
    let sharp = of(Interpolator::Network(&sharp));
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
fn it_beats_linear_and_cubic_on_a_chest_that_it_never_saw() {
    let Some(chest) = ct(".samples/cxr.nii.gz") else { return };
    for gap in [2, 4] {
        for [psnr, ssim] in gains(&chest, gap, Some(60..69)) {
            assert!(psnr > 0.5 && ssim > 0.0, "gap {gap}: {psnr:+.2} dB, SSIM {ssim:+.4}");
        }
    }
}

#[test]
fn it_beats_linear_and_cubic_on_soft_tissue_that_it_never_saw() {
    let Some(limb) = ct("../shared/ct/test/sts010.nii.gz") else { return };
    for gap in [2, 3, 6] {
        for [psnr, ssim] in gains(&limb, gap, None) {
            assert!(psnr > 0.5 && ssim > 0.0, "gap {gap}: {psnr:+.2} dB, SSIM {ssim:+.4}");
        }
    }
}

#[test]
fn known_slices_of_a_real_ct_come_back_bit_for_bit() {
    let Some(chest) = ct(".samples/cxr.nii.gz") else { return };
    let model = shipped();
    // 31.25 mm is 12.5 slices: every second new slice is a known one.
    let plan = Plan::new(chest.geometry(), Some(Axis::K), &Spacing::Exact(31.25)).unwrap();
    let (made, work) =
        interpolate(&chest, &plan, &Interpolator::Network(&model), &mut |_| Ok(())).unwrap();
    let (voxels::Voxels::Int16(before), voxels::Voxels::Int16(after)) =
        (chest.voxels(), made.voxels())
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
    assert_eq!((known, work.made), (plan.known_count(), plan.slices().len() - known));
    assert!(known >= 5 && work.made >= 5, "{known} known, {} made", work.made);
}

#[test]
fn in_both_orders_a_reversed_stack_gives_reversed_slices() {
    let Some(volume) = ct("../shared/ct/test/sts003.nii.gz") else { return };
    let voxels::Voxels::Int16(array) = volume.voxels() else { panic!("CTs are int16") };
    let hu = |index| array.index_axis(ndarray::Axis(0), index).map(|&hu| f32::from(hu));
    let (a, b) = (hu(20), hu(23));
    let farthest = |model: &Model| {
        let made = |a: &ndarray::Array2<f32>, b: &ndarray::Array2<f32>, alpha| {
            between_slices(a.view(), b.view(), &[alpha], &Interpolator::Network(model))
                .expect("slices")
        };
        let apart = made(&a, &b, 0.75) - made(&b, &a, 0.25);
        apart.iter().fold(0f32, |most, apart| most.max(apart.abs()))
    };
    let (once, both) = (farthest(&shipped()), farthest(&shipped().with_ensemble()));
    assert!(both < 0.01, "{both} HU apart");
    // The network alone is not symmetric: the mean of both orders is what makes it so.
    assert!(once > 1.0, "{once} HU apart");
}

/// What a network finds once a pair is the same whichever slice asks first, in both orders.
#[test]
fn slices_made_one_by_one_are_those_made_together() {
    let plane = |seed: u64| {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        Array2::from_shape_simple_fn((40, 56), || random.random::<f32>())
    };
    for name in shipped_names() {
        let model = Model::load(name, Device::Cpu).expect("a shipped model loads").with_ensemble();
        let [first, second] = [1, 2].map(|seed| model.encode(&plane(seed)).expect("encodes"));
        let alphas = [0.25, 0.5, 0.8];
        let together = Neighbours::of_pair(&first, &second);
        let together = model.decode(&together, &alphas).expect("decodes");
        let one_by_one = Neighbours::of_pair(&first, &second);
        for (index, alpha) in alphas.into_iter().enumerate().rev() {
            let alone = model.decode(&one_by_one, &[alpha]).expect("decodes");
            let apart =
                &alone.index_axis(ArrayAxis(0), 0) - &together.index_axis(ArrayAxis(0), index);
            let largest = apart.iter().fold(0f32, |most, value| most.max(value.abs()));
            assert!(largest < 1e-4, "{name} at {alpha}: differs by {largest}");
        }
    }
}
