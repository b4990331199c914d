//! Statistics of samples: shape of a generalised Gaussian distribution, coefficient of variation.

use std::sync::LazyLock;

/// Shapes that are tried: FIRST, FIRST + STEP, ... up to 10. They are never interpolated.
const FIRST: f64 = 0.03;
const STEP: f64 = 0.001;
const COUNT: usize = 9971;
/// Added to the squared mean deviation, against division by zero.
const EPSILON: f64 = 1e-7;

/// Variance over squared mean absolute deviation of the distribution of each shape; descending.
static RATIOS: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let ratio = |index: usize| {
        let inverse = 1.0 / grid(index);
        let log = |factor: f64| libm::lgamma(factor * inverse);
        (log(1.0) + log(3.0) - 2.0 * log(2.0)).exp()
    };
    (0..COUNT).map(ratio).collect()
});

fn grid(index: usize) -> f64 {
    FIRST + STEP * index as f64
}

/// Shape of the generalised Gaussian distribution that has the ratio of variance to squared mean
/// absolute deviation of the samples, 0.03 to 10 in steps of 0.001: 2 for a normal distribution,
/// smaller for heavier tails, 10 for constant samples. Needs two samples or more.
pub(super) fn shape<'a>(samples: impl Iterator<Item = &'a f64> + Clone) -> f64 {
    let count = samples.clone().count() as f64;
    let mean = samples.clone().sum::<f64>() / count;
    let squares: f64 = samples.clone().map(|value| (value - mean) * (value - mean)).sum();
    let deviation = samples.map(|value| (value - mean).abs()).sum::<f64>() / count;
    let ratio = squares / (count - 1.0) / (deviation * deviation + EPSILON);
    let after = RATIOS.partition_point(|&of_shape| of_shape > ratio);
    if after == 0 {
        return grid(0);
    }
    let distance = |index: usize| (RATIOS[index] - ratio).abs();
    match after < COUNT && distance(after) < distance(after - 1) {
        true => grid(after),
        false => grid(after - 1),
    }
}

/// Standard deviation of the absolute values over their mean, to which `epsilon` is added.
pub(super) fn coefficient_of_variation(
    samples: impl Iterator<Item = f64> + Clone,
    epsilon: f64,
) -> f64 {
    let absolute = samples.map(f64::abs);
    let count = absolute.clone().count() as f64;
    let mean = absolute.clone().sum::<f64>() / count;
    variance(absolute).sqrt() / (mean + epsilon)
}

/// Unbiased variance.
pub(super) fn variance(samples: impl Iterator<Item = f64> + Clone) -> f64 {
    let count = samples.clone().count() as f64;
    let mean = samples.clone().sum::<f64>() / count;
    samples.map(|value| (value - mean) * (value - mean)).sum::<f64>() / (count - 1.0)
}
