//! Arguments of `hrinet evaluate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, value_parser};
use hrinet::render::comparison::Square;

use crate::device::InterpolatorArguments;

/// Measure models: drop the inner slices of every group, interpolate them, compare.
#[derive(Args)]
pub struct Arguments {
    /// Volumes, or folders of volumes. Masks and label maps are left out.
    #[arg(long, required = true, num_args = 1.., value_name = "FILES|DIR")]
    pub data: Vec<PathBuf>,
    /// Keep every N-th slice.
    #[arg(long, value_delimiter = ',', default_value = "2,3,6", value_name = "N,N,...")]
    pub gap: Vec<usize>,
    /// linear, cubic, shipped models or checkpoint files.
    #[arg(long, value_delimiter = ',', value_name = "NAME,FILE,...")]
    #[arg(default_value = "linear,cubic,hrinet-motion")]
    pub models: Vec<String>,
    /// Only slices FIRST to LAST of each volume, counted from 0.
    #[arg(long, value_name = "FIRST-LAST", value_parser = parse_range)]
    pub slices: Option<(usize, usize)>,
    /// Scale slices to SIDE x SIDE pixels first, as the paper does.
    #[arg(long, value_name = "SIDE", value_parser = value_parser!(u16).range(16..=2048))]
    pub resize: Option<u16>,
    /// Average known slices over N slices, an odd number, as thick slices of a scanner are.
    #[arg(long, value_name = "N")]
    pub thickness: Option<usize>,
    /// Compare interpolated slices with averages as thick as the known ones, or with single slices.
    #[arg(long, value_enum, default_value = "thick", requires = "thickness")]
    pub truth: Truth,
    #[command(flatten)]
    pub interpolator: InterpolatorArguments,
    /// Print bias and noise in lung, fat, muscle and bone as well.
    #[arg(long)]
    pub tissue: bool,
    /// Print expected and real errors as well, in ten bins of the expected error; for models with
    /// an error head.
    #[arg(long)]
    pub expected_error: bool,
    /// Print the sharpness of interpolated and of true slices as well: NIQE, and the score of Ma et
    /// al. with --ma-model.
    #[arg(long)]
    pub sharpness: bool,
    /// Parameters of NIQE that --fit-sharpness wrote, in place of those that ship.
    #[arg(long, value_name = "FILE.json", requires = "sharpness")]
    pub sharpness_model: Option<PathBuf>,
    /// Regression of Ma et al.: the model.mat of its authors.
    #[arg(long, value_name = "FILE.mat", requires = "sharpness")]
    pub ma_model: Option<PathBuf>,
    /// Fit the parameters of NIQE to the slices of the volumes, write them and measure nothing.
    #[arg(long, value_name = "FILE.json", conflicts_with_all = ["sharpness", "json", "picture"])]
    pub fit_sharpness: Option<PathBuf>,
    /// Draw the middle group of the first volume at the last gap: a row a model, then the truth.
    #[arg(long, value_name = "FILE.png")]
    pub picture: Option<PathBuf>,
    /// Show this square of the plane alone in the picture, enlarged.
    #[arg(long, value_name = "ROW,COLUMN,SIDE", requires = "picture", value_parser = parse_square)]
    pub square: Option<Square>,
    /// Write all scores as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
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
