//! The grey window of a network: HU to [0, 1] and back, and what lies outside.
//!
//! A network makes what is within its window, and carries what is above along
//! ([`crate::network::over_range`]). What is below (padding, the noise of air) stays where it stands: it is
//! blended linearly and added to what the network made.

use serde::{Deserialize, Serialize};

/// HU below the window from which a voxel cannot be air: padding of scanners (-2000, -3024). Where both
/// neighbours are that far out, the network has seen nothing but saturation, and the linear blend of their
/// HU stands alone.
const FAR_BELOW_HU: f64 = 100.0;

/// A grey window in HU.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// HU that becomes 0.
    pub low: f64,
    /// HU that becomes 1; greater than `low`.
    pub high: f64,
}

impl Window {
    /// -1000 to 1000 HU: air to bone, the window that every network here is trained with.
    pub const CT: Window = Window { low: -1000.0, high: 1000.0 };

    /// HU to [0, 1], clipped.
    pub fn to_unit(self, hu: f64) -> f64 {
        self.unbounded(hu).clamp(0.0, 1.0)
    }

    /// HU to grey values: 0 to 1 within the window, more above it, no less below.
    pub fn to_grey(self, hu: f64) -> f64 {
        self.unbounded(hu).max(0.0)
    }

    /// HU to a line on which the window lies from 0 to 1.
    fn unbounded(self, hu: f64) -> f64 {
        (hu - self.low) / self.width()
    }

    /// [0, 1] to HU.
    pub fn to_hu(self, unit: f64) -> f64 {
        self.low + unit * (self.high - self.low)
    }

    /// From one end to the other, in HU.
    pub fn width(self) -> f64 {
        self.high - self.low
    }

    /// HU below the window: 0 in it and above.
    fn below(self, hu: f64) -> f64 {
        (hu - self.low).min(0.0)
    }

    /// The HU of a voxel in between: what the network made (`grey`, 0 to 1 within the window), and what lay
    /// below it in the two known slices, `fraction` of the way from `first` to `second` (HU).
    pub fn restore(self, grey: f64, first: f64, second: f64, fraction: f64) -> f64 {
        let blend = |a: f64, b: f64| a + fraction * (b - a);
        if self.is_padding(first, second) {
            return blend(first, second);
        }
        self.to_hu(grey.max(0.0)) + blend(self.below(first), self.below(second))
    }

    /// How far a voxel in between may be off, in HU: what the network expects (`grey`, of which 1 is the
    /// window's width), and far below the window, which it did not see, half the difference of the two
    /// known slices there (HU). That half is nothing learnt: halfway between both, a blend is off by at
    /// most as much if the truth lies between them.
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
    fn what_lies_below_is_blended_where_it_stands() {
        let window = Window::CT;
        // Padding in both: nothing of the network's remains.
        assert_eq!(window.restore(0.1, -3024.0, -3024.0, 0.5), -3024.0);
        assert_eq!(window.restore(0.1, -3000.0, -2000.0, 0.25), -2750.0);
        // Padding into tissue: the network says -900 HU; half of -1000 HU lay below the window.
        assert_eq!(window.restore(0.05, -2000.0, 40.0, 0.5), -900.0 - 500.0);
        // Noise of air just below the window is the network's.
        assert_eq!(window.restore(0.5, -1010.0, -1010.0, 0.5), 0.0 - 10.0);
        // What it says above the window stays.
        assert_eq!(window.restore(1.5, 40.0, 40.0, 0.5), 2000.0);
        assert_eq!(window.to_grey(2000.0), 1.5);
        assert_eq!(window.to_grey(-2000.0), 0.0);
    }

    #[test]
    fn what_the_network_did_not_see_is_in_doubt_by_half_the_difference() {
        let window = Window::CT;
        assert_eq!(window.expected_error(0.01, 40.0, -900.0), 20.0);
        // Noise of air is within reach of the network.
        assert_eq!(window.expected_error(0.01, -1010.0, -1050.0), 20.0);
        // Padding in both; padding into tissue.
        assert_eq!(window.expected_error(0.01, -3024.0, -3024.0), 0.0);
        assert_eq!(window.expected_error(0.01, -3000.0, 40.0), 20.0 + 1000.0);
    }
}
