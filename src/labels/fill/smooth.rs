//! Means over squares of pixels.

use ndarray::{Array2, ArrayView2, Axis};

/// Mean over the `2 radius + 1` pixels to each side; pixels beyond the plane are those of its edge.
/// Time does not depend on the radius.
pub fn box_mean(plane: ArrayView2<f32>, radius: usize) -> Array2<f32> {
    let mut mean = plane.to_owned();
    if radius == 0 || mean.is_empty() {
        return mean;
    }
    let weight = 1.0 / (2 * radius + 1) as f64;
    let mut line = Vec::new();
    for mut row in mean.rows_mut() {
        line.clear();
        line.extend(row.iter().copied());
        let last = line.len() - 1;
        let mut sum = window(radius, last).map(|at| f64::from(line[at])).sum::<f64>();
        for (at, value) in row.iter_mut().enumerate() {
            *value = (sum * weight) as f32;
            let (enters, leaves) = ((at + radius + 1).min(last), at.saturating_sub(radius));
            sum += f64::from(line[enters]) - f64::from(line[leaves]);
        }
    }
    // Down the columns all at once, row by row, as they lie in memory.
    let rows = mean.clone();
    let last = rows.nrows() - 1;
    let mut sums = vec![0.0; rows.ncols()];
    for row in window(radius, last) {
        sums.iter_mut().zip(rows.row(row)).for_each(|(sum, &value)| *sum += f64::from(value));
    }
    for (at, mut row) in mean.axis_iter_mut(Axis(0)).enumerate() {
        let enters = rows.row((at + radius + 1).min(last));
        let leaves = rows.row(at.saturating_sub(radius));
        for (((value, sum), &enters), &leaves) in
            row.iter_mut().zip(&mut sums).zip(enters).zip(leaves)
        {
            *value = (*sum * weight) as f32;
            *sum += f64::from(enters) - f64::from(leaves);
        }
    }
    mean
}

/// Indices around the first one, clamped to those up to `last`.
fn window(radius: usize, last: usize) -> impl Iterator<Item = usize> {
    (0..2 * radius + 1).map(move |at| at.saturating_sub(radius).min(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_is_that_of_the_square_around_a_pixel() {
        let plane =
            Array2::from_shape_fn((6, 9), |(row, column)| (row * 7 + column * column) as f32);
        for radius in 0..8 {
            let mean = box_mean(plane.view(), radius);
            for ((row, column), &found) in mean.indexed_iter() {
                let side = 2 * radius + 1;
                let at = |at: usize, step: usize, end: usize| {
                    (at + step).saturating_sub(radius).min(end - 1)
                };
                let sum: f32 = (0..side * side)
                    .map(|step| plane[(at(row, step / side, 6), at(column, step % side, 9))])
                    .sum();
                assert!(
                    (found - sum / (side * side) as f32).abs() < 1e-3,
                    "{radius} {row} {column}"
                );
            }
        }
    }
}
