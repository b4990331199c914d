//! The JSON report of a resampling.

use std::path::Path;
use std::time::Duration;

use hrinet::resample::interpolator::beyond_training;
use hrinet::resample::{Plan, SliceSource};
use hrinet::runtime::memory;
use hrinet::volume::{Axis, Volume};
use hrinet::{Error, Result, io};
use serde::Serialize;

use crate::method::Chosen;

/// What was read, what was written and how.
#[derive(Serialize)]
pub struct Report {
    version: &'static str,
    input: Grid,
    output: Grid,
    axis: Axis,
    slices: Vec<Slice>,
    model: ModelEntry,
    device: String,
    /// Of the voxels that were made, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_error: Option<ExpectedError>,
    /// What should be known before the new slices are relied on.
    warnings: Vec<String>,
    seconds: f64,
    peak_memory_bytes: Option<u64>,
}

#[derive(Serialize)]
struct ExpectedError {
    path: String,
    /// Mean over all voxels of new slices; `None` where there are none.
    mean_hu: Option<f64>,
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
    /// Where the slices lie along k, where they are not evenly spaced.
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
    Between {
        index: usize,
        /// The slices of the input on both sides.
        pair: [usize; 2],
        /// 1 is the first of the pair, 0 the second.
        alpha: f64,
    },
}

#[derive(Serialize)]
struct ModelEntry {
    name: String,
    system: Option<String>,
    sha256: Option<String>,
    /// Whether every slice was made twice, with its neighbours in either order.
    ensemble: bool,
}

impl Report {
    /// Of a finished resampling.
    pub fn new(
        input: (&Path, &Volume),
        output: (&Path, &Volume),
        (plan, chosen): (&Plan, &Chosen),
        expected: Option<(&Path, Option<f64>)>,
        time: Duration,
    ) -> Report {
        let model = chosen.model();
        Report {
            version: env!("CARGO_PKG_VERSION"),
            input: Grid::new(input.0, input.1),
            output: Grid::new(output.0, output.1),
            axis: plan.axis(),
            slices: slices(plan),
            model: ModelEntry {
                name: chosen.name().to_string(),
                system: model.map(|model| model.system().to_string()),
                sha256: model.map(|model| model.checksum().to_string()),
                ensemble: model.is_some_and(|model| model.has_ensemble()),
            },
            device: chosen.device_name(),
            expected_error: expected
                .map(|(path, mean_hu)| ExpectedError { path: path.display().to_string(), mean_hu }),
            warnings: beyond_training(plan, &chosen.method()).into_iter().collect(),
            seconds: time.as_secs_f64(),
            peak_memory_bytes: memory::peak(),
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<()> {
        write_json(path, self)
    }
}

/// Writes a value as readable JSON.
///
/// # Errors
/// [`Error::Io`].
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| Error::Argument(format!("{}: {error}", path.display())))?;
    text.push(b'\n');
    io::atomic_write::write_atomically(path, true, |file| {
        file.write_all(&text).map_err(|error| Error::io(path, error))
    })
}

fn slices(plan: &Plan) -> Vec<Slice> {
    let sources = plan.slices().iter().enumerate();
    let entry = |(index, source): (usize, &SliceSource)| match *source {
        SliceSource::Known(slice) => Slice::Known { index, slice },
        SliceSource::Between { first, .. } => Slice::Between {
            index,
            pair: [first, first + 1],
            alpha: source.alpha().unwrap_or_default(),
        },
    };
    sources.map(entry).collect()
}

impl Grid {
    fn new(path: &Path, volume: &Volume) -> Grid {
        let geometry = volume.geometry();
        Grid {
            path: path.display().to_string(),
            voxel_type: volume.voxels().voxel_type().name(),
            size: geometry.size(),
            spacing_mm: Axis::ALL.map(|axis| geometry.spacing(axis)),
            origin_ras_mm: geometry.origin(),
            ijk_to_ras: geometry.ijk_to_ras(),
            slice_positions_mm: geometry.uneven_slices().map(<[f64]>::to_vec),
        }
    }
}
