//! Asymmetric generalised Gaussian distribution of samples around 0.

use std::sync::LazyLock;

/// Shapes that are tried: FIRST, FIRST + STEP, ... up to 10.
const FIRST: f64 = 0.2;
const STEP: f64 = 0.001;
const COUNT: usize = 9801;
/// Absolute values up to this are rounding errors of 0 and have no sign.
const ROUNDING: f64 = 1e-9;

/// Squared mean absolute value over mean square of the symmetric distribution of each shape;
/// ascending.
static RATIOS: LazyLock<Vec<f64>> = LazyLock::new(|| {
    (0..COUNT)
        .map(|index| {
            let shape = grid(index);
            (2.0 * log_gamma(2.0, shape) - log_gamma(1.0, shape) - log_gamma(3.0, shape)).exp()
        })
        .collect()
});

fn grid(index: usize) -> f64 {
    FIRST + STEP * index as f64
}

/// Logarithm of the gamma function at `factor / shape`.
fn log_gamma(factor: f64, shape: f64) -> f64 {
    libm::lgamma(factor / shape)
}

/// Parameters of the distribution, matched to the moments of the samples.
pub(super) struct AsymmetricGaussian {
    /// 2 for a normal distribution, smaller for heavier tails.
    pub shape: f64,
    /// Mean of the distribution.
    pub mean: f64,
    /// Scale of negative samples.
    pub left: f64,
    /// Scale of positive samples.
    pub right: f64,
}

impl AsymmetricGaussian {
    /// The distribution of samples. Its parameters are non-finite where none is negative or none is
    /// positive.
    pub(super) fn of(samples: impl Iterator<Item = f64>) -> AsymmetricGaussian {
        let (mut count, mut absolute) = (0.0, 0.0);
        // Numbers and sums of squares of negative and positive samples.
        let (mut counts, mut squares) = ([0.0; 2], [0.0; 2]);
        for sample in samples {
            count += 1.0;
            absolute += sample.abs();
            if sample.abs() > ROUNDING {
                let side = usize::from(sample > 0.0);
                counts[side] += 1.0;
                squares[side] += sample * sample;
            }
        }
        let deviation = |side: usize| (squares[side] / counts[side]).sqrt();
        let (left, right) = (deviation(0), deviation(1));
        let asymmetry = left / right;
        let ratio = (absolute / count).powi(2) / ((squares[0] + squares[1]) / count);
        let symmetric = ratio * (asymmetry.powi(3) + 1.0) * (asymmetry + 1.0)
            / (asymmetry.powi(2) + 1.0).powi(2);
        let shape = shape_of(symmetric);
        let scale = (0.5 * (log_gamma(1.0, shape) - log_gamma(3.0, shape))).exp();
        let (left, right) = (left * scale, right * scale);
        let mean = (right - left) * (log_gamma(2.0, shape) - log_gamma(1.0, shape)).exp();
        AsymmetricGaussian { shape, mean, left, right }
    }
}

/// Shape whose ratio is nearest; the smaller of two as near.
fn shape_of(ratio: f64) -> f64 {
    let above = RATIOS.partition_point(|&of_shape| of_shape < ratio);
    let distance = |index: usize| (RATIOS[index] - ratio).abs();
    let is_below = above == COUNT || (above > 0 && distance(above - 1) <= distance(above));
    grid(if is_below { above - 1 } else { above })
}
