//! The DICOM series or the volumes of a folder.

use std::path::{Path, PathBuf};

use comfy_table::{Table, presets};
use hrinet::io::{FolderContents, ReadOptions};
use hrinet::volume::{Axis, Geometry, Volume, VoxelType};
use hrinet::{Error, Result, io};
use serde_json::{Value, json};

use super::{print_json, read, volume};
use crate::messages::{self, print_line};
use crate::{interrupt, series_table};

/// Lists the series of a folder, and describes the volume where it is clear which one is meant; of
/// a folder without DICOM, lists the volumes in files.
///
/// # Errors
/// Those of [`io::list`] where there are no volumes either; those of [`io::read_with`].
pub fn describe(path: &Path, series: Option<&str>, json: bool) -> Result<()> {
    let options = interrupt::read_options(None);
    let contents = match io::list(path, &options) {
        Err(error @ Error::Unsupported { .. }) if series.is_none() => {
            return match files(path) {
                files if files.is_empty() => Err(error),
                files => list_files(&files, &options, json),
            };
        }
        contents => contents?,
    };
    if !json {
        series_table::print(&contents)?;
    }
    let volume = match read(path, series) {
        Ok(volume) => Some(volume),
        // Several series, none of which was chosen.
        Err(Error::Argument(_)) if series.is_none() && contents.series.len() > 1 => None,
        // The list is what can be said.
        Err(error) if json && series.is_none() => {
            return print_contents(&contents, None, Some(&error));
        }
        Err(error) => return Err(error),
    };
    if json {
        return print_contents(&contents, volume.as_ref(), None);
    }
    volume.as_ref().map_or(Ok(()), |volume| {
        print_line("")?;
        volume::print(volume)
    })
}

fn print_contents(
    contents: &FolderContents,
    volume: Option<&Volume>,
    error: Option<&Error>,
) -> Result<()> {
    print_json(&json!({
        "series": contents.series,
        "passed_over": contents.passed_over,
        "volume": volume.map(volume::as_json).transpose()?,
        "error": error.map(Error::to_string),
    }))
}

/// The volumes in files of a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = io::folder::volumes_in(folder).unwrap_or_default();
    paths.into_iter().filter(|path| path.is_file()).collect()
}

/// Prints grid and voxel type of each file, or why it cannot be read.
fn list_files(files: &[PathBuf], options: &ReadOptions, json: bool) -> Result<()> {
    let mut entries = Vec::new();
    for path in files {
        interrupt::check()?;
        entries.push((path, io::read_grid(path, options)));
    }
    if json {
        let entries: Vec<Value> =
            entries.iter().map(|(path, grid)| file_as_json(path, grid)).collect();
        return print_json(&json!({ "files": entries }));
    }
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["file", "voxels", "mm", "slice axis", "type"]);
    for (path, grid) in &entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match grid {
            Ok((geometry, voxel_type)) => table.add_row([
                name,
                geometry.size().map(|side| side.to_string()).join(" x "),
                Axis::ALL.map(|axis| format!("{:.3}", geometry.spacing(axis))).join(" x "),
                geometry.slice_axis().to_string(),
                voxel_type.name().to_string(),
            ]),
            Err(error) => table.add_row([name, error.to_string()]),
        };
    }
    messages::print(table.trim_fmt())
}

fn file_as_json(path: &Path, grid: &Result<(Geometry, VoxelType)>) -> Value {
    let mut value = match grid {
        Ok((geometry, voxel_type)) => {
            let mut value = volume::grid_as_json(geometry);
            value["voxel_type"] = json!(voxel_type.name());
            value
        }
        Err(error) => json!({ "error": error.to_string() }),
    };
    value["path"] = json!(path.display().to_string());
    value
}
