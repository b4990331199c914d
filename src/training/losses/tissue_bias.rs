//! Bias by tissue as a loss: the mean HU of lung, fat, muscle and bone shall be right.
//!
//! A loss that forgives large errors, as [`psnr_content`](super::paper::psnr_content) does, favours
//! likely values over right means: fat and lung come out too dark and bone too bright, because of
//! the tissues that they are mistaken for.
//!
//! The mean error of a single crop also holds chance, and its square would be least where all
//! tissues fade. So the errors of two different crops are multiplied: on average only the bias that
//! all crops share is left.

use tch::{Kind, Tensor};

use crate::error::Result;
use crate::metrics::tissue::{SIDE, TISSUES};
use crate::volume::Window;

/// Unbiased estimate of the squared error due to the mean error of each tissue: `1/P` times the sum
/// over gaps and tissues of `(sum over i, j of e_i e_j) / (sum over i of |t_i|)`, where `i` and `j`
/// are different images of a gap, `t_i` the pixels of a tissue in the generated image (by
/// [`crate::metrics::tissue`]), `e_i` the sum of its errors there, and `P` the number of pixels.
///
/// `truth` and `generated` are `[N, 1, H, W]` with grey values on [0, 1] of the window -1000..1000
/// HU, sides at least that of the neighbourhood; `gap` `[N]` is the gap of each image. The choice
/// of tissues has no gradient. Chance can make the loss negative.
///
/// # Errors
/// [`crate::Error::Torch`] for images smaller than the neighbourhood.
pub fn tissue_bias(truth: &Tensor, generated: &Tensor, gap: &Tensor) -> Result<Tensor> {
    let side = SIDE as i64;
    let shown = generated.f_detach()?.f_avg_pool2d(side, 1, 0, false, false, None)?;
    let (_, _, rows, columns) = shown.size4()?;
    let edge = side / 2;
    let inner = |x: &Tensor| x.f_narrow(2, edge, rows)?.f_narrow(3, edge, columns);
    let error = inner(generated)?.f_sub(&inner(truth)?)?;
    let of_image = |x: &Tensor| x.f_sum_dim_intlist([1i64, 2, 3].as_slice(), false, None::<Kind>);
    // [N, N]: 1 where two images are of one gap; in the second, where they are also different.
    let together = gap.f_view([-1, 1])?.f_eq_tensor(gap)?.f_to_kind(error.kind())?;
    let others = together.f_sub(&together.f_diag(0)?.f_diag(0)?)?;
    let mut sum = Tensor::f_zeros([], (error.kind(), error.device()))?;
    for tissue in TISSUES {
        let [low, high] = [tissue.low_hu, tissue.high_hu].map(|hu| Window::CT.to_unit(hu));
        let here = shown.f_ge(low)?.f_logical_and(&shown.f_le(high)?)?.f_to_kind(error.kind())?;
        let errors = of_image(&error.f_mul(&here)?)?;
        let pixels = together.f_mv(&of_image(&here)?)?.f_clamp_min(1.0)?;
        sum =
            sum.f_add(&errors.f_mul(&others.f_mv(&errors)?)?.f_div(&pixels)?.f_sum(None::<Kind>)?)?;
    }
    Ok(sum.f_div_scalar(error.numel() as f64)?)
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

    fn loss(truth: &[Tensor], made: &[Tensor], gap: &[i64]) -> Tensor {
        tissue_bias(&Tensor::cat(truth, 0), &Tensor::cat(made, 0), &Tensor::from_slice(gap))
            .unwrap()
    }

    /// Sums of the scores over images, apart from each image's own squares.
    fn told(truth: &[Tensor], made: &[Tensor]) -> f64 {
        let each = truth.iter().zip(made).map(|(truth, made)| {
            let mut sums = [TissueSums::default(); 4];
            add(&mut sums, hounsfield(truth).view(), hounsfield(made).view());
            sums.map(|sums| {
                sums.scores().map_or([0.0; 2], |it| {
                    let count = it.shown_voxels as f64;
                    [count * it.shown_bias_hu / 2000.0, count]
                })
            })
        });
        let each: Vec<_> = each.collect();
        let of_tissue = |tissue: usize| -> f64 {
            let sum =
                |of: &dyn Fn([f64; 2]) -> f64| each.iter().map(|it| of(it[tissue])).sum::<f64>();
            let (all, squares) = (sum(&|[error, _]| error), sum(&|[error, _]| error * error));
            (all * all - squares) / sum(&|[_, count]| count).max(1.0)
        };
        (0..4).map(of_tissue).sum::<f64>() / (each.len() as f64 * 20.0 * 36.0)
    }

    #[test]
    fn loss_is_the_squared_bias_of_the_metrics() {
        tch::manual_seed(4);
        let truth =
            [image(-95.0, 50.0), image(-90.0, 700.0), image(-95.0, 50.0), image(900.0, 40.0)];
        let made =
            [image(-98.0, 56.0), image(-94.0, 720.0), image(-97.0, 53.0), image(915.0, 44.0)];
        let found = loss(&truth, &made, &[3; 4]).double_value(&[]);
        let told_of_all = told(&truth, &made);
        assert!((found / told_of_all - 1.0).abs() < 1e-3, "{found} instead of {told_of_all}");
        // Images of different gaps are independent.
        let apart = loss(&truth, &made, &[2, 6, 2, 6]).double_value(&[]);
        let every_other =
            |first: usize, all: &[Tensor; 4]| [first, first + 2].map(|at| all[at].copy());
        let halves =
            [0, 1].map(|first| told(&every_other(first, &truth), &every_other(first, &made)));
        let told = (halves[0] + halves[1]) / 2.0;
        assert!((apart / told - 1.0).abs() < 1e-3, "{apart} instead of {told}");
        // A single image of a gap does not contribute.
        assert_eq!(loss(&truth, &made, &[2, 3, 4, 5]).double_value(&[]), 0.0);
    }

    /// Errors of random sign cancel on average.
    #[test]
    fn random_errors_are_no_bias() {
        tch::manual_seed(6);
        let options = (Kind::Float, Device::Cpu);
        let mean: f64 = (0..200)
            .map(|_| {
                let off = Vec::<f32>::try_from(Tensor::randn([4], options) * 5.0).unwrap();
                let made: Vec<Tensor> =
                    off.iter().map(|&off| image(-95.0, 50.0 + f64::from(off))).collect();
                let truth: Vec<Tensor> = (0..4).map(|_| image(-95.0, 50.0)).collect();
                loss(&truth, &made, &[4; 4]).double_value(&[])
            })
            .sum::<f64>()
            / 200.0;
        // The square of each image's own error would be 5 HU squared in the half that is muscle.
        let square = (5.0f64 / 2000.0).powi(2) / 2.0;
        assert!(mean.abs() < 0.2 * square, "{mean} of {square}");
    }

    #[test]
    fn gradient_moves_each_tissue_as_a_whole() {
        tch::manual_seed(5);
        let truth = [image(-95.0, 50.0), image(-95.0, 50.0)];
        let made =
            [image(-98.0, 56.0), image(-97.0, 58.0)].map(|made| made.set_requires_grad(true));
        loss(&truth, &made, &[2, 2]).backward();
        let gradient = made[0].grad();
        let at = |row: i64, column: i64| gradient.double_value(&[0, 0, row, column]);
        // Fat is too dark, muscle too bright; pixels between them are neither, as is the border.
        assert!(at(5, 5) < 0.0 && at(20, 12) == at(5, 5));
        assert!(at(5, 30) > 0.0 && at(5, 20) == 0.0 && at(0, 5) == 0.0);
    }
}
