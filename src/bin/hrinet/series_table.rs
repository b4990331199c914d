//! Table of the DICOM series in a folder.

use comfy_table::{Table, presets};
use hrinet::Result;
use hrinet::io::{FolderContents, SeriesEntry};

use crate::messages::{self, print_line};

/// Table of series: the number by which each is chosen, and what it is.
pub fn series_table(series: &[SeriesEntry]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["#", "", "description", "slices", "pixels", "mm", "phase", "UID"]);
    for entry in series {
        let [column, row] = entry.pixel_spacing_mm;
        let distance = entry.slice_distance_mm.map(|mm| format!(" x {mm:.3}")).unwrap_or_default();
        let aside = if entry.is_localizer { " (localizer)" } else { "" };
        table.add_row([
            entry.number.to_string(),
            entry.modality.clone(),
            format!("{}{aside}", entry.description),
            entry.slices.to_string(),
            format!("{} x {}", entry.columns, entry.rows),
            format!("{column:.3} x {row:.3}{distance}"),
            entry.phase.clone().unwrap_or_default(),
            entry.uid.clone(),
        ]);
    }
    table
}

/// Prints the series of a folder and its other files.
///
/// # Errors
/// Those of [`messages::print`].
pub fn print(contents: &FolderContents) -> Result<()> {
    messages::print(series_table(&contents.series).trim_fmt())?;
    for file in &contents.passed_over {
        print_line(format_args!("passed over: {} ({})", file.path.display(), file.reason))?;
    }
    Ok(())
}
