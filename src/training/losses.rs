//! The losses of the paper, each named after its equation.

use tch::{Reduction, Tensor};

use crate::error::Result;

/// MSE content loss, equation 5 (and, on slices in between, the terms of equation 9):
/// mean |x - x-hat|^2 over all pixels of all images `[N, 1, H, W]`, grey values on [0, 1].
pub fn mse_content(truth: &Tensor, made: &Tensor) -> Result<Tensor> {
    Ok(made.f_mse_loss(truth, Reduction::Mean)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mse_content_and_its_gradient_in_closed_form() {
        let truth = Tensor::from_slice(&[0.0f32, 0.5, 1.0, 0.25]).view([1, 1, 2, 2]);
        let made = Tensor::from_slice(&[0.5f32, 0.5, 0.0, 0.25]).view([1, 1, 2, 2]);
        let made = made.set_requires_grad(true);
        let loss = mse_content(&truth, &made).unwrap();
        assert_eq!(loss.double_value(&[]), (0.25 + 1.0) / 4.0);
        loss.backward();
        // d/dx-hat of the mean of squares: 2 (x-hat - x) / 4.
        assert_eq!(made.grad().double_value(&[0, 0, 0, 0]), 0.25);
        assert_eq!(made.grad().double_value(&[0, 0, 1, 0]), -0.5);
        assert_eq!(made.grad().double_value(&[0, 0, 0, 1]), 0.0);
    }
}
