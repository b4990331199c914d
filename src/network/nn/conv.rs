//! Convolutions with their initialisation, and the activations between them.

use tch::Tensor;

use crate::error::Result;
use crate::network::nn::parameters::{Initial, Parameters};

/// Slope of the paper's leaky ReLU below zero.
const LEAK: f64 = 0.2;

/// How the weights of a convolution start.
#[derive(Clone, Copy, Debug)]
pub enum Init {
    /// ACAI's: normal with std 1 / sqrt(fan_in * (1 + 0.2^2)), zero bias.
    LeakyNormal,
    /// PyTorch's: uniform within 1 / sqrt(fan_in), the bias too.
    FanInUniform,
    /// Normal with this standard deviation, zero bias: close to saying nothing.
    NearZero(f64),
    /// All zero: the layer says nothing before it has learnt something.
    Zero,
}

impl Init {
    fn weight_and_bias(self, fan_in: i64) -> (Initial, Initial) {
        let fan_in = fan_in as f64;
        match self {
            Init::LeakyNormal => {
                let deviation = 1.0 / (fan_in * (1.0 + LEAK * LEAK)).sqrt();
                (Initial::Normal(deviation), Initial::Constant(0.0))
            }
            Init::FanInUniform => {
                let bound = Initial::Uniform(1.0 / fan_in.sqrt());
                (bound, bound)
            }
            Init::NearZero(deviation) => (Initial::Normal(deviation), Initial::Constant(0.0)),
            Init::Zero => (Initial::Constant(0.0), Initial::Constant(0.0)),
        }
    }
}

/// A square convolution with bias and zero padding, which keeps the plane's size at stride 1 where
/// the kernel is odd and takes one pixel off where it is even.
pub struct Convolution {
    weight: Tensor,
    bias: Tensor,
    stride: i64,
    padding: i64,
}

impl Convolution {
    /// `kernel` x `kernel`, from `inputs` to `outputs` channels.
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        (inputs, outputs): (i64, i64),
        (kernel, stride): (i64, i64),
        start: Init,
    ) -> Result<Convolution> {
        let (weight, bias) = start.weight_and_bias(inputs * kernel * kernel);
        let shape = [outputs, inputs, kernel, kernel];
        Ok(Convolution {
            weight: parameters.get(&format!("{name}.weight"), &shape, weight)?,
            bias: parameters.get(&format!("{name}.bias"), &[outputs], bias)?,
            stride,
            padding: (kernel - 1) / 2,
        })
    }

    /// `[N, inputs, H, W]` to `[N, outputs, H / stride, W / stride]`, in the precision of `x`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let weight = channels_last(&as_kind_of(x, &self.weight)?)?;
        let bias = as_kind_of(x, &self.bias)?;
        let (stride, padding) = ([self.stride; 2], [self.padding; 2]);
        Ok(x.f_conv2d(&weight, Some(&bias), stride, padding, [1, 1], 1)?)
    }
}

/// The same weight with its channels side by side in memory. A convolution takes the order of its
/// weight for its output, and with few channels computes a seventh faster this way round.
fn channels_last(weight: &Tensor) -> Result<Tensor> {
    let last = weight.f_permute([0i64, 2, 3, 1])?.f_contiguous()?;
    Ok(last.f_permute([0i64, 3, 1, 2])?)
}

/// Maps `[N, C, H, W]` as one of all their channels, which lie side by side in memory as a convolution wants
/// them: cheaper than plane by plane, which it would put in order itself.
pub fn concat_channels(maps: &[&Tensor]) -> Result<Tensor> {
    let last =
        maps.iter().map(|map| Ok(map.f_permute([0i64, 2, 3, 1])?)).collect::<Result<Vec<_>>>()?;
    Ok(Tensor::f_cat(&last, 3)?.f_permute([0i64, 3, 1, 2])?)
}

/// Channels before `at`, and from there on.
pub fn split_channels(x: &Tensor, at: i64) -> Result<(Tensor, Tensor)> {
    let (_, channels, _, _) = x.size4()?;
    Ok((x.f_narrow(1, 0, at)?, x.f_narrow(1, at, channels - at)?))
}

/// A weight in the precision of what it is applied to; itself where that is float32.
fn as_kind_of(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    Ok(weight.f_to_kind(x.f_kind()?)?)
}

/// A 4 x 4 transposed convolution that doubles the plane.
pub struct Upsampling {
    weight: Tensor,
    bias: Tensor,
}

impl Upsampling {
    /// From `inputs` to `outputs` channels.
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        (inputs, outputs): (i64, i64),
        start: Init,
    ) -> Result<Upsampling> {
        let (weight, bias) = start.weight_and_bias(outputs * 16);
        Ok(Upsampling {
            weight: parameters.get(&format!("{name}.weight"), &[inputs, outputs, 4, 4], weight)?,
            bias: parameters.get(&format!("{name}.bias"), &[outputs], bias)?,
        })
    }

    /// `[N, inputs, H, W]` to `[N, outputs, 2 H, 2 W]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (weight, bias) = (channels_last(&self.weight)?, Some(&self.bias));
        Ok(x.f_conv_transpose2d(&weight, bias, [2, 2], [1, 1], [0, 0], 1, [1, 1])?)
    }
}

/// The paper's leaky ReLU: x where it is positive, 0.2 x elsewhere.
///
/// This binding of libtorch gives its own leaky ReLU no slope, and PReLU would gather a gradient for a
/// slope that nobody learns. The kernel of its *gradient* takes the slope: applied to x itself it
/// gives x or 0.2 x by the sign of x, and the gradient of that is the same kernel again.
pub fn leaky_relu(x: &Tensor) -> Result<Tensor> {
    Ok(x.f_detach()?.f_leaky_relu_backward(x, LEAK, false)?)
}

/// Two 3 x 3 convolutions, leaky ReLU after each: what the paper's EN and DE blocks share.
pub struct ConvolutionPair {
    convolutions: [Convolution; 2],
}

impl ConvolutionPair {
    /// From `inputs` to `outputs` channels, and on in `outputs`.
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        (inputs, outputs): (i64, i64),
    ) -> Result<ConvolutionPair> {
        let mut unit = |part: &str, inputs| {
            let name = format!("{name}.{part}");
            Convolution::new(parameters, &name, (inputs, outputs), (3, 1), Init::LeakyNormal)
        };
        Ok(ConvolutionPair { convolutions: [unit("first", inputs)?, unit("second", outputs)?] })
    }

    /// `[N, inputs, H, W]` to `[N, outputs, H, W]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [first, second] = &self.convolutions;
        leaky_relu(&second.forward(&leaky_relu(&first.forward(x)?)?)?)
    }
}

/// A 3 x 3 convolution and a PReLU with one learnt slope a channel: the unit of HRINet-Motion.
pub struct ConvolutionPrelu {
    convolution: Convolution,
    slope: Tensor,
}

impl ConvolutionPrelu {
    /// From `inputs` to `outputs` channels with the given stride.
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        channels: (i64, i64),
        stride: i64,
    ) -> Result<ConvolutionPrelu> {
        Self::with_init(parameters, name, channels, stride, Init::FanInUniform)
    }

    /// The same with weights that start in another way.
    pub fn with_init(
        parameters: &mut Parameters,
        name: &str,
        channels: (i64, i64),
        stride: i64,
        start: Init,
    ) -> Result<ConvolutionPrelu> {
        let convolution = Convolution::new(parameters, name, channels, (3, stride), start)?;
        let slope =
            parameters.get(&format!("{name}.slope"), &[channels.1], Initial::Constant(0.25))?;
        Ok(ConvolutionPrelu { convolution, slope })
    }

    /// `[N, inputs, H, W]` to `[N, outputs, H / stride, W / stride]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.convolution.forward(x)?.f_prelu(&self.slope)?)
    }

    /// The same, with what other convolutions of the same outputs make of other maps added before the
    /// PReLU.
    pub fn forward_beside(&self, x: &Tensor, others: &[(&Convolution, Tensor)]) -> Result<Tensor> {
        let mut sum = self.convolution.forward(x)?;
        for (convolution, map) in others {
            sum = sum.f_add(&convolution.forward(map)?)?;
        }
        Ok(sum.f_prelu(&self.slope)?)
    }
}
