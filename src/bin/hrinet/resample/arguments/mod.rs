//! Arguments of `hrinet resample`, and the options that they name.

mod grid;
mod outputs;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hrinet::labels::LabelMethod;
use hrinet::network::model;
use hrinet::resample::JobOptions;
use hrinet::volume::Window;
use hrinet::{Result, io};

pub use self::grid::GridArguments;
pub use self::outputs::OutputArguments;
use super::request::Request;
use crate::cli::examples;
use crate::device::InterpolatorArguments;
use crate::site::{self, Choice};
use crate::size;

/// Interpolate slices: write INPUT with a finer slice spacing to OUTPUT.
///
/// Known slices stay bit for bit, with their place in space, unless --thin is given; memory and
/// every file are checked before the work begins, and OUTPUT is written whole or not at all.
#[derive(Args)]
#[command(after_help = examples(&[
    ("hrinet resample CT/ fine.nii.gz",
        "A DICOM series, with slices about as close together as its pixels."),
    ("hrinet resample CT/ FINE/ --spacing 1",
        "Back as a DICOM series, in a new folder, with slices about 1 mm apart."),
    ("hrinet resample ct.nrrd fine.nrrd --labels seg.nrrd fine-seg.nrrd",
        "With a segmentation, on the same grid."),
    ("hrinet resample CT/ fine.nrrd --dry-run", "Says what would be done."),
]))]
pub struct Arguments {
    #[arg(help = "The CT: a volume file, or a folder with a DICOM series")]
    #[arg(long_help = format!(
        "The CT: a {} file, a folder with a DICOM series, or a multi-frame DICOM file",
        io::endings_read()
    ))]
    pub input: PathBuf,
    #[arg(help = "The file to write; with / at its end, a new folder for a DICOM series")]
    #[arg(long_help = format!(
        "The file to write: {}; or a new folder for a DICOM series, with / at its end",
        io::endings_written()
    ))]
    pub output: PathBuf,
    /// The DICOM series to read, where INPUT holds several.
    ///
    /// Its number in the list that `hrinet info INPUT` prints, its UID or the start of it.
    #[arg(long, value_name = "N|UID")]
    pub series: Option<String>,
    #[command(flatten)]
    pub grid: GridArguments,
    #[command(flatten)]
    pub interpolation: InterpolationArguments,
    /// Memory to stay within, such as 2G [default: what is free].
    ///
    /// Fewer slices are made at once, by fewer threads: the same voxels, later. What does not fit
    /// at all is refused, with the least that it takes. G and GB are 10^9 bytes, GiB 2^30.
    #[arg(long, value_name = "SIZE", value_parser = size::bytes, help_heading = "Computation")]
    pub memory: Option<u64>,
    #[command(flatten)]
    labels: LabelArguments,
    #[command(flatten)]
    pub outputs: OutputArguments,
}

/// How slices are interpolated.
#[derive(Args)]
#[command(next_help_heading = "Interpolation")]
pub struct InterpolationArguments {
    /// Model or checkpoint [default: hrinet-motion; env: HRINET_MODEL].
    ///
    /// linear and cubic interpolate without one. `hrinet info` lists the models: hrinet-motion is
    /// the closest to known slices, hrinet-motion-small three times as fast, hrinet-motion-sharp as
    /// noisy as known slices, hrinet-thin that of --thin; the paper's systems (ae, acai,
    /// hrinet-patchgan, hrinet-mse, hrinet-perceptual) are for research.
    #[arg(long, value_name = "NAME|FILE")]
    model: Option<String>,
    /// Make thin slices from thick ones: --model hrinet-thin.
    ///
    /// Estimates slices as thin as the new distance, at every place, where the known slices are as
    /// thick as they are apart. No known slice is kept; each is the average of the output over its
    /// thickness. With a whole division of the slice spacing alone.
    #[arg(long, conflicts_with_all = ["model", "check"])]
    thin: bool,
    /// Grey values of the window, for volumes that are not in HU.
    ///
    /// The network sees them as its own window, -1000 to 1000 HU: --window 0,1 is for values from
    /// 0 to 1.
    #[arg(long, value_name = "LOW,HIGH", allow_hyphen_values = true, value_parser = window)]
    window: Option<Window>,
    /// HU that NaN counts as between known slices.
    ///
    /// NaN in known slices stays. Without this option, what is between NaN is NaN.
    #[arg(long, value_name = "HU", allow_negative_numbers = true)]
    nan_as: Option<f64>,
    /// Say first how good the model is on INPUT.
    ///
    /// Every second slice is made again by the model, by linear and by cubic interpolation, at up
    /// to eight places: PSNR, SSIM, bias and noise by tissue, and what to choose. Also in --json,
    /// and with --dry-run alone.
    #[arg(long, conflicts_with = "window")]
    pub check: bool,
    #[command(flatten)]
    interpolator: InterpolatorArguments,
}

/// A segmentation that comes along.
#[derive(Args)]
#[command(next_help_heading = "Segmentation")]
struct LabelArguments {
    /// Resample a segmentation of INPUT too: read LABELS, write OUT.
    ///
    /// LABELS is a label map, .seg.nrrd, DICOM SEG or RTSTRUCT, OUT a file on the grid of OUTPUT;
    /// a DICOM SEG where it ends in .dcm and OUTPUT is a DICOM series.
    #[arg(long, num_args = 2, value_names = ["LABELS", "OUT"])]
    labels: Option<Vec<PathBuf>>,
    /// Labels between slices.
    ///
    /// By default anatomy where the model finds flow, else shape.
    #[arg(long, value_enum, value_name = "METHOD", requires = "labels")]
    labels_method: Option<LabelMethodArgument>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum LabelMethodArgument {
    /// Outlines that move with the tissue; needs a model that finds flow.
    Anatomy,
    /// Outlines alone.
    Shape,
    /// The labels of the nearer slice.
    Nearest,
}

impl InterpolationArguments {
    /// The model by its name or file.
    ///
    /// # Errors
    /// Those of [`site::model`].
    pub fn model(&self) -> Result<Choice<String>> {
        let thin = self.thin.then_some(model::THIN);
        site::model(self.model.as_deref().or(thin))
    }

    /// The options of a job with a model on a grid; reads the grid of a reference volume.
    ///
    /// # Errors
    /// Those of [`GridArguments::spacing`] and [`InterpolatorArguments::apply`].
    pub fn options(&self, model: &Choice<String>, grid: &GridArguments) -> Result<JobOptions> {
        Ok(JobOptions {
            spacing: grid.spacing()?,
            axis: grid.axis(),
            model: model.value.clone(),
            interpolator: self.interpolator.apply()?,
            nan_as: self.nan_as,
            window: self.window,
            keep_tilt: grid.keep_tilt,
            ..JobOptions::default()
        })
    }
}

impl From<LabelMethodArgument> for LabelMethod {
    fn from(method: LabelMethodArgument) -> LabelMethod {
        match method {
            LabelMethodArgument::Anatomy => LabelMethod::Anatomy,
            LabelMethodArgument::Shape => LabelMethod::Shape,
            LabelMethodArgument::Nearest => LabelMethod::Nearest,
        }
    }
}

impl Arguments {
    /// The options of the job with a model.
    ///
    /// # Errors
    /// Those of [`InterpolationArguments::options`].
    pub fn options(&self, model: &Choice<String>) -> Result<JobOptions> {
        Ok(JobOptions {
            label_method: self.labels.labels_method.map(LabelMethod::from),
            expected_error: self.outputs.expected_error.is_some(),
            ..self.interpolation.options(model, &self.grid)?
        })
    }

    /// The files of the job.
    pub fn request(&self) -> Request {
        let outputs = &self.outputs;
        Request {
            input: self.input.clone(),
            series: self.series.clone(),
            output: self.output.clone(),
            labels: self.labels.labels.clone().and_then(|files| files.try_into().ok()),
            expected_error: outputs.expected_error.clone(),
            picture: outputs.picture.clone(),
            json: outputs.json.clone(),
            dicom: outputs.dicom,
            overwrite: outputs.overwrite,
            uid_seed: outputs.uid_seed.clone(),
            checks_model: self.interpolation.check,
            ..Request::default()
        }
    }
}

/// Parses the two ends of a window.
fn window(text: &str) -> std::result::Result<Window, String> {
    let ends: Option<Vec<f64>> =
        text.split(',').map(|end| end.trim().parse::<f64>().ok()).collect();
    let Some([low, high]) = ends.as_deref() else {
        return Err("give two numbers, such as 0,1".into());
    };
    let window = Window { low: *low, high: *high };
    window.check().map(|()| window).map_err(|error| error.to_string())
}
