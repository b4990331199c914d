//! Slice positions that file headers round: the tolerances, and even lattices within them.
//!
//! Headers state positions to 0.1 mm or finer, so that each slice may lie up to 0.1 mm beside its
//! place on the line from the first slice to the last (half of that from its own rounding, half
//! from theirs). Tables that move unevenly by a few percent of the slice spacing look the same.
//! A slice that is missing is off by a third of the spacing or more.

/// Coarsest rounding of positions in file headers, mm.
pub(crate) const ROUNDING_MM: f64 = 0.1;

/// Unevenness, in parts of the slice spacing, that counts as even.
const UNEVEN_PART: f64 = 0.05;

/// Largest tolerance in parts of the slice spacing, safely below that of a missing slice.
const MAX_PART: f64 = 0.25;

/// Deviation in parts of the slice spacing below which positions are on a lattice as they are.
const EXACT_PART: f64 = 1e-7;

/// Parts of the smallest spacing that are tried as the step of a lattice.
const PARTS: [usize; 3] = [1, 2, 3];

/// Tolerance of positions whose even spacing is `step`, both in mm.
pub(crate) fn tolerance_mm(step: f64) -> f64 {
    ROUNDING_MM.max(UNEVEN_PART * step).min(MAX_PART * step)
}

/// Length of the vector that rounding to multiples of `unit` adds to the offset between two
/// points: at most half a unit at each end of each of three coordinates.
pub(crate) fn rounding_of_offset(unit: f64) -> f64 {
    3f64.sqrt() * unit
}

/// Unit to which numbers are rounded: the largest power of ten of which all are multiples, 0.1 to
/// 0.000001.
pub(crate) fn rounding_unit(numbers: &[f64]) -> f64 {
    let is_multiple = |scaled: f64| (scaled - scaled.round()).abs() <= 1e-6_f64.max(1e-12 * scaled);
    let units = (1..=5).map(|digits| 10f64.powi(digits));
    let found = units.into_iter().find(|scale| numbers.iter().all(|x| is_multiple(x * scale)));
    1.0 / found.unwrap_or(1e6)
}

/// Positions on an even lattice, some of whose places may be empty.
#[derive(Debug, PartialEq)]
pub(crate) struct Snapped {
    /// Positions in mm from the first.
    pub(crate) positions: Vec<f64>,
    /// Largest distance of a slice from its stated position, mm.
    pub(crate) moved_mm: f64,
}

/// Whether positions are even within their rounding, and by how many mm they are off. Positions
/// begin with 0 and increase; there are two or more.
pub(crate) fn even(positions: &[f64]) -> Option<f64> {
    let last = positions.len() - 1;
    let mean = positions[last] / last as f64;
    let off = deviation(positions, mean, 0..=last);
    (off <= tolerance_mm(mean)).then_some(off)
}

/// Puts positions with missing slices on the lattice that their rounding hides; `None` where they
/// are on it already, and where there is none. Positions as for [`even`].
pub(crate) fn snapped(positions: &[f64]) -> Option<Snapped> {
    let smallest = positions.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::MAX, f64::min);
    PARTS.iter().find_map(|&parts| on_lattice(positions, smallest, parts)).and_then(|found| {
        let step = smallest / PARTS.len() as f64;
        (found.moved_mm > EXACT_PART * step).then_some(found)
    })
}

/// Positions as multiples of a step, of which the smallest spacings are `parts`.
fn on_lattice(positions: &[f64], smallest: f64, parts: usize) -> Option<Snapped> {
    // The mean of all spacings that rounding makes of one.
    let near = smallest + 2.0 * tolerance_mm(smallest);
    let spacings = positions.windows(2).map(|pair| pair[1] - pair[0]);
    let (count, sum) = spacings
        .clone()
        .filter(|&spacing| spacing <= near)
        .fold((0.0, 0.0), |(count, sum), spacing| (count + 1.0, sum + spacing));
    let step = sum / count / parts as f64;
    let mut place = 0usize;
    let mut places = vec![0];
    for spacing in spacings {
        place = place.saturating_add((spacing / step).round() as usize);
        places.push(place);
    }
    if place > u32::MAX as usize {
        return None;
    }
    let step = positions[positions.len() - 1] / place as f64;
    let moved_mm = deviation(positions, step, places.iter().copied());
    let tolerance = match parts {
        1 => tolerance_mm(step),
        _ => ROUNDING_MM.min(0.1 * step),
    };
    let positions = places.iter().map(|&place| place as f64 * step).collect();
    (moved_mm <= tolerance).then_some(Snapped { positions, moved_mm })
}

/// Largest distance of positions from their places on a lattice.
fn deviation(positions: &[f64], step: f64, places: impl Iterator<Item = usize>) -> f64 {
    let off = |(position, place): (&f64, usize)| (position - place as f64 * step).abs();
    positions.iter().zip(places).map(off).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(step: f64, unit: f64, places: &[usize]) -> Vec<f64> {
        places.iter().map(|&place| (place as f64 * step / unit).round() * unit).collect()
    }

    #[test]
    fn rounded_positions_are_even_and_a_missing_slice_is_not() {
        let all: Vec<usize> = (0..40).collect();
        for step in [0.5, 0.625, 0.7, 1.25, 2.5, 3.27, 5.0] {
            for unit in [0.1, 0.012, 0.01, 0.001] {
                let off = even(&rounded(step, unit, &all)).expect("even");
                assert!(off <= unit, "{step} {unit}: {off}");
                for missing in 1..39 {
                    let places: Vec<usize> =
                        all.iter().copied().filter(|&place| place != missing).collect();
                    assert_eq!(even(&rounded(step, unit, &places)), None, "{step} {missing}");
                }
            }
        }
    }

    #[test]
    fn missing_slices_are_found_behind_rounding() {
        for step in [0.625, 1.25, 1.7, 5.0] {
            for unit in [0.1, 0.012, 0.001] {
                for places in [vec![0, 1, 2, 3, 6, 7, 8], vec![0, 2, 3, 4, 9, 10], vec![0, 1, 3]] {
                    let stated = rounded(step, unit, &places);
                    let found = snapped(&stated).map_or(stated.clone(), |found| found.positions);
                    let last = stated[stated.len() - 1] / places[places.len() - 1] as f64;
                    for (place, position) in places.iter().zip(&found) {
                        let expected = *place as f64 * last;
                        assert!((position - expected).abs() < 1e-6, "{step} {unit} {found:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn positions_without_a_lattice_and_exact_ones_stay() {
        assert_eq!(snapped(&[0.0, 2.5, 7.5, 10.0]), None);
        assert_eq!(snapped(&[0.0, 2.0, 5.0, 7.0]), None);
        assert_eq!(snapped(&[0.0, 3.0, 8.37, 11.9, 13.03]), None);
        // Beyond whole numbers of steps.
        assert_eq!(snapped(&[0.0, 1.0, 1e300, 2e300]), None);
        let found = snapped(&[0.0, 2.0, 5.002, 7.001]).expect("steps of 1 mm");
        assert!((found.positions[2] - 5.0 * 7.001 / 7.0).abs() < 1e-12);
    }

    #[test]
    fn unit_of_rounding_is_found() {
        assert_eq!(rounding_unit(&[-10.4, 20.3, 3.0]), 0.1);
        assert_eq!(rounding_unit(&[-10.4, 20.35, -3.0]), 0.01);
        assert_eq!(rounding_unit(&[1.0, 2.0]), 0.1);
        assert!((rounding_unit(&[1.0 / 3.0]) - 1e-6).abs() < 1e-18);
    }
}
