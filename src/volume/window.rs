//! The grey window of a network: HU to [0, 1] and back, and what lies outside.
//!
//! A network sees Hounsfield units clipped to its window. What was clipped off (metal, padding) is
//! carried past it: the part of each known slice outside the window is blended linearly and added
//! to what the network made of the part inside.

use serde::{Deserialize, Serialize};

/// HU beyond the window from which a voxel cannot be tissue or air: padding of scanners (-2000,
/// -3024) and metal. Where both neighbours are that far out on the same side, the network has seen
/// nothing but saturation there, and the linear blend of their HU stands alone.
const FAR_OUTSIDE_HU: f64 = 100.0;

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
        ((hu - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// [0, 1] to HU.
    pub fn to_hu(self, unit: f64) -> f64 {
        self.low + unit * (self.high - self.low)
    }

    /// From one end to the other, in HU.
    pub fn width(self) -> f64 {
        self.high - self.low
    }

    /// HU outside the window: 0 within it, negative below, positive above.
    pub fn outside(self, hu: f64) -> f64 {
        hu - hu.clamp(self.low, self.high)
    }

    /// The HU of a voxel in between: what the network made (`unit`, [0, 1]) and what lay outside
    /// the window in the two known slices, `fraction` of the way from `first` to `second` (HU).
    pub fn restore(self, unit: f64, first: f64, second: f64, fraction: f64) -> f64 {
        let blend = |a: f64, b: f64| a + fraction * (b - a);
        if self.saw_nothing(first, second) {
            return blend(first, second);
        }
        self.to_hu(unit.clamp(0.0, 1.0)) + blend(self.outside(first), self.outside(second))
    }

    /// How far a voxel in between may be off, in HU: what the network expects of its own part (`unit`,
    /// of which 1 is the window's width), and of the part that it did not see, far outside the window,
    /// half the difference of the two known slices there (HU). That half is nothing learnt: halfway
    /// between both, a blend is off by at most as much if the truth lies between them.
    pub fn expected_error(self, unit: f64, first: f64, second: f64) -> f64 {
        let far = |hu: f64| {
            let outside = self.outside(hu);
            if outside.abs() > FAR_OUTSIDE_HU { outside } else { 0.0 }
        };
        let seen = if self.saw_nothing(first, second) { 0.0 } else { unit * self.width() };
        seen + 0.5 * (far(first) - far(second)).abs()
    }

    /// Whether both slices are so far outside, on the same side, that the network saw nothing of them.
    fn saw_nothing(self, first: f64, second: f64) -> bool {
        let (above, below) = (self.high + FAR_OUTSIDE_HU, self.low - FAR_OUTSIDE_HU);
        first.min(second) > above || first.max(second) < below
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
        assert_eq!(window.to_hu(window.to_unit(37.0)), 37.0);
    }

    #[test]
    fn what_lies_outside_is_carried_past_the_network() {
        let window = Window::CT;
        // Metal into tissue: the network says 0.75 (500 HU); half of 2000 HU lay above the window.
        assert_eq!(window.restore(0.75, 3000.0, 40.0, 0.5), 500.0 + 1000.0);
        // Metal in both, padding in both: nothing of the network's remains.
        assert_eq!(window.restore(0.9, 3000.0, 2000.0, 0.25), 2750.0);
        assert_eq!(window.restore(0.1, -3024.0, -3024.0, 0.5), -3024.0);
        // Noise of air just below the window is the network's.
        assert_eq!(window.restore(0.5, -1010.0, -1010.0, 0.5), 0.0 - 10.0);
    }

    #[test]
    fn what_the_network_did_not_see_is_in_doubt_by_half_the_difference() {
        let window = Window::CT;
        assert_eq!(window.expected_error(0.01, 40.0, -900.0), 20.0);
        // Noise of air is within reach of the network.
        assert_eq!(window.expected_error(0.01, -1010.0, -1050.0), 20.0);
        // Metal in both, padding in both; metal into tissue.
        assert_eq!(window.expected_error(0.01, 3000.0, 2000.0), 500.0);
        assert_eq!(window.expected_error(0.01, -3024.0, -3024.0), 0.0);
        assert_eq!(window.expected_error(0.01, 3000.0, 40.0), 20.0 + 1000.0);
    }
}
