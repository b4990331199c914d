//! How good an interpolator is on a volume of the user's own.
//!
//! Every second slice is dropped and interpolated again, by the interpolator and by linear and
//! cubic interpolation. Known slices are then twice as far apart as in the job itself, so that
//! errors are larger than they will be; which interpolator is ahead is what the check is for.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::evaluation::{Comparison, Evaluation, evaluate, hounsfield};
use crate::metrics::grain::Grain;
use crate::metrics::tissue::{TissueScores, TissueSums};
use crate::metrics::{Mean, SliceScores};
use crate::resample::{Interpolator, OnProgress, Progress};
use crate::volume::Volume;

/// Slices of a part of the volume: two of them are dropped.
const PART: usize = 5;

/// Largest number of parts, spread over the volume.
const PARTS: usize = 8;

/// Correlation of the grain of neighbouring slices from which they overlap: contiguous slices of
/// helical scans reach 0.3.
const OVERLAP: f64 = 0.4;

/// Result of a self-check.
#[derive(Clone, Debug, Serialize)]
pub struct SelfCheck {
    /// Slices that were dropped and interpolated again.
    pub slices: usize,
    /// Largest distance of the known slices around them, mm.
    pub known_spacing_mm: f64,
    /// The interpolator itself, then linear and cubic interpolation.
    pub interpolators: Vec<Checked>,
    /// Standard deviation of the grain of flat tissue, HU; `None` where there is none.
    pub grain_hu: Option<f64>,
    /// Correlation of the grain of neighbouring slices; `None` where there is none.
    pub grain_correlation: Option<f64>,
}

/// Scores of one interpolator.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// Its name.
    pub name: String,
    /// Means over the slices.
    pub scores: SliceScores,
    /// In each of [`crate::metrics::tissue::TISSUES`]; `None` for a tissue that no slice shows.
    pub tissues: [Option<TissueScores>; 4],
}

/// What a self-check comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Ahead of linear and cubic interpolation in PSNR and SSIM.
    Ahead,
    /// Ahead in one of them alone.
    Mixed,
    /// Behind one of the two in both.
    Behind,
}

/// Checks an interpolator on a volume in HU. `name` is what the result calls it.
///
/// # Errors
/// [`Error::Argument`] for fewer than three slices, for an interpolator that is itself linear or
/// cubic, and for one that makes thin slices; as [`evaluate`].
pub fn self_check(
    volume: &Volume,
    name: &str,
    interpolator: &Interpolator,
    on_progress: OnProgress,
) -> Result<SelfCheck> {
    if interpolator.network().is_none() {
        return Err(Error::Argument(format!(
            "{name} is what a network is checked against; choose a model"
        )));
    }
    if interpolator.is_thin() {
        return Err(Error::Argument(format!(
            "{name} makes slices thinner than those of the volume, which hold no truth for them; \
             check another model, or leave the check out"
        )));
    }
    let axis = volume.geometry().slice_axis();
    let starts = part_starts(volume.geometry().length(axis));
    let all =
        [(name, interpolator), ("linear", &Interpolator::Linear), ("cubic", &Interpolator::Cubic)];
    let total = all.len() * starts.len();
    let mut sums: Vec<Sums> = Vec::new();
    for (number, (_, interpolator)) in all.iter().enumerate() {
        let mut sum = Sums::default();
        for (part, &start) in starts.iter().enumerate() {
            on_progress(Progress { done: number * starts.len() + part, total })?;
            let range = Some(start..start + PART);
            let comparison = Comparison { range, ..Comparison::new(volume, 2) };
            sum.add(&evaluate(&comparison, interpolator, &mut |_| Ok(()))?);
        }
        sums.push(sum);
    }
    on_progress(Progress { done: total, total })?;
    let mut grain = Grain::default();
    for &start in &starts {
        let slice = |index| hounsfield(volume, axis, start + index);
        grain.add(slice(0).view(), slice(1).view());
    }
    Ok(SelfCheck {
        slices: sums[0].slices,
        known_spacing_mm: 2.0 * volume.geometry().spacing(axis),
        interpolators: all.iter().zip(sums).map(|((name, _), sum)| sum.checked(name)).collect(),
        grain_hu: grain.deviation_hu(),
        grain_correlation: grain.correlation(),
    })
}

/// First slices of the parts of a volume that are checked, evenly spread.
fn part_starts(slices: usize) -> Vec<usize> {
    let parts = (slices / PART).clamp(1, PARTS);
    let last = slices.saturating_sub(PART);
    (0..parts).map(|part| if parts == 1 { last / 2 } else { part * last / (parts - 1) }).collect()
}

#[derive(Default)]
struct Sums {
    slices: usize,
    scores: Mean,
    tissues: [TissueSums; 4],
}

impl Sums {
    fn add(&mut self, evaluation: &Evaluation) {
        self.slices += evaluation.slices;
        for _ in 0..evaluation.slices {
            self.scores.add(evaluation.scores);
        }
        for (sum, tissue) in self.tissues.iter_mut().zip(&evaluation.tissues) {
            sum.merge(tissue);
        }
    }

    fn checked(self, name: &str) -> Checked {
        Checked {
            name: name.into(),
            scores: self.scores.scores().unwrap_or_default(),
            tissues: self.tissues.map(|tissue| tissue.scores()),
        }
    }
}

impl SelfCheck {
    /// The interpolator that was checked, and the better one of linear and cubic interpolation by
    /// PSNR.
    fn rivals(&self) -> Option<(&Checked, &Checked)> {
        let (own, plain) = self.interpolators.split_first()?;
        let psnr = |checked: &&Checked| checked.scores.psnr;
        let best = plain.iter().max_by(|a, b| psnr(a).total_cmp(&psnr(b)))?;
        Some((own, best))
    }

    /// Which one is ahead.
    pub fn verdict(&self) -> Verdict {
        let Some((own, _)) = self.rivals() else { return Verdict::Mixed };
        let plain = || self.interpolators[1..].iter().map(|checked| checked.scores);
        let ahead = |score: fn(&SliceScores) -> f64| {
            plain().all(|plain| score(&own.scores) >= score(&plain))
        };
        match [ahead(|scores| scores.psnr), ahead(|scores| scores.ssim)] {
            [true, true] => Verdict::Ahead,
            [false, false] => Verdict::Behind,
            _ => Verdict::Mixed,
        }
    }

    /// The verdict in words, with what to do.
    pub fn advice(&self) -> String {
        let Some((own, best)) = self.rivals() else { return String::new() };
        let gain = own.scores.psnr - best.scores.psnr;
        let (name, plain) = (&own.name, &best.name);
        match self.verdict() {
            Verdict::Ahead => format!("{name} is ahead of {plain} here, by {gain:.2} dB"),
            Verdict::Behind => {
                format!("{name} is behind {plain} here, by {:.2} dB: choose {plain}", -gain)
            }
            Verdict::Mixed => format!(
                "{name} and {plain} are about equal here ({gain:+.2} dB, SSIM {:+.3}): where grain \
                 matters, choose {plain}",
                own.scores.ssim - best.scores.ssim
            ),
        }
    }

    /// A warning where slices overlap, so that their grain is known and a network removes it.
    pub fn overlap_warning(&self) -> Option<String> {
        let correlation = self.grain_correlation.filter(|&found| found > OVERLAP)?;
        let hu = self.grain_hu?;
        Some(format!(
            "the slices overlap: {:.0} % of their grain ({hu:.0} HU) is that of the next slice, \
             which a network smoothes",
            100.0 * correlation
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_within_the_volume_and_spread() {
        assert_eq!(part_starts(5), [0]);
        assert_eq!(part_starts(3), [0]);
        assert_eq!(part_starts(9), [2]);
        assert_eq!(part_starts(12), [0, 7]);
        let many = part_starts(400);
        assert_eq!((many.len(), many[0], many[PARTS - 1]), (PARTS, 0, 395));
    }

    fn check(scores: [[f64; 2]; 3]) -> SelfCheck {
        let names = ["a", "linear", "cubic"];
        let checked = |(name, [psnr, ssim]): (&str, [f64; 2])| Checked {
            name: name.into(),
            scores: SliceScores { psnr, ssim, ..SliceScores::default() },
            tissues: [None; 4],
        };
        SelfCheck {
            slices: 2,
            known_spacing_mm: 6.0,
            interpolators: names.into_iter().zip(scores).map(checked).collect(),
            grain_hu: Some(20.0),
            grain_correlation: Some(0.5),
        }
    }

    #[test]
    fn verdict_is_of_both_scores_against_the_better_plain_one() {
        let ahead = check([[31.0, 0.9], [30.0, 0.8], [30.5, 0.7]]);
        assert_eq!(ahead.verdict(), Verdict::Ahead);
        assert_eq!(ahead.advice(), "a is ahead of cubic here, by 0.50 dB");
        assert_eq!(check([[31.0, 0.75], [30.0, 0.8], [30.5, 0.7]]).verdict(), Verdict::Mixed);
        let behind = check([[29.0, 0.6], [30.0, 0.8], [28.5, 0.7]]);
        assert_eq!(behind.verdict(), Verdict::Behind);
        assert_eq!(behind.advice(), "a is behind linear here, by 1.00 dB: choose linear");
        assert!(ahead.overlap_warning().is_some_and(|text| text.contains("50 %")));
    }
}
