//! The outputs of `hrinet resample`: their arguments, and checks before the work begins.

use std::path::{Path, PathBuf};

use clap::Args;
use hrinet::render::coronal;
use hrinet::{Error, Result, io};

use super::super::dicom;
use super::super::request::Request;
use super::Arguments;
use crate::dry_run::DryRun;
use crate::files::Files;
use crate::json;
use crate::site::Choice;

/// What is written beside OUTPUT, and how.
#[derive(Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArguments {
    /// Say what would be done, and do nothing.
    ///
    /// Everything is read and checked as for the work, with the same errors and exit status; then
    /// grids, slices, memory and the files to write are printed, with --json - as JSON. Nothing is
    /// interpolated or written; --dry-run=time interpolates a few slices, throws them away, and
    /// estimates the time of all by them.
    #[arg(long, value_enum, value_name = "plan|time", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "plan", hide_possible_values = true)]
    pub dry_run: Option<DryRun>,
    /// Replace OUTPUT where it exists.
    ///
    /// Other volumes too; never a folder.
    #[arg(long)]
    pub overwrite: bool,
    /// Write a report; - prints it.
    ///
    /// Both grids, the source of every slice, model, time, memory.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a PNG of the slices seen from the front, before and after.
    #[arg(long, value_name = "FILE")]
    pub picture: Option<PathBuf>,
    /// Write the expected error of every voxel, in HU.
    ///
    /// A float32 volume on the grid of OUTPUT, 0 in known slices. For models with an error head,
    /// as all shipped ones are.
    #[arg(long, value_name = "FILE")]
    pub expected_error: Option<PathBuf>,
    /// Write OUTPUT as a DICOM series, though its name does not end with /.
    ///
    /// OUTPUT is then a new folder, and INPUT must be a DICOM series.
    #[arg(long)]
    pub dicom: bool,
    /// Derive the UIDs of a DICOM series from this text and the content.
    ///
    /// They are random otherwise. The same job then writes the same files.
    #[arg(long, value_name = "TEXT")]
    pub uid_seed: Option<String>,
}

impl OutputArguments {
    /// The file of the report, where it is not printed.
    pub fn json_file(&self) -> Option<&Path> {
        self.json.as_deref().filter(|path| !json::is_stdout(path))
    }
}

impl Arguments {
    /// Refuses output files that could not be written at the end, and those that would replace
    /// another file of the command, before the work begins. `other_output`: a further file that the
    /// caller writes.
    ///
    /// # Errors
    /// [`Error::Argument`] for a file that exists, is used twice or is of an unknown format, and a
    /// folder that does not exist.
    pub fn check_outputs(&self, model: &Choice<String>, other_output: Option<&Path>) -> Result<()> {
        let request = self.request();
        let is_file = self.output.exists() && !self.output.is_dir();
        if is_file && !self.outputs.overwrite && !request.writes_dicom() {
            return Err(Error::Argument(format!(
                "{}: exists already; --overwrite replaces it",
                self.output.display()
            )));
        }
        let [labels, labels_output] =
            request.label_files().map_or([None; 2], |files| files.map(Some));
        let expected_error = self.outputs.expected_error.as_deref();
        Files::default()
            .input("INPUT", Some(&self.input))
            .input("the label map", labels)
            .input("--reference", self.grid.reference.as_deref())
            .input("--model", Some(Path::new(&model.value)))
            .volume("OUTPUT", Some(&self.output))
            .volume("the output of --labels", labels_output)
            .volume("--expected-error", expected_error)
            .output("--picture", self.outputs.picture.as_deref())
            .output("--json", self.outputs.json_file())
            .output("the file of returned parameters", other_output)
            .check()?;
        for output in
            [Some(self.output.as_path()), labels_output, expected_error].into_iter().flatten()
        {
            check_output(&request, output)?;
        }
        if let Some(path) = &self.outputs.picture {
            coronal::check(path)?;
        }
        self.outputs.json_file().map_or(Ok(()), |path| io::atomic_write::check(path, true))
    }
}

/// Refuses one of the output volumes.
fn check_output(request: &Request, output: &Path) -> Result<()> {
    let series = request.writes_dicom().then_some(request.output.as_path());
    if Some(output) == series {
        return io::atomic_folder::check_folder(output).map(drop);
    }
    if request.segmentation_file() == Some(output) {
        return dicom::check_segmentation(output, series, request.overwrite);
    }
    io::check_output(output, request.overwrite)
}
