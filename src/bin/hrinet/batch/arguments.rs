//! Arguments of `hrinet batch`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use hrinet::labels::LabelMethod;
use hrinet::resample::JobOptions;
use hrinet::{Error, Result, io};

use crate::cli::examples;
use crate::resample::{GridArguments, InterpolationArguments, LabelMethodArgument};
use crate::site::Choice;
use crate::size;

/// Name of the format of folders with a DICOM series.
const DICOM: &str = "dicom";

/// Interpolate the slices of many CTs: all those in a folder, or in a list.
///
/// Every CT is made as by `hrinet resample`, while the next is read and the last one written.
/// OUTPUT_DIR/manifest.csv has a row for each. Run the same command again to go on after an end of
/// any kind: what is finished and unchanged is not done again. Exit status 3: some CTs failed.
#[derive(Args)]
#[command(after_help = examples(&[
    ("hrinet batch ARCHIVE/ FINE/ --dry-run", "Lists the CTs, and estimates hours and bytes."),
    ("hrinet batch ARCHIVE/ FINE/", "Makes them; once more goes on where it ended."),
    ("hrinet batch list.csv FINE/ --format dicom", "Those in a list, as DICOM series."),
]))]
pub struct Arguments {
    #[arg(value_name = "INPUT_DIR|LIST")]
    #[arg(help = "A folder with CTs in files and DICOM series, at any depth; or a list of them")]
    #[arg(long_help = "A folder with CTs in files and DICOM series, at any depth; or a list of \
                       them: a .csv or .txt file, or - for standard input.\n\nA list has a path a \
                       line, or is CSV with a column `input`, and optionally `series` \
                       (SeriesInstanceUID), `labels`, `output` (below OUTPUT_DIR) and `id`")]
    pub input: PathBuf,
    /// The folder for volumes, reports, thumbnails and manifest.csv.
    #[arg(value_name = "OUTPUT_DIR")]
    pub output: PathBuf,
    #[command(flatten)]
    grid: GridArguments,
    #[command(flatten)]
    interpolation: InterpolationArguments,
    #[command(flatten)]
    labels: LabelArguments,
    #[command(flatten)]
    pub outputs: OutputArguments,
    #[command(flatten)]
    pub run: RunArguments,
}

/// Segmentations that come along.
#[derive(Args)]
#[command(next_help_heading = "Segmentation")]
struct LabelArguments {
    /// Resample segmentations too: where they lie beside the CTs.
    ///
    /// A path relative to the folder that holds the file or DICOM folder of the CT; {name} is its
    /// name without ending: '{name}-seg.nrrd'. A CT without that file is made alone.
    #[arg(long, value_name = "RULE")]
    labels: Option<String>,
    /// Labels between slices.
    #[arg(long, value_enum, value_name = "METHOD")]
    labels_method: Option<LabelMethodArgument>,
}

/// Files that are written.
#[derive(Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArguments {
    /// Format of the volumes, by its ending.
    ///
    /// dicom writes a DICOM series in a folder, of inputs that are one; its headers name the
    /// patient, as those of the input do.
    #[arg(long, value_name = "ENDING|dicom", default_value = "nii.gz")]
    format: String,
    /// Write the expected error of every voxel, in HU.
    #[arg(long)]
    expected_error: bool,
    /// Derive the UIDs of DICOM series from this text and the content.
    #[arg(long, value_name = "TEXT")]
    uid_seed: Option<String>,
    /// Name inputs in the manifest, and outputs after them.
    ///
    /// Names of files often name patients; without this option no output does.
    #[arg(long)]
    pub names: bool,
    /// Say what would be done, and how long it would take; do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Where --dry-run writes it as JSON; - prints it.
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    pub json: Option<PathBuf>,
}

/// How the volumes are gone through.
#[derive(Args)]
#[command(next_help_heading = "Run")]
pub struct RunArguments {
    /// Skip volumes of fewer slices.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub min_slices: usize,
    /// End once more than N volumes have failed.
    #[arg(long, value_name = "N")]
    pub max_failures: Option<usize>,
    /// Memory to stay within, such as 8GB [default: 90 % of the free].
    ///
    /// Fewer volumes are in work, and fewer slices made at once: the same voxels, later.
    #[arg(long, value_name = "SIZE", value_parser = size::bytes)]
    pub memory: Option<u64>,
    /// How progress is shown on standard error.
    ///
    /// auto is a bar on a terminal and a line now and then elsewhere, json a line of JSON for each
    /// volume.
    #[arg(long, value_enum, value_name = "auto|json", default_value_t = ProgressKind::Auto)]
    #[arg(hide_possible_values = true)]
    pub progress: ProgressKind,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressKind {
    Auto,
    Json,
}

impl Arguments {
    /// The model by its name or file.
    ///
    /// # Errors
    /// Those of [`InterpolationArguments::model`].
    pub fn model(&self) -> Result<Choice<String>> {
        self.interpolation.model()
    }

    /// The options of every job with a model.
    ///
    /// # Errors
    /// Those of [`InterpolationArguments::options`].
    pub fn options(&self, model: &Choice<String>) -> Result<JobOptions> {
        Ok(JobOptions {
            label_method: self.labels.labels_method.map(LabelMethod::from),
            expected_error: self.outputs.expected_error,
            ..self.interpolation.options(model, &self.grid)?
        })
    }

    /// Whether the model is checked on every CT.
    pub fn checks_model(&self) -> bool {
        self.interpolation.check
    }

    /// Where segmentations lie beside the CTs.
    pub fn label_rule(&self) -> Option<&str> {
        self.labels.labels.as_deref()
    }

    /// Text that UIDs are derived from.
    pub fn uid_seed(&self) -> Option<&str> {
        self.outputs.uid_seed.as_deref()
    }

    /// The format of the volumes.
    ///
    /// # Errors
    /// [`Error::Argument`] for one that is not written.
    pub fn format(&self) -> Result<OutputFormat> {
        let ending = self.outputs.format.trim_start_matches('.').to_lowercase();
        if ending == DICOM {
            return Ok(OutputFormat::Dicom);
        }
        let ending = format!(".{ending}");
        let format = io::Format::of(Path::new(&format!("a{ending}")));
        match format.is_some_and(|format| format.is_written()) {
            true => Ok(OutputFormat::File(ending)),
            false => Err(Error::Argument(format!(
                "--format {:?}: give {} without its dot, or {DICOM}",
                self.outputs.format,
                io::endings_written()
            ))),
        }
    }
}

/// Format of the volumes that are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// Files with this ending, with its dot.
    File(String),
    Dicom,
}

impl OutputFormat {
    /// Ending of a volume.
    pub fn ending(&self) -> &str {
        match self {
            OutputFormat::File(ending) => ending,
            OutputFormat::Dicom => "",
        }
    }

    /// Ending of label maps.
    pub fn label_ending(&self) -> &str {
        match self {
            OutputFormat::File(ending) => ending,
            OutputFormat::Dicom => ".dcm",
        }
    }

    /// Ending of expected errors.
    pub fn error_ending(&self) -> &str {
        match self {
            OutputFormat::File(ending) => ending,
            OutputFormat::Dicom => ".nii.gz",
        }
    }
}
