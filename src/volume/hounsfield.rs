//! Whether values look like Hounsfield units.
//!
//! Networks see a window in HU. Values scaled to 0 to 1, z-scores, attenuation, PET and MR are
//! told by their range and distribution: a CT has air near -1000 or at least fat and noise below
//! -50, and hardly anything between padding and air or above 3100.

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
