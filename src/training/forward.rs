//! Slices between the ends of the groups of a batch.

use tch::{Kind, Tensor};

use crate::error::Result;
use crate::network::features::{ContextSlices, Pair};
use crate::network::{Generator, Precision};
use crate::training::data::batch::Batch;

/// What `decode` makes of the ends of each group, which are encoded in one pass, once.
pub(crate) fn between<T>(
    network: &dyn Generator,
    batch: &Batch,
    precision: Precision,
    decode: impl Fn(Pair, &Tensor) -> Result<T>,
) -> Result<T> {
    let cast = |x: &Tensor| x.f_to_kind(precision.kind());
    let groups = batch.groups()?;
    let inner = batch.alpha.size1()? / groups;
    let features = network.encode(&cast(&batch.known_slices()?)?)?;
    let context = match &batch.context {
        Some(context) => {
            let [before, after] = &context.present;
            let each = |there: &Tensor| there.f_repeat_interleave_self_int(inner, 0, None::<i64>);
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
    decode(pair, &cast(&batch.alpha)?)
}

/// The slices `[N * inner, 1, H, W]` between the ends of each group, float32.
///
/// # Errors
/// [`Error::Torch`].
pub(crate) fn slices_between(
    network: &dyn Generator,
    batch: &Batch,
    precision: Precision,
) -> Result<Tensor> {
    let made = between(network, batch, precision, |pair, alpha| network.decode(pair, alpha))?;
    Ok(made.f_to_kind(Kind::Float)?)
}
