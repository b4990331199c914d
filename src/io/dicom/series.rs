//! Groups the slices of a folder into series that form one volume each.
//!
//! Slices of a series have the same SeriesInstanceUID, size and orientation: a localizer is not
//! part of the slices that were planned on it, even where both have the same UID. Several phases
//! with one UID are several series here.

use std::path::Path;

use log::{debug, warn};

use crate::error::{Error, Result};
use crate::io::contents::SeriesEntry;
use crate::io::dicom::phases;
use crate::io::dicom::slice::Slice;
use crate::volume::vector::dot;

/// Largest difference of direction cosines within a series.
const DIRECTION_TOLERANCE: f64 = 1e-3;

/// Number of series that an error lists.
const MAX_LISTED: usize = 20;

/// Slices that form one volume.
#[derive(Debug)]
pub(crate) struct Series {
    /// At least one.
    pub(crate) slices: Vec<Slice>,
    /// What tells it apart from other series with its UID.
    pub(crate) phase: Option<String>,
}

impl Series {
    fn includes(&self, slice: &Slice) -> bool {
        let first = &self.slices[0];
        first.series == slice.series
            && (first.columns, first.rows) == (slice.columns, slice.rows)
            && first.plane.is_parallel(&slice.plane, DIRECTION_TOLERANCE)
    }

    /// SeriesInstanceUID.
    pub(crate) fn uid(&self) -> &str {
        &self.slices[0].series
    }

    /// Whether it is no volume to interpolate: a localizer, or a single image.
    fn is_aside(&self) -> bool {
        self.slices.len() == 1 || self.slices.iter().all(|slice| slice.is_localizer)
    }

    /// Description of the series with this number in the list.
    pub(crate) fn entry(&self, number: usize) -> SeriesEntry {
        let first = &self.slices[0];
        SeriesEntry {
            number,
            uid: first.series.clone(),
            series_number: first.series_number,
            description: first.description.clone(),
            modality: first.modality.clone(),
            is_localizer: first.is_localizer,
            phase: self.phase.clone(),
            slices: self.slices.len(),
            columns: first.columns,
            rows: first.rows,
            pixel_spacing_mm: [first.plane.column_spacing, first.plane.row_spacing],
            slice_distance_mm: self.slice_distance(),
            first_file: first.path.clone(),
        }
    }

    /// Usual distance of neighbouring slices along their normal, mm.
    fn slice_distance(&self) -> Option<f64> {
        let normal = self.slices[0].plane.normal();
        let along = |slice: &Slice| dot(slice.plane.position, normal);
        let mut places: Vec<f64> = self.slices.iter().map(along).collect();
        places.sort_by(f64::total_cmp);
        let mut steps: Vec<f64> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
        steps.sort_by(f64::total_cmp);
        steps.get(steps.len() / 2).copied()
    }
}

/// Groups slices into series, ordered by SeriesNumber, UID and phase, then by file name.
pub(crate) fn group(slices: Vec<Slice>) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for slice in slices {
        match all.iter_mut().rev().find(|series| series.includes(&slice)) {
            Some(series) => series.slices.push(slice),
            None => all.push(Series { slices: vec![slice], phase: None }),
        }
    }
    all.sort_by(|a, b| {
        let key = |series: &Series| (series.slices[0].series_number, series.uid().to_string());
        key(a).cmp(&key(b))
    });
    let phases = all.into_iter().flat_map(|series| phases::divide(series.slices));
    phases.map(|(slices, phase)| Series { slices, phase }).collect()
}

/// Indices of the series that `choice` names by its number in the list, its UID or the beginning of
/// its UID. Without a choice: the only series that is more than a localizer or a single image, else
/// all of them.
pub(crate) fn matching(all: &[Series], choice: Option<&str>) -> Vec<usize> {
    let indices = 0..all.len();
    let Some(choice) = choice else {
        let volumes: Vec<usize> = indices.clone().filter(|&index| !all[index].is_aside()).collect();
        return if volumes.len() == 1 { volumes } else { indices.collect() };
    };
    if let Ok(number @ 1..) = choice.parse::<usize>()
        && number <= all.len()
    {
        return vec![number - 1];
    }
    let exact: Vec<usize> = indices.clone().filter(|&index| all[index].uid() == choice).collect();
    match exact.is_empty() {
        true => indices.filter(|&index| all[index].uid().starts_with(choice)).collect(),
        false => exact,
    }
}

/// The series that is wanted, see [`matching`].
///
/// # Errors
/// [`Error::Argument`], which lists the series, where there is none or more than one.
pub(crate) fn choose(folder: &Path, mut all: Vec<Series>, choice: Option<&str>) -> Result<Series> {
    for (index, series) in all.iter().enumerate() {
        debug!("{}: series {}", folder.display(), series.entry(index + 1));
    }
    let chosen = matching(&all, choice);
    if let [index] = chosen[..] {
        if choice.is_none() && all.len() > 1 {
            let others = (0..all.len()).filter(|&other| other != index);
            let others: Vec<String> =
                others.map(|other| all[other].entry(other + 1).to_string()).collect();
            warn!(
                "{}: passed over localizers and single images: {}",
                folder.display(),
                listed(others)
            );
        }
        return Ok(all.swap_remove(index));
    }
    let problem = match choice {
        None => format!("holds {} series", all.len()),
        Some(choice) if chosen.is_empty() => format!("holds no series {choice:?}"),
        Some(choice) => format!("holds {} series that match {choice:?}", chosen.len()),
    };
    let list = all.iter().enumerate().map(|(index, series)| series.entry(index + 1).to_string());
    Err(Error::Argument(format!(
        "{}: {problem}; choose one by its number or UID: {}",
        folder.display(),
        listed(list.collect())
    )))
}

/// Entries of a list in one line.
fn listed(mut entries: Vec<String>) -> String {
    let more = entries.len().saturating_sub(MAX_LISTED);
    entries.truncate(MAX_LISTED);
    if more > 0 {
        entries.push(format!("and {more} more, which `hrinet info` lists"));
    }
    entries.join("; ")
}
