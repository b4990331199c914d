//! Groups the slices of a folder into series.
//!
//! Slices of a series have the same SeriesInstanceUID, size and orientation: a localizer is not
//! part of the slices that were planned on it, even where both have the same UID.

use std::path::Path;

use crate::error::{Error, Result};
use crate::io::dicom::slice::Slice;

/// Largest difference of direction cosines within a series.
const DIRECTION_TOLERANCE: f64 = 1e-3;

/// Slices that form one volume.
#[derive(Debug)]
pub(crate) struct Series {
    /// At least one.
    pub(crate) slices: Vec<Slice>,
}

impl Series {
    fn includes(&self, slice: &Slice) -> bool {
        let first = &self.slices[0];
        let directions = |slice: &Slice| [slice.row_direction, slice.column_direction].concat();
        first.series == slice.series
            && (first.columns, first.rows) == (slice.columns, slice.rows)
            && directions(first)
                .iter()
                .zip(directions(slice))
                .all(|(a, b)| (a - b).abs() <= DIRECTION_TOLERANCE)
    }
}

impl std::fmt::Display for Series {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        let first = &self.slices[0];
        let description =
            if first.description.is_empty() { "no description" } else { &first.description };
        write!(
            out,
            "{} {description:?}, {} slices of {} x {}, UID {}",
            first.modality,
            self.slices.len(),
            first.columns,
            first.rows,
            first.series
        )
    }
}

/// Groups slices into series, ordered by UID and then by file name.
pub(crate) fn group(slices: Vec<Slice>) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for slice in slices {
        match all.iter_mut().find(|series| series.includes(&slice)) {
            Some(series) => series.slices.push(slice),
            None => all.push(Series { slices: vec![slice] }),
        }
    }
    all.sort_by(|a, b| a.slices[0].series.cmp(&b.slices[0].series));
    all
}

/// The only series, or the one that `choice` names by its number in the list, its UID or the
/// beginning of its UID.
pub(crate) fn choose(folder: &Path, mut all: Vec<Series>, choice: Option<&str>) -> Result<Series> {
    let chosen: Vec<usize> = match choice {
        None => (0..all.len()).collect(),
        Some(choice) => match choice.parse::<usize>() {
            Ok(number) if (1..=all.len()).contains(&number) => vec![number - 1],
            _ => {
                let named = |index: &usize| all[*index].slices[0].series.starts_with(choice);
                let whole = |index: &usize| all[*index].slices[0].series == choice;
                let matching: Vec<usize> = (0..all.len()).filter(named).collect();
                let exact: Vec<usize> = (0..all.len()).filter(whole).collect();
                if exact.is_empty() { matching } else { exact }
            }
        },
    };
    if let [index] = chosen[..] {
        return Ok(all.swap_remove(index));
    }
    let problem = match choice {
        None => format!("holds {} series", all.len()),
        Some(choice) if chosen.is_empty() => format!("holds no series {choice:?}"),
        Some(choice) => format!("holds {} series that match {choice:?}", chosen.len()),
    };
    let list: Vec<String> =
        all.iter().enumerate().map(|(index, series)| format!("{}: {series}", index + 1)).collect();
    Err(Error::Argument(format!(
        "{}: {problem}; choose one by its number or UID: {}",
        folder.display(),
        list.join("; ")
    )))
}
