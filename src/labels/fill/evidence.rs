//! Evidence of the image: how much likelier a grey value is inside of a segment than outside.
//!
//! It is learnt from the drawn slices themselves, near their outlines, and trusted as far as it
//! tells the two sides apart there. Only the order of grey values counts: any unit will do.

use ndarray::{Array2, Zip};

use crate::labels::fill::smooth::box_mean;

/// Bounds of the distance from the outline, mm, within which grey values are learnt: as far as the
/// outlines of neighbouring drawn slices are apart, where an outline between them may be.
const BAND_MM: [f32; 2] = [2.5, 10.0];

/// Distance from an outline, mm, within which outlines are compared.
const NEAR_MM: f32 = 2.5;

/// Largest radius, pixels, of the means that are tried in place of single pixels: noise hides what
/// a mean shows.
const MAX_RADIUS: usize = 2;

/// Bounds of the number of ranges of grey values, all with as many pixels: many find the border of
/// bone, few are enough for the few pixels of a small segment.
const BINS: [usize; 2] = [48, 192];

/// Pixels of a range within these bounds.
const BIN_PIXELS: usize = 16;

/// Pixels that a range has on each side beside those counted.
const PRIOR: f64 = 0.5;

/// Largest evidence of one pixel, logarithm.
const MAX_LOG: f64 = 4.0;

/// Distance, mm, by which an outline between two slices is unsure in any case, and the part of the
/// distance between the outlines of both slices that is added.
const UNSURE_MM: f32 = 1.0;
const UNSURE_PART: f32 = 0.5;

/// Power of the skill that is the trust in the evidence: what tells inside from outside seldom says
/// more about the texture of both than about the outline.
const TRUST: i32 = 4;

/// Grey values inside and outside of a segment.
pub struct Evidence {
    /// Radius of the mean.
    radius: usize,
    /// Ends of the ranges.
    edges: Vec<f32>,
    /// Logarithm of the likelihood ratio in each range, scaled by the trust in it.
    logs: Vec<f32>,
}

impl Evidence {
    /// Learns from drawn slices: their grey values and the depths of their outlines, mm. `None`
    /// where nothing tells inside from outside.
    pub fn learn(greys: &[Array2<f32>], depths: &[Array2<f32>]) -> Option<Evidence> {
        let band = band(depths);
        let tried =
            (0..=MAX_RADIUS).filter_map(|radius| Evidence::of_means(greys, depths, (radius, band)));
        tried
            .reduce(|best, next| if next.0 > best.0 { next } else { best })
            .map(|(_, evidence)| evidence)
    }

    /// Evidence of means, and how well it tells inside from outside: 0 not at all, 1 always.
    fn of_means(
        greys: &[Array2<f32>],
        depths: &[Array2<f32>],
        (radius, band): (usize, f32),
    ) -> Option<(f64, Evidence)> {
        let mut pixels: Vec<(f32, bool)> = Vec::new();
        for (grey, depth) in greys.iter().zip(depths) {
            let mean = box_mean(grey.view(), radius);
            let near = mean.iter().zip(depth.iter()).filter(|(_, depth)| depth.abs() < band);
            pixels.extend(near.map(|(&grey, &depth)| (grey, depth > 0.0)));
        }
        pixels.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let bins = (pixels.len() / BIN_PIXELS).clamp(BINS[0], BINS[1]);
        let mut edges: Vec<f32> =
            (1..bins).filter_map(|bin| Some(pixels.get(bin * pixels.len() / bins)?.0)).collect();
        edges.dedup();
        let mut counts = vec![[PRIOR; 2]; edges.len() + 1];
        for &(grey, inside) in &pixels {
            counts[range(&edges, grey)][usize::from(inside)] += 1.0;
        }
        let total = |side: usize| counts.iter().map(|counts| counts[side]).sum::<f64>();
        let totals = [total(0), total(1)];
        let parts = |counts: &[f64; 2]| [counts[0] / totals[0], counts[1] / totals[1]];
        // Sensitivity plus specificity, less one (Youden 1950).
        let skill: f64 =
            counts.iter().map(parts).map(|[outside, inside]| (inside - outside).max(0.0)).sum();
        let log = |counts: &[f64; 2]| {
            let [outside, inside] = parts(counts);
            (skill.powi(TRUST) * (inside / outside).ln().clamp(-MAX_LOG, MAX_LOG)) as f32
        };
        let logs = counts.iter().map(log).collect();
        let has_both = totals.into_iter().all(|total| total > PRIOR * (edges.len() + 1) as f64);
        has_both.then_some((skill, Evidence { radius, edges, logs }))
    }

    /// Moves an outline to where the image has it: adds evidence to depths, mm. `apart`: distance
    /// between the outlines of both drawn slices, mm.
    pub fn add_to(&self, depths: &mut Array2<f32>, apart: &Array2<f32>, grey: &Array2<f32>) {
        let largest = self.logs.iter().fold(0.0, |largest: f32, log| largest.max(log.abs()));
        let mean = box_mean(grey.view(), self.radius);
        Zip::from(depths).and(apart).and(&mean).for_each(|depth, &apart, &grey| {
            let unsure = UNSURE_MM + UNSURE_PART * apart;
            // Elsewhere no grey value changes the side.
            if depth.abs() <= unsure * largest {
                *depth += unsure * self.logs[range(&self.edges, grey)];
            }
        });
    }
}

/// Mean distance of the outlines of neighbouring slices, mm, within the bounds of the band.
fn band(depths: &[Array2<f32>]) -> f32 {
    let pairs = depths.windows(2).flat_map(|pair| pair[0].iter().zip(&pair[1]));
    let near = pairs.filter(|(a, b)| a.abs().min(b.abs()) < NEAR_MM);
    let apart = near.map(|(a, b)| (a - b).abs().min(BAND_MM[1]));
    let [sum, count] = apart.fold([0.0; 2], |[sum, count], apart| [sum + apart, count + 1.0]);
    if count > 0.0 { (sum / count).clamp(BAND_MM[0], BAND_MM[1]) } else { BAND_MM[1] }
}

/// Number of the range of a grey value.
fn range(edges: &[f32], grey: f32) -> usize {
    edges.partition_point(|&edge| edge <= grey)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A square of 200 among 100, drawn two pixels too small: evidence mends the outline where grey
    /// values tell it apart, and leaves it where they are the same on both sides.
    #[test]
    fn outline_moves_to_where_grey_values_change() {
        let within = |at: (usize, usize), margin: usize| {
            [at.0, at.1].into_iter().all(|at| (10 + margin..30 - margin).contains(&at))
        };
        let depth = |margin: usize| {
            let mask = Array2::from_shape_fn((40, 40), |at| within(at, margin));
            let depth = crate::labels::distance::signed(mask.view(), [1.0; 2], 100.0);
            depth.mapv(|depth| depth as f32)
        };
        let (whole, small) = (depth(0), depth(2));
        let apart = Array2::from_elem((40, 40), 1.0);
        for contrast in [0.0, 100.0] {
            let grey = Array2::from_shape_fn((40, 40), |at| {
                100.0 + if within(at, 0) { contrast } else { 0.0 }
            });
            let evidence =
                Evidence::learn(std::slice::from_ref(&grey), std::slice::from_ref(&whole)).unwrap();
            let mut found = small.clone();
            evidence.add_to(&mut found, &apart, &grey);
            let expected = if contrast > 0.0 { &whole } else { &small };
            assert_eq!(found.mapv(|depth| depth > 0.0), expected.mapv(|depth| depth > 0.0));
        }
    }

    #[test]
    fn one_side_alone_is_no_evidence() {
        let grey = Array2::zeros((5, 5));
        assert!(Evidence::learn(std::slice::from_ref(&grey), &[grey.mapv(|_| 3.0)]).is_none());
        assert!(Evidence::learn(std::slice::from_ref(&grey), &[grey.mapv(|_| 300.0)]).is_none());
    }
}
