//! The loss of HRINet-Motion, apart from the trainer: each thread computes it on a replica.

use tch::Tensor;

use crate::error::Result;
use crate::network::Generator;
use crate::training::data::batch::Batch;
use crate::training::forward::slices_between;
use crate::training::losses::paper::{eq5_mse_content, psnr_content};
use crate::training::losses::ssim::structural_similarity;
use crate::training::losses::tissue_bias::tissue_bias;
use crate::training::settings::{Content, Settings};

/// Interpolates the inner slices of a batch; gives [`content_loss`].
///
/// # Errors
/// [`crate::Error::Torch`].
pub(crate) fn supervised_loss(
    network: &dyn Generator,
    batch: &Batch,
    settings: &Settings,
) -> Result<Tensor> {
    content_loss(batch, &slices_between(network, batch, settings.precision)?, settings)
}

/// Equation 9 for interpolated slices `[N * inner, 1, H, W]` of a batch: equation 5 or its
/// logarithm over all inner slices, and the settings' share of SSIM and of bias by tissue. A
/// number.
pub(crate) fn content_loss(
    batch: &Batch,
    interpolated: &Tensor,
    settings: &Settings,
) -> Result<Tensor> {
    let truth = &batch.truth;
    let mut loss = match settings.content {
        Content::Mse => eq5_mse_content(truth, interpolated)?,
        Content::Psnr => psnr_content(truth, interpolated)?,
    };
    if settings.ssim_weight > 0.0 {
        let ssim = structural_similarity(truth, interpolated)?;
        let dissimilarity = ssim.f_neg()?.f_add_scalar(1.0)?;
        loss = loss.f_add(&dissimilarity.f_mul_scalar(settings.ssim_weight)?)?;
    }
    if settings.tissue_bias > 0.0 {
        let gap = batch.gap.f_repeat_interleave_self_int(batch.inner()?, 0, None::<i64>)?;
        let bias = tissue_bias(truth, interpolated, &gap)?;
        loss = loss.f_add(&bias.f_mul_scalar(settings.tissue_bias)?)?;
    }
    Ok(loss)
}
