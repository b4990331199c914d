//! HRINet-Motion: the maps are aligned before they are mixed.
//!
//! Between two CT slices 3 mm or more apart, tissue borders move in the plane; mixing maps where
//! they stand shows two ghosts of one border. This generator encodes each slice once, as the paper
//! does, and finds from the deepest map up how each slice moves towards the plane at alpha: two
//! motion fields in pixels, refined level by level. At full resolution both slices are warped,
//! merged by a mask that starts at the linear blend, and refined by a small network.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::blocks::{Convolution, ConvolutionPrelu, Start, Upsampling};
use super::mixing::Features;
use super::parameters::Parameters;
use crate::error::Result;

/// The two motion fields: columns and rows towards the first slice, then towards the second.
const MOTION: i64 = 4;

/// Sizes of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MotionSizes {
    /// Channels of the encoder at strides 2, 4, 8 and 16.
    pub widths: [i64; 4],
    /// Channels that the last decoder level hands to the refinement.
    pub hidden: i64,
    /// Channels of the refinement.
    pub refinement: i64,
}

impl Default for MotionSizes {
    fn default() -> MotionSizes {
        MotionSizes { widths: [12, 32, 64, 96], hidden: 4, refinement: 8 }
    }
}

/// 3x3 convolution, a residual block of two, and a doubling of the plane.
struct Level {
    entry: ConvolutionPrelu,
    residual: [ConvolutionPrelu; 2],
    upsampling: Upsampling,
}

impl Level {
    fn new(parameters: &mut Parameters, name: &str, sizes: [i64; 3]) -> Result<Level> {
        let [inputs, inner, outputs] = sizes;
        let mut unit = |part: &str, channels| {
            ConvolutionPrelu::new(parameters, &format!("{name}.{part}"), channels, 1)
        };
        let entry = unit("entry", (inputs, inner))?;
        let residual =
            [unit("residual.first", (inner, inner))?, unit("residual.second", (inner, inner))?];
        let name = format!("{name}.upsampling");
        let upsampling = Upsampling::new(parameters, &name, (inner, outputs), Start::Near0(1e-3))?;
        Ok(Level { entry, residual, upsampling })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let entry = self.entry.forward(x)?;
        let residual = self.residual[1].forward(&self.residual[0].forward(&entry)?)?;
        self.upsampling.forward(&entry.f_add(&residual)?)
    }
}

/// The generator of HRINet-Motion.
pub struct Motion {
    encoder: Vec<[ConvolutionPrelu; 2]>,
    /// From stride 16 to stride 2.
    levels: Vec<Level>,
    refinement: Vec<ConvolutionPrelu>,
    exit: Convolution,
}

impl Motion {
    /// With these sizes.
    pub fn new(parameters: &mut Parameters, sizes: &MotionSizes) -> Result<Motion> {
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
            levels.push(Level::new(parameters, &name, [inputs, 2 * width, MOTION + hidden])?);
        }
        let mut refinement = Vec::new();
        let mut inputs = 7 + sizes.hidden;
        for number in 1..=3 {
            let channels = (inputs, sizes.refinement);
            let name = format!("refinement.{number}");
            refinement.push(ConvolutionPrelu::new(parameters, &name, channels, 1)?);
            inputs = sizes.refinement;
        }
        let exit =
            Convolution::new(parameters, "refinement.exit", (inputs, 1), (3, 1), Start::Zero)?;
        Ok(Motion { encoder, levels, refinement, exit })
    }

    /// `[N, 1, H, W]`, sides multiples of 16, to the slice itself and maps at strides 2, 4, 8, 16.
    pub fn encode(&self, slices: &Tensor) -> Result<Features> {
        let mut maps = vec![slices.shallow_clone()];
        for [first, second] in &self.encoder {
            let finer = &maps[maps.len() - 1];
            maps.push(second.forward(&first.forward(finer)?)?);
        }
        Ok(Features { maps })
    }

    /// The slices `[N, 1, H, W]` between two batches of slices at `alpha` `[N]`, in (0, 1).
    pub fn decode(&self, first: &Features, second: &Features, alpha: &Tensor) -> Result<Tensor> {
        let fraction = from_first(alpha)?;
        let (motion, hidden) = self.align(first, second, &fraction)?;
        let (slice1, slice2) = (&first.maps[0], &second.maps[0]);
        let (warped1, warped2) = warp_both(slice1, slice2, &motion)?;
        let (mask_and_residual, hidden) = split(&hidden, 2)?;
        let (mask, residual) = split(&mask_and_residual, 1)?;
        let linear_mask =
            fraction.f_neg()?.f_add_scalar(1.0)?.f_clamp(0.01, 0.99)?.f_logit(None)?;
        let mask = mask.f_add(&linear_mask)?.f_sigmoid()?;
        let merged = warped2.f_add(&warped1.f_sub(&warped2)?.f_mul(&mask)?)?;
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
        let mut refined = Tensor::f_cat(&seen, 1)?;
        for unit in &self.refinement {
            refined = unit.forward(&refined)?;
        }
        Ok(merged.f_add(&residual)?.f_add(&self.exit.forward(&refined)?)?)
    }

    /// How both slices move to the planes at `alpha` `[N]`, in (0, 1): `[N, 4, H, W]` in pixels, columns
    /// and rows towards the first slice, then towards the second. A pixel of a plane lies in a slice
    /// at its place plus the motion.
    pub fn fields(&self, first: &Features, second: &Features, alpha: &Tensor) -> Result<Tensor> {
        Ok(self.align(first, second, &from_first(alpha)?)?.0)
    }

    /// Where both slices move to meet at `fraction` `[N, 1, 1, 1]`: the motion at full resolution and
    /// the hidden map beside it.
    fn align(
        &self,
        first: &Features,
        second: &Features,
        fraction: &Tensor,
    ) -> Result<(Tensor, Tensor)> {
        let (deep1, deep2) = (&first.maps[4], &second.maps[4]);
        let found = self.levels[0]
            .forward(&Tensor::f_cat(&[deep1, deep2, &plane(fraction, deep1)?], 1)?)?;
        let (mut motion, mut hidden) = split(&found, MOTION)?;
        for (level, stride_map) in self.levels[1..].iter().zip([3, 2, 1]) {
            let (warped1, warped2) =
                warp_both(&first.maps[stride_map], &second.maps[stride_map], &motion)?;
            let alpha_map = plane(fraction, &warped1)?;
            let seen = Tensor::f_cat(&[&hidden, &warped1, &warped2, &motion, &alpha_map], 1)?;
            let found = level.forward(&seen)?;
            let (correction, next) = split(&found, MOTION)?;
            let (_, _, rows, columns) = correction.size4()?;
            // Twice the pixels: motion in pixels doubles.
            let coarse = motion.f_upsample_bilinear2d([rows, columns], false, None, None)?;
            motion = coarse.f_mul_scalar(2.0)?.f_add(&correction)?;
            hidden = next;
        }

        Ok((motion, hidden))
    }
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

/// Channels before `at`, and from there on.
fn split(x: &Tensor, at: i64) -> Result<(Tensor, Tensor)> {
    let (_, channels, _, _) = x.size4()?;
    Ok((x.f_narrow(1, 0, at)?, x.f_narrow(1, at, channels - at)?))
}

fn warp_both(first: &Tensor, second: &Tensor, motion: &Tensor) -> Result<(Tensor, Tensor)> {
    Ok((warp(first, &motion.f_narrow(1, 0, 2)?)?, warp(second, &motion.f_narrow(1, 2, 2)?)?))
}

/// `x` `[N, C, H, W]` taken at position + motion, bilinear, the border repeated beyond it.
/// `motion`: `[N, 2, H, W]` in pixels, columns first.
pub fn warp(x: &Tensor, motion: &Tensor) -> Result<Tensor> {
    let (_, _, rows, columns) = x.size4()?;
    let options = (Kind::Float, x.device());
    let line = |count: i64| Tensor::f_linspace(-1.0, 1.0, count, options);
    let grid_row = line(rows)?.f_view([1, rows, 1])?;
    let grid_column = line(columns)?.f_view([1, 1, columns])?;
    // Positions on [-1, 1] from the first pixel's centre to the last's.
    let scaled = |channel: i64, count: i64| {
        motion.f_select(1, channel)?.f_mul_scalar(2.0 / (count - 1) as f64)
    };
    let grid = Tensor::f_stack(
        &[scaled(0, columns)?.f_add(&grid_column)?, scaled(1, rows)?.f_add(&grid_row)?],
        -1,
    )?;
    let (bilinear, border) = (0, 1);
    let count = grid.size()[0];
    let x = x.f_expand([count, -1, -1, -1], false)?;
    Ok(x.f_grid_sampler(&grid, bilinear, border, true)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn warp_moves_by_whole_pixels_and_repeats_the_border() {
        let x = Tensor::arange(20, (Kind::Float, Device::Cpu)).view([1, 1, 4, 5]);
        let motion = Tensor::zeros([1, 2, 4, 5], (Kind::Float, Device::Cpu));
        assert!((warp(&x, &motion).unwrap() - &x).abs().max().double_value(&[]) < 1e-5);
        let _ = motion.select(1, 0).fill_(1.0);
        let _ = motion.select(1, 1).fill_(2.0);
        let moved = warp(&x, &motion).unwrap();
        assert!((moved.double_value(&[0, 0, 0, 0]) - 11.0).abs() < 1e-4);
        assert!((moved.double_value(&[0, 0, 3, 4]) - 19.0).abs() < 1e-4);
        assert!((moved.double_value(&[0, 0, 1, 4]) - 19.0).abs() < 1e-4);
    }

    #[test]
    fn a_new_network_is_the_linear_blend() {
        let mut parameters = Parameters::drawn(1, Device::Cpu);
        let network = Motion::new(&mut parameters, &MotionSizes::default()).unwrap();
        let slices = Tensor::rand([2, 1, 32, 48], (Kind::Float, Device::Cpu));
        let features = network.encode(&slices).unwrap();
        let (first, second) = (features.narrow(0, 1).unwrap(), features.narrow(1, 1).unwrap());
        let alpha = Tensor::from_slice(&[0.25f32]);
        let made = network.decode(&first, &second, &alpha).unwrap();
        let blend = slices.get(0) * 0.25 + slices.get(1) * 0.75;
        let difference = (made.squeeze_dim(0) - blend).abs().max().double_value(&[]);
        assert!(difference < 0.05, "{difference}");
    }
}
