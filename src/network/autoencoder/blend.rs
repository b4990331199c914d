//! The blend of feature maps at alpha.

use tch::Tensor;

use crate::error::Result;
use crate::network::autoencoder::features::AutoencoderFeatures;

/// z(alpha) = alpha * En(x1) + (1 - alpha) * En(x2), map by map (section 3.1 of the paper), with
/// `alpha` `[N]`, one for each pair of the batch.
pub fn blend(
    first: &AutoencoderFeatures,
    second: &AutoencoderFeatures,
    alpha: &Tensor,
) -> Result<AutoencoderFeatures> {
    let alpha = alpha.f_view([-1, 1, 1, 1])?;
    let maps = first.maps.iter().zip(&second.maps).map(|(x1, x2)| {
        // x2 + alpha (x1 - x2), which is exactly x2 at alpha 0.
        Ok(x2.f_add(&x1.f_sub(x2)?.f_mul(&alpha)?)?)
    });
    Ok(AutoencoderFeatures { maps: maps.collect::<Result<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blend_is_linear_and_passes_gradients_to_both_slices() {
        let [x1, x2] = [3.0f32, 5.0].map(|value| {
            Tensor::from_slice(&[value; 8]).view([2, 1, 2, 2]).set_requires_grad(true)
        });
        let features = |x: &Tensor| AutoencoderFeatures { maps: vec![x.shallow_clone()] };
        let alpha = Tensor::from_slice(&[0.25f32, 1.0]);
        let AutoencoderFeatures { maps: blended } =
            blend(&features(&x1), &features(&x2), &alpha).unwrap();
        assert_eq!(blended[0].double_value(&[0, 0, 1, 1]), 4.5);
        assert_eq!(blended[0].double_value(&[1, 0, 0, 0]), 3.0);
        blended[0].sum(tch::Kind::Float).backward();
        assert_eq!(x1.grad().double_value(&[0, 0, 0, 0]), 0.25);
        assert_eq!(x2.grad().double_value(&[0, 0, 0, 0]), 0.75);
        assert_eq!(x2.grad().double_value(&[1, 0, 0, 0]), 0.0);
    }
}
