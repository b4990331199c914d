//! SSIM's contrast and structure as a loss (Wang et al., IEEE Transactions on Image Processing 13,
//! 600, 2004).

use tch::{Kind, Tensor};

use crate::error::Result;
use crate::metrics::ssim::{K2, SIDE, gaussian};

/// Stabilises the quotient; grey values are on [0, 1].
const C2: f64 = K2 * K2;

/// Mean of SSIM's contrast and structure, (2 cov + C2) / (var x + var y + C2), over the pixels
/// whose whole window of 11 x 11 is inside the image. Both are `[N, 1, H, W]` with grey values on
/// [0, 1], neither clipped. At most 1.
///
/// SSIM's luminance factor compares means by their quotient and is best where they are too low: a
/// bias in dark lung. Luminance is left to the content loss.
///
/// # Errors
/// [`crate::Error::Torch`] for images smaller than the window.
pub fn structural_similarity(truth: &Tensor, generated: &Tensor) -> Result<Tensor> {
    let images = truth.size4()?.0;
    let products = [truth.f_square()?, generated.f_square()?, truth.f_mul(generated)?];
    let all = Tensor::f_cat(&[truth, generated, &products[0], &products[1], &products[2]], 0)?;
    let local = |index: i64, means: &Tensor| means.f_narrow(0, index * images, images);
    let means = gaussian_mean(&all)?;
    let (mean_x, mean_y) = (local(0, &means)?, local(1, &means)?);
    let squares = mean_x.f_square()?.f_add(&mean_y.f_square()?)?;
    let covariance = local(4, &means)?.f_sub(&mean_x.f_mul(&mean_y)?)?;
    let variances = local(2, &means)?.f_add(&local(3, &means)?)?.f_sub(&squares)?;
    let numerator = covariance.f_mul_scalar(2.0)?.f_add_scalar(C2)?;
    Ok(numerator.f_div(&variances.f_add_scalar(C2)?)?.f_mean(None::<Kind>)?)
}

/// Gaussian mean around each pixel whose window is inside the image, one axis after the other.
fn gaussian_mean(images: &Tensor) -> Result<Tensor> {
    let side = SIDE as i64;
    let weights = Tensor::f_from_slice(&gaussian())?.f_to_kind(images.kind())?;
    let weights = weights.f_to_device(images.device())?;
    let mean = |images: &Tensor, shape: [i64; 4]| -> Result<Tensor> {
        let none = None::<Tensor>;
        Ok(images.f_conv2d(&weights.f_view(shape)?, none, 1, 0, 1, 1)?)
    };
    mean(&mean(images, [1, 1, side, 1])?, [1, 1, 1, side])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::SliceScores;
    use crate::volume::Window;
    use ndarray::{Array2, s};
    use tch::Device;

    const SIZE: [i64; 2] = [30, 24];

    fn noise(images: i64) -> Tensor {
        Tensor::rand([images, 1, SIZE[0], SIZE[1]], (Kind::Float, Device::Cpu))
    }

    fn plane(images: &Tensor) -> Array2<f64> {
        let unit = Vec::<f32>::try_from(images.flatten(0, -1)).unwrap();
        let unit = unit.into_iter().map(f64::from).collect();
        Array2::from_shape_vec((SIZE[0] as usize, SIZE[1] as usize), unit).unwrap()
    }

    /// Compares with the paper's formula, window by window.
    #[test]
    fn mean_of_contrast_and_structure_is_that_of_all_windows() {
        tch::manual_seed(1);
        let truth = noise(1);
        let made = &truth * 0.7 + noise(1) * 0.2;
        let (x, y) = (plane(&truth), plane(&made));
        let line: Vec<f64> = (-5..=5).map(|r| (-f64::from(r * r) / 4.5).exp()).collect();
        let weights = Array2::from_shape_fn((11, 11), |(j, i)| line[j] * line[i]);
        let weights = &weights / weights.sum();
        let (mut sum, mut count) = (0.0, 0.0);
        for j in 0..=x.nrows() - 11 {
            for i in 0..=x.ncols() - 11 {
                let window = s![j..j + 11, i..i + 11];
                let (x, y) = (x.slice(window), y.slice(window));
                let (mean_x, mean_y) = ((&x * &weights).sum(), (&y * &weights).sum());
                let (x, y) = (&x - mean_x, &y - mean_y);
                let moment = |a: &Array2<f64>, b: &Array2<f64>| (a * b * &weights).sum();
                sum += (2.0 * moment(&x, &y) + 0.0009) / (moment(&x, &x) + moment(&y, &y) + 0.0009);
                count += 1.0;
            }
        }
        let found = structural_similarity(&truth, &made).unwrap().double_value(&[]);
        assert!((found - sum / count).abs() < 1e-5, "{found} instead of {}", sum / count);
        assert!(found < 0.95, "{found} for images that differ");
    }

    #[test]
    fn gradient_points_to_higher_ssim() {
        tch::manual_seed(2);
        let (truth, made) = (noise(1), noise(1).set_requires_grad(true));
        structural_similarity(&truth, &made).unwrap().backward();
        let moved = (made.detach() + made.grad() * 10.0).clamp(0.0, 1.0);
        let score = |made: &Tensor| {
            let hu = |unit: &Tensor| plane(unit).mapv(|unit| 2000.0 * unit - 1000.0);
            SliceScores::of(hu(&truth).view(), hu(made).view(), Window::CT).unwrap().ssim
        };
        let (before, after) = (score(&made.detach()), score(&moved));
        assert!(after > before + 1e-3, "{after} after {before}");
        let same = structural_similarity(&truth, &truth).unwrap().double_value(&[]);
        assert!((same - 1.0).abs() < 1e-6, "{same}");
    }
}
