//! D2, the PatchGAN of Isola et al. (CVPR 2017): classifies 70 x 70 patches as real or decoded.

use tch::Tensor;

use crate::error::{Error, Result};
use crate::network::nn::conv::{Convolution, ConvolutionConfig, Init, leaky_relu};
use crate::network::nn::parameters::Parameters;

/// Channels and stride of each 4x4 convolution before the last.
const LAYERS: [(i64, i64); 4] = [(64, 2), (128, 2), (256, 2), (512, 1)];

/// Side in pixels of the patch that one logit sees.
pub const PATCH: i64 = 70;

/// Smallest side in pixels of an image that leaves a map of logits.
pub const MIN_SIDE: i64 = 32;

/// Standard deviation of the initial weights, as in the reference implementation.
const DEVIATION: f64 = 0.02;

/// Keeps the normalisation of a constant image finite.
const EPSILON: f64 = 1e-5;

/// 4 x 4 convolutions with leaky ReLU and, from the second on, instance normalisation; then one
/// logit per patch (parameters psi of the paper).
pub struct PatchGan {
    layers: Vec<Convolution>,
    exit: Convolution,
}

impl PatchGan {
    /// Builds the network with random weights or those of a checkpoint.
    ///
    /// # Errors
    /// [`Error::Argument`] where the weights of a checkpoint do not fit.
    pub fn new(parameters: &mut Parameters) -> Result<PatchGan> {
        let convolution = |inputs, outputs| {
            ConvolutionConfig::new(inputs, outputs).kernel(4).init(Init::NearZero(DEVIATION))
        };
        let mut layers = Vec::new();
        let mut inputs = 1;
        for (number, (outputs, stride)) in LAYERS.into_iter().enumerate() {
            let name = format!("layer{}", number + 1);
            let layer = convolution(inputs, outputs).stride(stride);
            layers.push(Convolution::new(parameters, &name, layer)?);
            inputs = outputs;
        }
        let exit = Convolution::new(parameters, "exit", convolution(inputs, 1))?;
        Ok(PatchGan { layers, exit })
    }

    /// Logits `[N, 1, H / 8 - 2, W / 8 - 2]` of images `[N, 1, H, W]`, positive for a real patch.
    ///
    /// # Errors
    /// [`Error::Argument`] for sides of less than [`MIN_SIDE`].
    pub fn logits(&self, images: &Tensor) -> Result<Tensor> {
        self.forward(images, true)
    }

    fn forward(&self, images: &Tensor, normalise: bool) -> Result<Tensor> {
        let (_, _, rows, columns) = images.size4()?;
        if rows.min(columns) < MIN_SIDE {
            return Err(Error::Argument(format!(
                "images of {rows} x {columns} pixels are too small for the PatchGAN; at least \
                 {MIN_SIDE} x {MIN_SIDE}"
            )));
        }
        let mut x = images.shallow_clone();
        for (number, layer) in self.layers.iter().enumerate() {
            x = layer.forward(&x)?;
            if normalise && number > 0 {
                let none = None::<&Tensor>;
                x = x.f_instance_norm(none, none, none, none, true, 0.0, EPSILON, true)?;
            }
            x = leaky_relu(&x)?;
        }
        self.exit.forward(&x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    /// Without instance normalisation, which sees the whole plane.
    #[test]
    fn one_logit_sees_70_by_70_pixels() {
        let mut parameters = Parameters::random(4, Device::Cpu);
        let network = PatchGan::new(&mut parameters).unwrap();
        let image = Tensor::rand([1, 1, 192, 160], (Kind::Float, Device::Cpu));
        let image = image.set_requires_grad(true);
        let logits = network.forward(&image, false).unwrap();
        assert_eq!(logits.size(), [1, 1, 22, 18]);
        logits.get(0).get(0).get(11).get(9).backward();
        let seen = image.grad().abs().squeeze().gt(0.0);
        for dimension in [0, 1] {
            let line = seen.any_dim(dimension, false).nonzero().squeeze();
            let (first, last) = (line.min().int64_value(&[]), line.max().int64_value(&[]));
            assert_eq!(last - first + 1, PATCH, "along {}", 1 - dimension);
        }
    }

    #[test]
    fn instance_normalisation_removes_contrast() {
        let mut parameters = Parameters::random(4, Device::Cpu);
        let network = PatchGan::new(&mut parameters).unwrap();
        let image = Tensor::rand([2, 1, 64, 64], (Kind::Float, Device::Cpu));
        let logits = network.logits(&(&image * 50.0)).unwrap();
        assert_eq!(logits.size(), [2, 1, 6, 6]);
        // The first layer is linear up to its leaky ReLU: a doubled image doubles the input of the
        // normalisation, which removes the factor.
        let doubled = network.logits(&(&image * 100.0)).unwrap();
        let difference = (&doubled - &logits).abs().max().double_value(&[]);
        assert!(difference < 1e-2 * logits.std(true).double_value(&[]), "{difference}");
        let unnormalised = network.forward(&(&image * 2.0), false).unwrap();
        let once = network.forward(&image, false).unwrap();
        assert!((unnormalised - once).abs().max().double_value(&[]) > 0.0);
    }

    #[test]
    fn image_smaller_than_a_patch_is_rejected() {
        let mut parameters = Parameters::random(4, Device::Cpu);
        let network = PatchGan::new(&mut parameters).unwrap();
        let image = |side: i64| Tensor::rand([1, 1, side, 64], (Kind::Float, Device::Cpu));
        assert!(network.logits(&image(16)).unwrap_err().to_string().contains("16 x 64"));
        assert_eq!(network.logits(&image(MIN_SIDE)).unwrap().size(), [1, 1, 2, 6]);
    }
}
