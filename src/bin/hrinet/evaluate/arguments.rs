//! Arguments of `hrinet evaluate`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, value_parser};
use hrinet::render::comparison::Square;

use crate::cli::examples;
use crate::device::InterpolatorArguments;
use crate::json;

/// Measure models: drop slices of a volume, interpolate them again, compare.
///
/// Prints PSNR, SSIM and more of each model, for every volume and their mean.
#[derive(Args)]
#[command(after_help = examples(&[
    ("hrinet evaluate --data CTS/",
        "Compares linear, cubic and the default model on the volumes of a folder."),
    ("hrinet evaluate --data ct.nrrd --gap 4 --tissue",
        "Keeps every 4th slice, and prints bias and noise by tissue."),
    ("hrinet evaluate --data CTS/ --models linear,mine.safetensors",
        "Measures a model of your own."),
]))]
pub struct Arguments {
    /// Volumes, or folders of volumes.
    ///
    /// Masks and label maps are left out.
    #[arg(long, required = true, num_args = 1.., value_name = "FILES|DIR")]
    pub data: Vec<PathBuf>,
    /// Models to measure [default: linear,cubic,hrinet-motion].
    ///
    /// Names that `hrinet info` lists, linear, cubic, or checkpoint files. The last default is that
    /// of the environment variable HRINET_MODEL, if it is set.
    #[arg(long, value_delimiter = ',', value_name = "NAME,FILE,...")]
    pub models: Option<Vec<String>>,
    /// Keep every N-th slice.
    #[arg(long, value_delimiter = ',', default_value = "2,3,6", value_name = "N,N,...")]
    #[arg(help_heading = SLICES)]
    pub gap: Vec<usize>,
    /// Only slices FIRST to LAST of each volume, counted from 0.
    #[arg(long, value_name = "FIRST-LAST", value_parser = parse_range, help_heading = SLICES)]
    pub slices: Option<(usize, usize)>,
    /// Scale slices to SIDE x SIDE pixels first, as the paper does.
    #[arg(long, value_name = "SIDE", value_parser = value_parser!(u16).range(16..=2048))]
    #[arg(help_heading = SLICES)]
    pub resize: Option<u16>,
    /// Average known slices over N slices, an odd number.
    ///
    /// As thick slices of a scanner are.
    #[arg(long, value_name = "N", help_heading = SLICES)]
    pub thickness: Option<usize>,
    /// What interpolated slices are compared with.
    ///
    /// thick: averages as thick as the known slices; thin: single slices of the volume.
    #[arg(long, value_enum, default_value = "thick", requires = "thickness")]
    #[arg(hide_possible_values = true, value_name = "thick|thin", help_heading = SLICES)]
    pub truth: Truth,
    /// Print scores by distance from the known slices as well.
    ///
    /// Of the slices 1, 2, ... steps after a known one.
    #[arg(long, help_heading = MEASURES)]
    pub positions: bool,
    /// Print bias and noise in lung, fat, muscle and bone as well.
    #[arg(long, help_heading = MEASURES)]
    pub tissue: bool,
    /// Print expected and real errors as well.
    ///
    /// In ten bins of the expected error; for models with an error head.
    #[arg(long, help_heading = MEASURES)]
    pub expected_error: bool,
    /// Print the sharpness of interpolated and of true slices as well.
    ///
    /// NIQE, and the score of Ma et al. with --ma-model.
    #[arg(long, help_heading = MEASURES)]
    pub sharpness: bool,
    /// Parameters of NIQE by --fit-sharpness, in place of the shipped.
    #[arg(long, value_name = "FILE.json", requires = "sharpness", help_heading = MEASURES)]
    pub sharpness_model: Option<PathBuf>,
    /// Regression of Ma et al.: the model.mat of its authors.
    #[arg(long, value_name = "FILE.mat", requires = "sharpness", help_heading = MEASURES)]
    pub ma_model: Option<PathBuf>,
    /// Fit and write the parameters of NIQE; measure nothing.
    #[arg(long, value_name = "FILE.json", conflicts_with_all = ["sharpness", "json", "picture"])]
    #[arg(help_heading = MEASURES)]
    pub fit_sharpness: Option<PathBuf>,
    /// Write all scores as JSON; - prints them in place of the tables.
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub json: Option<PathBuf>,
    /// Draw the middle group of the first volume at the last gap.
    ///
    /// A row a model, then the truth.
    #[arg(long, value_name = "FILE.png", help_heading = OUTPUT)]
    pub picture: Option<PathBuf>,
    /// Show this square of the plane alone in the picture, enlarged.
    #[arg(long, value_name = "ROW,COLUMN,SIDE", requires = "picture", value_parser = parse_square)]
    #[arg(help_heading = OUTPUT)]
    pub square: Option<Square>,
    #[command(flatten, next_help_heading = "Interpolation")]
    pub interpolator: InterpolatorArguments,
}

/// Headings of the help.
const SLICES: &str = "Slices";
const MEASURES: &str = "Measures";
const OUTPUT: &str = "Output";

impl Arguments {
    /// The file of the scores, where they are not printed.
    pub fn json_file(&self) -> Option<&Path> {
        self.json.as_deref().filter(|path| !json::is_stdout(path))
    }
}

/// Real slices to compare slices between thick ones with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Truth {
    /// Averages as thick as the known slices.
    Thick,
    /// Single slices of the volume.
    Thin,
}

fn parse_square(text: &str) -> Result<Square, String> {
    let numbers: Option<Vec<usize>> =
        text.split(',').map(|number| number.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[row, column, side]) => Ok(Square { row, column, side }),
        _ => Err(format!("{text:?} is not a square; write ROW,COLUMN,SIDE in pixels")),
    }
}

fn parse_range(text: &str) -> Result<(usize, usize), String> {
    let parsed = text.split_once('-').and_then(|(first, last)| {
        Some((first.trim().parse::<usize>().ok()?, last.trim().parse::<usize>().ok()?))
    });
    parsed
        .filter(|(first, last)| first < last)
        .ok_or_else(|| format!("{text:?} is not a range of slices; write 100-160"))
}
