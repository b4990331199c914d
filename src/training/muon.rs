//! Muon (Jordan et al. 2024, <https://kellerjordan.github.io/posts/muon>): a convolution's step is its
//! momentum with all directions made equally long.
//!
//! A convolution is a matrix, its first channels by the rest. A few directions rule its gradient, and
//! Adam, which scales number by number, follows those; made orthogonal, the step goes as far along the many
//! faint ones, in which a network learns what is rare. Steps are scaled to the size of Adam's (Liu et al. 2025,
//! arXiv 2502.16982), so that a learning rate means the same to both.

use tch::Tensor;

use crate::error::Result;

/// Share of the momentum that a step keeps.
pub const MOMENTUM: f64 = 0.95;

/// The root mean square of a step of Adam, in learning rates.
const USUAL_SIZE: f64 = 0.2;

/// A matrix with fewer rows or columns has too few directions to tell apart.
const FEWEST: i64 = 8;

/// Rounds of the Newton-Schulz iteration, and the polynomial of each.
const ROUNDS: usize = 5;
const POLYNOMIAL: [f64; 3] = [3.4445, -4.7750, 2.0315];

/// The rows of a weight as a matrix; `None` for what is no convolution, or a narrow one.
pub fn rows(shape: &[i64]) -> Option<i64> {
    let columns: i64 = shape.get(1..)?.iter().product();
    let wide = shape[0].min(columns) >= FEWEST;
    (shape.len() == 4 && wide).then_some(shape[0])
}

/// The step of a matrix for a learning rate of 1 from its momentum.
///
/// # Errors
/// [`crate::Error::Torch`].
pub fn step(momentum: &Tensor) -> Result<Tensor> {
    let longer = momentum.size().into_iter().max().unwrap_or(1) as f64;
    Ok(orthogonal(momentum)?.f_mul_scalar(USUAL_SIZE * longer.sqrt())?)
}

/// Nearly U V' of the singular value decomposition U S V' of a matrix: its singular values come out
/// between 0.6 and 1.3, but for those that are next to nothing.
///
/// A round multiplies X by p(X X'). All of it but the last product happens among the few rows, as
/// X X' and its polynomials commute.
///
/// # Errors
/// [`crate::Error::Torch`].
pub fn orthogonal(matrix: &Tensor) -> Result<Tensor> {
    let size = matrix.size();
    let tall = size[0] > size[1];
    let wide = if tall { matrix.f_transpose(0, 1)? } else { matrix.shallow_clone() };
    let x = wide.f_div(&wide.f_norm()?.f_clamp_min(1e-20)?)?;
    let [first, third, fifth] = POLYNOMIAL;
    let identity = Tensor::f_eye(size[0].min(size[1]), (matrix.f_kind()?, matrix.device()))?;
    let mut gram = x.f_matmul(&x.f_transpose(0, 1)?)?;
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
    let x = factor.f_matmul(&x)?;
    Ok(if tall { x.f_transpose(0, 1)? } else { x })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    /// Against LAPACK's decomposition: every direction is kept, all are about equally long.
    #[test]
    fn directions_stay_and_become_equally_long() {
        tch::manual_seed(3);
        for (rows, columns) in [(12, 72), (64, 64), (40, 16)] {
            let options = (Kind::Float, Device::Cpu);
            // Columns of very unlike sizes, as gradients have them.
            let scale = (Tensor::arange(columns, options) * -0.1).exp();
            let matrix = Tensor::randn([rows, columns], options) * scale * 1e-5;
            let (u, _, v) = matrix.svd(true, true);
            let along = u.transpose(0, 1).matmul(&orthogonal(&matrix).unwrap());
            let along = along.matmul(&v);
            let lengths = along.diagonal(0, 0, 1);
            // The longest half of them: the iteration leaves next to nothing as it is.
            let half = lengths.narrow(0, 0, rows.min(columns) / 2);
            let (least, most) = (half.min().double_value(&[]), half.max().double_value(&[]));
            assert!(least > 0.6 && most < 1.3, "{rows} x {columns}: {least} to {most}");
            let beside = &along - Tensor::diag_embed(&lengths, 0, -2, -1);
            let beside = beside.abs().max().double_value(&[]);
            assert!(beside < 0.1, "{rows} x {columns}: {beside} between directions");
        }
    }

    /// As large as a step of Adam, whatever the size of gradient and matrix.
    #[test]
    fn steps_are_of_the_size_of_adams() {
        tch::manual_seed(4);
        for (rows, columns, scale) in [(24, 216, 1e-9), (192, 864, 1.0), (96, 32, 1e5)] {
            let momentum = Tensor::randn([rows, columns], (Kind::Float, Device::Cpu)) * scale;
            let step = step(&momentum).unwrap();
            let size = step.square().mean(Kind::Float).sqrt().double_value(&[]);
            assert!((0.12..0.25).contains(&size), "{rows} x {columns}: {size}");
        }
    }

    #[test]
    fn a_matrix_of_zeros_gives_a_step_of_zeros() {
        let zeros = Tensor::zeros([16, 32], (Kind::Float, Device::Cpu));
        assert_eq!(step(&zeros).unwrap(), zeros);
    }

    #[test]
    fn convolutions_alone_are_matrices() {
        assert_eq!(rows(&[24, 12, 3, 3]), Some(24));
        assert_eq!(rows(&[12, 1, 3, 3]), Some(12));
        assert_eq!(rows(&[1, 8, 3, 3]), None);
        assert_eq!(rows(&[24]), None);
        assert_eq!(rows(&[64, 512]), None);
    }
}
