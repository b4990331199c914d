//! One group of slices of a batch: where it lies, how it is flipped, how thick its slices are.

use ndarray::{ArrayView2, ArrayViewMut2, Axis as ArrayAxis, Zip, s};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::training::settings::Settings;
use crate::volume::Window;
use crate::volume::slice_stack::SliceStack;

/// What groups vary in, beside their place.
pub(super) struct Variety {
    /// Slice steps between the known slices: one of these.
    pub(super) gaps: Vec<usize>,
    /// Largest distance of known slices in mm.
    pub(super) max_gap_mm: f64,
    /// Consecutive slices that each slice averages: one of these.
    pub(super) thickness: Vec<usize>,
    /// Whether known slices are slabs of a gap, side by side, and those between them single ones.
    pub(super) thin: bool,
}

/// Largest distance of known slices in mm that a run draws from a volume of this spacing.
pub(crate) fn largest_gap_mm(settings: &Settings, spacing_mm: f64) -> f64 {
    let variety = Variety::of(settings);
    let largest = variety.allowed_gaps(spacing_mm).into_iter().max();
    largest.unwrap_or_else(|| variety.smallest_gap()) as f64 * spacing_mm
}

impl Variety {
    pub(super) fn of(settings: &Settings) -> Variety {
        let limit = settings.max_gap_mm;
        Variety {
            gaps: settings.gaps.clone(),
            max_gap_mm: if limit == 0.0 { f64::MAX } else { limit },
            thickness: settings.thickness.clone(),
            thin: settings.thin,
        }
    }

    /// Gaps whose distance is within the limit at a spacing.
    fn allowed_gaps(&self, spacing_mm: f64) -> Vec<usize> {
        let within = |gap: &&usize| **gap as f64 * spacing_mm <= self.max_gap_mm;
        self.gaps.iter().filter(within).copied().collect()
    }

    /// The gap of a stack where all are beyond the limit.
    fn smallest_gap(&self) -> usize {
        self.gaps.iter().copied().min().unwrap_or(2)
    }

    /// A gap that the stack allows; the smallest where all are beyond the limit in mm.
    fn gap(&self, stack: &SliceStack, random: &mut ChaCha8Rng) -> usize {
        let allowed = self.allowed_gaps(stack.spacing_mm);
        match allowed.is_empty() {
            true => self.smallest_gap(),
            false => allowed[random.random_range(0..allowed.len())],
        }
    }

    /// The weights of the consecutive slices that each slice of a group averages: at most twice its
    /// gap, and as many as leave the group room in the stack. Slabs side by side are of a gap.
    fn profile(&self, slices: usize, gap: usize, random: &mut ChaCha8Rng) -> Vec<f32> {
        if self.thin {
            return vec![1.0 / gap as f32; gap];
        }
        if self.thickness == [1] {
            return vec![1.0];
        }
        let drawn = self.thickness[random.random_range(0..self.thickness.len())];
        let count = drawn.min(2 * gap).min(slices - gap);
        match random.random_bool(0.5) {
            true => tapered(count),
            false => vec![1.0 / count as f32; count],
        }
    }
}

/// Weights that rise and fall evenly, 1-2-1 for three slices, and sum to 1.
fn tapered(count: usize) -> Vec<f32> {
    let weight = |index: usize| (1 + index).min(count - index) as f32;
    let sum: f32 = (0..count).map(weight).sum();
    (0..count).map(|index| weight(index) / sum).collect()
}

/// A group of slices of a stack, and the square that is cut out of them.
pub(super) struct Draw<'a> {
    stack: &'a SliceStack,
    size: usize,
    /// Index of the lower known slice.
    pub(super) start: usize,
    /// Slice steps to the upper one.
    pub(super) gap: usize,
    /// The inner slice of a batch with one a group.
    pub(super) between: usize,
    /// Whether this slice is a single one, and the known slices are slabs.
    thin: bool,
    /// Weights of the slices, from the index of a slice on, that make this slice.
    profile: Vec<f32>,
    /// Row and column of the square's first pixel.
    corner: [usize; 2],
    upside_down: bool,
    mirrored: bool,
    /// The known slices in their order.
    pub(super) ends: [usize; 2],
}

impl<'a> Draw<'a> {
    /// Draws a group of a stack: its gap, its thickness, its place, flips and order.
    pub(super) fn random(
        stack: &'a SliceStack,
        size: usize,
        variety: &Variety,
        random: &mut ChaCha8Rng,
    ) -> Draw<'a> {
        let (slices, rows, columns) = stack.slices.dim();
        let gap = variety.gap(stack, random);
        let profile = variety.profile(slices, gap, random);
        let start = random.random_range(0..slices + 1 - profile.len() - gap);
        let targets = match variety.thin {
            false => 1..gap,
            // From the middle of the first slab to that of the second, where slices lie for odd
            // gaps alone.
            true => gap / 2..gap / 2 + gap + gap % 2,
        };
        let between = start + random.random_range(targets);
        let row = random.random_range(0..=rows - size);
        let column = random.random_range(0..=columns - size);
        let [upside_down, mirrored, reversed] = std::array::from_fn(|_| random.random_bool(0.5));
        let ends = if reversed { [start + gap, start] } else { [start, start + gap] };
        let (corner, thin) = ([row, column], variety.thin);
        Draw {
            stack,
            size,
            start,
            gap,
            between,
            thin,
            profile,
            corner,
            upside_down,
            mirrored,
            ends,
        }
    }

    /// The context slice beyond an end (0: the first, 1: the second), where the stack has it.
    pub(super) fn context(&self, end: usize) -> Option<usize> {
        let (at, other) = (self.ends[end], self.ends[1 - end]);
        let beyond = (2 * at).checked_sub(other)?;
        (beyond + self.profile.len() <= self.stack.slices.dim().0).then_some(beyond)
    }

    /// Alpha of a slice of the group: 1 is the first known slice, or the middle of its slab.
    pub(super) fn alpha(&self, slice: usize) -> f32 {
        let middle = if self.thin { (self.gap - 1) as f32 / 2.0 } else { 0.0 };
        let fraction = ((slice - self.start) as f32 - middle) / self.gap as f32;
        if self.ends[0] > self.ends[1] { fraction } else { 1.0 - fraction }
    }

    /// Fills a square with grey values of a known slice: the weighted mean of as many slices as it
    /// is thick, from its index on.
    pub(super) fn fill(&self, plane: ArrayViewMut2<f32>, slice: usize) {
        self.fill_with(&self.profile, plane, slice);
    }

    /// As [`Draw::fill`], of a slice to be interpolated.
    pub(super) fn fill_truth(&self, plane: ArrayViewMut2<f32>, slice: usize) {
        let profile: &[f32] = if self.thin { &[1.0] } else { &self.profile };
        self.fill_with(profile, plane, slice);
    }

    fn fill_with(&self, profile: &[f32], mut plane: ArrayViewMut2<f32>, slice: usize) {
        plane.fill(0.0);
        for (offset, &weight) in profile.iter().enumerate() {
            let crop = self.flipped(slice + offset);
            Zip::from(&mut plane).and(crop).for_each(|unit, &hu| {
                *unit += weight * Window::CT.to_unit(f64::from(hu)) as f32;
            });
        }
    }

    fn flipped(&self, slice: usize) -> ArrayView2<'_, i16> {
        let [row, column] = self.corner;
        let rows = row..row + self.size;
        let columns = column..column + self.size;
        let mut crop = self.stack.slice(slice).slice_move(s![rows, columns]);
        if self.upside_down {
            crop.invert_axis(ArrayAxis(0));
        }
        if self.mirrored {
            crop.invert_axis(ArrayAxis(1));
        }
        crop
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::System;
    use ndarray::{Array2, Array3};
    use rand::SeedableRng;

    /// A bright slice among dark ones, which an average spreads by its weights.
    fn flash(slices: usize, bright: usize) -> SliceStack {
        let hu = |k: usize| if k == bright { 1000 } else { -1000 };
        let slices = Array3::from_shape_fn((slices, 8, 8), |(k, _, _)| hu(k));
        SliceStack { name: "flash".into(), slices, spacing_mm: 3.0 }
    }

    fn variety(gaps: &[usize], max_gap_mm: f64, thickness: &[usize]) -> Variety {
        Variety { gaps: gaps.to_vec(), max_gap_mm, thickness: thickness.to_vec(), thin: false }
    }

    #[test]
    fn thick_slices_are_weighted_means() {
        assert_eq!(tapered(1), [1.0]);
        assert_eq!(tapered(2), [0.5, 0.5]);
        assert_eq!(tapered(3), [0.25, 0.5, 0.25]);
        assert_eq!(tapered(4).iter().sum::<f32>(), 1.0);
        let stack = flash(9, 4);
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut seen = [false; 2];
        for _ in 0..20 {
            let draw = Draw::random(&stack, 4, &variety(&[2], 1e9, &[3]), &mut random);
            let grey: Vec<f32> = (0..7)
                .map(|slice| {
                    let mut plane = Array2::zeros((4, 4));
                    draw.fill(plane.view_mut(), slice);
                    assert!(plane.iter().all(|&value| value == plane[(0, 0)]));
                    plane[(0, 0)]
                })
                .collect();
            let (box_, taper) = ([1.0 / 3.0; 3], [0.25, 0.5, 0.25]);
            let is_box = (grey[2] - box_[2]).abs() < 1e-6;
            let weights = if is_box { box_ } else { taper };
            seen[usize::from(is_box)] = true;
            for (slice, grey) in grey.iter().enumerate() {
                let expected = 4usize.checked_sub(slice).and_then(|at| weights.get(at));
                assert!((grey - expected.unwrap_or(&0.0)).abs() < 1e-6, "{slice}: {grey}");
            }
        }
        assert_eq!(seen, [true, true]);
    }

    /// HU of a ramp are 10 times the slice number: a slab has that of its middle.
    #[test]
    fn thin_slices_lie_between_the_middles_of_slabs() {
        let slices = Array3::from_shape_fn((12, 8, 8), |(k, _, _)| 10 * k as i16);
        let stack = SliceStack { name: "ramp".into(), slices, spacing_mm: 1.0 };
        let variety = Variety { thin: true, ..variety(&[2, 3, 5, 6], 1e9, &[1]) };
        let mut random = ChaCha8Rng::seed_from_u64(4);
        let mut fractions = Vec::new();
        for _ in 0..400 {
            let draw = Draw::random(&stack, 4, &variety, &mut random);
            let grey = |fill: &dyn Fn(ArrayViewMut2<f32>)| {
                let mut plane = Array2::zeros((4, 4));
                fill(plane.view_mut());
                f64::from(plane[(0, 0)])
            };
            let [first, second] = draw.ends.map(|end| grey(&|plane| draw.fill(plane, end)));
            let truth = grey(&|plane| draw.fill_truth(plane, draw.between));
            let alpha = f64::from(draw.alpha(draw.between));
            assert!((truth - (second + alpha * (first - second))).abs() < 1e-6);
            assert!((0.0..=1.0).contains(&alpha));
            if let Some(before) = draw.context(0) {
                let before = grey(&|plane| draw.fill(plane, before));
                assert!((before - (2.0 * first - second)).abs() < 1e-6);
            }
            fractions.push((draw.gap, (120.0 * (1.0 - alpha)).round() as i32));
        }
        fractions.sort_unstable();
        fractions.dedup();
        let of_gap = |gap| -> Vec<i32> {
            let of_gap = fractions.iter().filter(|(other, _)| *other == gap);
            of_gap.map(|(_, fraction)| *fraction).collect()
        };
        assert_eq!(of_gap(2), [30, 90]);
        assert_eq!(of_gap(3), [0, 40, 80, 120]);
        assert_eq!(of_gap(5), [0, 24, 48, 72, 96, 120]);
        assert_eq!(of_gap(6), [10, 30, 50, 70, 90, 110]);
    }

    #[test]
    fn thick_groups_stay_within_the_stack() {
        let stack = flash(9, 4);
        let mut random = ChaCha8Rng::seed_from_u64(2);
        for _ in 0..500 {
            let draw =
                Draw::random(&stack, 4, &variety(&[2, 3, 8], 1e9, &[1, 2, 5, 50]), &mut random);
            let mut plane = Array2::zeros((4, 4));
            let slices = [Some(draw.ends[0]), Some(draw.ends[1]), draw.context(0), draw.context(1)];
            slices.into_iter().flatten().for_each(|slice| draw.fill(plane.view_mut(), slice));
            assert!(draw.profile.len() <= 2 * draw.gap);
        }
    }

    #[test]
    fn gaps_are_limited_in_millimetres() {
        let stack = flash(9, 4);
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for (limit, expected) in [(1e9, vec![2, 3, 6]), (10.0, vec![2, 3]), (1.0, vec![2])] {
            let variety = variety(&[2, 3, 6], limit, &[1]);
            let mut gaps: Vec<usize> =
                (0..60).map(|_| Draw::random(&stack, 4, &variety, &mut random).gap).collect();
            gaps.sort_unstable();
            gaps.dedup();
            assert_eq!(gaps, expected, "{limit} mm");
            let settings = Settings {
                gaps: vec![2, 3, 6],
                max_gap_mm: limit,
                ..Settings::default_for(System::HrinetMotion)
            };
            let largest = expected[expected.len() - 1] as f64 * stack.spacing_mm;
            assert_eq!(largest_gap_mm(&settings, stack.spacing_mm), largest, "{limit} mm");
        }
    }
}
