//! Contents of a folder with DICOM files: its series, and other files.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// Series and other files of a folder with DICOM files, or of one such file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FolderContents {
    /// Series, in the order of their numbers.
    pub series: Vec<SeriesEntry>,
    /// Files that are not part of a series.
    pub passed_over: Vec<PassedOver>,
}

/// A series of slices that forms one volume.
#[derive(Clone, Debug, Serialize)]
pub struct SeriesEntry {
    /// Number by which it can be chosen, from 1.
    pub number: usize,
    /// SeriesInstanceUID.
    pub uid: String,
    /// SeriesNumber of the scanner.
    pub series_number: Option<i64>,
    /// SeriesDescription, or empty.
    pub description: String,
    /// Modality, or empty.
    pub modality: String,
    /// Whether it is a localizer.
    pub is_localizer: bool,
    /// What tells it apart from other series with its UID: an attribute and its value.
    pub phase: Option<String>,
    /// Number of slices.
    pub slices: usize,
    /// Pixels in a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
    /// Distance of neighbouring columns and rows, mm.
    pub pixel_spacing_mm: [f64; 2],
    /// Usual distance of neighbouring slices, mm; `None` for a single slice.
    pub slice_distance_mm: Option<f64>,
    /// One of its files.
    pub first_file: PathBuf,
}

impl fmt::Display for SeriesEntry {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "{}: {} ", self.number, self.modality)?;
        match self.description.is_empty() {
            true => write!(out, "\"no description\"")?,
            false => write!(out, "{:?}", self.description)?,
        }
        write!(out, ", {} slices of {} x {}", self.slices, self.columns, self.rows)?;
        if let Some(phase) = &self.phase {
            write!(out, ", {phase}")?;
        }
        write!(out, ", UID {}", self.uid)
    }
}

/// A file that is not part of a series.
#[derive(Clone, Debug, Serialize)]
pub struct PassedOver {
    /// The file.
    pub path: PathBuf,
    /// Why it is passed over.
    pub reason: String,
}
