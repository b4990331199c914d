//! The blend of feature maps at alpha.

use tch::Tensor;

use crate::error::Result;
use crate::network::Features;

/// z(alpha) = alpha * En(x1) + (1 - alpha) * En(x2), map by map (section 3.1 of the paper).
/// `alpha`: `[N]`, one for each pair of the batch.
pub fn blend(first: &Features, second: &Features, alpha: &Tensor) -> Result<Features> {
    let alpha = alpha.f_view([-1, 1, 1, 1])?;
    let mixed = first.maps.iter().zip(&second.maps).map(|(x1, x2)| {
        // x2 + alpha (x1 - x2): the same, and exactly x2 at alpha 0.
        Ok(x2.f_add(&x1.f_sub(x2)?.f_mul(&alpha)?)?)
    });
    Ok(Features { maps: mixed.collect::<Result<_>>()?, above: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixing_is_the_blend_and_passes_gradients_to_both_slices() {
        let [x1, x2] = [3.0f32, 5.0].map(|value| {
            Tensor::from_slice(&[value; 8]).view([2, 1, 2, 2]).set_requires_grad(true)
        });
        let features = |x: &Tensor| Features { maps: vec![x.shallow_clone()], above: None };
        let alpha = Tensor::from_slice(&[0.25f32, 1.0]);
        let mixed = blend(&features(&x1), &features(&x2), &alpha).unwrap();
        assert_eq!(mixed.maps[0].double_value(&[0, 0, 1, 1]), 4.5);
        assert_eq!(mixed.maps[0].double_value(&[1, 0, 0, 0]), 3.0);
        mixed.maps[0].sum(tch::Kind::Float).backward();
        assert_eq!(x1.grad().double_value(&[0, 0, 0, 0]), 0.25);
        assert_eq!(x2.grad().double_value(&[0, 0, 0, 0]), 0.75);
        assert_eq!(x2.grad().double_value(&[1, 0, 0, 0]), 0.0);
    }
}
