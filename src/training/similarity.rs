//! Structural similarity as a loss (Wang et al., IEEE Transactions on Image Processing 13, 600, 2004).

use tch::{Kind, Tensor};

use crate::error::Result;
use crate::metrics::ssim::{K1, K2, SIDE, gaussian};

/// Of grey values on [0, 1].
const C1: f64 = K1 * K1;
const C2: f64 = K2 * K2;

/// The mean SSIM of images and what they should be, over the pixels whose whole window of 11 x 11 lies in
/// the image: what [`crate::metrics::SliceScores`] counts, through which gradients flow. Both are
/// `[N, 1, H, W]` with grey values on [0, 1]; values are clipped to that by neither. At most 1.
///
/// # Errors
/// [`crate::Error::Torch`] for images smaller than the window.
pub fn similarity(truth: &Tensor, made: &Tensor) -> Result<Tensor> {
    let images = truth.size4()?.0;
    let products = [truth.f_square()?, made.f_square()?, truth.f_mul(made)?];
    let all = Tensor::f_cat(&[truth, made, &products[0], &products[1], &products[2]], 0)?;
    let local = |index: i64, means: &Tensor| means.f_narrow(0, index * images, images);
    let means = windowed(&all)?;
    let (mean_x, mean_y) = (local(0, &means)?, local(1, &means)?);
    let product = mean_x.f_mul(&mean_y)?;
    let squares = mean_x.f_square()?.f_add(&mean_y.f_square()?)?;
    let covariance = local(4, &means)?.f_sub(&product)?;
    let variances = local(2, &means)?.f_add(&local(3, &means)?)?.f_sub(&squares)?;
    let alike = product.f_mul_scalar(2.0)?.f_add_scalar(C1)?;
    let alike = alike.f_mul(&covariance.f_mul_scalar(2.0)?.f_add_scalar(C2)?)?;
    let both = squares.f_add_scalar(C1)?.f_mul(&variances.f_add_scalar(C2)?)?;
    Ok(alike.f_div(&both)?.f_mean(None::<Kind>)?)
}

/// The Gaussian mean around each pixel whose window lies in the image, one axis after the other.
fn windowed(images: &Tensor) -> Result<Tensor> {
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
    use ndarray::Array2;
    use tch::Device;

    fn noise(images: i64) -> Tensor {
        Tensor::rand([images, 1, 30, 24], (Kind::Float, Device::Cpu))
    }

    /// The scores' SSIM is compared with scikit-image elsewhere.
    #[test]
    fn it_is_the_mean_of_the_ssim_that_scores_count() {
        tch::manual_seed(1);
        let truth = noise(3);
        let made = &truth * 0.7 + noise(3) * 0.2;
        let hu = |images: &Tensor, index: i64| {
            let unit = Vec::<f32>::try_from(images.get(index).flatten(0, -1)).unwrap();
            let hu = unit.iter().map(|&unit| 2000.0 * unit - 1000.0).collect();
            Array2::<f32>::from_shape_vec((30, 24), hu).unwrap()
        };
        let score = |index| {
            let (truth, made) = (hu(&truth, index), hu(&made, index));
            SliceScores::of(truth.view(), made.view(), Window::CT).unwrap().ssim
        };
        let expected = (score(0) + score(1) + score(2)) / 3.0;
        let found = similarity(&truth, &made).unwrap().double_value(&[]);
        assert!((found - expected).abs() < 1e-5, "{found} instead of {expected}");
        assert!(expected < 0.95, "{expected}: images that differ");
    }

    #[test]
    fn going_up_its_gradient_makes_images_more_alike() {
        tch::manual_seed(2);
        let (truth, made) = (noise(1), noise(1).set_requires_grad(true));
        let before = similarity(&truth, &made).unwrap();
        before.backward();
        let moved = made.detach() + made.grad() * 10.0;
        let after = similarity(&truth, &moved).unwrap().double_value(&[]);
        assert!(after > before.double_value(&[]) + 1e-3, "{after} after {before:?}");
        let same = similarity(&truth, &truth).unwrap().double_value(&[]);
        assert!((same - 1.0).abs() < 1e-6, "{same}");
    }
}
