//! Whether expected errors are true on average: voxels in ten bins by what was expected, and how far
//! off they really were.

use serde::Serialize;

/// Bins of equal voxel counts.
pub const BINS: usize = 10;

/// Expectations are told apart from this many HU on, up to...
const MIN_HU: f64 = 1e-3;
const MAX_HU: f64 = 1e4;

/// ...in this many classes, each larger than the one before by a thousandth of itself, about.
const CLASSES: usize = 16_000;

/// Voxels by their expected error, with sums from which bins are made.
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

/// A tenth of the voxels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// How many, to the nearest whole one.
    pub voxels: u64,
    /// Mean of what was expected, HU.
    pub expected_hu: f64,
    /// Mean absolute error, HU.
    pub real_hu: f64,
}

impl Bin {
    /// Expected by real: 1 where both agree, more where too much was expected.
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
    /// Adds a voxel: expected and real absolute error, HU.
    pub fn add(&mut self, expected: f64, real: f64) {
        let place = (expected.max(MIN_HU) / MIN_HU).ln() / (MAX_HU / MIN_HU).ln();
        let class = ((place * CLASSES as f64) as usize).min(CLASSES - 1);
        self.classes[class].add(Class { voxels: 1.0, expected, real });
    }

    /// Adds all voxels of another.
    pub fn merge(&mut self, other: &Calibration) {
        for (class, other) in self.classes.iter_mut().zip(&other.classes) {
            class.add(*other);
        }
    }

    /// Ten bins of equal counts, the least expected error first; none where there are no voxels. A
    /// class that lies across the border of two bins is divided between them in proportion.
    pub fn bins(&self) -> Vec<Bin> {
        let all: f64 = self.classes.iter().map(|class| class.voxels).sum();
        if all == 0.0 {
            return Vec::new();
        }
        let room = all / BINS as f64;
        let mut bins = [Class::default(); BINS];
        let mut bin = 0;
        for class in &self.classes {
            let mut left = class.voxels;
            while left > 0.0 {
                let taken = match bin == BINS - 1 {
                    true => left,
                    false => left.min(room - bins[bin].voxels),
                };
                bins[bin].add(class.part(taken));
                left -= taken;
                if bin < BINS - 1 && bins[bin].voxels >= room * (1.0 - 1e-12) {
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

    /// So many of its voxels.
    fn part(&self, voxels: f64) -> Class {
        let share = voxels / self.voxels;
        Class { voxels, expected: share * self.expected, real: share * self.real }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_the_tenths_of_the_sorted_voxels() {
        // Expected 1 to 1000 HU, evenly; real twice as much, in an order that is not sorted.
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
    fn one_expectation_everywhere_gives_ten_equal_bins() {
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
