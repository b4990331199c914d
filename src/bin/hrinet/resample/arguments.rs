//! Arguments of `hrinet resample`, and the options that they name.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use hrinet::labels::LabelMethod;
use hrinet::render::coronal;
use hrinet::resample::{JobOptions, Spacing};
use hrinet::volume::{Axis, Geometry, Window};
use hrinet::{Error, Result, io};

use super::dicom;
use crate::device::InterpolatorArguments;
use crate::files::Files;
use crate::interrupt;

/// Interpolate slices: write INPUT with a finer slice spacing to OUTPUT.
#[derive(Args)]
pub struct Arguments {
    #[arg(help = format!(
        "A {} file, or a folder with a DICOM series, or a multi-frame DICOM file",
        io::endings_read()
    ))]
    pub input: PathBuf,
    #[arg(help = format!(
        "The file to write: {}; or a new folder for a DICOM series, with / at its end",
        io::endings_written()
    ))]
    pub output: PathBuf,
    #[command(flatten)]
    grid: GridArguments,
    /// The axis along which to interpolate; auto: the slice axis of the volume, never the rows or
    /// columns of its slices.
    #[arg(long, value_enum, default_value_t = AxisArgument::Auto)]
    axis: AxisArgument,
    /// Keep the shear of a tilted gantry: known slices stay bit for bit, the output (.nrrd or .nii)
    /// is not right-angled.
    #[arg(long)]
    keep_tilt: bool,
    /// hrinet-motion, hrinet-motion-small (three times as fast), hrinet-motion-sharp (as noisy as
    /// known slices), linear, cubic, or a checkpoint file.
    #[arg(long, default_value = hrinet::network::model::DEFAULT, value_name = "NAME|FILE")]
    model: String,
    #[command(flatten)]
    interpolator: InterpolatorArguments,
    /// Grey values that the network sees as its own window (-1000 to 1000 HU): for volumes that are
    /// not in Hounsfield units, such as --window 0,1.
    #[arg(long, value_name = "LOW,HIGH", allow_hyphen_values = true, value_parser = window)]
    window: Option<Window>,
    /// The DICOM series to read where the folder holds several: its number in the list, its UID or
    /// the start of it.
    #[arg(long, value_name = "N|UID")]
    pub series: Option<String>,
    /// HU that NaN counts as between known slices; known voxels stay NaN [default: between NaN is
    /// NaN].
    #[arg(long, value_name = "HU", allow_negative_numbers = true)]
    nan_as: Option<f64>,
    /// Write OUTPUT as a DICOM series, a folder, though its name does not end with /. INPUT must be
    /// a DICOM series.
    #[arg(long)]
    dicom: bool,
    /// Derive the UIDs of a DICOM series from this text and the content instead of random ones: the
    /// same job writes the same files.
    #[arg(long, value_name = "TEXT")]
    pub uid_seed: Option<String>,
    /// Replace OUTPUT where it exists (a file; a folder is never replaced).
    #[arg(long)]
    pub overwrite: bool,
    /// Write a report: both grids, the source of every slice, model, time, memory.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Resample a segmentation of INPUT too: LABELS, a label map, .seg.nrrd, DICOM SEG or RTSTRUCT,
    /// is read, OUT is written on the grid of OUTPUT; as DICOM SEG where it ends in .dcm and OUTPUT
    /// is a DICOM series.
    #[arg(long, num_args = 2, value_names = ["LABELS", "OUT"])]
    labels: Option<Vec<PathBuf>>,
    /// Labels between known slices: outlines that move with the tissue (anatomy; needs a model that
    /// finds flow), outlines alone (shape), or the labels of the nearer slice (nearest) [default:
    /// anatomy where the model finds flow, else shape].
    #[arg(long, value_enum, requires = "labels")]
    labels_method: Option<LabelMethodArgument>,
    /// Write the expected absolute error of every voxel, in HU, as a float32 volume on the grid of
    /// OUTPUT: 0 in known slices. For models with an error head.
    #[arg(long, value_name = "FILE")]
    pub expected_error: Option<PathBuf>,
    /// Write a PNG of the slices seen from the front, before and after.
    #[arg(long, value_name = "FILE")]
    pub picture: Option<PathBuf>,
}

#[derive(Args)]
#[group(multiple = true)]
struct GridArguments {
    /// The whole division of the slice spacing closest to the in-plane spacing [default].
    #[arg(long, conflicts_with_all = ["factor", "spacing", "exact_spacing", "reference"])]
    isotropic: bool,
    /// Divide the slice spacing by this whole number.
    #[arg(long, value_name = "N", conflicts_with_all = ["spacing", "exact_spacing", "reference"])]
    factor: Option<usize>,
    /// The whole division of the slice spacing closest to this many mm.
    #[arg(long, value_name = "MM", conflicts_with = "reference")]
    spacing: Option<f64>,
    /// Exactly the spacing of --spacing, or of this option's own value in mm, even where known
    /// slices are then missed.
    #[arg(long, value_name = "MM", num_args = 0..=1, require_equals = true)]
    #[arg(conflicts_with = "reference")]
    exact_spacing: Option<Option<f64>>,
    /// The slices of this volume's grid.
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum AxisArgument {
    Auto,
    I,
    J,
    K,
}

#[derive(Clone, Copy, ValueEnum)]
enum LabelMethodArgument {
    Anatomy,
    Shape,
    Nearest,
}

impl Arguments {
    /// The options of the job; reads the grid of a reference volume.
    ///
    /// # Errors
    /// [`Error::Argument`] for contradictory spacings and no threads; as [`io::read`].
    pub fn options(&self) -> Result<JobOptions> {
        Ok(JobOptions {
            spacing: self.grid.spacing()?,
            axis: match self.axis {
                AxisArgument::Auto => None,
                AxisArgument::I => Some(Axis::I),
                AxisArgument::J => Some(Axis::J),
                AxisArgument::K => Some(Axis::K),
            },
            model: self.model.clone(),
            interpolator: self.interpolator.apply()?,
            label_method: self.labels_method.map(|method| match method {
                LabelMethodArgument::Anatomy => LabelMethod::Anatomy,
                LabelMethodArgument::Shape => LabelMethod::Shape,
                LabelMethodArgument::Nearest => LabelMethod::Nearest,
            }),
            expected_error: self.expected_error.is_some(),
            nan_as: self.nan_as,
            window: self.window,
            keep_tilt: self.keep_tilt,
        })
    }

    /// The label map to read, and the file to write.
    pub fn label_files(&self) -> Option<[&Path; 2]> {
        match self.labels.as_deref() {
            Some([labels, output]) => Some([labels, output]),
            _ => None,
        }
    }

    /// Whether the output is a DICOM series in a folder.
    pub fn writes_dicom(&self) -> bool {
        self.dicom || io::is_folder_output(&self.output)
    }

    /// The DICOM SEG to write, if there is one.
    pub fn segmentation_file(&self) -> Option<&Path> {
        self.label_files().map(|[_, output]| output).filter(|path| dicom::is_segmentation(path))
    }

    /// Refuses output files that could not be written at the end, and those that would replace
    /// another file of the command, before the work begins. `other_output`: a further file that the
    /// caller writes.
    ///
    /// # Errors
    /// [`Error::Argument`] for a file that exists, is used twice or is of an unknown format, and a
    /// folder that does not exist.
    pub fn check_outputs(&self, other_output: Option<&Path>) -> Result<()> {
        let is_file = self.output.exists() && !self.output.is_dir();
        if is_file && !self.overwrite && !self.writes_dicom() {
            return Err(Error::Argument(format!(
                "{}: exists already; --overwrite replaces it",
                self.output.display()
            )));
        }
        let [labels, labels_output] = self.label_files().map_or([None; 2], |files| files.map(Some));
        Files::default()
            .input("INPUT", Some(&self.input))
            .input("the label map", labels)
            .input("--reference", self.grid.reference.as_deref())
            .input("--model", Some(Path::new(&self.model)))
            .volume("OUTPUT", Some(&self.output))
            .volume("the output of --labels", labels_output)
            .volume("--expected-error", self.expected_error.as_deref())
            .output("--picture", self.picture.as_deref())
            .output("--json", self.json.as_deref())
            .output("the file of returned parameters", other_output)
            .check()?;
        let volumes = [Some(self.output.as_path()), labels_output, self.expected_error.as_deref()];
        for output in volumes.into_iter().flatten() {
            self.check_output(output)?;
        }
        if let Some(path) = &self.picture {
            coronal::check(path)?;
        }
        if let Some(path) = &self.json {
            io::atomic_write::check(path, true)?;
        }
        Ok(())
    }
}

impl Arguments {
    /// Refuses one of the output volumes.
    fn check_output(&self, output: &Path) -> Result<()> {
        let series = self.writes_dicom().then_some(self.output.as_path());
        if Some(output) == series {
            return io::atomic_folder::check_folder(output).map(drop);
        }
        if self.segmentation_file() == Some(output) {
            return dicom::check_segmentation(output, series, self.overwrite);
        }
        io::check_output(output, self.overwrite)
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

/// The grid of a reference volume.
fn reference_grid(path: &Path) -> Result<Geometry> {
    let options = io::ReadOptions { series: None, cancelled: Some(&interrupt::raised) };
    io::read_grid(path, &options).map(|(grid, _)| grid)
}

impl GridArguments {
    fn spacing(&self) -> Result<Spacing> {
        let exact = match (&self.exact_spacing, self.spacing) {
            (Some(Some(_)), Some(_)) => {
                return Err(Error::Argument(
                    "--spacing and --exact-spacing both give a value; give one".into(),
                ));
            }
            (Some(None), None) => {
                return Err(Error::Argument(
                    "--exact-spacing needs a value in mm, its own or that of --spacing".into(),
                ));
            }
            (Some(Some(own)), None) => Some(*own),
            (Some(None), other) => other,
            (None, _) => None,
        };
        Ok(match (exact, self.spacing, self.factor, &self.reference) {
            (Some(millimetres), ..) => Spacing::Exact(millimetres),
            (_, Some(millimetres), ..) => Spacing::Nearest(millimetres),
            (_, _, Some(factor), _) => Spacing::Factor(factor),
            (.., Some(reference)) => Spacing::Like(reference_grid(reference)?),
            _ => Spacing::Isotropic,
        })
    }
}
