//! HRINet-Motion: the maps are aligned before they are mixed.
//!
//! Between two CT slices 3 mm or more apart, tissue borders move in the plane; mixing maps where
//! they stand shows two ghosts of one border. This generator encodes each slice once, as the paper
//! does, and finds from the deepest map up how each slice moves towards the plane at alpha: two
//! motion fields in pixels, refined level by level. At full resolution both slices are warped,
//! merged by a mask that starts at the linear blend, and refined by a small network.
//!
//! Where the sizes ask for it, the known slices beyond the pair are seen too, as far as they are there:
//! tissue that moved from slice to slice goes on moving. Each is warped by the motion carried on
//! beyond the pair.

use tch::Tensor;

use crate::error::Result;
use crate::network::features::{Features, Pair};
use crate::network::motion::config::MotionConfig;
use crate::network::motion::flow::{FlowState, MOTION, MidpointFlow};
use crate::network::motion::level::{Level, LevelConfig, context_conv};
use crate::network::motion::outputs::MotionOutputs;
use crate::network::motion::refinement::Refinement;
use crate::network::nn::conv::{Convolution, ConvolutionPrelu, Init, concat_channels, split};
use crate::network::nn::parameters::Parameters;
use crate::network::nn::warp::{warp, warp_both};

/// Feature maps of a slice, itself the first of them; those for its neighbours' use follow.
const OWN_MAPS: usize = 5;

/// The generator of HRINet-Motion.
pub struct Motion {
    encoder: Vec<[ConvolutionPrelu; 2]>,
    /// What of a slice's maps a neighbouring pair sees, by level from stride 2 on.
    context_encoder: Vec<Option<Convolution>>,
    /// From stride 16 to stride 2.
    levels: Vec<Level>,
    /// How many of them find motion once a pair.
    shared: usize,
    refinement: Option<Refinement>,
    /// What the refinement sees of the slices beyond the pair.
    refinement_context: Option<Convolution>,
}

impl Motion {
    /// With these sizes.
    pub fn new(parameters: &mut Parameters, sizes: &MotionConfig) -> Result<Motion> {
        let widths = sizes.widths;
        let mut encoder = Vec::new();
        let mut inputs = 1;
        for (level, outputs) in widths.into_iter().enumerate() {
            let name = format!("encoder.stride{}", 2 << level);
            encoder.push([
                ConvolutionPrelu::new(parameters, &format!("{name}.first"), (inputs, outputs), 2)?,
                ConvolutionPrelu::new(
                    parameters,
                    &format!("{name}.second"),
                    (outputs, outputs),
                    1,
                )?,
            ]);
            inputs = outputs;
        }
        let mut levels = Vec::new();
        for level in (0..4).rev() {
            let width = widths[level];
            // The deepest level sees both maps as they stand; the others the hidden map, both maps
            // warped, the motion so far; all of them alpha.
            let inputs = if level == 3 { 2 * width + 1 } else { 3 * width + MOTION + 1 };
            // At full resolution: a mask, a residual and the hidden map.
            let hidden = if level == 0 { 2 + sizes.hidden } else { widths[level - 1] };
            let name = format!("decoder.stride{}", 2 << level);
            let sizes = LevelConfig {
                inputs,
                context: sizes.context[level],
                inner: 2 * width,
                outputs: MOTION + hidden,
                deeper: sizes.deeper[level],
                correlation: sizes.correlation[level],
            };
            levels.push(Level::new(parameters, &name, sizes)?);
        }
        let refinement = match sizes.refinement {
            0 => None,
            channels => Some(Refinement::new(parameters, sizes.hidden, channels)?),
        };
        let mut context_encoder = Vec::new();
        for (level, channels) in widths.into_iter().zip(sizes.context).enumerate() {
            let name = format!("outlook.stride{}", 2 << level);
            let mut new =
                || Convolution::new(parameters, &name, channels, (1, 1), Init::FanInUniform);
            context_encoder.push((channels.1 > 0).then(&mut new).transpose()?);
        }
        let seen_beyond = if sizes.has_context() && refinement.is_some() { 2 } else { 0 };
        let channels = (seen_beyond, sizes.refinement);
        let refinement_context = context_conv(parameters, "refinement.context", channels)?;
        let shared = sizes.shared as usize;
        Ok(Motion { encoder, context_encoder, levels, shared, refinement, refinement_context })
    }

    /// `[N, 1, H, W]`, sides multiples of 16, to the slice itself, maps at strides 2, 4, 8, 16, and what
    /// of them a neighbouring pair sees.
    pub fn encode(&self, slices: &Tensor) -> Result<Features> {
        let mut maps = vec![slices.shallow_clone()];
        for [first, second] in &self.encoder {
            let refine_level = &maps[maps.len() - 1];
            maps.push(second.forward(&first.forward(refine_level)?)?);
        }
        for (level, context_encoder) in self.context_encoder.iter().enumerate() {
            if let Some(context_encoder) = context_encoder {
                maps.push(context_encoder.forward(&maps[level + 1])?);
            }
        }
        Ok(Features { maps, above: None })
    }

    /// The slices `[N, 1, H, W]` between those of a batch of pairs at `alpha` `[N]`, in (0, 1).
    pub fn decode(&self, pair: Pair, alpha: &Tensor) -> Result<Tensor> {
        Ok(self.decode_with_outputs(pair, alpha)?.made)
    }

    /// The same slices, and what they were made from.
    pub fn decode_with_outputs(&self, pair: Pair, alpha: &Tensor) -> Result<MotionOutputs> {
        let fraction = from_first(alpha)?;
        let FlowState { motion, hidden, coarse } = self.align(pair, &fraction)?;
        let [slice1, slice2] = pair.slices.map(|features| &features.maps[0]);
        let (warped1, warped2) = warp_both(slice1, slice2, &motion)?;
        let (mask_and_residual, hidden) = split(&hidden, 2)?;
        let (mask, residual) = split(&mask_and_residual, 1)?;
        let linear_mask =
            fraction.f_neg()?.f_add_scalar(1.0)?.f_clamp(0.01, 0.99)?.f_logit(None)?;
        let mask = mask.f_add(&linear_mask)?.f_sigmoid()?;
        let merged = warped2.f_lerp_tensor(&warped1, &mask)?;
        let mut made = merged.f_add(&residual)?;
        if let Some(refinement) = &self.refinement {
            let linear = slice1.f_add(&slice2.f_sub(slice1)?.f_mul(&fraction)?)?;
            let seen = [
                &warped1,
                &warped2,
                &linear,
                slice1,
                slice2,
                &merged,
                &plane(&fraction, &linear)?,
                &hidden,
            ];
            let context = match &self.refinement_context {
                Some(context) => vec![(context, warp_beyond(pair, 0, &motion)?)],
                None => Vec::new(),
            };
            made = made.f_add(&refinement.forward(&concat_channels(&seen)?, &context)?)?;
        }
        let pair = [slice1, slice2].map(Tensor::shallow_clone);
        let warped = [warped1, warped2];
        Ok(MotionOutputs { made, pair, warped, merged, mask, motion, hidden, coarse, fraction })
    }

    /// How both slices move to the planes at `alpha` `[N]`, in (0, 1): `[N, 4, H, W]` in pixels, columns
    /// and rows towards the first slice, then towards the second. A pixel of a plane lies in a slice
    /// at its place plus the motion.
    pub fn flow(&self, pair: Pair, alpha: &Tensor) -> Result<Tensor> {
        Ok(self.align(pair, &from_first(alpha)?)?.motion)
    }

    /// What the levels that do so find once a pair: halfway between its slices. `None` where all of them look
    /// at each plane.
    pub fn midpoint_flow(&self, pair: Pair) -> Result<Option<MidpointFlow>> {
        if self.shared == 0 {
            return Ok(None);
        }
        let coarsest_level = &pair.slices[0].maps[4];
        let options = (coarsest_level.kind(), coarsest_level.device());
        let half = Tensor::f_full([coarsest_level.size4()?.0, 1, 1, 1], 0.5, options)?;
        let mut found = self.coarsest_level(pair, &half)?;
        for level in 1..self.shared {
            found = self.refine_level(level, pair, &half, found)?;
        }
        Ok(Some(MidpointFlow(found)))
    }

    /// Where both slices move to meet at `fraction` `[N, 1, 1, 1]`.
    fn align(&self, pair: Pair, fraction: &Tensor) -> Result<FlowState> {
        let own = match pair.midpoint_flow {
            Some(_) => None,
            None => self.midpoint_flow(pair)?,
        };
        let mut found = match pair.midpoint_flow.or(own.as_ref()) {
            Some(midpoint_flow) => midpoint_flow.at(fraction)?,
            None => self.coarsest_level(pair, fraction)?,
        };
        for level in self.shared.max(1)..self.levels.len() {
            found = self.refine_level(level, pair, fraction, found)?;
        }
        Ok(found)
    }

    /// The beginning, at stride 16.
    fn coarsest_level(&self, pair: Pair, fraction: &Tensor) -> Result<FlowState> {
        let [deep1, deep2] = pair.slices.map(|features| &features.maps[4]);
        let seen = concat_channels(&[deep1, deep2, &plane(fraction, deep1)?])?;
        let context = match self.context_map(3) {
            Some(map) => Some(concat_channels(&maps_beyond(pair, map))?),
            None => None,
        };
        let found = self.levels[0].forward(&seen, context, [deep1, deep2])?;
        let (motion, hidden) = split(&found, MOTION)?;
        Ok(FlowState { motion, coarse: hidden.shallow_clone(), hidden })
    }

    /// One level on: twice the pixels.
    fn refine_level(
        &self,
        level: usize,
        pair: Pair,
        fraction: &Tensor,
        FlowState { motion, hidden, .. }: FlowState,
    ) -> Result<FlowState> {
        let [first, second] = pair.slices;
        let map = 4 - level;
        let (warped1, warped2) = warp_both(&first.maps[map], &second.maps[map], &motion)?;
        let alpha_map = plane(fraction, &warped1)?;
        let seen = concat_channels(&[&hidden, &warped1, &warped2, &motion, &alpha_map])?;
        let context = match self.context_map(map - 1) {
            Some(map) => Some(warp_beyond(pair, map, &motion)?),
            None => None,
        };
        let found = self.levels[level].forward(&seen, context, [&warped1, &warped2])?;
        let (correction, next) = split(&found, MOTION)?;
        let (_, _, rows, columns) = correction.size4()?;
        // Twice the pixels: motion in pixels doubles. Of few channels, planes are faster to enlarge.
        let doubled = motion.f_mul_scalar(2.0)?.f_contiguous()?;
        let doubled = doubled.f_upsample_bilinear2d([rows, columns], false, None, None)?;
        Ok(FlowState { motion: doubled.f_add(&correction)?, hidden: next, coarse: hidden })
    }

    /// Which map of a slice beyond the pair is seen at a level, where one is.
    fn context_map(&self, level: usize) -> Option<usize> {
        self.context_encoder[level].as_ref()?;
        Some(OWN_MAPS + self.context_encoder[..level].iter().flatten().count())
    }
}

/// A map of the slices beyond a pair. One that is not there is stood in for by the pair's own slice next
/// to it.
fn maps_beyond(pair: Pair<'_>, map: usize) -> [&Tensor; 2] {
    let features = match pair.around {
        Some(around) => around.slices.each_ref(),
        None => pair.slices,
    };
    features.map(|features| &features.maps[map])
}

/// Both warped by the motion as it goes on beyond the pair: from the second slice to the first it is
/// their difference, and as much again to the slice before.
fn warp_beyond(pair: Pair, map: usize, motion: &Tensor) -> Result<Tensor> {
    let [before, after] = maps_beyond(pair, map);
    let (first, second) = (motion.f_narrow(1, 0, 2)?, motion.f_narrow(1, 2, 2)?);
    let Some(around) = pair.around else {
        return concat_channels(&[&warp(before, &first)?, &warp(after, &second)?]);
    };
    let step = first.f_sub(&second)?;
    let [there_before, there_after] = &around.there;
    let before = warp(before, &first.f_add(&step.f_mul(there_before)?)?)?;
    let after = warp(after, &second.f_sub(&step.f_mul(there_after)?)?)?;
    concat_channels(&[&before, &after])
}

/// Alpha `[N]` counted from the first slice, as the network counts: `[N, 1, 1, 1]`.
fn from_first(alpha: &Tensor) -> Result<Tensor> {
    Ok(alpha.f_neg()?.f_add_scalar(1.0)?.f_view([-1, 1, 1, 1])?)
}

/// A number a slice `[N, 1, 1, 1]` on planes of the size of `like`.
fn plane(fraction: &Tensor, like: &Tensor) -> Result<Tensor> {
    let (_, _, rows, columns) = like.size4()?;
    Ok(fraction.f_expand([-1, 1, rows, columns], false)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn a_new_network_is_the_linear_blend() {
        let mut parameters = Parameters::random(1, Device::Cpu);
        let network = Motion::new(&mut parameters, &MotionConfig::default()).unwrap();
        let slices = Tensor::rand([2, 1, 32, 48], (Kind::Float, Device::Cpu));
        let features = network.encode(&slices).unwrap();
        let (first, second) = (features.narrow(0, 1).unwrap(), features.narrow(1, 1).unwrap());
        let alpha = Tensor::from_slice(&[0.25f32]);
        let made = network.decode(Pair::alone(&first, &second), &alpha).unwrap();
        let blend = slices.get(0) * 0.25 + slices.get(1) * 0.75;
        let difference = (made.squeeze_dim(0) - blend).abs().max().double_value(&[]);
        assert!(difference < 0.05, "{difference}");
    }
}
