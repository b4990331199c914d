//! HRINet-Motion with every optional part against NumPy: the same weights and slices give the same
//! output, the same values above the window and the same expected errors of them.

use crate::common::python;
use hrinet::network::features::ContextSlices;
use hrinet::network::motion::config::MotionConfig;
use hrinet::network::motion::generator::MotionGenerator;
use hrinet::network::over_range::{OverRange, OverRangePair};
use hrinet::network::{Features, Generator, Pair, Parameters};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use tch::{Device, Tensor};

/// Alpha, and 1 where the slice before the pair and the one after it are present.
const CASES: [(f32, [f32; 2]); 4] =
    [(0.5, [1.0, 1.0]), (0.25, [1.0, 0.0]), (0.8, [0.0, 1.0]), (0.6, [0.0, 0.0])];

fn every_part() -> MotionConfig {
    MotionConfig {
        widths: [4, 6, 8, 10],
        hidden: 3,
        refinement: 5,
        context: [2, 0, 3, 4],
        deeper: [0, 2, 0, 1],
        correlation: [0, 1, 2, 1],
        shared: 0,
        through_plane: 6,
        thin: false,
    }
}

/// Weights large enough that flow fields reach several pixels; those of the through-plane branch,
/// whose output is multiplied by maps, are smaller.
fn weights(config: &MotionConfig) -> Vec<(String, Tensor)> {
    let mut parameters = Parameters::random(0, Device::Cpu);
    MotionGenerator::new(&mut parameters, config).expect("a network");
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut random = |name: &str, like: &Tensor| {
        let scale = if name.starts_with("through_plane") { 0.05 } else { 0.13 };
        let values: Vec<f32> =
            (0..like.numel()).map(|_| scale * random.sample::<f32, _>(StandardNormal)).collect();
        Tensor::from_slice(&values).view(like.size().as_slice())
    };
    let named = parameters.finish().expect("weights");
    let weight = |(name, tensor): (String, Tensor)| {
        let values = random(&name, &tensor);
        (name, values)
    };
    named.into_iter().map(weight).collect()
}

#[test]
fn context_slices_agree_with_numpy() {
    agrees(&every_part());
}

#[test]
fn network_without_refinement_agrees_with_numpy() {
    agrees(&MotionConfig { refinement: 0, ..every_part() });
}

#[test]
fn network_without_through_plane_branch_agrees_with_numpy() {
    agrees(&MotionConfig { through_plane: 0, ..every_part() });
}

#[test]
fn midpoint_flow_agrees_with_numpy() {
    for shared in 1..=3 {
        agrees(&MotionConfig { shared, ..every_part() });
    }
}

/// Four slices: before the pair, the pair, after it; and what the pair has above the window.
struct Inputs {
    slices: Tensor,
    features: Features,
    over_range: Tensor,
}

impl Inputs {
    fn new(network: &MotionGenerator) -> Inputs {
        let mut random = ChaCha8Rng::seed_from_u64(6);
        let values: Vec<f32> = (0..4 * 32 * 48).map(|_| random.random()).collect();
        let slices = Tensor::from_slice(&values).view([4, 1, 32, 48]);
        let features = network.encode(&slices).expect("encodes");
        // Up to 500 HU above the window in half of the pixels; equal in both on the left.
        let values: Vec<f32> = (0..2 * 32 * 48).map(|_| random.random_range(-0.25..0.25)).collect();
        let over_range = Tensor::from_slice(&values).view([2, 1, 32, 48]).clamp_min(0.0);
        over_range.get(1).narrow(2, 0, 24).copy_(&over_range.get(0).narrow(2, 0, 24));
        Inputs { slices, features, over_range }
    }

    fn slice(&self, index: i64) -> Features {
        self.features.narrow(index, 1).expect("a slice")
    }

    fn context(&self, present: [f32; 2]) -> ContextSlices {
        let flag = |end: usize| Tensor::from_slice(&[present[end]]).view([1, 1, 1, 1]);
        let outer = |end: usize| -> Features {
            let own = [1, 2][end];
            self.slice(if present[end] > 0.0 { [0, 3][end] } else { own })
        };
        ContextSlices { slices: [outer(0), outer(1)], present: [flag(0), flag(1)] }
    }
}

/// The slice at alpha, the same with the values above the window, and the expected error of those.
fn decode(network: &MotionGenerator, inputs: &Inputs, case: (f32, [f32; 2])) -> [Tensor; 3] {
    let (alpha, present) = (Tensor::from_slice(&[case.0]), case.1);
    let (first, second) = (inputs.slice(1), inputs.slice(2));
    let context = inputs.context(present);
    let pair = Pair { slices: [&first, &second], context: Some(&context) };
    let decoded = network.decode(pair, &alpha).expect("decodes");
    let midpoint = network.midpoint_flow(pair).expect("finds the flow");
    let outputs = network.decode_with_outputs(pair, midpoint.as_ref(), &alpha).expect("decodes");
    let outputs = outputs.expect("HRINet-Motion has outputs");
    assert_eq!((&decoded - outputs.slices).abs().max().double_value(&[]), 0.0);
    if present == [0.0, 0.0] {
        // Absent context slices are no context.
        let alone = network.decode(Pair::new(&first, &second), &alpha).expect("decodes");
        assert!((&decoded - alone).abs().max().double_value(&[]) < 1e-6);
    }
    let [first, second] = [0, 1].map(|index| {
        OverRange::of(&(inputs.over_range.narrow(0, index, 1) + 1.0)).expect("grey values")
    });
    let over_range = OverRangePair::warped([first.as_ref(), second.as_ref()], &outputs.flow)
        .expect("warps")
        .expect("values above the window");
    let sum = over_range.add_to(&decoded.clamp(0.0, 1.0), &outputs.blend_mask).expect("adds");
    let error = over_range.expected_error(&decoded.full_like(0.125)).expect("adds");
    [decoded, sum, error]
}

fn agrees(config: &MotionConfig) {
    let weights = weights(config);
    let tensors = weights.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone()));
    let mut parameters = Parameters::from_tensors(tensors.collect(), Device::Cpu);
    let network = MotionGenerator::new(&mut parameters, config).expect("weights of every layer");
    parameters.finish().expect("no further weights");
    let inputs = Inputs::new(&network);
    let pair = (inputs.slice(1), inputs.slice(2));
    let midpoint = network.midpoint_flow(Pair::new(&pair.0, &pair.1)).expect("finds the flow");
    assert_eq!(midpoint.is_some(), config.shared > 0);
    let decoded = CASES.map(|case| decode(&network, &inputs, case));
    let all = |index: usize| Tensor::cat(&decoded.each_ref().map(|planes| &planes[index]), 0);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("motion.safetensors");
    let mut tensors: Vec<(String, Tensor)> =
        weights.into_iter().map(|(name, tensor)| (format!("weights.{name}"), tensor)).collect();
    tensors.push(("slices".into(), inputs.slices.squeeze_dim(1)));
    tensors.push(("shared".into(), Tensor::from_slice(&[config.shared as f32])));
    tensors.push(("alpha".into(), Tensor::from_slice(&CASES.map(|(alpha, _)| alpha))));
    let present: Vec<f32> = CASES.iter().flat_map(|(_, present)| *present).collect();
    tensors.push(("there".into(), Tensor::from_slice(&present).view([4, 2])));
    tensors.push(("output".into(), all(0)));
    tensors.push(("above".into(), inputs.over_range));
    tensors.push(("carried".into(), all(1)));
    tensors.push(("doubts".into(), all(2)));
    Tensor::write_safetensors(&tensors, &path).unwrap();
    let largest: f64 =
        python::run("motion.py", &[path.to_str().unwrap()]).trim().parse().expect("a number");
    assert!(largest < 1e-4, "differs by {largest}");
}
