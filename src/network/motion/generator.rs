//! The generator of HRINet-Motion: maps are warped along a flow field before they are blended.
//!
//! Between two CT slices 3 mm or more apart, tissue borders move in the plane, and a blend of
//! unwarped maps shows each border twice. This generator encodes each slice once, as the paper
//! does, and estimates from the coarsest level up the flow from the plane at `fraction` to each of
//! the two slices, in pixels. At full resolution both slices are warped, blended by a mask that
//! starts as the linear blend, and refined by a small network.
//!
//! Inside, planes are at `fraction`, 0 at the first slice and 1 at the second.

use tch::Tensor;

use crate::error::Result;
use crate::network::features::{Features, Pair};
use crate::network::generator::{Generator, GeneratorConfig};
use crate::network::motion::config::MotionConfig;
use crate::network::motion::context::MotionPair;
use crate::network::motion::decoder_level::{DecoderLevel, DecoderLevelConfig, zero_conv};
use crate::network::motion::features::MotionFeatures;
use crate::network::motion::flow::{FLOW_CHANNELS, FlowState, MidpointFlow};
use crate::network::motion::outputs::MotionOutputs;
use crate::network::motion::refinement::Refinement;
use crate::network::motion::through_plane::{ThroughPlane, ThroughPlaneInput};
use crate::network::nn::conv::{
    Convolution, ConvolutionConfig, ConvolutionPrelu, concat_channels, split_channels,
};
use crate::network::nn::parameters::Parameters;
use crate::network::nn::warp::warp_pair;
use crate::network::precision::Precision;

/// Index of the coarsest map, that of stride 16.
const COARSEST: usize = 3;

/// The generator of HRINet-Motion.
pub struct MotionGenerator {
    /// From stride 2 to stride 16.
    encoder: [EncoderLevel; 4],
    /// Encodes a slice as context of a neighbouring pair, from stride 2 to stride 16.
    context_encoder: [Option<Convolution>; 4],
    /// From stride 16 to stride 2.
    levels: Vec<DecoderLevel>,
    /// Number of levels that find the midpoint flow once per pair.
    shared: usize,
    refinement: Option<Refinement>,
    /// Applied to the warped context slices, beside the refinement's first layer.
    refinement_context: Option<Convolution>,
    through_plane: Option<ThroughPlane>,
}

/// One level of the encoder: half the resolution.
struct EncoderLevel([ConvolutionPrelu; 2]);

impl EncoderLevel {
    fn new(
        parameters: &mut Parameters,
        name: &str,
        inputs: i64,
        outputs: i64,
    ) -> Result<EncoderLevel> {
        let first = ConvolutionConfig::new(inputs, outputs).stride(2);
        let second = ConvolutionConfig::new(outputs, outputs);
        Ok(EncoderLevel([
            ConvolutionPrelu::new(parameters, &format!("{name}.first"), first)?,
            ConvolutionPrelu::new(parameters, &format!("{name}.second"), second)?,
        ]))
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let EncoderLevel([first, second]) = self;
        second.forward(&first.forward(x)?)
    }
}

impl MotionGenerator {
    /// Builds the generator with random weights or those of a checkpoint.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where the weights of a checkpoint do not fit.
    pub fn new(parameters: &mut Parameters, config: &MotionConfig) -> Result<MotionGenerator> {
        let [width2, width4, width8, width16] = config.widths;
        let mut level = |stride, inputs, outputs| {
            let name = format!("encoder.stride{stride}");
            EncoderLevel::new(parameters, &name, inputs, outputs)
        };
        let encoder = [
            level(2, 1, width2)?,
            level(4, width2, width4)?,
            level(8, width4, width8)?,
            level(16, width8, width16)?,
        ];
        let levels = decoder_levels(parameters, config)?;
        let refinement = match config.refinement {
            0 => None,
            channels => Some(Refinement::new(parameters, config.hidden, channels)?),
        };
        let mut context_encoder = [const { None }; 4];
        for (level, encoder) in context_encoder.iter_mut().enumerate() {
            if config.context[level] > 0 {
                // Checkpoints call these weights so.
                let name = format!("outlook.stride{}", 2 << level);
                let channels = ConvolutionConfig::new(config.widths[level], config.context[level]);
                *encoder = Some(Convolution::new(parameters, &name, channels.kernel(1))?);
            }
        }
        let context_slices = if config.has_context() && refinement.is_some() { 2 } else { 0 };
        let refinement_context =
            zero_conv(parameters, "refinement.context", context_slices, config.refinement)?;
        let through_plane = match config.through_plane {
            0 => None,
            channels => {
                Some(ThroughPlane::new(parameters, width2, channels)?.with_thin(config.thin))
            }
        };
        let shared = config.shared as usize;
        Ok(MotionGenerator {
            encoder,
            context_encoder,
            levels,
            shared,
            refinement,
            refinement_context,
            through_plane,
        })
    }

    /// Flow fields from the planes at `fraction` `[N, 1, 1, 1]` to both slices, with the hidden
    /// maps beside them.
    fn align(
        &self,
        pair: MotionPair,
        midpoint: Option<&MidpointFlow>,
        fraction: &Tensor,
    ) -> Result<FlowState> {
        let found = match midpoint {
            Some(_) => None,
            None => self.find_midpoint_flow(pair)?,
        };
        let mut state = match midpoint.or(found.as_ref()) {
            Some(midpoint) => midpoint.at(fraction)?,
            None => self.coarsest_level(pair, fraction)?,
        };
        for level in self.shared.max(1)..self.levels.len() {
            state = self.refine_level(level, pair, fraction, state)?;
        }
        Ok(state)
    }

    /// Midpoint flow by the levels that share it; `None` where every level refines each plane.
    fn find_midpoint_flow(&self, pair: MotionPair) -> Result<Option<MidpointFlow>> {
        if self.shared == 0 {
            return Ok(None);
        }
        let coarsest_map = &pair.first.maps[COARSEST];
        let options = (coarsest_map.kind(), coarsest_map.device());
        let half = Tensor::f_full([coarsest_map.size4()?.0, 1, 1, 1], 0.5, options)?;
        let mut state = self.coarsest_level(pair, &half)?;
        for level in 1..self.shared {
            state = self.refine_level(level, pair, &half, state)?;
        }
        Ok(Some(MidpointFlow(state)))
    }

    /// First estimate of the flow, at stride 16, from the unwarped maps.
    fn coarsest_level(&self, pair: MotionPair, fraction: &Tensor) -> Result<FlowState> {
        let maps = [&pair.first.maps[COARSEST], &pair.second.maps[COARSEST]];
        let input = concat_channels(&[maps[0], maps[1], &plane(fraction, maps[0])?])?;
        let output = self.levels[0].forward(&input, pair.context(COARSEST)?, maps)?;
        let (flow, hidden) = split_channels(&output, FLOW_CHANNELS)?;
        Ok(FlowState { flow, coarse_hidden: hidden.shallow_clone(), hidden })
    }

    /// Warps the maps of decoder level `level`, corrects the flow and doubles its resolution.
    fn refine_level(
        &self,
        level: usize,
        pair: MotionPair,
        fraction: &Tensor,
        FlowState { flow, hidden, .. }: FlowState,
    ) -> Result<FlowState> {
        let map = COARSEST - level;
        let (warped1, warped2) = warp_pair(&pair.first.maps[map], &pair.second.maps[map], &flow)?;
        let fraction_map = plane(fraction, &warped1)?;
        let input = concat_channels(&[&hidden, &warped1, &warped2, &flow, &fraction_map])?;
        let context = pair.warped_context(map, &flow)?;
        let output = self.levels[level].forward(&input, context, [&warped1, &warped2])?;
        let (correction, next) = split_channels(&output, FLOW_CHANNELS)?;
        let (_, _, rows, columns) = correction.size4()?;
        // At twice the resolution the flow in pixels doubles. With few channels, contiguous planes
        // are faster to upsample.
        let doubled = flow.f_mul_scalar(2.0)?.f_contiguous()?;
        let doubled = doubled.f_upsample_bilinear2d([rows, columns], false, None, None)?;
        Ok(FlowState { flow: doubled.f_add(&correction)?, hidden: next, coarse_hidden: hidden })
    }

    /// Blends the warped slices by the mask, adds the residual, the refinement and what the
    /// through-plane branch adds.
    fn merge(&self, pair: MotionPair, state: FlowState, fraction: Tensor) -> Result<MotionOutputs> {
        let FlowState { flow, hidden, coarse_hidden } = state;
        let [slice1, slice2] = [&pair.first.image, &pair.second.image];
        let (warped1, warped2) = warp_pair(slice1, slice2, &flow)?;
        let (mask_and_residual, hidden) = split_channels(&hidden, 2)?;
        let (mask, residual) = split_channels(&mask_and_residual, 1)?;
        let linear_mask =
            fraction.f_neg()?.f_add_scalar(1.0)?.f_clamp(0.01, 0.99)?.f_logit(None)?;
        let blend_mask = mask.f_add(&linear_mask)?.f_sigmoid()?;
        let merged = warped2.f_lerp_tensor(&warped1, &blend_mask)?;
        let slices = merged.f_add(&residual)?;
        let outputs = MotionOutputs {
            slices,
            known: [slice1.shallow_clone(), slice2.shallow_clone()],
            warped: [warped1, warped2],
            merged,
            blend_mask,
            flow,
            hidden,
            coarse_hidden,
            fraction,
        };
        let slices = self.refined(pair, &outputs)?;
        Ok(MotionOutputs { slices, ..outputs })
    }

    /// The slices of `outputs` after the layers at full resolution.
    fn refined(&self, pair: MotionPair, outputs: &MotionOutputs) -> Result<Tensor> {
        let MotionOutputs { warped: [warped1, warped2], fraction, .. } = outputs;
        let beyond = match (&self.refinement_context, &self.through_plane) {
            (None, None) => None,
            _ => Some(pair.warped_context_images(&outputs.flow)?),
        };
        let mut slices = outputs.slices.shallow_clone();
        if let Some(refinement) = &self.refinement {
            let [slice1, slice2] = &outputs.known;
            let linear = slice1.f_add(&slice2.f_sub(slice1)?.f_mul(fraction)?)?;
            let fraction = plane(fraction, &linear)?;
            let MotionOutputs { merged, hidden, .. } = outputs;
            let input = concat_channels(&[
                warped1, warped2, &linear, slice1, slice2, merged, &fraction, hidden,
            ])?;
            let beyond = beyond.as_ref().map(Tensor::shallow_clone);
            let context: Vec<_> = self.refinement_context.iter().zip(beyond).collect();
            slices = slices.f_add(&refinement.forward(&input, &context)?)?;
        }
        if let (Some(branch), Some(beyond)) = (&self.through_plane, &beyond) {
            let (before, after) = split_channels(beyond, 1)?;
            let input = ThroughPlaneInput {
                known: &pair.images()?,
                warped: &Tensor::f_cat(&[&before, warped1, warped2, &after], 1)?,
                present: pair.present(),
                fraction,
                hidden: &outputs.coarse_hidden,
            };
            slices = branch.forward(&slices, &input)?;
        }
        Ok(slices)
    }
}

impl Generator for MotionGenerator {
    fn set_precision(&mut self, precision: Precision) -> Result<Precision> {
        self.levels.iter_mut().try_for_each(|level| level.set_precision(precision))?;
        let mut through_plane = self.through_plane.iter_mut();
        through_plane.try_for_each(|branch| branch.set_precision(precision))?;
        Ok(precision)
    }

    fn encode(&self, slices: &Tensor) -> Result<Features> {
        let [level2, level4, level8, level16] = &self.encoder;
        let map2 = level2.forward(slices)?;
        let map4 = level4.forward(&map2)?;
        let map8 = level8.forward(&map4)?;
        let map16 = level16.forward(&map8)?;
        let maps = [map2, map4, map8, map16];
        let mut context = [const { None }; 4];
        for (level, encoder) in self.context_encoder.iter().enumerate() {
            context[level] = match encoder {
                Some(encoder) => Some(encoder.forward(&maps[level])?),
                None => None,
            };
        }
        Ok(Features::new(MotionFeatures { image: slices.shallow_clone(), maps, context }))
    }

    fn decode(&self, pair: Pair, alpha: &Tensor) -> Result<Tensor> {
        let pair = MotionPair::of(pair)?;
        let fraction = fraction_of(alpha)?;
        let state = self.align(pair, None, &fraction)?;
        Ok(self.merge(pair, state, fraction)?.slices)
    }

    fn midpoint_flow(&self, pair: Pair) -> Result<Option<MidpointFlow>> {
        self.find_midpoint_flow(MotionPair::of(pair)?)
    }

    fn flow(
        &self,
        pair: Pair,
        midpoint: Option<&MidpointFlow>,
        alpha: &Tensor,
    ) -> Result<Option<Tensor>> {
        let state = self.align(MotionPair::of(pair)?, midpoint, &fraction_of(alpha)?)?;
        Ok(Some(state.flow))
    }

    fn decode_with_outputs(
        &self,
        pair: Pair,
        midpoint: Option<&MidpointFlow>,
        alpha: &Tensor,
    ) -> Result<Option<MotionOutputs>> {
        let pair = MotionPair::of(pair)?;
        let fraction = fraction_of(alpha)?;
        let state = self.align(pair, midpoint, &fraction)?;
        self.merge(pair, state, fraction).map(Some)
    }
}

/// Builds the levels of the decoder, from stride 16 to stride 2.
fn decoder_levels(parameters: &mut Parameters, config: &MotionConfig) -> Result<Vec<DecoderLevel>> {
    let widths = config.widths;
    let mut levels = Vec::new();
    for level in (0..=COARSEST).rev() {
        let width = widths[level];
        // The coarsest level sees both unwarped maps; the others the hidden map, both warped maps
        // and the flow; each of them the fraction.
        let inputs = if level == COARSEST { 2 * width + 1 } else { 3 * width + FLOW_CHANNELS + 1 };
        // At full resolution: blend mask, residual and the hidden map.
        let hidden = if level == 0 { 2 + config.hidden } else { widths[level - 1] };
        let name = format!("decoder.stride{}", 2 << level);
        let level_config = DecoderLevelConfig {
            inputs,
            context: config.context[level],
            inner: 2 * width,
            outputs: FLOW_CHANNELS + hidden,
            deeper: config.deeper[level],
            correlation: config.correlation[level],
        };
        levels.push(DecoderLevel::new(parameters, &name, level_config)?);
    }
    Ok(levels)
}

/// Fraction `[N, 1, 1, 1]` of the way from the first slice to the second, from alpha `[N]`.
fn fraction_of(alpha: &Tensor) -> Result<Tensor> {
    Ok(alpha.f_neg()?.f_add_scalar(1.0)?.f_view([-1, 1, 1, 1])?)
}

/// One value per slice `[N, 1, 1, 1]` as planes of the size of `like`.
fn plane(fraction: &Tensor, like: &Tensor) -> Result<Tensor> {
    let (_, _, rows, columns) = like.size4()?;
    Ok(fraction.f_expand([-1, 1, rows, columns], false)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn untrained_network_is_close_to_the_linear_blend() {
        let mut parameters = Parameters::random(1, Device::Cpu);
        let network = MotionGenerator::new(&mut parameters, &MotionConfig::default()).unwrap();
        let slices = Tensor::rand([2, 1, 32, 48], (Kind::Float, Device::Cpu));
        let features = network.encode(&slices).unwrap();
        let (first, second) = (features.narrow(0, 1).unwrap(), features.narrow(1, 1).unwrap());
        let alpha = Tensor::from_slice(&[0.25f32]);
        let decoded = network.decode(Pair::new(&first, &second), &alpha).unwrap();
        let blend = slices.get(0) * 0.25 + slices.get(1) * 0.75;
        let difference = (decoded.squeeze_dim(0) - blend).abs().max().double_value(&[]);
        assert!(difference < 0.05, "{difference}");
    }
}
