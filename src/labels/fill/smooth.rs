//! Means over squares of pixels, and smooth outlines.

use ndarray::{Array2, ArrayView2, Axis};

/// A segment that is at least so deep, pixels, is smoothed by means of radius 2. Of a thinner one
/// they would leave too little: it gets those of radius 1.
const THICK: f32 = 4.0;

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

/// Depths without the steps that pixels leave in outlines: the mean over a few pixels, and what the
/// mean of these means loses, so that thin segments stay ("twicing", Tukey 1977). `pixel`: the side
/// of a pixel in the unit of the depths.
pub fn smoothed(depths: &Array2<f32>, pixel: f64) -> Array2<f32> {
    let thick = THICK * pixel as f32;
    let radius = if depths.iter().any(|&depth| depth >= thick) { 2 } else { 1 };
    let mean = |plane: &Array2<f32>| box_mean(box_mean(plane.view(), radius).view(), radius);
    let once = mean(depths);
    let twice = mean(&once);
    2.0 * once - twice
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

    /// Of a straight outline with a step in every second row little is left of the steps; a slope
    /// stays as it is, and so does a thin segment.
    #[test]
    fn steps_are_smoothed_and_thin_segments_stay() {
        let stepped = Array2::from_shape_fn((21, 21), |(row, column)| {
            column as f32 - 10.0 - 0.5 * (row % 2) as f32
        });
        let found = smoothed(&stepped, 1.0);
        for row in 5..16 {
            let (here, next) = (found[(row, 10)], found[(row + 1, 10)]);
            assert!((here - next).abs() < 0.15, "{here} {next}");
            assert!((found[(row, 11)] - here - 1.0).abs() < 1e-4);
        }
        let thin = Array2::from_shape_fn((21, 21), |(row, column)| {
            1.4 - (row as f32 - 10.0).hypot(column as f32 - 10.0)
        });
        let found = smoothed(&thin, 1.0);
        assert!(found[(10, 10)] > 0.3 && found[(10, 13)] < -1.0, "{}", found[(10, 10)]);
    }
}
