//! Order of axes: maps `[N, C, H, W]`, as networks have them, and pixels `[N, H, W, C]`.
//!
//! Both are views of the same values. Maps whose pixels are contiguous are in libtorch's
//! channels-last memory format.

use tch::Tensor;

use crate::error::Result;

/// Maps `[N, C, H, W]` as pixels `[N, H, W, C]`.
pub fn pixels_of(maps: &Tensor) -> Result<Tensor> {
    Ok(maps.f_permute([0i64, 2, 3, 1])?)
}

/// Pixels `[N, H, W, C]` as maps `[N, C, H, W]`.
pub fn maps_of(pixels: &Tensor) -> Result<Tensor> {
    Ok(pixels.f_permute([0i64, 3, 1, 2])?)
}
