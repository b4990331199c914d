//! Images by formula.

use ndarray::Array2;

/// Bytes 24 to 31 of a linear congruential generator, row by row.
pub fn noise(size: (usize, usize), mut state: u32) -> Array2<u8> {
    Array2::from_shape_simple_fn(size, || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
}
