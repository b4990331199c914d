//! Tells the stacks of slices in a folder apart.
//!
//! A stack has one SeriesInstanceUID, one size and one orientation: a localizer is not part of the
//! slices that were planned on it, even where both bear the same UID.

use std::path::Path;

use crate::error::{Error, Result};
use crate::io::dicom::slice::Slice;

/// How far the direction cosines within one stack may differ.
const SAME_DIRECTION: f64 = 1e-3;

/// Slices that lie on each other.
#[derive(Debug)]
pub(crate) struct SliceStack {
    /// At least one.
    pub(crate) slices: Vec<Slice>,
}

impl SliceStack {
    fn takes(&self, slice: &Slice) -> bool {
        let first = &self.slices[0];
        let directions = |slice: &Slice| [slice.along_row, slice.along_column].concat();
        first.series == slice.series
            && (first.columns, first.rows) == (slice.columns, slice.rows)
            && directions(first)
                .iter()
                .zip(directions(slice))
                .all(|(a, b)| (a - b).abs() <= SAME_DIRECTION)
    }
}

impl std::fmt::Display for SliceStack {
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

/// The stacks, in order of series and then of the file names.
pub(crate) fn group(slices: Vec<Slice>) -> Vec<SliceStack> {
    let mut stacks: Vec<SliceStack> = Vec::new();
    for slice in slices {
        match stacks.iter_mut().find(|stack| stack.takes(&slice)) {
            Some(stack) => stack.slices.push(slice),
            None => stacks.push(SliceStack { slices: vec![slice] }),
        }
    }
    stacks.sort_by(|a, b| a.slices[0].series.cmp(&b.slices[0].series));
    stacks
}

/// The only stack, or the one that `choice` names: by its number in the list, its UID or the
/// beginning of its UID.
pub(crate) fn choose(
    folder: &Path,
    mut stacks: Vec<SliceStack>,
    choice: Option<&str>,
) -> Result<SliceStack> {
    let chosen: Vec<usize> = match choice {
        None => (0..stacks.len()).collect(),
        Some(choice) => match choice.parse::<usize>() {
            Ok(number) if (1..=stacks.len()).contains(&number) => vec![number - 1],
            _ => {
                let named = |index: &usize| stacks[*index].slices[0].series.starts_with(choice);
                let whole = |index: &usize| stacks[*index].slices[0].series == choice;
                let all: Vec<usize> = (0..stacks.len()).filter(named).collect();
                let exact: Vec<usize> = (0..stacks.len()).filter(whole).collect();
                if exact.is_empty() { all } else { exact }
            }
        },
    };
    if let [index] = chosen[..] {
        return Ok(stacks.swap_remove(index));
    }
    let problem = match choice {
        None => format!("holds {} series", stacks.len()),
        Some(choice) if chosen.is_empty() => format!("holds no series {choice:?}"),
        Some(choice) => format!("holds {} series that {choice:?} fits", chosen.len()),
    };
    let list: Vec<String> =
        stacks.iter().enumerate().map(|(index, stack)| format!("{}: {stack}", index + 1)).collect();
    Err(Error::Argument(format!(
        "{}: {problem}; choose one by its number or UID: {}",
        folder.display(),
        list.join("; ")
    )))
}
