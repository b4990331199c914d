//! Arguments of `hrinet fill`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hrinet::labels::fill::FillOptions;
use hrinet::volume::Axis;
use hrinet::{Error, Result, io};

use crate::cli::examples;
use crate::files::Files;
use crate::json;

/// Fill between drawn slices: complete the segmentation LABELS by IMAGE and write it to OUT.
///
/// LABELS has a segment on every third to tenth slice, say; the slices between are filled, by the
/// drawn outlines and by the image of each slice. What is drawn stays bit for bit. Every segment is
/// filled by itself: a slice is drawn for it where it has a voxel of it.
#[derive(Args)]
#[command(after_help = examples(&[
    ("hrinet fill CT/ drawn.seg.nrrd filled.seg.nrrd",
        "Fills all segments that were drawn in 3D Slicer."),
    ("hrinet fill ct.nii.gz drawn.nii.gz filled.nii.gz --ends stop",
        "Nothing beyond the first and last drawn slice."),
    ("hrinet fill ct.nrrd drawn.nrrd filled.nrrd --dry-run", "Says what would be done."),
]))]
pub struct Arguments {
    /// The image: a volume file, or a folder with a DICOM series.
    pub image: PathBuf,
    /// The segmentation of some slices: a label map, .seg.nrrd, DICOM SEG or RTSTRUCT.
    pub labels: PathBuf,
    /// The file to write, on the grid of IMAGE; a .seg.nrrd keeps names, colours and layers.
    pub out: PathBuf,
    /// Beyond its first and last drawn slice a segment tapers [default] or stops.
    ///
    /// taper: it ends within the distance to its next drawn slice, where the image lets it.
    /// stop: it ends at the drawn slice.
    #[arg(long, value_enum, value_name = "taper|stop", default_value_t = Ends::Taper)]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    ends: Ends,
    /// The axis across the drawn slices.
    #[arg(long, value_enum, value_name = "i|j|k", default_value_t = AxisArgument::K)]
    #[arg(hide_possible_values = true)]
    axis: AxisArgument,
    /// The DICOM series to read, where IMAGE holds several.
    #[arg(long, value_name = "N|UID")]
    pub series: Option<String>,
    /// Say what would be done, and do nothing.
    ///
    /// Everything is read and checked as for the work, with the same errors and exit status.
    #[arg(long)]
    pub dry_run: bool,
    /// Replace OUT where it exists.
    #[arg(long)]
    pub overwrite: bool,
    /// Write a report; - prints it.
    ///
    /// For every segment the drawn and the filled slices, time, memory.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Ends {
    Taper,
    Stop,
}

#[derive(Clone, Copy, ValueEnum)]
enum AxisArgument {
    I,
    J,
    K,
}

impl Arguments {
    /// The options that the arguments name.
    pub fn options(&self) -> FillOptions {
        let axis = match self.axis {
            AxisArgument::I => Axis::I,
            AxisArgument::J => Axis::J,
            AxisArgument::K => Axis::K,
        };
        let tapers = matches!(self.ends, Ends::Taper);
        FillOptions { axis, tapers, ..FillOptions::default() }
    }

    /// The file of the report, where it is not printed.
    pub fn json_file(&self) -> Option<&std::path::Path> {
        self.json.as_deref().filter(|path| !json::is_stdout(path))
    }

    /// Refuses output files that could not be written at the end, and those that would replace
    /// another file of the command.
    ///
    /// # Errors
    /// [`Error::Argument`] for a file that exists, is used twice or is of an unknown format, and a
    /// folder that does not exist.
    pub fn check_outputs(&self) -> Result<()> {
        if io::is_folder_output(&self.out) {
            return Err(Error::Argument(format!(
                "{}: OUT is a file, such as filled.seg.nrrd, no folder",
                self.out.display()
            )));
        }
        if self.out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("dcm")) {
            return Err(Error::Argument(format!(
                "{}: a DICOM SEG is written with a derived series alone, by hrinet resample \
                 --labels; let OUT end in .seg.nrrd, which keeps names and colours, or in .nii.gz, \
                 .nrrd or .mha",
                self.out.display()
            )));
        }
        Files::default()
            .input("IMAGE", Some(&self.image))
            .input("LABELS", Some(&self.labels))
            .volume("OUT", Some(&self.out))
            .output("--json", self.json_file())
            .check()?;
        io::check_output(&self.out, self.overwrite)?;
        self.json_file().map_or(Ok(()), |path| io::atomic_write::check(path, true))
    }
}
