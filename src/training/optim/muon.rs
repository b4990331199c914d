//! Muon (Jordan et al. 2024, <https://kellerjordan.github.io/posts/muon>): the step of a
//! convolution is its orthogonalized momentum.
//!
//! A convolution is a matrix, its first dimension by the rest. A few directions dominate its
//! gradient, and Adam, which scales number by number, follows those; the orthogonalized step goes
//! as far along the many faint ones, in which a network learns what is rare. Steps are scaled to
//! the size of Adam's (Liu et al. 2025, arXiv 2502.16982), so that learning rates are comparable.

use std::collections::BTreeMap;

use tch::Tensor;

use crate::error::Result;

/// Decay of the momentum a step.
pub const MOMENTUM: f64 = 0.95;

/// Root mean square of a step of Adam, in learning rates.
const ADAM_RMS: f64 = 0.2;

/// Matrices with fewer rows or columns are left to AdamW.
const MIN_ROWS: i64 = 8;

/// Iterations of Newton-Schulz, and the coefficients of each.
const ROUNDS: usize = 5;
const POLYNOMIAL: [f64; 3] = [3.4445, -4.7750, 2.0315];

/// The rows of a convolution's weight as a matrix; `None` for other weights and narrow
/// convolutions.
pub fn rows(shape: &[i64]) -> Option<i64> {
    let columns: i64 = shape.get(1..)?.iter().product();
    let wide = shape[0].min(columns) >= MIN_ROWS;
    (shape.len() == 4 && wide).then_some(shape[0])
}

/// Steps of matrices for a learning rate of 1 from their momenta.
///
/// # Errors
/// [`crate::Error::Torch`].
pub fn steps(momenta: &[Tensor]) -> Result<Vec<Tensor>> {
    let size = |momentum: &Tensor| {
        let longer = momentum.size().into_iter().max().unwrap_or(1) as f64;
        ADAM_RMS * longer.sqrt()
    };
    let steps = orthogonal(momenta)?.into_iter().zip(momenta);
    steps.map(|(step, momentum)| Ok(step.f_mul_scalar(size(momentum))?)).collect()
}

/// Approximates U V' of the singular value decomposition U S V' of each matrix: singular values
/// become 0.6 to 1.3, except those near 0.
///
/// An iteration multiplies X by p(X X'). As X X' and its polynomials commute, all but the last
/// product are of rows x rows; matrices of as many rows are computed in one batch.
///
/// # Errors
/// [`crate::Error::Torch`].
pub fn orthogonal(matrices: &[Tensor]) -> Result<Vec<Tensor>> {
    let mut wide = Vec::with_capacity(matrices.len());
    let mut of_rows: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (index, matrix) in matrices.iter().enumerate() {
        let (rows, columns) = matrix.size2()?;
        let matrix =
            if rows > columns { matrix.f_transpose(0, 1)? } else { matrix.shallow_clone() };
        wide.push(matrix.f_div(&matrix.f_norm()?.f_clamp_min(1e-20)?)?);
        of_rows.entry(rows.min(columns)).or_default().push(index);
    }
    for indices in of_rows.into_values() {
        let gram = |&index: &usize| -> Result<Tensor> {
            let x: &Tensor = &wide[index];
            Ok(x.f_matmul(&x.f_transpose(0, 1)?)?)
        };
        let grams = indices.iter().map(gram).collect::<Result<Vec<_>>>()?;
        let factors = factors(Tensor::f_stack(&grams, 0)?)?;
        for (number, index) in indices.into_iter().enumerate() {
            let x = factors.f_get(number as i64)?.f_matmul(&wide[index])?;
            let (rows, columns) = matrices[index].size2()?;
            wide[index] = if rows > columns { x.f_transpose(0, 1)? } else { x };
        }
    }
    Ok(wide)
}

/// Factors that take each X to its U V', from all X X': `[N, rows, rows]`.
fn factors(mut gram: Tensor) -> Result<Tensor> {
    let [first, third, fifth] = POLYNOMIAL;
    let identity = Tensor::f_eye(gram.size()[1], (gram.f_kind()?, gram.device()))?;
    let mut factor = identity.shallow_clone();
    for _ in 0..ROUNDS {
        let squared = gram.f_matmul(&gram)?;
        let round = identity
            .f_mul_scalar(first)?
            .f_add(&gram.f_mul_scalar(third)?)?
            .f_add(&squared.f_mul_scalar(fifth)?)?;
        factor = round.f_matmul(&factor)?;
        gram = round.f_matmul(&gram)?.f_matmul(&round)?;
    }
    Ok(factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    /// Compares with LAPACK's decomposition.
    #[test]
    fn singular_vectors_are_kept_and_singular_values_become_equal() {
        tch::manual_seed(3);
        for (rows, columns) in [(12, 72), (64, 64), (40, 16)] {
            let options = (Kind::Float, Device::Cpu);
            // Columns of very different sizes, as in gradients.
            let scale = (Tensor::arange(columns, options) * -0.1).exp();
            let matrix = Tensor::randn([rows, columns], options) * scale * 1e-5;
            let (u, _, v) = matrix.svd(true, true);
            let along = u.transpose(0, 1).matmul(&orthogonal(&[matrix]).unwrap()[0]);
            let along = along.matmul(&v);
            let lengths = along.diagonal(0, 0, 1);
            // The largest half of them: the iteration hardly changes values near 0.
            let half = lengths.narrow(0, 0, rows.min(columns) / 2);
            let (least, most) = (half.min().double_value(&[]), half.max().double_value(&[]));
            assert!(least > 0.6 && most < 1.3, "{rows} x {columns}: {least} to {most}");
            let beside = &along - Tensor::diag_embed(&lengths, 0, -2, -1);
            let beside = beside.abs().max().double_value(&[]);
            assert!(beside < 0.1, "{rows} x {columns}: {beside} between directions");
        }
    }

    #[test]
    fn steps_have_the_size_of_adams_for_any_gradient_and_matrix() {
        tch::manual_seed(4);
        for (rows, columns, scale) in [(24, 216, 1e-9), (192, 864, 1.0), (96, 32, 1e5)] {
            let momentum = Tensor::randn([rows, columns], (Kind::Float, Device::Cpu)) * scale;
            let step = &steps(&[momentum]).unwrap()[0];
            let size = step.square().mean(Kind::Float).sqrt().double_value(&[]);
            assert!((0.12..0.25).contains(&size), "{rows} x {columns}: {size}");
        }
    }

    #[test]
    fn zero_momentum_gives_a_zero_step() {
        let zeros = Tensor::zeros([16, 32], (Kind::Float, Device::Cpu));
        assert_eq!(steps(&[zeros.copy()]).unwrap(), [zeros]);
    }

    #[test]
    fn step_is_independent_of_other_matrices_in_the_batch() {
        tch::manual_seed(5);
        let shape = |shape: [i64; 2]| Tensor::randn(shape, (Kind::Float, Device::Cpu));
        let momenta = [[24, 216], [16, 32], [216, 24], [24, 24], [40, 16]].map(shape);
        let together = steps(&momenta).unwrap();
        for (momentum, together) in momenta.iter().zip(together) {
            let alone = &steps(&[momentum.copy()]).unwrap()[0];
            assert_eq!(together.size(), momentum.size());
            assert!((together - alone).abs().max().double_value(&[]) < 1e-4);
        }
    }

    #[test]
    fn only_wide_convolutions_are_matrices() {
        assert_eq!(rows(&[24, 12, 3, 3]), Some(24));
        assert_eq!(rows(&[12, 1, 3, 3]), Some(12));
        assert_eq!(rows(&[1, 8, 3, 3]), None);
        assert_eq!(rows(&[24]), None);
        assert_eq!(rows(&[64, 512]), None);
    }
}
