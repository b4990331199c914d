//! CT slice interpolation: increases the through-plane resolution of CT, and keeps every scanned
//! slice bit for bit.
//!
//! A [`Plan`] is the grid of an output and the source of each of its slices, an [`Interpolator`]
//! (linear, cubic or a network) computes those between known slices, and [`resample()`] applies
//! both to a [`Volume`]:
//!
//! ```
//! use std::path::Path;
//!
//! use hrinet::{Interpolator, InterpolatorOptions, Plan, Spacing, io};
//!
//! fn make_finer(input: &Path, output: &Path) -> hrinet::Result<()> {
//!     let volume = io::read(input)?; // a file, or a folder with a DICOM series
//!     let plan = Plan::new(volume.geometry(), None, &Spacing::Factor(4))?;
//!     let interpolator = Interpolator::load("hrinet-motion", &InterpolatorOptions::default())?;
//!     let finer = hrinet::resample(&volume, &plan, &interpolator)?;
//!     io::write(output, &finer, false)
//! }
//! # use hrinet::{Geometry, Rescale, Volume, Voxels};
//! # let folder = tempfile::tempdir().unwrap();
//! # let (input, output) = (folder.path().join("ct.nrrd"), folder.path().join("finer.nrrd"));
//! # let voxels = ndarray::Array3::from_shape_fn((3, 32, 32), |(k, j, i)| (10 * k + j + i) as i16);
//! # let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 4.0]];
//! # let geometry = Geometry::new([32, 32, 3], [0.0; 3], steps)?;
//! # io::write(&input, &Volume::new(Voxels::from(voxels), Rescale::IDENTITY, geometry)?, false)?;
//! # make_finer(&input, &output)?;
//! # assert_eq!(io::read(&output)?.geometry().size(), [32, 32, 9]);
//! # Ok::<(), hrinet::Error>(())
//! ```
//!
//! [`Job`] also resamples label maps, predicts the expected error of every voxel, and reports
//! progress. `examples/rust` has a program.
//!
//! The names at this level are the interface. Modules, in the order of the data:
//!
//! - [`io`] reads and writes volumes; [`volume`] is a CT with its geometry;
//! - [`resample`](mod@resample) plans and interpolates, [`labels`] does so for label maps;
//! - [`network`] has the systems, checkpoints and shipped models;
//! - [`training`] trains them, [`evaluation`] and [`metrics`] measure them, [`self_check`] on a
//!   volume of the user's own.
//!
//! `capi` is the C interface (documented in `hrinet.h`); `runtime` and `render` serve the program.
//!
//! Functions that fail return an [`Error`], a line for the user with the value and the remedy.
#![deny(missing_docs)]
#![deny(unsafe_code)]

#[doc(hidden)]
pub mod capi;
pub mod error;
pub mod evaluation;
pub mod io;
pub mod labels;
pub mod metrics;
pub mod network;
#[doc(hidden)]
pub mod render;
pub mod resample;
#[doc(hidden)]
pub mod runtime;
pub mod self_check;
pub mod training;
pub mod volume;

pub use error::{Error, Result};
pub use labels::LabelMethod;
pub use network::{Checkpoint, Model, Precision, PrecisionChoice, SliceNetwork, System};
pub use resample::{
    Interpolator, InterpolatorOptions, Job, JobOptions, OtherOutputs, Outputs, Plan, Progress,
    SliceSource, Spacing, resample,
};
pub use training::{Dataset, Settings, Trainer};
pub use volume::{Axis, Geometry, Rescale, Volume, VoxelType, Voxels, Window};
