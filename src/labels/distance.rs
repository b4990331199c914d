//! Exact Euclidean distances in the plane, in mm, by two passes of lower envelopes of parabolas
//! (Felzenszwalb and Huttenlocher, Theory of Computing 2012): linear in the number of pixels.

use ndarray::{Array2, ArrayView2, ArrayViewMut1, Axis};

/// Signed distance of each pixel from a shape's outline, in mm: the distance to the nearest pixel
/// outside, minus that to the nearest pixel inside. `pixel`: distance in mm between rows and
/// between columns. Distances are at most `limit` mm: an empty mask is `-limit` everywhere, a full
/// one `limit`.
pub fn signed(mask: ArrayView2<bool>, pixel: [f64; 2], limit: f64) -> Array2<f64> {
    let inside = to_nearest(mask.map(|&inside| !inside).view(), pixel, limit);
    inside - to_nearest(mask, pixel, limit)
}

/// Distance of each pixel to the nearest one of the mask, in mm, at most `limit`.
fn to_nearest(mask: ArrayView2<bool>, pixel: [f64; 2], limit: f64) -> Array2<f64> {
    let mut squares = mask.map(|&inside| if inside { 0.0 } else { f64::INFINITY });
    let mut pass = Pass::default();
    for (axis, step) in [(Axis(0), pixel[0]), (Axis(1), pixel[1])] {
        for line in squares.lanes_mut(axis) {
            pass.run(line, step);
        }
    }
    squares.mapv_into(|square| square.sqrt().min(limit))
}

/// Lower envelope of one line; its lists are reused for the next one.
#[derive(Default)]
struct Pass {
    values: Vec<f64>,
    /// Vertices of the parabolas of the envelope, and the start of the part where each is lowest.
    vertices: Vec<usize>,
    starts: Vec<f64>,
}

impl Pass {
    /// Squared distances along the line, from the squared distances across it.
    fn run(&mut self, mut line: ArrayViewMut1<f64>, step: f64) {
        self.values.clear();
        self.values.extend(line.iter());
        self.vertices.clear();
        self.starts.clear();
        for (at, value) in self.values.iter().enumerate() {
            if value.is_infinite() {
                continue;
            }
            let mut start = f64::NEG_INFINITY;
            while let (Some(&last), Some(&begins)) = (self.vertices.last(), self.starts.last()) {
                start = intersection(last, self.values[last], at, *value, step);
                if start > begins {
                    break;
                }
                self.vertices.pop();
                self.starts.pop();
                start = f64::NEG_INFINITY;
            }
            self.vertices.push(at);
            self.starts.push(start);
        }
        if self.vertices.is_empty() {
            return;
        }
        let mut lowest = 0;
        for (at, value) in line.iter_mut().enumerate() {
            while self.starts.get(lowest + 1).is_some_and(|&start| start <= at as f64 * step) {
                lowest += 1;
            }
            let vertex = self.vertices[lowest];
            let offset = (at as f64 - vertex as f64) * step;
            *value = self.values[vertex] + offset * offset;
        }
    }
}

/// Position in mm along the line from which the parabola with vertex `b` is lower than that with
/// `a`.
fn intersection(a: usize, height_a: f64, b: usize, height_b: f64, step: f64) -> f64 {
    let (a, b) = (a as f64 * step, b as f64 * step);
    0.5 * (a + b) + (height_b - height_a) / (2.0 * (b - a))
}

#[cfg(test)]
#[path = "../../tests/it/common/python.rs"]
mod python;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};

    /// Signed distances from every pair of pixels.
    fn by_definition(mask: ArrayView2<bool>, pixel: [f64; 2], limit: f64) -> Array2<f64> {
        let nearest = |at: (usize, usize), wanted: bool| {
            let others = mask.indexed_iter().filter(|&(_, &inside)| inside == wanted);
            let distance = |(row, column): (usize, usize)| {
                let (y, x) = (row as f64 - at.0 as f64, column as f64 - at.1 as f64);
                (y * pixel[0]).hypot(x * pixel[1])
            };
            others.map(|(other, _)| distance(other)).fold(limit, f64::min)
        };
        Array2::from_shape_fn(mask.dim(), |at| nearest(at, false) - nearest(at, true))
    }

    proptest! {
        #[test]
        fn distances_match_the_definition(
            inside in proptest::collection::vec(any::<bool>(), 63),
            rows in 0.2f64..5.0,
            columns in 0.2f64..5.0,
        ) {
            let mask = Array2::from_shape_vec((7, 9), inside).expect("63 pixels");
            let quick = signed(mask.view(), [rows, columns], 100.0);
            let slow = by_definition(mask.view(), [rows, columns], 100.0);
            let error = (quick - slow).mapv_into(f64::abs).fold(0.0, |a: f64, &b| a.max(b));
            prop_assert!(error < 1e-9, "{error}");
        }
    }

    /// Planes of up to 200 pixels a side, from nearly empty to nearly full masks, and pixels up to
    /// ten times as long as wide.
    #[test]
    fn distances_match_scipy() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let cases: Vec<_> = (0..40)
            .map(|number| {
                let [rows, columns] = [0, 1].map(|_| random.random_range(2..200usize));
                let pixel = [0, 1].map(|_| random.random_range(0.5..5.0));
                let share = random.random_range(-6.0f64..6.0);
                let share = 1.0 / (1.0 + share.exp());
                let mut mask =
                    Array2::from_shape_simple_fn((rows, columns), || random.random_bool(share));
                // SciPy defines no distance to an empty mask.
                mask[(0, columns - 1)] = true;
                mask[(rows - 1, 0)] = false;
                let file = |end: &str| folder.path().join(format!("{number}.{end}"));
                let case = serde_json::json!({"rows": rows, "columns": columns, "pixel": pixel});
                std::fs::write(file("json"), case.to_string()).expect("written");
                let bytes: Vec<u8> = mask.iter().map(|&inside| u8::from(inside)).collect();
                std::fs::write(file("mask"), bytes).expect("written");
                (mask, pixel, file("distance"))
            })
            .collect();
        super::python::run("distances_scipy.py", &[folder.path().to_str().expect("a name")]);
        for (mask, pixel, file) in cases {
            let bytes = std::fs::read(file).expect("SciPy's distances");
            let theirs = bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap()));
            let ours = signed(mask.view(), pixel, 1e6);
            assert_eq!(bytes.len(), 8 * ours.len());
            let error = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(error < 1e-9, "{error} mm in {:?} pixels of {pixel:?} mm", mask.dim());
        }
    }

    #[test]
    fn empty_and_full_masks_have_the_limit() {
        let empty = Array2::from_elem((3, 4), false);
        assert!(signed(empty.view(), [1.0, 2.0], 50.0).iter().all(|&mm| mm == -50.0));
        let full = Array2::from_elem((3, 4), true);
        assert!(signed(full.view(), [1.0, 2.0], 50.0).iter().all(|&mm| mm == 50.0));
    }
}
