//! The through-plane branch of HRINet-Motion: where tissue continues along the slice axis, more of
//! a plane is known from four slices than from two.
//!
//! Thick and overlapping slices share tissue with their neighbours, so that even a cubic through
//! four of them is ahead of a linear blend of two. The branch sees the pair and the slices beyond
//! it, unwarped and warped along the flow, and two cubics through them. At stride 2 it decides for
//! each pixel how much of each cubic to take, and adds a residual. It starts as the identity.

use tch::{Kind, Tensor};

use crate::error::Result;
use crate::network::nn::conv::{
    Convolution, ConvolutionConfig, ConvolutionPrelu, Init, split_channels,
};
use crate::network::nn::layout::{maps_of, pixels_of};
use crate::network::nn::parameters::Parameters;
use crate::network::nn::residual::ResidualBlock;
use crate::network::precision::Precision;

/// Positions of the slice before, of the pair and of the slice after, in distances of the pair.
const POSITIONS: [f64; 4] = [-1.0, 0.0, 1.0, 2.0];

/// Full-resolution maps: four slices unwarped, four warped, two cubics and the slice so far.
const MAPS: i64 = 11;

/// Pixels of full resolution in one of stride 2.
const SUBPIXELS: i64 = 4;

/// Maps of the output: the residual and the share of each cubic.
const OUTPUTS: i64 = 3;

/// An entry convolution, two residual blocks of two, and an exit that starts at zero.
pub struct ThroughPlane {
    entry: ConvolutionPrelu,
    residual: [ResidualBlock; 2],
    exit: Convolution,
    /// Type of the inner convolutions' inputs and weights.
    kind: Kind,
    /// Whether the known slices are slabs, and the cubics those whose averages they are.
    thin: bool,
}

/// Input of the branch for the planes of a batch.
pub(crate) struct ThroughPlaneInput<'a> {
    /// The slice before, the pair and the slice after, `[N, 4, H, W]`.
    pub(crate) known: &'a Tensor,
    /// These four slices, warped to the planes.
    pub(crate) warped: &'a Tensor,
    /// 1 where the slice before and the one after are present, else 0; `None` where both are absent
    /// throughout.
    pub(crate) present: Option<&'a [Tensor; 2]>,
    /// Fraction of the way from the first slice of the pair to the second, `[N, 1, 1, 1]`.
    pub(crate) fraction: &'a Tensor,
    /// Hidden map of the decoder level of stride 2, `[N, C, H / 2, W / 2]`.
    pub(crate) hidden: &'a Tensor,
}

impl ThroughPlane {
    /// Builds the branch with `channels` inside, for `hidden` channels of the decoder.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] where the weights of a checkpoint do not fit.
    pub fn new(parameters: &mut Parameters, hidden: i64, channels: i64) -> Result<ThroughPlane> {
        let inputs = MAPS * SUBPIXELS + POSITIONS.len() as i64 + hidden;
        let entry = ConvolutionConfig::new(inputs, channels);
        let entry = ConvolutionPrelu::new(parameters, "through_plane.entry", entry)?;
        let residual = [
            ResidualBlock::identity(parameters, "through_plane.residual1", channels)?,
            ResidualBlock::identity(parameters, "through_plane.residual2", channels)?,
        ];
        let exit = ConvolutionConfig::new(channels, OUTPUTS * SUBPIXELS).init(Init::Zero);
        let exit = Convolution::new(parameters, "through_plane.exit", exit)?;
        Ok(ThroughPlane { entry, residual, exit, kind: Kind::Float, thin: false })
    }

    /// Takes the cubics whose averages over slabs side by side are the known slices, or those
    /// through the known slices.
    pub fn with_thin(self, thin: bool) -> ThroughPlane {
        ThroughPlane { thin, ..self }
    }

    /// Computes the inner convolutions in another precision from now on; inputs and output stay
    /// float32.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub fn set_precision(&mut self, precision: Precision) -> Result<()> {
        let kind = precision.kind();
        self.entry.set_kind(kind)?;
        self.residual.iter_mut().try_for_each(|block| block.set_kind(kind))?;
        self.kind = kind;
        Ok(())
    }

    /// Slices `[N, 1, H, W]` with what the four known slices add to them.
    pub(crate) fn forward(&self, slices: &Tensor, input: &ThroughPlaneInput) -> Result<Tensor> {
        let weights = match self.thin {
            false => cubic_weights(input.fraction, input.present)?,
            true => slab_weights(input.fraction, input.present)?,
        };
        let cubic = |known: &Tensor| -> Result<Tensor> {
            let sum = known.f_mul(&weights)?.f_sum_dim_intlist([1i64].as_slice(), true, None)?;
            Ok(sum.f_sub(slices)?)
        };
        let cubics = [cubic(input.known)?, cubic(input.warped)?];
        let [of_known, of_warped] = &cubics;
        let maps = Tensor::f_cat(&[input.known, input.warped, of_known, of_warped, slices], 1)?;
        let _ = maps.f_narrow(1, 0, 2 * POSITIONS.len() as i64)?.f_sub_(slices)?;
        let maps = entry_maps(&maps, &weights, input.hidden)?;
        let mut sum = self.entry.forward(&maps.f_to_kind(self.kind)?)?;
        for block in &self.residual {
            sum = block.forward(&sum)?;
        }
        let output = self.exit.forward(&sum.f_to_kind(Kind::Float)?)?.f_pixel_shuffle(2)?;
        let (residual, shares) = split_channels(&output, 1)?;
        let (of_known, of_warped) = split_channels(&shares, 1)?;
        let cubics = cubics[0].f_mul(&of_known)?.f_add(&cubics[1].f_mul(&of_warped)?)?;
        Ok(slices.f_add(&residual)?.f_add(&cubics)?)
    }
}

/// Maps `[N, 4 C + K + L, H / 2, W / 2]` in channels-last memory format: maps `[N, C, H, W]` with
/// the four pixels of each place as channels (PyTorch's pixel_unshuffle), weights `[N, K, 1, 1]`,
/// and hidden maps `[N, L, H / 2, W / 2]`. Copied once, in a third of the time of unshuffling and
/// concatenating.
fn entry_maps(maps: &Tensor, weights: &Tensor, hidden: &Tensor) -> Result<Tensor> {
    let (images, channels, rows, columns) = maps.size4()?;
    let [rows, columns] = [rows / 2, columns / 2];
    let [of_maps, of_weights, of_hidden] =
        [SUBPIXELS * channels, weights.size()[1], hidden.size()[1]];
    let all = of_maps + of_weights + of_hidden;
    let pixels = Tensor::f_empty([images, rows, columns, all], (maps.f_kind()?, maps.device()))?;
    let unshuffled =
        pixels.f_narrow(3, 0, of_maps)?.f_view([images, rows, columns, channels, SUBPIXELS])?;
    for subpixel in 0..SUBPIXELS {
        let [row, column] = [subpixel / 2, subpixel % 2];
        let every_second = maps.f_slice(2, row, None, 2)?.f_slice(3, column, None, 2)?;
        unshuffled.f_select(4, subpixel)?.f_copy_(&pixels_of(&every_second)?)?;
    }
    pixels.f_narrow(3, of_maps, of_weights)?.f_copy_(&pixels_of(weights)?)?;
    pixels.f_narrow(3, of_maps + of_weights, of_hidden)?.f_copy_(&pixels_of(hidden)?)?;
    maps_of(&pixels)
}

/// Weights `[N, 4, 1, 1]` of the known slices in the polynomial through those that are present, at
/// `fraction` `[N, 1, 1, 1]`: a cubic through four, a parabola through three, a line through two.
///
/// Lagrange's formula, in which the factor of an absent slice is 1: the weight of slice i is the
/// product over the others j of 1 + present_j ((t - j) / (i - j) - 1).
fn cubic_weights(fraction: &Tensor, present: Option<&[Tensor; 2]>) -> Result<Tensor> {
    let one = fraction.f_ones_like()?;
    let absent = fraction.f_zeros_like()?;
    let [before, after] = match present {
        Some([before, after]) => [before, after],
        None => [&absent, &absent],
    };
    let present = [before, &one, &one, after];
    let mut weights = Vec::new();
    for (i, own) in POSITIONS.into_iter().enumerate() {
        let mut weight = present[i].f_expand_as(&one)?;
        for (j, other) in POSITIONS.into_iter().enumerate().filter(|&(j, _)| j != i) {
            // (t - j) / (i - j) - 1 is (t - i) / (i - j).
            let factor = fraction.f_sub_scalar(own)?.f_div_scalar(own - other)?;
            weight = weight.f_mul(&factor.f_mul(present[j])?.f_add_scalar(1.0)?)?;
        }
        weights.push(weight);
    }
    Ok(Tensor::f_cat(&weights, 1)?)
}

/// Weights `[N, 4, 1, 1]` of the known slices in the polynomial whose averages over slabs of one
/// distance they are, otherwise as [`cubic_weights`].
///
/// The average of a cubic p over a slab is p + p'' / 24 in its middle, so that c - c'' / 24 has the
/// averages that the cubic c has as values. The second difference of a cubic is c''.
fn slab_weights(fraction: &Tensor, present: Option<&[Tensor; 2]>) -> Result<Tensor> {
    let at = |shift: f64| cubic_weights(&fraction.f_add_scalar(shift)?, present);
    let values = at(0.0)?;
    let beside = at(-1.0)?.f_add(&at(1.0)?)?;
    let second_difference = beside.f_sub(&values.f_mul_scalar(2.0)?)?;
    Ok(values.f_sub(&second_difference.f_div_scalar(24.0)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    /// Weights of a polynomial of the degree that the present slices allow reproduce its values.
    #[test]
    fn weights_reproduce_polynomials_through_the_present_slices() {
        for (before, after) in [(1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)] {
            let flag = |value: f64| Tensor::full([1, 1, 1, 1], value, (Kind::Float, Device::Cpu));
            let present = [flag(before), flag(after)];
            let degree = 1 + before as i32 + after as i32;
            for fraction in [0.0, 0.25, 0.5, 0.9] {
                let weights = cubic_weights(&flag(fraction), Some(&present)).unwrap();
                let weights = Vec::<f32>::try_from(weights.flatten(0, -1)).unwrap();
                let polynomial = |t: f64| (t + 0.7).powi(degree) - 0.3 * t;
                let sum: f64 = weights
                    .iter()
                    .zip(POSITIONS)
                    .map(|(&weight, position)| f64::from(weight) * polynomial(position))
                    .sum();
                assert!((sum - polynomial(fraction)).abs() < 1e-5, "{before} {after} {fraction}");
            }
        }
    }

    /// The averages over slabs of a polynomial give its values back.
    #[test]
    fn weights_of_slabs_undo_their_averages() {
        let flag = |value: f64| Tensor::full([1, 1, 1, 1], value, (Kind::Float, Device::Cpu));
        for (before, after) in [(1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)] {
            let present = [flag(before), flag(after)];
            let degree = 1 + before as i32 + after as i32;
            let polynomial = |t: f64| (t + 0.7).powi(degree) - 0.3 * t;
            let integral =
                |t: f64| (t + 0.7).powi(degree + 1) / f64::from(degree + 1) - 0.15 * t * t;
            for fraction in [0.0, 0.25, 0.5, 1.0] {
                let weights = slab_weights(&flag(fraction), Some(&present)).unwrap();
                let weights = Vec::<f32>::try_from(weights.flatten(0, -1)).unwrap();
                let average = |middle: f64| integral(middle + 0.5) - integral(middle - 0.5);
                let sum: f64 = weights
                    .iter()
                    .zip(POSITIONS)
                    .map(|(&weight, position)| f64::from(weight) * average(position))
                    .sum();
                assert!((sum - polynomial(fraction)).abs() < 2e-5, "{before} {after} {fraction}");
            }
        }
    }

    #[test]
    fn pairs_without_context_have_the_weights_of_the_linear_blend() {
        let fraction = Tensor::from_slice(&[0.25f32, 0.75]).view([2, 1, 1, 1]);
        let weights = cubic_weights(&fraction, None).unwrap();
        let weights = Vec::<f32>::try_from(weights.flatten(0, -1)).unwrap();
        assert_eq!(weights, [0.0, 0.75, 0.25, 0.0, 0.0, 0.25, 0.75, 0.0]);
    }

    #[test]
    fn branch_starts_as_the_identity() {
        let mut parameters = Parameters::random(1, Device::Cpu);
        let branch = ThroughPlane::new(&mut parameters, 6, 8).unwrap();
        let random = |shape: &[i64]| Tensor::rand(shape, (Kind::Float, Device::Cpu));
        let slices = random(&[2, 1, 8, 12]);
        let input = ThroughPlaneInput {
            known: &random(&[2, 4, 8, 12]),
            warped: &random(&[2, 4, 8, 12]),
            present: None,
            fraction: &random(&[2, 1, 1, 1]),
            hidden: &random(&[2, 6, 4, 6]),
        };
        assert_eq!(branch.forward(&slices, &input).unwrap(), slices);
    }
}
