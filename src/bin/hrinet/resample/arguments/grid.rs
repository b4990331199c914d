//! Arguments of the output grid.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use hrinet::resample::Spacing;
use hrinet::volume::{Axis, Geometry};
use hrinet::{Error, Result, io};

use crate::interrupt;

/// Which slices the output has.
#[derive(Args)]
#[group(multiple = true)]
#[command(next_help_heading = "Output grid")]
pub struct GridArguments {
    /// As close to the pixel spacing as a whole division comes [default].
    ///
    /// The slice spacing is divided by a whole number, so that every known slice is in the output,
    /// bit for bit.
    #[arg(long, conflicts_with_all = ["factor", "spacing", "exact_spacing", "reference"])]
    isotropic: bool,
    /// Divide the slice spacing by this whole number.
    #[arg(long, value_name = "N", conflicts_with_all = ["spacing", "exact_spacing", "reference"])]
    factor: Option<usize>,
    /// The whole division of the slice spacing closest to this many mm.
    #[arg(long, value_name = "MM", conflicts_with = "reference")]
    spacing: Option<f64>,
    /// Exactly this many mm, even where known slices are then missed.
    ///
    /// Without a value of its own it makes that of --spacing exact.
    #[arg(long, value_name = "MM", num_args = 0..=1, require_equals = true)]
    #[arg(conflicts_with = "reference")]
    exact_spacing: Option<Option<f64>>,
    /// The slices of this volume's grid.
    ///
    /// A file, or a folder with a DICOM series; only its header is read.
    #[arg(long, value_name = "FILE")]
    pub reference: Option<PathBuf>,
    /// The axis along which to interpolate.
    ///
    /// auto is the slice axis of the volume, never the rows or columns of its slices.
    #[arg(long, value_enum, default_value_t = AxisArgument::Auto, hide_possible_values = true)]
    #[arg(value_name = "auto|i|j|k")]
    axis: AxisArgument,
    /// Leave the output of a tilted gantry sheared.
    ///
    /// Known slices then stay bit for bit, where they are otherwise moved onto a right-angled
    /// grid. OUTPUT is a .nrrd or .nii file.
    #[arg(long)]
    pub keep_tilt: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum AxisArgument {
    Auto,
    I,
    J,
    K,
}

impl GridArguments {
    /// The axis; `None`: the slice axis of the volume.
    pub fn axis(&self) -> Option<Axis> {
        match self.axis {
            AxisArgument::Auto => None,
            AxisArgument::I => Some(Axis::I),
            AxisArgument::J => Some(Axis::J),
            AxisArgument::K => Some(Axis::K),
        }
    }

    /// The wished spacing; reads the grid of a reference volume.
    ///
    /// # Errors
    /// [`Error::Argument`] for contradictory spacings; those of [`io::read_grid`].
    pub fn spacing(&self) -> Result<Spacing> {
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

/// The grid of a reference volume.
fn reference_grid(path: &Path) -> Result<Geometry> {
    let options = interrupt::read_options(None);
    io::read_grid(path, &options).map(|(grid, _)| grid)
}
