//! `hrinet info`: description of models, volumes, segmentations and folders.

mod folder;
mod models;
mod segmentation;
mod volume;

use std::path::{Path, PathBuf};

use clap::Args;
use hrinet::volume::Volume;
use hrinet::{Error, Result, io};
use serde_json::Value;

use crate::cli::examples;
use crate::interrupt;
use crate::messages;

/// Describe a model, a volume, a segmentation or a folder; list the models.
#[derive(Args)]
#[command(after_help = examples(&[
    ("hrinet info", "Lists the models."),
    ("hrinet info CT/", "Lists the DICOM series of a folder, or the volumes in its files."),
    ("hrinet info ct.nii.gz --json", "Describes a volume, as JSON."),
]))]
pub struct Arguments {
    /// A file, a folder or a model; without it, the models are listed.
    ///
    /// A volume, a segmentation (.seg.nrrd), a folder with DICOM series or volumes, a checkpoint
    /// file, or a shipped model's name.
    what: Option<PathBuf>,
    /// Describe this DICOM series, where there are several.
    ///
    /// Its number in the list, its UID or the start of it.
    #[arg(long, value_name = "N|UID", requires = "what")]
    series: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Whether models are to be described, for which networks are built.
    pub fn is_about_models(&self) -> bool {
        self.what.as_deref().is_none_or(|path| {
            let is_data =
                io::holds_series(path) || io::has_segments(path) || io::is_read_by_name(path);
            !is_data && self.series.is_none()
        })
    }
}

/// Runs `hrinet info`.
///
/// # Errors
/// The first error, for the user.
pub fn run(arguments: &Arguments) -> Result<()> {
    match arguments.what.as_deref() {
        None => models::list(arguments.json),
        Some(path) if arguments.is_about_models() => models::describe(path, arguments.json),
        Some(_) => describe_data(arguments),
    }
}

/// Describes what is no model.
///
/// # Errors
/// The first error, for the user.
pub fn describe_data(arguments: &Arguments) -> Result<()> {
    let Some(path) = arguments.what.as_deref() else { return Ok(()) };
    let (json, series) = (arguments.json, arguments.series.as_deref());
    if io::holds_series(path) {
        return folder::describe(path, series, json);
    }
    if let Some(series) = series {
        return Err(Error::Argument(format!(
            "{}: series {series:?} can only be chosen in a folder of DICOM files",
            path.display()
        )));
    }
    match io::has_segments(path) {
        true => segmentation::describe(path, json),
        false => volume::describe(&read(path, None)?, json),
    }
}

fn read(path: &Path, series: Option<&str>) -> Result<Volume> {
    io::read_with(path, &interrupt::read_options(series))
}

fn print_json(value: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(value);
    messages::print(text.map_err(|error| Error::Argument(error.to_string()))?)
}
