//! Bias by tissue as a loss: what is shown as lung, fat or muscle shall be right in the mean.
//!
//! A loss that forgives large errors, as [`super::losses::psnr_content`] does, makes what is likely rather than
//! what is right in the mean: fat and lung come out too dark, because what they are mistaken for is brighter.
//!
//! Bone is left out: one that moved is off by hundreds of HU, most where slices are far apart, and what brought
//! those down brought it down by 2 to 5 HU where it was right.

use tch::{Kind, Tensor};

use crate::error::Result;
use crate::metrics::tissue::{SIDE, TISSUES, Tissue};
use crate::volume::Window;

/// The tissues that it looks at.
const SOFT: [Tissue; 3] = [TISSUES[0], TISSUES[1], TISSUES[2]];

/// `1/P` times the sum over images and soft tissues of `(sum of errors)^2 / |t|`, where `t` are the pixels that
/// `made` shows as a tissue (as [`crate::metrics::tissue`] says) and `P` is the number of pixels: the squared
/// error that is left where each tissue of an image is off by as much everywhere. Both are `[N, 1, H, W]` with
/// grey values on [0, 1] of the window -1000..1000 HU, sides at least that of the neighbourhood. Which tissue
/// a pixel shows takes no gradient. Range [0, inf).
///
/// # Errors
/// [`crate::Error::Torch`] for images smaller than the neighbourhood.
pub fn tissue_bias(truth: &Tensor, made: &Tensor) -> Result<Tensor> {
    let side = SIDE as i64;
    let shown = made.f_detach()?.f_avg_pool2d(side, 1, 0, false, false, None)?;
    let (_, _, rows, columns) = shown.size4()?;
    let edge = side / 2;
    let inner = |x: &Tensor| x.f_narrow(2, edge, rows)?.f_narrow(3, edge, columns);
    let error = inner(made)?.f_sub(&inner(truth)?)?;
    let of_image = |x: &Tensor| x.f_sum_dim_intlist([1i64, 2, 3].as_slice(), false, None::<Kind>);
    let mut sum = Tensor::f_zeros([truth.size4()?.0], (error.kind(), error.device()))?;
    for tissue in SOFT {
        let [low, high] = [tissue.low_hu, tissue.high_hu].map(|hu| Window::CT.to_unit(hu));
        let here = shown.f_ge(low)?.f_logical_and(&shown.f_le(high)?)?.f_to_kind(error.kind())?;
        let squares = of_image(&error.f_mul(&here)?)?.f_square()?;
        sum = sum.f_add(&squares.f_div(&of_image(&here)?.f_clamp_min(1.0)?)?)?;
    }
    Ok(sum.f_sum(None::<Kind>)?.f_div_scalar(error.numel() as f64)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::tissue::{TissueSums, add};
    use ndarray::Array2;
    use tch::Device;

    fn hounsfield(unit: &Tensor) -> Array2<f64> {
        let (_, _, rows, columns) = unit.size4().unwrap();
        let hu = Vec::<f32>::try_from(unit.flatten(0, -1)).unwrap();
        let hu = hu.into_iter().map(|unit| 2000.0 * f64::from(unit) - 1000.0).collect();
        Array2::from_shape_vec((rows as usize, columns as usize), hu).unwrap()
    }

    /// Fat on the left, muscle on the right, each with noise and off by some HU.
    fn image(fat: f64, muscle: f64) -> Tensor {
        let options = (Kind::Float, Device::Cpu);
        let half = |hu: f64| Tensor::full([1, 1, 24, 20], (hu + 1000.0) / 2000.0, options);
        let noise = Tensor::randn([1, 1, 24, 40], options) * 0.004;
        Tensor::cat(&[half(fat), half(muscle)], 3) + noise
    }

    #[test]
    fn it_counts_the_bias_that_the_scores_tell() {
        tch::manual_seed(4);
        let (truth, made) = (image(-95.0, 50.0), image(-98.0, 56.0));
        let mut sums = [TissueSums::default(); 4];
        add(&mut sums, hounsfield(&truth).view(), hounsfield(&made).view());
        let told: f64 = sums
            .iter()
            .filter_map(TissueSums::scores)
            .map(|it| it.shown_voxels as f64 * (it.shown_bias_hu / 2000.0).powi(2))
            .sum::<f64>()
            / (20.0 * 36.0);
        let found = tissue_bias(&truth, &made).unwrap().double_value(&[]);
        assert!((found / told - 1.0).abs() < 1e-3, "{found} instead of {told}");
        // Of two images each counts for itself: biases that would cancel do not.
        let pair = |first: &Tensor, second: &Tensor| Tensor::cat(&[first, second], 0);
        let both = tissue_bias(&pair(&truth, &made), &pair(&made, &truth)).unwrap();
        assert!(both.double_value(&[]) > 0.9 * found, "{both}");
        let bone = tissue_bias(&image(700.0, 900.0), &image(720.0, 940.0)).unwrap();
        assert_eq!(bone.double_value(&[]), 0.0);
    }

    #[test]
    fn its_gradient_moves_each_tissue_as_a_whole() {
        tch::manual_seed(5);
        let (truth, made) = (image(-95.0, 50.0), image(-98.0, 56.0).set_requires_grad(true));
        tissue_bias(&truth, &made).unwrap().backward();
        let gradient = made.grad();
        let at = |row: i64, column: i64| gradient.double_value(&[0, 0, row, column]);
        // Fat is too dark, muscle too bright; between them lies neither, and the border is left out.
        assert!(at(5, 5) < 0.0 && at(20, 12) == at(5, 5));
        assert!(at(5, 30) > 0.0 && at(5, 20) == 0.0 && at(0, 5) == 0.0);
    }
}
