//! HRINet-Motion with slices beyond the pair, deeper levels and correlation against NumPy: the same weights, the
//! same slices, the same output; and what lies above the window, carried along.

use crate::common::python;
use hrinet::network::features::ContextSlices;
use hrinet::network::motion::config::MotionConfig;
use hrinet::network::motion::flow::MidpointFlow;
use hrinet::network::motion::generator::Motion;
use hrinet::network::over_range::{OverRange, OverRangePair};
use hrinet::network::{Features, Pair, Parameters};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use tch::{Device, Tensor};

fn every_part() -> MotionConfig {
    MotionConfig {
        widths: [4, 6, 8, 10],
        hidden: 3,
        refinement: 5,
        context: [2, 0, 3, 4],
        deeper: [0, 2, 0, 1],
        correlation: [0, 1, 2, 1],
        shared: 0,
    }
}

/// Weights large enough that the motion fields reach several pixels.
fn weights(sizes: &MotionConfig) -> Vec<(String, Tensor)> {
    let mut parameters = Parameters::random(0, Device::Cpu);
    Motion::new(&mut parameters, sizes).expect("a network");
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut random = |like: &Tensor| {
        let values: Vec<f32> =
            (0..like.numel()).map(|_| 0.13 * random.sample::<f32, _>(StandardNormal)).collect();
        Tensor::from_slice(&values).view(like.size().as_slice())
    };
    let named = parameters.finish().expect("weights");
    named.into_iter().map(|(name, tensor)| (name, random(&tensor))).collect()
}

#[test]
fn slices_beyond_the_pair_are_seen_as_numpy_sees_them() {
    agrees(&every_part());
}

#[test]
fn without_a_refinement_it_is_what_numpy_makes_of_it() {
    agrees(&MotionConfig { refinement: 0, ..every_part() });
}

#[test]
fn levels_that_look_once_a_pair_find_what_numpy_finds() {
    for shared in 1..=3 {
        agrees(&MotionConfig { shared, ..every_part() });
    }
}

fn agrees(sizes: &MotionConfig) {
    let weights = weights(sizes);
    let stored = weights.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone()));
    let mut parameters = Parameters::stored(stored.collect(), Device::Cpu);
    let network = Motion::new(&mut parameters, sizes).expect("every weight has its place");
    parameters.finish().expect("no weight is left over");

    let mut random = ChaCha8Rng::seed_from_u64(6);
    let values: Vec<f32> = (0..4 * 32 * 48).map(|_| random.random()).collect();
    let slices = Tensor::from_slice(&values).view([4, 1, 32, 48]);
    let features = network.encode(&slices).expect("encodes");
    let slice = |index| features.narrow(index, 1).expect("a slice");
    // OverRangePair the window by up to 500 HU, in half of the pixels; on the left the same in both.
    let values: Vec<f32> = (0..2 * 32 * 48).map(|_| random.random_range(-0.25..0.25)).collect();
    let above = Tensor::from_slice(&values).view([2, 1, 32, 48]).clamp_min(0.0);
    above.get(1).narrow(2, 0, 24).copy_(&above.get(0).narrow(2, 0, 24));
    // Both there, one of them, the other, none.
    let cases = [(0.5f32, [1f32, 1.0]), (0.25, [1.0, 0.0]), (0.8, [0.0, 1.0]), (0.6, [0.0, 0.0])];
    let (mut outputs, mut carried, mut doubts) = (Vec::new(), Vec::new(), Vec::new());
    for (alpha, there) in cases {
        let flag = |end: usize| Tensor::from_slice(&[there[end]]).view([1, 1, 1, 1]);
        let outer = |end: usize| -> Features {
            let own = [1, 2][end];
            slice(if there[end] > 0.0 { [0, 3][end] } else { own })
        };
        let around = ContextSlices { slices: [outer(0), outer(1)], there: [flag(0), flag(1)] };
        let alpha = Tensor::from_slice(&[alpha]);
        let decode = |around: Option<&ContextSlices>, midpoint_flow: Option<&MidpointFlow>| {
            let pair = Pair { slices: [&slice(1), &slice(2)], around, midpoint_flow };
            network.decode(pair, &alpha).expect("decodes")
        };
        let made = decode(Some(&around), None);
        // What is found once a pair may be found before.
        let pair =
            Pair { slices: [&slice(1), &slice(2)], around: Some(&around), midpoint_flow: None };
        let midpoint_flow = network.midpoint_flow(pair).expect("aligns");
        assert_eq!(midpoint_flow.is_some(), sizes.shared > 0);
        let again = decode(Some(&around), midpoint_flow.as_ref());
        assert_eq!((&made - again).abs().max().double_value(&[]), 0.0);
        if there == [0.0, 0.0] {
            // Nothing beyond is the same as no word about it.
            assert!((&made - decode(None, None)).abs().max().double_value(&[]) < 1e-6);
        }
        let [mut first, mut second] = [1, 2].map(slice);
        let raised =
            |index| OverRange::of(&(above.narrow(0, index, 1) + 1.0)).expect("grey values");
        (first.above, second.above) = (raised(0), raised(1));
        let pair = Pair { slices: [&first, &second], around: Some(&around), midpoint_flow: None };
        let evidence = network.decode_with_outputs(pair, &alpha).expect("decodes");
        let moved = OverRangePair::moved(pair.above(), &evidence.motion)
            .expect("moves")
            .expect("some of it");
        carried.push(moved.onto(&made.clamp(0.0, 1.0), &evidence.mask).expect("adds"));
        doubts.push(moved.doubt(&made.full_like(0.125)).expect("doubts"));
        outputs.push(made);
    }

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("motion.safetensors");
    let mut tensors: Vec<(String, Tensor)> =
        weights.into_iter().map(|(name, tensor)| (format!("weights.{name}"), tensor)).collect();
    tensors.push(("slices".into(), slices.squeeze_dim(1)));
    tensors.push(("shared".into(), Tensor::from_slice(&[sizes.shared as f32])));
    tensors.push(("alpha".into(), Tensor::from_slice(&cases.map(|(alpha, _)| alpha))));
    let there: Vec<f32> = cases.iter().flat_map(|(_, there)| *there).collect();
    tensors.push(("there".into(), Tensor::from_slice(&there).view([4, 2])));
    tensors.push(("output".into(), Tensor::cat(&outputs, 0)));
    tensors.push(("above".into(), above));
    tensors.push(("carried".into(), Tensor::cat(&carried, 0)));
    tensors.push(("doubts".into(), Tensor::cat(&doubts, 0)));
    Tensor::write_safetensors(&tensors, &path).unwrap();
    let largest: f64 =
        python::run("motion.py", &[path.to_str().unwrap()]).trim().parse().expect("a number");
    assert!(largest < 1e-4, "differs by {largest}");
}
