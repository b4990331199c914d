//! What a resampling is: grids, slices, model and options, before and after the work.

use hrinet::resample::{Job, JobOptions, Plan, SliceSource, Straightening, straighten};
use hrinet::runtime::device;
use hrinet::volume::{Axis, Geometry, VoxelType};
use serde::Serialize;

use super::request::Request;

/// Grids, sources of the slices, model and options of a resampling.
#[derive(Serialize)]
pub struct Description {
    version: &'static str,
    input: Grid,
    output: Grid,
    axis: Axis,
    /// How the output grid differs from the wish and from the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<String>,
    /// Of a tilted gantry.
    #[serde(skip_serializing_if = "Option::is_none")]
    tilt: Option<Tilt>,
    slices: Vec<Slice>,
    model: Model,
    device: String,
    options: JobOptions,
}

#[derive(Serialize)]
struct Tilt {
    degrees: f64,
    /// Whether the output is sheared like the input.
    kept: bool,
    /// Where slices were moved in their plane: how far the last one against the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_mm: Option<f64>,
    /// Interpolation in the plane of those that were not moved by whole pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<&'static str>,
    /// Value where nothing was scanned: the lowest one of the input, HU.
    #[serde(skip_serializing_if = "Option::is_none")]
    padding_hu: Option<f64>,
}

#[derive(Serialize)]
struct Grid {
    path: String,
    voxel_type: &'static str,
    /// Voxels along i, j, k.
    size: [usize; 3],
    spacing_mm: [f64; 3],
    origin_ras_mm: [f64; 3],
    ijk_to_ras: [[f64; 4]; 4],
    /// Positions of the slices along k, where they are unevenly spaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    slice_positions_mm: Option<Vec<f64>>,
}

#[derive(Serialize)]
#[serde(tag = "source", rename_all = "lowercase")]
enum Slice {
    Known {
        index: usize,
        /// The slice of the input.
        slice: usize,
    },
    Interpolated {
        index: usize,
        /// The slices of the input on both sides.
        pair: [usize; 2],
        /// Position between them: 0 at the first, 1 at the second.
        fraction: f64,
    },
}

#[derive(Serialize)]
struct Model {
    name: String,
    system: Option<String>,
    sha256: Option<String>,
    /// Of the network's passes.
    precision: Option<String>,
}

impl Description {
    /// Describes a job.
    pub fn new(request: &Request, job: &Job, options: &JobOptions) -> Description {
        let (plan, model) = (job.plan, job.interpolator.model());
        let voxel_type = job.volume.voxels().voxel_type();
        Description {
            version: env!("CARGO_PKG_VERSION"),
            input: Grid::new(request.shown(&request.input), job.volume.geometry(), voxel_type),
            output: Grid::new(request.shown(&request.output), plan.output(), voxel_type),
            axis: plan.axis(),
            remark: plan.remark().map(String::from),
            tilt: tilt(job),
            slices: slices(plan),
            model: Model {
                name: options.model.clone(),
                system: model.map(|model| model.system().to_string()),
                sha256: model.map(|model| model.checksum().to_string()),
                precision: model.map(|model| model.precision().to_string()),
            },
            device: device::name(job.interpolator.device()),
            options: options.clone(),
        }
    }
}

fn tilt(job: &Job) -> Option<Tilt> {
    let degrees = job.volume.geometry().tilt_degrees()?;
    let moved = job.plan.straightening();
    let padding = moved.and_then(|_| {
        let (low, high) = job.volume.voxels().range().ok()?;
        let rescale = job.volume.rescale();
        Some(rescale.to_hu(low).min(rescale.to_hu(high)))
    });
    Some(Tilt {
        degrees,
        kept: moved.is_none(),
        moved_mm: moved.map(Straightening::moved_mm),
        kernel: moved.map(|_| straighten::KERNEL),
        padding_hu: padding,
    })
}

fn slices(plan: &Plan) -> Vec<Slice> {
    let sources = plan.slices().iter().enumerate();
    let entry = |(index, source): (usize, &SliceSource)| match *source {
        SliceSource::Known(slice) => Slice::Known { index, slice },
        SliceSource::Interpolated { first, fraction } => {
            Slice::Interpolated { index, pair: [first, first + 1], fraction }
        }
    };
    sources.map(entry).collect()
}

impl Grid {
    fn new(path: String, geometry: &Geometry, voxel_type: VoxelType) -> Grid {
        Grid {
            path,
            voxel_type: voxel_type.name(),
            size: geometry.size(),
            spacing_mm: Axis::ALL.map(|axis| geometry.spacing(axis)),
            origin_ras_mm: geometry.origin(),
            ijk_to_ras: geometry.ijk_to_ras(),
            slice_positions_mm: geometry.uneven_slices().map(<[f64]>::to_vec),
        }
    }
}
