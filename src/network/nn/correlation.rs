//! Correlation of two feature maps over displacements, a cost volume.

use tch::Tensor;

use crate::error::Result;
use crate::network::nn::layout::{maps_of, pixels_of};

/// Channels of a correlation over displacements of up to `radius` pixels.
pub fn channels(radius: i64) -> i64 {
    (2 * radius + 1) * (2 * radius + 1)
}

/// Correlates maps `[N, C, H, W]` over displacements: `[N, (2 radius + 1)^2, H, W]`, the cosine
/// between the channels of a pixel of `first` and of each pixel of `second` up to `radius` pixels
/// away, row by row. The border is repeated beyond the plane.
pub fn correlation(first: &Tensor, second: &Tensor, radius: i64) -> Result<Tensor> {
    let (images, _, rows, columns) = first.size4()?;
    let first = pixels_of(&unit_length(first)?)?;
    let second = pixels_of(&unit_length(second)?.f_replication_pad2d([radius; 4])?)?;
    let (side, wide) = (2 * radius + 1, columns + 2 * radius);
    let mut cosines = Vec::new();
    for row in 0..side {
        // Products of every pixel with a whole row, of which only those near it are kept: they
        // start one column later in each row of the product, which rows that are one longer undo.
        let shifted = second.f_narrow(1, row, rows)?.f_transpose(2, 3)?;
        let products = first.f_matmul(&shifted)?.f_reshape([images, rows, columns * wide])?;
        let skewed = products.f_constant_pad_nd([0, columns])?;
        let near = skewed.f_view([images, rows, columns, wide + 1])?.f_narrow(3, 0, side)?;
        cosines.push(near);
    }
    maps_of(&Tensor::f_cat(&cosines, 3)?)
}

/// Scales the channels of every pixel to a vector of length 1.
fn unit_length(maps: &Tensor) -> Result<Tensor> {
    let squares = maps.f_mul(maps)?.f_sum_dim_intlist(&[1i64][..], true, maps.kind())?;
    Ok(maps.f_mul(&squares.f_add_scalar(1e-6)?.f_rsqrt()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn correlation_peaks_at_the_displacement_of_the_map() {
        tch::manual_seed(3);
        let first = Tensor::randn([1, 8, 9, 11], (Kind::Float, Device::Cpu));
        let second = first.roll([1, -2], [2, 3]);
        let found = correlation(&first, &second, 2).unwrap();
        assert_eq!(found.size(), [1, channels(2), 9, 11]);
        // One row down, two columns left: row 3, column 0 of the 5 x 5 displacements.
        let inner = found.narrow(2, 2, 5).narrow(3, 2, 7);
        assert!((inner.argmax(1, false) - 15).abs().max().int64_value(&[]) == 0);
        assert!((inner.get(0).get(15) - 1.0).abs().max().double_value(&[]) < 1e-4);
    }
}
