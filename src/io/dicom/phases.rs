//! Tells the phases of a series apart: volumes at the same places with one SeriesInstanceUID.

use crate::io::dicom::slice::Slice;
use crate::volume::vector::dot;

/// Slices closer together than this part of the usual slice distance are at the same place.
const SAME_PLACE: f64 = 0.05;

/// Bounds of that distance, mm.
const SAME_PLACE_MM: [f64; 2] = [0.01, 0.2];

/// Phase of a series: its slices, and what tells it apart (`AcquisitionNumber 2`), if anything.
pub(crate) type Phase = (Vec<Slice>, Option<String>);

/// Divides slices of one series, size and orientation into phases, where several of them are at
/// the same place: by the first attribute that differs in the right way, else by time or number
/// at each place. One phase where nothing tells them apart.
pub(crate) fn divide(slices: Vec<Slice>) -> Vec<Phase> {
    let places = Places::of(&slices);
    let most = places.most_per_place();
    if most < 2 || places.groups.len() < 2 {
        return vec![(slices, None)];
    }
    for (index, &(name, _)) in slices[0].phase.named.iter().enumerate() {
        let value = |slice: &Slice| slice.phase.named[index].1.clone();
        let mut values: Vec<String> = slices.iter().map(value).collect();
        values.sort_by(|a, b| by_number(a, b));
        values.dedup();
        // As many values as phases; or parts of the body that overlap, but not a value per slice.
        if values.len() < 2 || (values.len() != most && values.len() * 4 > slices.len()) {
            continue;
        }
        let numbers: Vec<usize> = slices
            .iter()
            .map(|slice| values.iter().position(|other| *other == value(slice)).unwrap_or(0))
            .collect();
        if places.tells_apart(&numbers) {
            let labels = values.iter().map(|value| format!("{name} {value}")).collect();
            return split(slices, &numbers, labels);
        }
    }
    by_order_at_each_place(slices, &places, most)
}

/// Phases by time, else by InstanceNumber, at each place, where every place has the same number of
/// slices.
fn by_order_at_each_place(slices: Vec<Slice>, places: &Places, most: usize) -> Vec<Phase> {
    match order_at_each_place(&slices, places, most) {
        Some((name, phase_of)) => {
            let label = |phase| format!("phase {} of {most} by {name}", phase + 1);
            split(slices, &phase_of, (0..most).map(label).collect())
        }
        None => vec![(slices, None)],
    }
}

/// What orders the slices at each place, and the phase of each slice.
fn order_at_each_place(
    slices: &[Slice],
    places: &Places,
    most: usize,
) -> Option<(&'static str, Vec<usize>)> {
    if places.groups.iter().any(|group| group.len() != most) {
        return None;
    }
    for name in ["time", "InstanceNumber"] {
        let order = |index: usize| {
            let phase = &slices[index].phase;
            match name {
                "time" => (phase.time.as_str(), None),
                _ => ("", phase.instance_number),
            }
        };
        let mut phase_of = vec![0; slices.len()];
        let is_ordered = places.groups.iter().all(|group| {
            let mut group = group.clone();
            group.sort_by_key(|&index| order(index));
            for (phase, &index) in group.iter().enumerate() {
                phase_of[index] = phase;
            }
            group.windows(2).all(|pair| order(pair[0]) < order(pair[1]))
        });
        if is_ordered {
            return Some((name, phase_of));
        }
    }
    None
}

fn split(slices: Vec<Slice>, phase_of: &[usize], labels: Vec<String>) -> Vec<Phase> {
    let mut phases: Vec<Phase> =
        labels.into_iter().map(|label| (Vec::new(), Some(label))).collect();
    for (slice, &phase) in slices.into_iter().zip(phase_of) {
        phases[phase].0.push(slice);
    }
    phases
}

/// Order of values: as numbers where they are numbers.
fn by_number(a: &str, b: &str) -> std::cmp::Ordering {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(x), Ok(y)) => x.total_cmp(&y).then_with(|| a.cmp(b)),
        _ => a.cmp(b),
    }
}

/// Slices by their place along the normal.
struct Places {
    /// Indices of the slices at each place.
    groups: Vec<Vec<usize>>,
}

impl Places {
    fn of(slices: &[Slice]) -> Places {
        let normal = slices[0].plane.normal();
        let along = |index: &usize| dot(slices[*index].plane.position, normal);
        let mut order: Vec<usize> = (0..slices.len()).collect();
        order.sort_by(|a, b| along(a).total_cmp(&along(b)));
        let step = |pair: &[usize]| along(&pair[1]) - along(&pair[0]);
        let [low, high] = SAME_PLACE_MM;
        let mut steps: Vec<f64> = order.windows(2).map(step).filter(|&step| step > low).collect();
        steps.sort_by(f64::total_cmp);
        // Above the middle: phases that are slightly apart give many small steps.
        let usual = steps.get(steps.len() * 3 / 4).copied().unwrap_or(0.0);
        let tolerance = (SAME_PLACE * usual).clamp(low, high);
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for index in order {
            match groups.last_mut() {
                Some(group) if along(&index) - along(&group[0]) <= tolerance => group.push(index),
                _ => groups.push(vec![index]),
            }
        }
        Places { groups }
    }

    fn most_per_place(&self) -> usize {
        self.groups.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// Whether no two slices at one place have the same number.
    fn tells_apart(&self, numbers: &[usize]) -> bool {
        self.groups.iter().all(|group| {
            let mut seen: Vec<usize> = group.iter().map(|&index| numbers[index]).collect();
            seen.sort_unstable();
            seen.windows(2).all(|pair| pair[0] != pair[1])
        })
    }
}
