//! Grey window of a network: HU to [0, 1] and back, and values outside of it.
//!
//! A network interpolates the values within its window and warps those above it
//! ([`crate::network::over_range`]). Values below it (padding, noise of air) are blended linearly
//! and added to the output of the network.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Distance below the window, HU, beyond which a voxel is padding of the scanner (-2000, -3024)
/// rather than air. Where both known slices are padding, the network has seen saturated values
/// only, and the result is the linear blend of their HU.
const FAR_BELOW_HU: f64 = 100.0;

/// A grey window in HU.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// HU that is mapped to 0.
    pub low: f64,
    /// HU that is mapped to 1; greater than `low`.
    pub high: f64,
}

impl Window {
    /// -1000 to 1000 HU, air to bone: the window of all shipped networks.
    pub const CT: Window = Window { low: -1000.0, high: 1000.0 };

    /// Maps HU to [0, 1], clipped.
    pub fn to_unit(self, hu: f64) -> f64 {
        self.unbounded(hu).clamp(0.0, 1.0)
    }

    /// Maps HU to grey values: 0 to 1 within the window, above 1 beyond it, 0 below it.
    pub fn to_grey(self, hu: f64) -> f64 {
        self.unbounded(hu).max(0.0)
    }

    /// Maps HU linearly, the window to [0, 1].
    fn unbounded(self, hu: f64) -> f64 {
        (hu - self.low) / self.width()
    }

    /// Maps [0, 1] to HU.
    pub fn to_hu(self, unit: f64) -> f64 {
        self.low + unit * (self.high - self.low)
    }

    /// Checks that a window of grey values can be mapped.
    ///
    /// # Errors
    /// [`Error::Argument`] unless both ends are finite and `low` is below `high`.
    pub fn check(self) -> Result<()> {
        if self.low.is_finite() && self.high.is_finite() && self.low < self.high {
            return Ok(());
        }
        Err(Error::Argument(format!(
            "a window from {} to {}; it needs two finite values, the lower one first",
            self.low, self.high
        )))
    }

    /// Width of the window, HU.
    pub fn width(self) -> f64 {
        self.high - self.low
    }

    /// HU below the window, negative; 0 within and above it.
    fn below(self, hu: f64) -> f64 {
        (hu - self.low).min(0.0)
    }

    /// HU of an interpolated voxel at `fraction` between the known slices (0 at `first`, 1 at
    /// `second`, HU): the network's output (`grey`, 0 to 1 within the window) plus the linear blend
    /// of what is below the window in both.
    pub fn restore(self, grey: f64, first: f64, second: f64, fraction: f64) -> f64 {
        let blend = |a: f64, b: f64| a + fraction * (b - a);
        if self.is_padding(first, second) {
            return blend(first, second);
        }
        self.to_hu(grey.max(0.0)) + blend(self.below(first), self.below(second))
    }

    /// Expected error of an interpolated voxel, HU: the network's (`grey`, in units of the window's
    /// width) plus, far below the window where the network sees nothing, half the difference of the
    /// two known slices (HU). Half the difference bounds the error of a blend halfway between both
    /// where the truth is between them.
    pub fn expected_error(self, grey: f64, first: f64, second: f64) -> f64 {
        let far = |hu: f64| if self.below(hu) < -FAR_BELOW_HU { self.below(hu) } else { 0.0 };
        let seen = if self.is_padding(first, second) { 0.0 } else { grey * self.width() };
        seen + 0.5 * (far(first) - far(second)).abs()
    }

    /// Whether both slices are far below the window.
    fn is_padding(self, first: f64, second: f64) -> bool {
        first.max(second) < self.low - FAR_BELOW_HU
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_maps_its_ends_and_clips() {
        let window = Window::CT;
        assert_eq!(window.to_unit(-1000.0), 0.0);
        assert_eq!(window.to_unit(1000.0), 1.0);
        assert_eq!(window.to_unit(0.0), 0.5);
        assert_eq!(window.to_unit(3000.0), 1.0);
        assert!(window.to_unit(f64::NAN).is_nan());
        assert_eq!(window.to_hu(window.to_unit(37.0)), 37.0);
    }

    #[test]
    fn values_below_the_window_are_blended_linearly() {
        let window = Window::CT;
        // Padding in both: the network's output is ignored.
        assert_eq!(window.restore(0.1, -3024.0, -3024.0, 0.5), -3024.0);
        assert_eq!(window.restore(0.1, -3000.0, -2000.0, 0.25), -2750.0);
        // Padding to tissue: the network gives -900 HU; half of -1000 HU is below the window.
        assert_eq!(window.restore(0.05, -2000.0, 40.0, 0.5), -900.0 - 500.0);
        // Noise of air just below the window: the network's output counts.
        assert_eq!(window.restore(0.5, -1010.0, -1010.0, 0.5), 0.0 - 10.0);
        // Output above the window is kept.
        assert_eq!(window.restore(1.5, 40.0, 40.0, 0.5), 2000.0);
        assert_eq!(window.to_grey(2000.0), 1.5);
        assert_eq!(window.to_grey(-2000.0), 0.0);
    }

    #[test]
    fn expected_error_below_the_window_is_half_the_difference() {
        let window = Window::CT;
        assert_eq!(window.expected_error(0.01, 40.0, -900.0), 20.0);
        // Noise of air: the network's expected error counts.
        assert_eq!(window.expected_error(0.01, -1010.0, -1050.0), 20.0);
        // Padding in both; padding to tissue.
        assert_eq!(window.expected_error(0.01, -3024.0, -3024.0), 0.0);
        assert_eq!(window.expected_error(0.01, -3000.0, 40.0), 20.0 + 1000.0);
    }
}
