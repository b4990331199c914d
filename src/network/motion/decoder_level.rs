//! One level of the decoder of HRINet-Motion.

use tch::{Kind, Tensor};

use crate::error::Result;
use crate::network::nn::conv::{
    Convolution, ConvolutionConfig, ConvolutionPrelu, Init, Upsampling,
};
use crate::network::nn::correlation;
use crate::network::nn::parameters::Parameters;
use crate::network::nn::residual::ResidualBlock;
use crate::network::precision::Precision;

/// Standard deviation of the upsampling's first weights, small so that training starts at zero
/// flow.
const UPSAMPLING_DEVIATION: f64 = 1e-3;

/// A 3 x 3 convolution, residual blocks of two, and upsampling by 2.
pub struct DecoderLevel {
    entry: ConvolutionPrelu,
    /// Applied to the context maps, beside the entry.
    context: Option<Convolution>,
    /// Applied to the correlation of both slices' maps, beside the entry.
    correlation: Option<Correlation>,
    residual: Vec<ResidualBlock>,
    upsampling: Upsampling,
    /// Type of the convolutions' inputs and weights.
    kind: Kind,
}

/// Correlation of two maps, and a convolution of it.
struct Correlation {
    radius: i64,
    convolution: Convolution,
}

/// Sizes of a decoder level.
pub struct DecoderLevelConfig {
    /// Channels of the maps of the pair, side by side.
    pub inputs: i64,
    /// Channels of the context map of one slice; 0 for none.
    pub context: i64,
    /// Channels inside.
    pub inner: i64,
    /// Channels of the output, at twice the resolution.
    pub outputs: i64,
    /// Residual blocks beyond the first.
    pub deeper: i64,
    /// Radius of the correlation in pixels; 0 for none.
    pub correlation: i64,
}

impl DecoderLevel {
    /// Builds the level with random weights or those of a checkpoint.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where the weights of a checkpoint do not fit.
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        config: DecoderLevelConfig,
    ) -> Result<DecoderLevel> {
        let DecoderLevelConfig { inputs, context, inner, outputs, deeper, correlation } = config;
        let entry = ConvolutionConfig::new(inputs, inner);
        let entry = ConvolutionPrelu::new(parameters, &format!("{name}.entry"), entry)?;
        let mut residual =
            vec![ResidualBlock::new(parameters, &format!("{name}.residual"), inner)?];
        for number in 1..=deeper {
            let name = format!("{name}.deeper{number}");
            residual.push(ResidualBlock::identity(parameters, &name, inner)?);
        }
        let init = Init::NearZero(UPSAMPLING_DEVIATION);
        let upsampling =
            Upsampling::new(parameters, &format!("{name}.upsampling"), inner, outputs, init)?;
        let context = zero_conv(parameters, &format!("{name}.context"), 2 * context, inner)?;
        let channels = if correlation > 0 { correlation::channels(correlation) } else { 0 };
        let convolution = zero_conv(parameters, &format!("{name}.correlation"), channels, inner)?;
        let correlation =
            convolution.map(|convolution| Correlation { radius: correlation, convolution });
        let kind = Kind::Float;
        Ok(DecoderLevel { entry, context, correlation, residual, upsampling, kind })
    }

    /// Computes the convolutions in another precision from now on; inputs and output stay float32.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub fn set_precision(&mut self, precision: Precision) -> Result<()> {
        let kind = precision.kind();
        self.entry.set_kind(kind)?;
        self.context.iter_mut().try_for_each(|context| context.set_kind(kind))?;
        let mut correlation = self.correlation.iter_mut();
        correlation.try_for_each(|correlation| correlation.convolution.set_kind(kind))?;
        self.residual.iter_mut().try_for_each(|block| block.set_kind(kind))?;
        self.upsampling.set_kind(kind)?;
        self.kind = kind;
        Ok(())
    }

    /// `[N, inputs, H, W]` to `[N, outputs, 2 H, 2 W]`. `maps`: those of both slices, which `x`
    /// contains too.
    pub fn forward(
        &self,
        x: &Tensor,
        context: Option<Tensor>,
        maps: [&Tensor; 2],
    ) -> Result<Tensor> {
        let rounded = |x: &Tensor| x.f_to_kind(self.kind);
        let mut others = Vec::new();
        if let (Some(convolution), Some(maps)) = (&self.context, context) {
            others.push((convolution, rounded(&maps)?));
        }
        if let Some(Correlation { radius, convolution }) = &self.correlation {
            let cosines = correlation::correlation(maps[0], maps[1], *radius)?;
            others.push((convolution, rounded(&cosines)?));
        }
        let mut sum = self.entry.forward_sum(&rounded(x)?, &others)?;
        for block in &self.residual {
            sum = block.forward(&sum)?;
        }
        Ok(self.upsampling.forward(&sum)?.f_to_kind(Kind::Float)?)
    }
}

/// A convolution that starts at zero, so that its input is ignored at first; `None` for no inputs.
pub(crate) fn zero_conv(
    parameters: &mut Parameters,
    name: &str,
    inputs: i64,
    outputs: i64,
) -> Result<Option<Convolution>> {
    let config = ConvolutionConfig::new(inputs, outputs).init(Init::Zero);
    (inputs > 0).then(|| Convolution::new(parameters, name, config)).transpose()
}
