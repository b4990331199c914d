//! HRINet-Motion against PyTorch: the same weights, the same slices, the same output.

use std::collections::BTreeMap;

use hrinet::network::motion::config::MotionConfig;
use hrinet::network::motion::generator::MotionGenerator;
use hrinet::network::{Features, Generator, Pair, Parameters};
use tch::{Device, Tensor};

/// Written by `tests/fixtures/make_motion.py`.
fn fixture() -> BTreeMap<String, Tensor> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/motion.safetensors");
    Tensor::read_safetensors(path).expect("the fixture").into_iter().collect()
}

#[test]
fn output_agrees_with_pytorch() {
    let mut tensors = fixture();
    let mut take = |name: &str| tensors.remove(name).expect("in the fixture");
    let (first, second) = (take("first"), take("second"));
    let (alpha, expected) = (take("alpha"), take("output"));
    let weights = tensors
        .into_iter()
        .map(|(name, tensor)| (name.strip_prefix("weights.").expect("a weight").into(), tensor));
    let mut parameters = Parameters::from_tensors(weights.collect(), Device::Cpu);
    let config =
        MotionConfig { widths: [4, 6, 8, 10], hidden: 3, refinement: 5, ..MotionConfig::default() };
    let network = MotionGenerator::new(&mut parameters, &config).expect("weights of every layer");
    parameters.finish().expect("no further weights");

    let encode = |slice: &Tensor| network.encode(slice).expect("encodes");
    let (first, second): (Features, Features) = (encode(&first), encode(&second));
    let count = alpha.size()[0];
    let (first, second) =
        (first.repeat(count).expect("repeats"), second.repeat(count).expect("repeats"));
    let decoded = network.decode(Pair::new(&first, &second), &alpha).expect("decodes");
    let difference = (&decoded - &expected).abs().max().double_value(&[]);
    assert!(difference < 1e-5, "differs by {difference}");
}
