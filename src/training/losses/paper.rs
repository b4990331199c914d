//! The losses of the paper, each named after its equation.
//!
//! All are to be minimised, return one number (a tensor of no dimension with gradients) and work in
//! float32 or float64. Images are `[N, 1, H, W]` with grey values on [0, 1]. Equation 9, the mean
//! of the content losses (equation 5 or 6) of the inner slices, is that loss over all of them at
//! once.

use tch::{Kind, Reduction, Tensor};

use crate::error::{Error, Result};
use crate::network::autoencoder::features::AutoencoderFeatures;
use crate::training::settings::{Adversarial, CriticTarget};

/// D2's loss, equation 1 with its sign turned: -mean log D2(x) - mean log(1 - D2(x-hat(alpha))).
///
/// `real` and `generated` are logits of any shape; means are over all patches. Range [0, inf). With
/// least squares: the mean of (D2(x) - 1)^2 / 2 plus that of D2(x-hat)^2 / 2 (LSGAN's a = 0, b =
/// 1).
pub fn eq1_patch_gan(real: &Tensor, generated: &Tensor, form: Adversarial) -> Result<Tensor> {
    match form {
        Adversarial::Saturating | Adversarial::NonSaturating => {
            let of_real = mean(&real.f_log_sigmoid()?)?;
            let of_generated = mean(&generated.f_neg()?.f_log_sigmoid()?)?;
            Ok(of_real.f_add(&of_generated)?.f_neg()?)
        }
        Adversarial::LeastSquares => {
            let of_real = mean(&real.f_sub_scalar(1.0)?.f_square()?)?;
            Ok(of_real.f_add(&mean(&generated.f_square()?)?)?.f_mul_scalar(0.5)?)
        }
    }
}

/// The critic's loss, equation 2: mean |D1(x-hat(alpha)) - alpha|^2 + mean |D1(anchor)|^2, where
/// the anchor is gamma x + (1 - gamma) De(En(x)), see [`eq2_anchor`].
///
/// `of_blended` are guesses `[N]` for images blended at `alpha` `[N]`, `of_anchor` guesses `[M]`.
/// Means are over images. Range [0, inf).
pub fn eq2_critic(
    of_blended: &Tensor,
    alpha: &Tensor,
    of_anchor: &Tensor,
    target: CriticTarget,
) -> Result<Tensor> {
    let target = match target {
        CriticTarget::Literal => alpha.shallow_clone(),
        CriticTarget::Folded => alpha.f_minimum(&alpha.f_neg()?.f_add_scalar(1.0)?)?,
    };
    let of_blended = of_blended.f_mse_loss(&target, Reduction::Mean)?;
    Ok(of_blended.f_add(&mean(&of_anchor.f_square()?)?)?)
}

/// The anchor of equation 2, whose target is 0: gamma x + (1 - gamma) De(En(x)),
/// `[N, 1, H, W]`.
pub fn eq2_anchor(slices: &Tensor, reconstructed: &Tensor, gamma: f64) -> Result<Tensor> {
    let difference = slices.f_sub(reconstructed)?;
    Ok(reconstructed.f_add(&difference.f_mul_scalar(gamma)?)?)
}

/// The generator's loss in Stage I, equation 3: L_cont + lambda L_ac. Both are numbers.
pub fn eq3_stage_one(content: &Tensor, against_critic: &Tensor, lambda: f64) -> Result<Tensor> {
    Ok(content.f_add(&against_critic.f_mul_scalar(lambda)?)?)
}

/// The generator's loss in Step I, equation 4: L_cont + lambda L_ac + beta L_Gen. All are numbers.
pub fn eq4_step_one(
    content: &Tensor,
    against_critic: &Tensor,
    against_patch_gan: &Tensor,
    lambda: f64,
    beta: f64,
) -> Result<Tensor> {
    let loss = eq3_stage_one(content, against_critic, lambda)?;
    Ok(loss.f_add(&against_patch_gan.f_mul_scalar(beta)?)?)
}

/// MSE content loss, equation 5: mean |x - De(En(x))|^2 over all pixels of all images. Range
/// [0, inf); [0, 1] where both are grey values.
pub fn eq5_mse_content(truth: &Tensor, generated: &Tensor) -> Result<Tensor> {
    Ok(generated.f_mse_loss(truth, Reduction::Mean)?)
}

/// Mean squared error up to which a crop weighs about by it, and above by its logarithm. 1e-4 is a
/// PSNR of 40 dB.
const LEVEL: f64 = 1e-4;

/// Content loss in proportion to PSNR: the mean over images of `c ln(1 + MSE / c)`, c = 1e-4. A
/// squared error alone is dominated by the few crops with large motion. Range [0, inf).
pub fn psnr_content(truth: &Tensor, generated: &Tensor) -> Result<Tensor> {
    let each = squared_errors(truth, generated)?;
    mean(&each.f_mul_scalar(1.0 / LEVEL)?.f_log1p()?.f_mul_scalar(LEVEL)?)
}

/// The mean squared error of each image, `[N]`.
pub fn squared_errors(truth: &Tensor, generated: &Tensor) -> Result<Tensor> {
    let squares = generated.f_sub(truth)?.f_square()?;
    Ok(squares.f_mean_dim([1i64, 2, 3].as_slice(), false, None::<Kind>)?)
}

/// Perceptual content loss, equation 6: mean |P(x) - P(De(En(x)))|^2, the mean over all numbers of
/// all feature maps together. `truth` and `generated` are P's feature maps of `N` images each.
/// Range [0, inf).
pub fn eq6_perceptual_content(
    truth: &AutoencoderFeatures,
    generated: &AutoencoderFeatures,
) -> Result<Tensor> {
    let mut sum = None::<Tensor>;
    let mut count = 0;
    for (truth, generated) in truth.maps.iter().zip(&generated.maps) {
        let term = generated.f_mse_loss(truth, Reduction::Sum)?;
        sum = Some(match sum {
            Some(sum) => sum.f_add(&term)?,
            None => term,
        });
        count += truth.numel();
    }
    let sum = sum.ok_or_else(|| Error::Argument("no feature map to compare".into()))?;
    Ok(sum.f_div_scalar(count as f64)?)
}

/// The generator's loss against the critic, equation 7: mean |D1(x-hat(alpha))|^2 over guesses
/// `[N]`. Range [0, inf); 0 where D1 takes every blended image for a reconstruction.
pub fn eq7_against_critic(of_blended: &Tensor) -> Result<Tensor> {
    mean(&of_blended.f_square()?)
}

/// The generator's loss against D2, equation 8: mean log(1 - D2(x-hat(alpha))) over all patches,
/// from logits of any shape, finite for logits of any size. Range (-inf, 0]; non-saturating and
/// least squares [0, inf).
pub fn eq8_against_patch_gan(generated: &Tensor, form: Adversarial) -> Result<Tensor> {
    match form {
        // log(1 - sigmoid(l)) is log sigmoid(-l).
        Adversarial::Saturating => mean(&generated.f_neg()?.f_log_sigmoid()?),
        Adversarial::NonSaturating => Ok(mean(&generated.f_log_sigmoid()?)?.f_neg()?),
        Adversarial::LeastSquares => {
            Ok(mean(&generated.f_sub_scalar(1.0)?.f_square()?)?.f_mul_scalar(0.5)?)
        }
    }
}

/// Loss of an expected absolute error: the mean over all pixels of `error / expected + ln
/// expected`, the negative log-likelihood of Laplace's distribution up to a constant. It is least
/// where `expected` is the mean of the errors. Both tensors have one shape and one unit, which
/// changes the loss by a constant; `error` is 0 or more, `expected` greater than 0.
pub fn laplace(error: &Tensor, expected: &Tensor) -> Result<Tensor> {
    mean(&error.f_div(expected)?.f_add(&expected.f_log()?)?)
}

fn mean(x: &Tensor) -> Result<Tensor> {
    Ok(x.f_mean(None::<Kind>)?)
}
