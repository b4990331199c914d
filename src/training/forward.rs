//! Slices between the endpoints of the groups of a batch.

use tch::{Kind, Tensor};

use crate::error::Result;
use crate::network::features::{ContextSlices, Pair};
use crate::network::{Generator, Precision};
use crate::training::data::batch::Batch;

/// Converts to the precision of the passes; float32 is returned as it is.
pub(crate) fn cast(x: &Tensor, precision: Precision) -> Result<Tensor> {
    Ok(x.f_to_kind(precision.kind())?)
}

/// Encodes the known slices of each group in one pass and calls `decode` with the pairs, one for
/// each inner slice, and the alphas.
pub(crate) fn decode_between<T>(
    network: &dyn Generator,
    batch: &Batch,
    precision: Precision,
    decode: impl Fn(Pair, &Tensor) -> Result<T>,
) -> Result<T> {
    let (groups, inner) = (batch.groups()?, batch.inner()?);
    let features = network.encode(&cast(&batch.known_slices()?, precision)?)?;
    let context = match &batch.context {
        Some(context) => {
            let [before, after] = &context.present;
            let each = |flags: &Tensor| flags.f_repeat_interleave_self_int(inner, 0, None::<i64>);
            Some(ContextSlices {
                slices: [
                    features.narrow(2 * groups, groups)?.repeat_each(inner)?,
                    features.narrow(3 * groups, groups)?.repeat_each(inner)?,
                ],
                present: [each(before)?, each(after)?],
            })
        }
        None => None,
    };
    let (mut first, mut second) = (features.narrow(0, groups)?, features.narrow(groups, groups)?);
    if inner > 1 {
        (first, second) = (first.repeat_each(inner)?, second.repeat_each(inner)?);
    }
    let pair = Pair { slices: [&first, &second], context: context.as_ref() };
    decode(pair, &cast(&batch.alpha, precision)?)
}

/// Interpolates the inner slices of each group, `[N * inner, 1, H, W]`, float32.
///
/// # Errors
/// [`crate::Error::Torch`].
pub(crate) fn slices_between(
    network: &dyn Generator,
    batch: &Batch,
    precision: Precision,
) -> Result<Tensor> {
    let decode = |pair: Pair, alpha: &Tensor| network.decode(pair, alpha);
    Ok(decode_between(network, batch, precision, decode)?.f_to_kind(Kind::Float)?)
}
