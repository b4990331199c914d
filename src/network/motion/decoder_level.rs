//! One level of the decoder of HRINet-Motion.

use tch::Tensor;

use crate::error::Result;
use crate::network::nn::conv::{Convolution, ConvolutionPrelu, Init, Upsampling};
use crate::network::nn::correlation;
use crate::network::nn::parameters::Parameters;

/// 3x3 convolution, residual blocks of two, and a doubling of the plane.
pub struct DecoderLevel {
    entry: ConvolutionPrelu,
    /// Of both slices beyond the pair.
    context: Option<Convolution>,
    /// Of how alike both slices are, up to so many pixels away.
    correlation: Option<(Convolution, i64)>,
    /// One residual block after the other, of two convolutions each.
    residual: Vec<[ConvolutionPrelu; 2]>,
    upsampling: Upsampling,
}

/// Channels of a level.
pub struct DecoderLevelConfig {
    /// What it sees of the pair.
    pub inputs: i64,
    /// Of the map of one slice beyond the pair.
    pub context: i64,
    /// Of its own maps.
    pub inner: i64,
    /// What it hands on, at twice the pixels.
    pub outputs: i64,
    /// Residual blocks beyond the first.
    pub deeper: i64,
    /// Radius of the correlation.
    pub correlation: i64,
}

impl DecoderLevel {
    /// Of these sizes.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where stored weights do not fit.
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        config: DecoderLevelConfig,
    ) -> Result<DecoderLevel> {
        let DecoderLevelConfig { inputs, context, inner, outputs, deeper, correlation } = config;
        let mut unit = |part: &str, channels| {
            ConvolutionPrelu::new(parameters, &format!("{name}.{part}"), channels, 1)
        };
        let entry = unit("entry", (inputs, inner))?;
        let first =
            [unit("residual.first", (inner, inner))?, unit("residual.second", (inner, inner))?];
        let mut residual = vec![first];
        for number in 1..=deeper {
            let mut unit = |part: &str, start| {
                let name = format!("{name}.deeper{number}.{part}");
                ConvolutionPrelu::with_init(parameters, &name, (inner, inner), 1, start)
            };
            residual.push([unit("first", Init::FanInUniform)?, unit("second", Init::Zero)?]);
        }
        let doubling = format!("{name}.upsampling");
        let upsampling =
            Upsampling::new(parameters, &doubling, (inner, outputs), Init::NearZero(1e-3))?;
        let context = context_conv(parameters, &format!("{name}.context"), (2 * context, inner))?;
        let alike = if correlation > 0 { correlation::channels(correlation) } else { 0 };
        let alike = context_conv(parameters, &format!("{name}.correlation"), (alike, inner))?;
        let correlation = alike.map(|convolution| (convolution, correlation));
        Ok(DecoderLevel { entry, context, correlation, residual, upsampling })
    }

    /// `[N, inputs, H, W]` to `[N, outputs, 2 H, 2 W]`. `maps`: of both slices, which `x` holds too.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub fn forward(
        &self,
        x: &Tensor,
        context: Option<Tensor>,
        maps: [&Tensor; 2],
    ) -> Result<Tensor> {
        let mut beside: Vec<_> = self.context.iter().zip(context).collect();
        if let Some((convolution, radius)) = &self.correlation {
            beside.push((convolution, correlation::correlation(maps[0], maps[1], *radius)?));
        }
        let mut sum = self.entry.forward_beside(x, &beside)?;
        for [first, second] in &self.residual {
            sum = sum.f_add(&second.forward(&first.forward(&sum)?)?)?;
        }
        self.upsampling.forward(&sum)
    }
}

/// A convolution of what lies beyond the pair, which says nothing at first; `None` without inputs.
pub fn context_conv(
    parameters: &mut Parameters,
    name: &str,
    channels: (i64, i64),
) -> Result<Option<Convolution>> {
    let new = || Convolution::new(parameters, name, channels, (3, 1), Init::Zero);
    (channels.0 > 0).then(new).transpose()
}
