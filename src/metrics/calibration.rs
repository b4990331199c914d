//! Calibration of expected errors: mean expected and real error of voxels, in ten bins by expected
//! error.

use serde::Serialize;

/// Number of bins, with equal numbers of voxels.
pub const BINS: usize = 10;

/// Range of expected errors that are told apart, HU.
const MIN_HU: f64 = 1e-3;
const MAX_HU: f64 = 1e4;

/// Number of classes in this range, spaced logarithmically: about a thousandth from one to the
/// next.
const CLASSES: usize = 16_000;

/// Histogram of voxels by expected error, from which bins are computed.
#[derive(Clone)]
pub struct Calibration {
    classes: Vec<Class>,
}

#[derive(Clone, Copy, Default)]
struct Class {
    voxels: f64,
    expected: f64,
    real: f64,
}

/// One tenth of the voxels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// Number of voxels, rounded.
    pub voxels: u64,
    /// Mean expected error, HU.
    pub expected_hu: f64,
    /// Mean absolute error, HU.
    pub real_hu: f64,
}

impl Bin {
    /// Expected error divided by real error: 1 is calibrated, above 1 overestimates the error.
    pub fn ratio(&self) -> f64 {
        self.expected_hu / self.real_hu
    }
}

impl Default for Calibration {
    fn default() -> Calibration {
        Calibration { classes: vec![Class::default(); CLASSES] }
    }
}

impl Calibration {
    /// Adds a voxel with its expected and real absolute error, HU.
    pub fn add(&mut self, expected: f64, real: f64) {
        let position = (expected.max(MIN_HU) / MIN_HU).ln() / (MAX_HU / MIN_HU).ln();
        let class = ((position * CLASSES as f64) as usize).min(CLASSES - 1);
        self.classes[class].add(Class { voxels: 1.0, expected, real });
    }

    /// Adds the voxels of another histogram.
    pub fn merge(&mut self, other: &Calibration) {
        for (class, other) in self.classes.iter_mut().zip(&other.classes) {
            class.add(*other);
        }
    }

    /// Ten bins of equal counts, smallest expected error first; empty without voxels. A class
    /// across the border of two bins is divided between them in proportion.
    pub fn bins(&self) -> Vec<Bin> {
        let all: f64 = self.classes.iter().map(|class| class.voxels).sum();
        if all == 0.0 {
            return Vec::new();
        }
        let per_bin = all / BINS as f64;
        let mut bins = [Class::default(); BINS];
        let mut bin = 0;
        for class in &self.classes {
            let mut left = class.voxels;
            while left > 0.0 {
                let taken = match bin == BINS - 1 {
                    true => left,
                    false => left.min(per_bin - bins[bin].voxels),
                };
                bins[bin].add(class.part(taken));
                left -= taken;
                if bin < BINS - 1 && bins[bin].voxels >= per_bin * (1.0 - 1e-12) {
                    bin += 1;
                }
            }
        }
        let bin = |class: &Class| Bin {
            voxels: class.voxels.round() as u64,
            expected_hu: class.expected / class.voxels,
            real_hu: class.real / class.voxels,
        };
        bins.iter().filter(|class| class.voxels > 0.0).map(bin).collect()
    }
}

impl Class {
    fn add(&mut self, other: Class) {
        self.voxels += other.voxels;
        self.expected += other.expected;
        self.real += other.real;
    }

    /// Share of the class with this number of voxels.
    fn part(&self, voxels: f64) -> Class {
        let share = voxels / self.voxels;
        Class { voxels, expected: share * self.expected, real: share * self.real }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_tenths_of_the_sorted_voxels() {
        // Expected errors of 1 to 1000 HU, unsorted; real errors twice as large.
        let mut halves = [Calibration::default(), Calibration::default()];
        for step in 0..1000u32 {
            let expected = f64::from(1 + step * 637 % 1000);
            halves[step as usize % 2].add(expected, 2.0 * expected);
        }
        let [mut all, other] = halves;
        all.merge(&other);
        let bins = all.bins();
        assert_eq!(bins.len(), BINS);
        for (number, bin) in bins.iter().enumerate() {
            let mean = 100.0 * number as f64 + 50.5;
            assert_eq!(bin.voxels, 100);
            assert!((bin.expected_hu / mean - 1.0).abs() < 2e-3, "{number}: {bin:?}");
            assert!((bin.ratio() - 0.5).abs() < 1e-9, "{number}: {bin:?}");
        }
    }

    #[test]
    fn constant_expected_error_gives_ten_equal_bins() {
        let mut calibration = Calibration::default();
        assert!(calibration.bins().is_empty());
        for voxel in 0..15 {
            calibration.add(3.0, f64::from(voxel));
        }
        for bin in calibration.bins() {
            assert!((bin.expected_hu - 3.0).abs() < 1e-9 && (bin.real_hu - 7.0).abs() < 1e-9);
        }
    }
}
