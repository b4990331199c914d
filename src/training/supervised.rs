//! What a generator makes between the slices of a batch, and what it loses by that: equation 9 apart from
//! the trainer, so that every thread can compute it on a network of its own.

use tch::{Kind, Tensor};

use super::batch::Batch;
use super::losses::{eq5_mse_content, eq9_step_two, psnr_content};
use super::settings::{Content, Settings};
use super::similarity::similarity;
use super::tissue_bias::tissue_bias;
use crate::error::Result;
use crate::network::mixing::{Around, Pair};
use crate::network::{Generator, Precision};

/// What `decode` makes of the ends of each group, which are encoded in one pass, once.
pub(super) fn between<T>(
    network: &Generator,
    batch: &Batch,
    precision: Precision,
    decode: impl Fn(Pair, &Tensor) -> Result<T>,
) -> Result<T> {
    let cast = |x: &Tensor| x.f_to_kind(precision.kind());
    let groups = batch.groups()?;
    let inner = batch.alpha.size1()? / groups;
    let features = network.encode(&cast(&batch.known()?)?)?;
    let around = match &batch.beyond {
        Some(beyond) => {
            let [before, after] = &beyond.there;
            let each = |there: &Tensor| there.f_repeat_interleave_self_int(inner, 0, None::<i64>);
            Some(Around {
                slices: [
                    features.narrow(2 * groups, groups)?.repeat_each(inner)?,
                    features.narrow(3 * groups, groups)?.repeat_each(inner)?,
                ],
                there: [each(before)?, each(after)?],
            })
        }
        None => None,
    };
    let (mut first, mut second) = (features.narrow(0, groups)?, features.narrow(groups, groups)?);
    if inner > 1 {
        (first, second) = (first.repeat_each(inner)?, second.repeat_each(inner)?);
    }
    let pair = Pair { slices: [&first, &second], around: around.as_ref(), halfway: None };
    decode(pair, &cast(&batch.alpha)?)
}

/// The slices `[N * inner, 1, H, W]` between the ends of each group, float32.
///
/// # Errors
/// [`Error::Torch`].
pub(super) fn slices_between(
    network: &Generator,
    batch: &Batch,
    precision: Precision,
) -> Result<Tensor> {
    let made = between(network, batch, precision, |pair, alpha| network.decode(pair, alpha))?;
    Ok(made.f_to_kind(Kind::Float)?)
}

/// What HRINet-Motion loses by a batch (equation 9, of the settings' content): a number.
///
/// # Errors
/// [`Error::Torch`].
pub(super) fn supervised_loss(
    network: &Generator,
    batch: &Batch,
    settings: &Settings,
) -> Result<Tensor> {
    plain_loss(batch, &slices_between(network, batch, settings.precision)?, settings)
}

/// Equation 9 of the settings' content for slices `[N * inner, 1, H, W]` made between those of a batch, and their
/// bias by tissue.
pub(super) fn plain_loss(batch: &Batch, made: &Tensor, settings: &Settings) -> Result<Tensor> {
    let truth = &batch.truth;
    let content = eq9_step_two(truth, made, |truth, made| plain_content(truth, made, settings))?;
    and_bias(content, batch, made, settings)
}

/// A loss and what the settings make of the bias by tissue of slices made between those of a batch.
pub(super) fn and_bias(
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
pub(super) fn plain_content(truth: &Tensor, made: &Tensor, settings: &Settings) -> Result<Tensor> {
    let mut sum = match settings.content {
        Content::Mse => eq5_mse_content(truth, made)?,
        Content::Psnr => psnr_content(truth, made)?,
    };
    if settings.similarity > 0.0 {
        let apart = similarity(truth, made)?.f_neg()?.f_add_scalar(1.0)?;
        sum = sum.f_add(&apart.f_mul_scalar(settings.similarity)?)?;
    }
    Ok(sum)
}
