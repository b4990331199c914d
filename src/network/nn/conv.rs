//! Convolutions with their initialisation, and the activations between them.

use tch::{Kind, Tensor};

use crate::error::Result;
use crate::network::nn::layout::{maps_of, pixels_of};
use crate::network::nn::parameters::{Distribution, Parameters};

/// Slope of the paper's leaky ReLU below zero.
const LEAK: f64 = 0.2;

/// Initialisation of the weights and the bias of a convolution.
#[derive(Clone, Copy, Debug)]
pub enum Init {
    /// That of ACAI: normal with std 1 / sqrt(fan_in * (1 + 0.2^2)), zero bias.
    LeakyNormal,
    /// That of PyTorch: weights and bias uniform within 1 / sqrt(fan_in).
    FanInUniform,
    /// Normal with this standard deviation, zero bias.
    NearZero(f64),
    /// All zero: the layer contributes nothing until it has learnt.
    Zero,
}

impl Init {
    fn weight_and_bias(self, fan_in: i64) -> (Distribution, Distribution) {
        let fan_in = fan_in as f64;
        let zero = Distribution::Constant(0.0);
        match self {
            Init::LeakyNormal => {
                let deviation = 1.0 / (fan_in * (1.0 + LEAK * LEAK)).sqrt();
                (Distribution::Normal(deviation), zero)
            }
            Init::FanInUniform => {
                let bound = Distribution::Uniform(1.0 / fan_in.sqrt());
                (bound, bound)
            }
            Init::NearZero(deviation) => (Distribution::Normal(deviation), zero),
            Init::Zero => (zero, zero),
        }
    }
}

/// Shape and initialisation of a square convolution; 3 x 3, stride 1 and PyTorch's initialisation
/// unless told otherwise.
#[derive(Clone, Copy, Debug)]
pub struct ConvolutionConfig {
    inputs: i64,
    outputs: i64,
    kernel: i64,
    stride: i64,
    init: Init,
}

impl ConvolutionConfig {
    /// A convolution from `inputs` to `outputs` channels.
    pub fn new(inputs: i64, outputs: i64) -> ConvolutionConfig {
        ConvolutionConfig { inputs, outputs, kernel: 3, stride: 1, init: Init::FanInUniform }
    }

    /// Sets the side of the kernel in pixels.
    pub fn kernel(self, kernel: i64) -> ConvolutionConfig {
        ConvolutionConfig { kernel, ..self }
    }

    /// Sets the stride in pixels.
    pub fn stride(self, stride: i64) -> ConvolutionConfig {
        ConvolutionConfig { stride, ..self }
    }

    /// Sets the initialisation.
    pub fn init(self, init: Init) -> ConvolutionConfig {
        ConvolutionConfig { init, ..self }
    }
}

/// A square convolution with bias and zero padding. At stride 1 it keeps the size of the plane
/// where the kernel is odd, and takes one pixel off where it is even.
pub struct Convolution {
    weight: Tensor,
    bias: Tensor,
    stride: i64,
    padding: i64,
}

impl Convolution {
    /// Builds the layer from the weights `name.weight` and `name.bias`.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where the weights of a checkpoint do not fit.
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        config: ConvolutionConfig,
    ) -> Result<Convolution> {
        let ConvolutionConfig { inputs, outputs, kernel, stride, init } = config;
        let (weight, bias) = init.weight_and_bias(inputs * kernel * kernel);
        let shape = [outputs, inputs, kernel, kernel];
        Ok(Convolution {
            weight: parameters.get(&format!("{name}.weight"), &shape, weight)?,
            bias: parameters.get(&format!("{name}.bias"), &[outputs], bias)?,
            stride,
            padding: (kernel - 1) / 2,
        })
    }

    /// Converts the weights for good, so that no pass has to.
    pub fn set_kind(&mut self, kind: Kind) -> Result<()> {
        self.weight = channels_last(&self.weight.f_to_kind(kind)?)?;
        self.bias = self.bias.f_to_kind(kind)?;
        Ok(())
    }

    /// `[N, inputs, H, W]` to `[N, outputs, H / stride, W / stride]`, in the precision of `x`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let weight = channels_last(&as_kind_of(x, &self.weight)?)?;
        let bias = as_kind_of(x, &self.bias)?;
        let (stride, padding) = ([self.stride; 2], [self.padding; 2]);
        Ok(x.f_conv2d(&weight, Some(&bias), stride, padding, [1, 1], 1)?)
    }
}

/// Stores a weight with its channels contiguous. A convolution takes the memory format of its
/// weight for its output, and with few channels computes a seventh faster in this one.
fn channels_last(weight: &Tensor) -> Result<Tensor> {
    maps_of(&pixels_of(weight)?.f_contiguous()?)
}

/// Concatenates the channels of maps `[N, C, H, W]`, in channels-last memory format: a convolution
/// would convert planes to it, which takes longer.
pub fn concat_channels(maps: &[&Tensor]) -> Result<Tensor> {
    let pixels = maps.iter().map(|map| pixels_of(map)).collect::<Result<Vec<_>>>()?;
    maps_of(&Tensor::f_cat(&pixels, 3)?)
}

/// Splits maps `[N, C, H, W]` into the channels before `at` and those from `at` on, as views.
pub fn split_channels(maps: &Tensor, at: i64) -> Result<(Tensor, Tensor)> {
    let (_, channels, _, _) = maps.size4()?;
    Ok((maps.f_narrow(1, 0, at)?, maps.f_narrow(1, at, channels - at)?))
}

/// A weight in the precision of its input; float32 is not copied.
fn as_kind_of(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    Ok(weight.f_to_kind(x.f_kind()?)?)
}

/// A 4 x 4 transposed convolution of stride 2, which doubles the sides of the plane.
pub struct Upsampling {
    weight: Tensor,
    bias: Tensor,
}

impl Upsampling {
    /// Builds the layer, from `inputs` to `outputs` channels.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where the weights of a checkpoint do not fit.
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        inputs: i64,
        outputs: i64,
        init: Init,
    ) -> Result<Upsampling> {
        let (weight, bias) = init.weight_and_bias(outputs * 16);
        Ok(Upsampling {
            weight: parameters.get(&format!("{name}.weight"), &[inputs, outputs, 4, 4], weight)?,
            bias: parameters.get(&format!("{name}.bias"), &[outputs], bias)?,
        })
    }

    /// Converts the weights for good, so that no pass has to.
    pub fn set_kind(&mut self, kind: Kind) -> Result<()> {
        self.weight = channels_last(&self.weight.f_to_kind(kind)?)?;
        self.bias = self.bias.f_to_kind(kind)?;
        Ok(())
    }

    /// `[N, inputs, H, W]` to `[N, outputs, 2 H, 2 W]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (weight, bias) = (channels_last(&self.weight)?, Some(&self.bias));
        Ok(x.f_conv_transpose2d(&weight, bias, [2, 2], [1, 1], [0, 0], 1, [1, 1])?)
    }
}

/// The paper's leaky ReLU: x where it is positive, 0.2 x elsewhere.
///
/// tch's own leaky ReLU takes no slope, and PReLU would gather a gradient for a fixed slope. The
/// kernel of the leaky ReLU's *gradient* takes the slope: applied to x itself it returns x or 0.2 x
/// by the sign of x, and the gradient of that is the same kernel again.
pub fn leaky_relu(x: &Tensor) -> Result<Tensor> {
    Ok(x.f_detach()?.f_leaky_relu_backward(x, LEAK, false)?)
}

/// Two 3 x 3 convolutions, each followed by leaky ReLU, as in the paper's EN and DE blocks.
pub struct ConvolutionPair {
    convolutions: [Convolution; 2],
}

impl ConvolutionPair {
    /// Builds the block, from `inputs` to `outputs` channels.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where the weights of a checkpoint do not fit.
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        inputs: i64,
        outputs: i64,
    ) -> Result<ConvolutionPair> {
        let mut unit = |part: &str, inputs| {
            let config = ConvolutionConfig::new(inputs, outputs).init(Init::LeakyNormal);
            Convolution::new(parameters, &format!("{name}.{part}"), config)
        };
        Ok(ConvolutionPair { convolutions: [unit("first", inputs)?, unit("second", outputs)?] })
    }

    /// `[N, inputs, H, W]` to `[N, outputs, H, W]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [first, second] = &self.convolutions;
        leaky_relu(&second.forward(&leaky_relu(&first.forward(x)?)?)?)
    }
}

/// PReLU of maps `[N, C, H, W]` with a slope `[C]` per channel.
///
/// Whole rows of a channels-last map meet slopes repeated as often: libtorch's own PReLU begins
/// anew for each pixel, which in bfloat16 takes 25 times as long with 24 channels.
fn prelu(x: &Tensor, slope: &Tensor) -> Result<Tensor> {
    let (images, channels, rows, columns) = x.size4()?;
    let pixels = pixels_of(x)?;
    let lines = pixels.f_reshape([images * rows, columns * channels])?;
    let slopes = slope.f_repeat([columns])?.f_view([1, columns * channels])?;
    let lines = lines.f_internal_prelu_kernel(&slopes)?;
    maps_of(&lines.f_view([images, rows, columns, channels])?)
}

/// A convolution and a PReLU with one learnt slope per channel, the unit of HRINet-Motion.
pub struct ConvolutionPrelu {
    convolution: Convolution,
    slope: Tensor,
}

impl ConvolutionPrelu {
    /// Builds the unit from the weights `name.weight`, `name.bias` and `name.slope`.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where the weights of a checkpoint do not fit.
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        config: ConvolutionConfig,
    ) -> Result<ConvolutionPrelu> {
        let convolution = Convolution::new(parameters, name, config)?;
        let slope = Distribution::Constant(0.25);
        let slope = parameters.get(&format!("{name}.slope"), &[config.outputs], slope)?;
        Ok(ConvolutionPrelu { convolution, slope })
    }

    /// Converts the weights for good, so that no pass has to.
    pub fn set_kind(&mut self, kind: Kind) -> Result<()> {
        self.convolution.set_kind(kind)?;
        self.slope = self.slope.f_to_kind(kind)?;
        Ok(())
    }

    /// `[N, inputs, H, W]` to `[N, outputs, H / stride, W / stride]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_sum(x, &[])
    }

    /// Like [`ConvolutionPrelu::forward`], but adds other convolutions of other maps, with the same
    /// output channels, before the PReLU.
    pub fn forward_sum(&self, x: &Tensor, others: &[(&Convolution, Tensor)]) -> Result<Tensor> {
        let mut sum = self.convolution.forward(x)?;
        for (convolution, map) in others {
            sum = sum.f_add(&convolution.forward(map)?)?;
        }
        prelu(&sum, &self.slope)
    }
}
