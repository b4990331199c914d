//! What a generator makes between the slices of a batch, and what it loses by that: equation 9 apart from
//! the trainer, so that every thread can compute it on a network of its own.

use tch::Tensor;

use crate::error::Result;
use crate::network::Generator;
use crate::training::data::batch::Batch;
use crate::training::forward::slices_between;
use crate::training::losses::paper::{eq5_mse_content, eq9_step_two, psnr_content};
use crate::training::losses::ssim::similarity;
use crate::training::losses::tissue_bias::tissue_bias;
use crate::training::settings::{Content, Settings};

/// What HRINet-Motion loses by a batch (equation 9, of the settings' content): a number.
///
/// # Errors
/// [`Error::Torch`].
pub(crate) fn supervised_loss(
    network: &dyn Generator,
    batch: &Batch,
    settings: &Settings,
) -> Result<Tensor> {
    plain_loss(batch, &slices_between(network, batch, settings.precision)?, settings)
}

/// Equation 9 of the settings' content for slices `[N * inner, 1, H, W]` made between those of a batch, and their
/// bias by tissue.
pub(crate) fn plain_loss(batch: &Batch, made: &Tensor, settings: &Settings) -> Result<Tensor> {
    let truth = &batch.truth;
    let content = eq9_step_two(truth, made, |truth, made| plain_content(truth, made, settings))?;
    and_bias(content, batch, made, settings)
}

/// A loss and what the settings make of the bias by tissue of slices made between those of a batch.
pub(crate) fn and_bias(
    loss: Tensor,
    batch: &Batch,
    made: &Tensor,
    settings: &Settings,
) -> Result<Tensor> {
    if settings.tissue_bias == 0.0 {
        return Ok(loss);
    }
    let inner = batch.alpha.size1()? / batch.groups()?;
    let gap = batch.gap.f_repeat_interleave_self_int(inner, 0, None::<i64>)?;
    let bias = tissue_bias(&batch.truth, made, &gap)?;
    Ok(loss.f_add(&bias.f_mul_scalar(settings.tissue_bias)?)?)
}

/// Equation 5 or its logarithm, and the similarity, as the settings say.
pub(crate) fn plain_content(truth: &Tensor, made: &Tensor, settings: &Settings) -> Result<Tensor> {
    let mut sum = match settings.content {
        Content::Mse => eq5_mse_content(truth, made)?,
        Content::Psnr => psnr_content(truth, made)?,
    };
    if settings.ssim_weight > 0.0 {
        let apart = similarity(truth, made)?.f_neg()?.f_add_scalar(1.0)?;
        sum = sum.f_add(&apart.f_mul_scalar(settings.ssim_weight)?)?;
    }
    Ok(sum)
}
