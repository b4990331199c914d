//! Whether values look like Hounsfield units.
//!
//! Networks see a window in HU. Values scaled to 0 to 1, z-scores, attenuation, PET and MR are
//! told by their range and distribution: a CT has air near -1000 or at least fat and noise below
//! -50, and hardly anything between padding and air or above 3100; or it is a brain alone.

use crate::volume::views::with_view;
use crate::volume::{Rescale, Voxel, VoxelsView, Window};

/// Number of voxels that are looked at, evenly spread.
const SAMPLES: usize = 500_000;

/// Share of voxels at each end that may be anything.
const OUTLIERS: f64 = 0.001;

/// Width of the range of values that no CT has: its noise alone is wider.
const NARROW_HU: f64 = 256.0;

/// Value below which every CT has some voxels: fat, noise of water, air.
const FAT_HU: f64 = -50.0;

/// Values that are neither padding nor air, and values of metal alone.
const BELOW_AIR_HU: [f64; 2] = [-1900.0, -1100.0];
const METAL_HU: f64 = 3100.0;

/// Share of such values that no CT has.
const MAX_STRANGE: f64 = 0.2;

/// Values of brain and fluid, without skull and air, with the noise of a scan.
const BRAIN_HU: [f64; 2] = [-80.0, 140.0];

/// Median of such values.
const BRAIN_MEDIAN_HU: [f64; 2] = [10.0, 60.0];

/// Distance of the quartiles of such values: that of white and grey matter, with noise.
const BRAIN_QUARTILES_HU: [f64; 2] = [5.0, 40.0];

/// Width of 98 % of the values of one tissue, in distances of their quartiles: 3.4 of a normal
/// distribution, less where there are two tissues, more where others are mixed in.
const ONE_TISSUE: [f64; 2] = [3.0, 6.0];

/// Share of one value from which on it is that of what was cut away.
const CUT_AWAY: f64 = 0.05;

/// Reason to doubt that values are in HU.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Doubt {
    /// The values and what is odd about them.
    reason: String,
    /// Grey values between which most voxels lie.
    window: Window,
}

impl std::fmt::Display for Doubt {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Window { low, high } = self.window;
        write!(
            out,
            "{}; the network expects Hounsfield units, with air at -1000 and water at 0: \
             interpolate by `linear`, or name the grey values that matter by \
             `--window {low},{high}`",
            self.reason
        )
    }
}

/// Looks at voxels `[k, j, i]`; `quantity` is what the header says of them where that is no HU.
/// `None` where they may be HU, and where all have one value.
pub(crate) fn doubt(
    voxels: &VoxelsView,
    rescale: Rescale,
    quantity: Option<&str>,
) -> Option<Doubt> {
    let values = sample(voxels, rescale);
    let (first, last) = (*values.first()?, *values.last()?);
    if first == last {
        return None;
    }
    let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
    let reason = match quantity {
        Some(quantity) => format!("the header says {quantity}"),
        None => format!(
            "values from {} to {} look like no Hounsfield units: {}",
            rounded(first),
            rounded(last),
            strange(&values)?
        ),
    };
    let (low, high) = (rounded(at(5.0 * OUTLIERS)), rounded(at(1.0 - 5.0 * OUTLIERS)));
    let (low, high) = if low < high { (low, high) } else { (rounded(first), rounded(last)) };
    Some(Doubt { reason, window: Window { low, high } })
}

/// What no CT has, in words; `values` are sorted.
fn strange(values: &[f64]) -> Option<String> {
    let count = values.len() as f64;
    let below = |limit: f64| values.partition_point(|&value| value < limit);
    let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
    if is_brain(values) {
        return None;
    }
    let width = at(1.0 - OUTLIERS) - at(OUTLIERS);
    if width < NARROW_HU {
        return Some(format!("they are within {} of each other", rounded(width)));
    }
    if (below(FAT_HU) as f64) < OUTLIERS * count {
        return Some(format!("hardly any is below {FAT_HU}"));
    }
    let padding = values.partition_point(|&value| value <= values[0]);
    let between = below(BELOW_AIR_HU[1]).saturating_sub(below(BELOW_AIR_HU[0]).max(padding));
    let above = values.len() - below(METAL_HU);
    let share = (between + above) as f64 / count;
    (share > MAX_STRANGE)
        .then(|| format!("{:.0} % are far from those of air, tissue and bone", 100.0 * share))
}

/// Whether sorted values are those of a brain, or of muscle, from which all else was cut away: a
/// narrow bell about 35 HU. Values scaled to 0 to 1 are narrower, those of other modalities and
/// 8-bit images wider or elsewhere; some scaled to 0 to 100 look the same.
fn is_brain(values: &[f64]) -> bool {
    let kept = without_cut_away(values);
    let at = |share: f64| kept[((kept.len() - 1) as f64 * share).round() as usize];
    if kept.is_empty() {
        return false;
    }
    let within = |value: f64, [low, high]: [f64; 2]| (low..=high).contains(&value);
    let quartiles = at(0.75) - at(0.25);
    within(at(0.01), BRAIN_HU)
        && within(at(0.99), BRAIN_HU)
        && within(at(0.5), BRAIN_MEDIAN_HU)
        && within(quartiles, BRAIN_QUARTILES_HU)
        && within((at(0.99) - at(0.01)) / quartiles, ONE_TISSUE)
}

/// The most frequent of sorted values left out, where it is the value of all that was cut away.
fn without_cut_away(values: &[f64]) -> Vec<f64> {
    let groups = values.chunk_by(|a, b| a == b);
    let most = groups.clone().max_by_key(|group| group.len()).unwrap_or_default();
    let is_cut = most.len() as f64 > CUT_AWAY * values.len() as f64;
    // A value within the bell is as frequent as its neighbours.
    let next = groups.map(<[f64]>::len).filter(|&length| length < most.len()).max();
    match is_cut && most.len() > 3 * next.unwrap_or(0) {
        true => values.iter().copied().filter(|value| Some(value) != most.first()).collect(),
        false => values.to_vec(),
    }
}

/// Sorted values of evenly spread voxels.
fn sample(voxels: &VoxelsView, rescale: Rescale) -> Vec<f64> {
    let mut values: Vec<f64> = with_view!(voxels, array => {
        // An odd step does not follow the columns of most images.
        let step = (array.len() / SAMPLES) | 1;
        let hu = |&stored: &_| rescale.to_hu(Voxel::to_f64(stored));
        array.iter().step_by(step).map(hu).filter(|hu| !hu.is_nan()).collect()
    });
    values.sort_by(f64::total_cmp);
    values
}

/// A value to three digits.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let digits = 2 - value.abs().log10().floor() as i32;
    let scale = 10f64.powi(digits);
    (value * scale).round() / scale
}
