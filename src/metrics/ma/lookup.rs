//! Masks of the steerable pyramid as tables with linear interpolation. Scores depend on the tables:
//! exact functions change features by some 1e-5.

use std::f64::consts::PI;

use super::steerable_pyramid::ORIENTATIONS;

/// Steps of an octave of the radial tables, and of a half turn of the angular table.
const OCTAVE: i32 = 256;
const HALF_TURN: i32 = 1024;

/// Values of a function at even distances, interpolated linearly between them.
pub(super) struct Lookup {
    values: Vec<f64>,
    first: f64,
    step: f64,
}

impl Lookup {
    /// Amplitude above a level: by log2 of the radius, 0 up to -1 - level, 1 from -level on.
    pub(super) fn high_pass(level: usize) -> Lookup {
        Lookup::radial(level, |high| high)
    }

    /// Amplitude below a level: the complement of [`Lookup::high_pass`] in power.
    pub(super) fn low_pass(level: usize) -> Lookup {
        Lookup::radial(level, |high| (1.0 - high * high).sqrt())
    }

    fn radial(level: usize, of_high: fn(f64) -> f64) -> Lookup {
        // One more entry at either end makes the function flat there.
        let entry = |k: i32| (PI * f64::from(k.clamp(-OCTAVE, 0)) / f64::from(2 * OCTAVE)).cos();
        Lookup {
            values: (-OCTAVE - 1..=1).map(|k| of_high(entry(k).abs())).collect(),
            first: -f64::from(OCTAVE + 1) / f64::from(OCTAVE) - level as f64,
            step: 1.0 / f64::from(OCTAVE),
        }
    }

    /// Amplitude around an orientation, by angle: a power of a cosine, as high as makes the sum of
    /// the power of all orientations 1.
    pub(super) fn angular(orientation: f64) -> Lookup {
        let order = ORIENTATIONS as i32 - 1;
        let factorial = |n: i32| (1..=n).map(f64::from).product::<f64>();
        let squared = 4f64.powi(order) * factorial(order).powi(2)
            / (ORIENTATIONS as f64 * factorial(2 * order));
        let amplitude = squared.sqrt();
        let step = PI / f64::from(HALF_TURN);
        let entry = |k: i32| amplitude * (step * f64::from(k)).cos().powi(order);
        Lookup {
            values: (-2 * HALF_TURN - 1..=HALF_TURN + 1).map(entry).collect(),
            first: -f64::from(2 * HALF_TURN + 1) * step + orientation,
            step,
        }
    }

    /// Value at a position; the lines of the first and last two entries go on beyond them.
    pub(super) fn at(&self, position: f64) -> f64 {
        let entry = (position - self.first) / self.step;
        let index = (entry.max(0.0) as usize).min(self.values.len() - 2);
        let (before, after) = (self.values[index], self.values[index + 1]);
        before + (after - before) * (entry - index as f64)
    }
}
