//! AdamW (Loshchilov and Hutter, ICLR 2019) on one flat vector, or Muon for convolutions and AdamW
//! for the rest.
//!
//! All weights of a network are views of one vector: a step is a handful of operations for any
//! number of layers, and the state in a checkpoint is two vectors.

use std::collections::BTreeMap;

use tch::{Kind, Tensor};

use crate::error::{Error, Result};
use crate::training::optim::muon;
use crate::training::settings::OptimizerKind;

/// Decays of AdamW's moments, and the term that keeps its quotient finite.
const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// An optimizer and the weights that it moves.
pub struct Optimizer {
    kind: OptimizerKind,
    weights: Vec<Tensor>,
    flat: Tensor,
    first_moment: Tensor,
    second_moment: Tensor,
    steps: u64,
}

impl Optimizer {
    /// Makes the weights of a network views of one vector that require gradients.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn new(mut weights: Vec<Tensor>, kind: OptimizerKind) -> Result<Optimizer> {
        let flat = tch::no_grad(|| -> Result<Tensor> {
            let lines = weights
                .iter()
                .map(|weight| weight.f_view([-1]))
                .collect::<std::result::Result<Vec<_>, _>>()?;
            Ok(Tensor::f_cat(&lines, 0)?)
        })?;
        let mut start = 0;
        for weight in &mut weights {
            let count = weight.numel() as i64;
            let view = flat.f_narrow(0, start, count)?.f_view(weight.size().as_slice())?;
            weight.f_set_data(&view)?;
            let _ = weight.f_set_requires_grad(true)?;
            start += count;
        }
        let (first_moment, second_moment) = (flat.f_zeros_like()?, flat.f_zeros_like()?);
        Ok(Optimizer { kind, weights, flat, first_moment, second_moment, steps: 0 })
    }

    /// Sets whether gradients of the weights are computed.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn set_requires_grad(&self, requires_grad: bool) -> Result<()> {
        for weight in &self.weights {
            let _ = weight.f_set_requires_grad(requires_grad)?;
        }
        Ok(())
    }

    /// Steps taken so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Steps down the gradient of `loss`, clipped at `max_grad_norm`; gives the norm before
    /// clipping.
    ///
    /// # Errors
    /// [`Error::Training`] for a non-finite gradient; nothing is changed then.
    pub fn step(
        &mut self,
        loss: &Tensor,
        learning_rate: f64,
        weight_decay: f64,
        max_grad_norm: f64,
    ) -> Result<f64> {
        let gradient = flat_gradient(&self.weights, loss)?;
        self.step_with_gradient(gradient, learning_rate, weight_decay, max_grad_norm)
    }

    /// Like [`Optimizer::step`], with a gradient of [`flat_gradient`].
    ///
    /// # Errors
    /// [`Error::Training`] for a non-finite gradient; nothing is changed then.
    pub fn step_with_gradient(
        &mut self,
        gradient: Tensor,
        learning_rate: f64,
        weight_decay: f64,
        max_grad_norm: f64,
    ) -> Result<f64> {
        tch::no_grad(|| self.descend(gradient, learning_rate, weight_decay, max_grad_norm))
    }

    fn descend(
        &mut self,
        mut gradient: Tensor,
        learning_rate: f64,
        weight_decay: f64,
        max_grad_norm: f64,
    ) -> Result<f64> {
        let norm = gradient.f_norm()?.f_double_value(&[])?;
        if !norm.is_finite() {
            return Err(Error::Training(format!("the gradient's norm is {norm}")));
        }
        if norm > max_grad_norm {
            gradient = gradient.f_mul_scalar(max_grad_norm / norm)?;
        }

        self.steps += 1;
        let steps = self.steps as i32;
        let beta1 = match self.kind {
            OptimizerKind::AdamW => BETA1,
            OptimizerKind::Muon => muon::MOMENTUM,
        };
        let _ = self.first_moment.f_lerp_(&gradient, 1.0 - beta1)?;
        let _ = self.second_moment.f_lerp_(&gradient.f_square()?, 1.0 - BETA2)?;
        let deviation = self
            .second_moment
            .f_div_scalar(1.0 - BETA2.powi(steps))?
            .f_sqrt()?
            .f_add_scalar(EPSILON)?;
        let direction = self
            .first_moment
            .f_div(&deviation)?
            .f_mul_scalar(learning_rate / (1.0 - beta1.powi(steps)))?;
        if self.kind == OptimizerKind::Muon {
            self.orthogonalize(
                &direction,
                &gradient.f_lerp(&self.first_moment, beta1)?,
                learning_rate,
            )?;
        }
        let _ = self.flat.f_mul_scalar_(1.0 - learning_rate * weight_decay)?;
        let _ = self.flat.f_sub_(&direction)?;
        Ok(norm)
    }

    /// Replaces AdamW's step of every convolution by Muon's. `momentum`: Nesterov's, which the
    /// current gradient moved once more.
    fn orthogonalize(
        &self,
        direction: &Tensor,
        momentum: &Tensor,
        learning_rate: f64,
    ) -> Result<()> {
        let (mut ranges, mut momenta) = (Vec::new(), Vec::new());
        let mut start = 0;
        for weight in &self.weights {
            let count = weight.numel() as i64;
            if let Some(rows) = muon::rows(&weight.size()) {
                ranges.push((start, count));
                momenta.push(momentum.f_narrow(0, start, count)?.f_view([rows, -1])?);
            }
            start += count;
        }
        for ((start, count), step) in ranges.into_iter().zip(muon::steps(&momenta)?) {
            let step = step.f_mul_scalar(learning_rate)?.f_reshape([-1])?;
            direction.f_narrow(0, start, count)?.f_copy_(&step)?;
        }
        Ok(())
    }

    /// State of a checkpoint, beside the weights.
    pub fn state(&self) -> BTreeMap<String, Tensor> {
        BTreeMap::from([
            ("first_moment".to_string(), self.first_moment.shallow_clone()),
            ("second_moment".to_string(), self.second_moment.shallow_clone()),
        ])
    }

    /// Restores the state after `steps` steps.
    ///
    /// # Errors
    /// [`Error::Argument`] for a state of another network.
    pub fn restore(&mut self, state: &BTreeMap<String, Tensor>, steps: u64) -> Result<()> {
        let moments =
            [("first_moment", &mut self.first_moment), ("second_moment", &mut self.second_moment)];
        for (name, moment) in moments {
            let saved = state.get(name).filter(|saved| saved.size() == moment.size());
            let saved = saved.ok_or_else(|| {
                Error::Argument(format!("the optimizer's {name} is missing or of another network"))
            })?;
            tch::no_grad(|| moment.f_copy_(saved))?;
        }
        self.steps = steps;
        Ok(())
    }
}

/// Gradient of `loss` by `weights`, one after the other in one vector.
///
/// # Errors
/// [`Error::Torch`].
pub fn flat_gradient(weights: &[Tensor], loss: &Tensor) -> Result<Tensor> {
    let gradients = Tensor::f_run_backward(&[loss], weights, false, false)?;
    let lines = weights.iter().zip(gradients).map(|(weight, gradient)| -> Result<Tensor> {
        // The gradient of an unused weight is undefined.
        let gradient = if gradient.defined() { gradient } else { weight.f_zeros_like()? };
        Ok(gradient.f_contiguous()?.f_view([-1])?)
    });
    Ok(Tensor::f_cat(&lines.collect::<Result<Vec<_>>>()?, 0)?)
}

/// Whether every value of a tensor is finite.
///
/// # Errors
/// [`Error::Torch`].
pub fn all_finite(tensor: &Tensor) -> Result<bool> {
    Ok(tensor.f_isfinite()?.f_all()?.f_to_kind(Kind::Int64)?.f_int64_value(&[])? == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    /// Compares with Algorithm 2 of the paper in plain doubles.
    #[test]
    fn steps_follow_the_closed_form_of_adamw() {
        let weight = Tensor::from_slice(&[1.0f32, -2.0]).view([1, 2]);
        let bias = Tensor::from_slice(&[0.5f32]);
        let mut optimizer = Optimizer::new(
            vec![weight.shallow_clone(), bias.shallow_clone()],
            OptimizerKind::AdamW,
        )
        .unwrap();
        let mut expected = [1.0f64, -2.0, 0.5];
        let (mut m, mut v) = ([0.0; 3], [0.0; 3]);
        for step in 1..=5 {
            // loss = sum of weight^2 + 3 bias: gradients 2 w and 3.
            let loss = weight.square().sum(Kind::Float) + &bias * 3.0;
            let gradient = [2.0 * expected[0], 2.0 * expected[1], 3.0];
            let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            let got = optimizer.step(&loss, 0.1, 0.01, 2.0).unwrap();
            assert!((got - norm).abs() < 1e-5 * norm);
            for index in 0..3 {
                let g = gradient[index] * (2.0 / norm).min(1.0);
                m[index] = 0.9 * m[index] + 0.1 * g;
                v[index] = 0.999 * v[index] + 0.001 * g * g;
                let (mh, vh) =
                    (m[index] / (1.0 - 0.9f64.powi(step)), v[index] / (1.0 - 0.999f64.powi(step)));
                expected[index] -= 0.1 * (mh / (vh.sqrt() + 1e-8) + 0.01 * expected[index]);
            }
        }
        let got =
            [weight.double_value(&[0, 0]), weight.double_value(&[0, 1]), bias.double_value(&[0])];
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-5, "{got} {expected}");
        }
    }

    #[test]
    fn muon_moves_convolutions_and_adamw_biases() {
        tch::manual_seed(2);
        let options = (Kind::Float, tch::Device::Cpu);
        let (weight, bias) = (Tensor::randn([16, 8, 3, 3], options), Tensor::randn([16], options));
        let (weight_before, bias_before) = (weight.copy(), bias.copy());
        let towards = Tensor::randn([16, 8, 3, 3], options);
        let views = vec![bias.shallow_clone(), weight.shallow_clone()];
        let mut optimizer = Optimizer::new(views, OptimizerKind::Muon).unwrap();
        // The gradient is `towards` in every step, the momentum a multiple of it.
        for _ in 0..2 {
            let loss = (&weight * &towards).sum(Kind::Float) + bias.sum(Kind::Float);
            optimizer.step(&loss, 0.1, 0.5, f64::INFINITY).unwrap();
        }
        let step = muon::steps(&[towards.view([16, 72])]).unwrap()[0].view([16, 8, 3, 3]);
        let decayed = |value: Tensor, step: &Tensor| (value * 0.95 - step * 0.1).detach();
        let expected = decayed(decayed(weight_before, &step), &step);
        let off = (weight.detach() - expected).abs().max().double_value(&[]);
        assert!(off < 0.05 * 0.2, "{off} off in the convolution");
        let ones = Tensor::ones_like(&bias_before);
        let expected = decayed(decayed(bias_before, &ones), &ones);
        let off = (bias.detach() - expected).abs().max().double_value(&[]);
        assert!(off < 1e-4, "{off} off in the bias");
    }

    #[test]
    fn non_finite_gradient_changes_nothing() {
        let weight = Tensor::from_slice(&[1.0f32]);
        let mut optimizer =
            Optimizer::new(vec![weight.shallow_clone()], OptimizerKind::AdamW).unwrap();
        let loss = &weight * f64::NAN;
        assert!(optimizer.step(&loss, 0.1, 0.0, 1.0).is_err());
        assert_eq!(weight.double_value(&[0]), 1.0);
        assert_eq!(optimizer.steps(), 0);
        assert!(!all_finite(&loss).unwrap());
        assert!(all_finite(&Tensor::ones([2], (Kind::Float, Device::Cpu))).unwrap());
    }
}
