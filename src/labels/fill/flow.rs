//! Flow between neighbouring slices: windows of both are matched from coarse to fine (Lucas and
//! Kanade 1981; Bouguet 2001).

use ndarray::{Array2, Zip};

use crate::labels::fill::smooth::box_mean;

/// Radius of the windows that are matched, pixels.
const RADIUS: usize = 7;

/// Smallest side of an image that is halved no more, pixels, and largest number of sizes.
const MIN_SIDE: usize = 16;
const MAX_LEVELS: usize = 4;

/// Rounds of each size.
const ROUNDS: usize = 3;

/// Weight of the flow around a pixel beside its own, in squares of grey values per pixel.
const STIFFNESS: f32 = 1e-3;

/// Largest change of a flow in a round, pixels.
const MAX_CHANGE: f32 = 2.0;

/// Rows and columns of a plane for each of its pixels: shifts, or positions.
pub type Field = [Array2<f32>; 2];

/// Shifts of every pixel of `from` to the same tissue in `to`; grey values about -1 to 1.
pub fn between(from: &Array2<f32>, to: &Array2<f32>) -> Field {
    let mut levels = vec![[from.clone(), to.clone()]];
    while let Some([from, to]) = levels.last()
        && levels.len() < MAX_LEVELS
        && from.nrows().min(from.ncols()) >= 2 * MIN_SIDE
    {
        levels.push([halved(from), halved(to)]);
    }
    let mut flow: Option<Field> = None;
    for [from, to] in levels.iter().rev() {
        let mut shifts = match flow {
            Some(coarse) => coarse.map(|shifts| doubled(&shifts, from.dim())),
            None => [Array2::zeros(from.dim()), Array2::zeros(from.dim())],
        };
        for _ in 0..ROUNDS {
            refine(&mut shifts, from, to);
        }
        flow = Some(shifts);
    }
    flow.unwrap_or_default()
}

/// Values of a plane at positions (row, column), linear between pixels; beyond the plane those of
/// its edge.
pub fn sample(plane: &Array2<f32>, positions: &Field) -> Array2<f32> {
    let [rows, columns] = positions;
    Zip::from(rows).and(columns).map_collect(|&row, &column| at(plane, row, column))
}

fn at(plane: &Array2<f32>, row: f32, column: f32) -> f32 {
    let place = |at: f32, count: usize| {
        let at = at.clamp(0.0, (count - 1) as f32);
        let first = at as usize;
        (first, (first + 1).min(count - 1), at - first as f32)
    };
    let (top, bottom, down) = place(row, plane.nrows());
    let (left, right, across) = place(column, plane.ncols());
    let along =
        |row: usize| plane[(row, left)] + across * (plane[(row, right)] - plane[(row, left)]);
    let (above, below) = (along(top), along(bottom));
    above + down * (below - above)
}

/// Half as many rows and columns, means of two by two pixels.
fn halved(plane: &Array2<f32>) -> Array2<f32> {
    let (rows, columns) = plane.dim();
    Array2::from_shape_fn((rows.div_ceil(2), columns.div_ceil(2)), |(row, column)| {
        let [top, left] = [2 * row, 2 * column];
        let [bottom, right] = [(top + 1).min(rows - 1), (left + 1).min(columns - 1)];
        0.25 * (plane[(top, left)]
            + plane[(top, right)]
            + plane[(bottom, left)]
            + plane[(bottom, right)])
    })
}

/// Shifts of twice as many rows and columns.
fn doubled(shifts: &Array2<f32>, size: (usize, usize)) -> Array2<f32> {
    let place = |index: usize| (index as f32 - 0.5) / 2.0;
    Array2::from_shape_fn(size, |(row, column)| 2.0 * at(shifts, place(row), place(column)))
}

/// Shifts each pixel to where its window fits best, as far as the slope of grey values tells.
fn refine(shifts: &mut Field, from: &Array2<f32>, to: &Array2<f32>) {
    let [down, right] = &*shifts;
    let moved = Array2::from_shape_fn(from.dim(), |(row, column)| {
        let shift = [down[(row, column)], right[(row, column)]];
        at(to, row as f32 + shift[0], column as f32 + shift[1])
    });
    // Normal equations of each pixel, whose means over windows are those of the windows.
    let mut terms: [Array2<f32>; 5] = std::array::from_fn(|_| Array2::zeros(from.dim()));
    let (rows, columns) = from.dim();
    for row in 0..rows {
        let [above, below] = [row.saturating_sub(1), (row + 1).min(rows - 1)];
        for column in 0..columns {
            let [before, after] = [column.saturating_sub(1), (column + 1).min(columns - 1)];
            let slope = |first: (usize, usize), second: (usize, usize)| {
                0.25 * (moved[second] - moved[first] + from[second] - from[first])
            };
            let here = (row, column);
            let slopes =
                [slope((above, column), (below, column)), slope((row, before), (row, after))];
            let rest = moved[here] - from[here] - slopes[0] * down[here] - slopes[1] * right[here];
            let products = [
                slopes[0] * slopes[0],
                slopes[0] * slopes[1],
                slopes[1] * slopes[1],
                -slopes[0] * rest,
                -slopes[1] * rest,
            ];
            terms.iter_mut().zip(products).for_each(|(term, product)| term[here] = product);
        }
    }
    let [aa, ab, bb, a, b] =
        terms.map(|term| box_mean(box_mean(term.view(), RADIUS).view(), RADIUS));
    let means = [down, right].map(|shifts| box_mean(shifts.view(), RADIUS));
    for ((row, column), ab) in ab.indexed_iter() {
        let here = (row, column);
        let [aa, bb] = [aa[here] + STIFFNESS, bb[here] + STIFFNESS];
        let [a, b] = [a[here] + STIFFNESS * means[0][here], b[here] + STIFFNESS * means[1][here]];
        let determinant = aa * bb - ab * ab;
        let found = [(bb * a - ab * b) / determinant, (aa * b - ab * a) / determinant];
        for (shifts, found) in shifts.iter_mut().zip(found) {
            let now = shifts[here];
            shifts[here] = found.clamp(now - MAX_CHANGE, now + MAX_CHANGE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A smooth pattern that has moved by a few pixels, in each direction.
    #[test]
    fn shift_of_a_pattern_is_found() {
        let pattern = |row: f32, column: f32| {
            0.4 * (row / 5.0).sin() * (column / 7.0).cos()
                + 0.4 * ((row + 2.0 * column) / 11.0).sin()
        };
        let plane = |shift: [f32; 2]| {
            Array2::from_shape_fn((70, 90), |(row, column)| {
                pattern(row as f32 - shift[0], column as f32 - shift[1])
            })
        };
        for shift in [[0.0, 0.0], [2.5, -1.25], [-5.0, 4.0]] {
            let flow = between(&plane([0.0; 2]), &plane(shift));
            for (shifts, expected) in flow.iter().zip(shift) {
                for row in 15..55 {
                    for column in 15..75 {
                        let found = shifts[(row, column)];
                        assert!((found - expected).abs() < 0.2, "{found} {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn sampling_is_linear_between_pixels() {
        let plane = Array2::from_shape_fn((4, 5), |(row, column)| (10 * row + column) as f32);
        let positions = [[1.25, -3.0, 9.0], [2.5, 1.0, 9.0]]
            .map(|values| Array2::from_shape_vec((1, 3), values.to_vec()).unwrap());
        assert_eq!(sample(&plane, &positions).into_raw_vec_and_offset().0, [15.0, 1.0, 34.0]);
    }
}
