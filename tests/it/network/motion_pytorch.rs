//! HRINet-Motion against PyTorch: the same weights, the same slices, the same output.

use std::collections::BTreeMap;

use hrinet::network::motion::config::MotionConfig;
use hrinet::network::motion::generator::Motion;
use hrinet::network::{Features, Pair, Parameters};
use tch::{Device, Tensor};

/// Written by `tests/fixtures/make_motion.py`.
fn fixture() -> BTreeMap<String, Tensor> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/motion.safetensors");
    Tensor::read_safetensors(path).expect("the fixture").into_iter().collect()
}

#[test]
fn the_same_weights_give_what_pytorch_gives() {
    let mut tensors = fixture();
    let mut take = |name: &str| tensors.remove(name).expect("in the fixture");
    let (first, second) = (take("first"), take("second"));
    let (alpha, expected) = (take("alpha"), take("output"));
    let weights = tensors
        .into_iter()
        .map(|(name, tensor)| (name.strip_prefix("weights.").expect("a weight").into(), tensor));
    let mut parameters = Parameters::stored(weights.collect(), Device::Cpu);
    let sizes =
        MotionConfig { widths: [4, 6, 8, 10], hidden: 3, refinement: 5, ..MotionConfig::default() };
    let network = Motion::new(&mut parameters, &sizes).expect("every weight has its place");
    parameters.finish().expect("no weight is left over");

    let encode = |slice: &Tensor| network.encode(slice).expect("encodes");
    let (first, second): (Features, Features) = (encode(&first), encode(&second));
    let count = alpha.size()[0];
    let (first, second) =
        (first.repeat(count).expect("repeats"), second.repeat(count).expect("repeats"));
    let made = network.decode(Pair::alone(&first, &second), &alpha).expect("decodes");
    let difference = (&made - &expected).abs().max().double_value(&[]);
    assert!(difference < 1e-5, "differs by {difference}");
}
