//! Time and bytes of volumes, by a model that is fitted on this machine.

use std::path::{Path, PathBuf};
use std::time::Instant;

use hrinet::resample::{Interpolator, Job, JobOptions, Plan, Spacing};
use hrinet::volume::{Geometry, Rescale, Volume};
use hrinet::{Result, io};
use ndarray::Array3;
use serde::Serialize;

use super::arguments::OutputFormat;
use super::pipeline;
use crate::interrupt::{self, InProgress};
use crate::messages::Verbosity;
use crate::resample::{Input, Request};

/// Side and number of the slices that are timed.
const SIDE: usize = 256;
const SLICES: usize = 9;

/// Slices between two known ones, in the two runs that tell known from interpolated ones.
const FACTORS: [usize; 2] = [2, 4];

/// Bytes of compressed CT per byte of int16 (`research/measure-batch compression`: 0.58 to 0.69).
const COMPRESSED: f64 = 0.6;

/// Seconds of a volume: `a + max(b in, e in + c interpolated, d out)`, in voxels of the input,
/// interpolated ones and all those of the output. Reading, computing and writing run side by side.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cost {
    /// Seconds of a volume of any size.
    pub a: f64,
    /// Of reading a voxel.
    pub b: f64,
    /// Of interpolating a voxel.
    pub c: f64,
    /// Of compressing and writing a voxel, by all threads that write.
    pub d: f64,
    /// Of encoding a known voxel.
    pub e: f64,
    pub formula: &'static str,
    /// Bytes of an output voxel.
    pub bytes_per_voxel: f64,
}

/// Voxels of a volume.
#[derive(Clone, Copy, Default)]
pub struct Voxels {
    pub input: f64,
    pub interpolated: f64,
    pub output: f64,
}

impl Cost {
    /// Seconds of a volume.
    pub fn seconds(&self, voxels: Voxels) -> f64 {
        let Voxels { input, interpolated, output } = voxels;
        let compute = self.e * input + self.c * interpolated;
        self.a + compute.max(self.b * input).max(self.d * output)
    }

    /// Bytes of its output, without expected error.
    pub fn bytes(&self, voxels: Voxels) -> f64 {
        self.bytes_per_voxel * voxels.output
    }

    /// Times small volumes in a temporary folder.
    ///
    /// # Errors
    /// Those of the work, and [`hrinet::Error::Cancelled`].
    pub fn measure(
        options: &JobOptions,
        interpolator: &Interpolator,
        format: &OutputFormat,
    ) -> Result<Cost> {
        let folder = Scratch::new()?;
        let volume = phantom(SIDE, SLICES)?;
        let (pixels, known) = ((SIDE * SIDE) as f64, (SLICES * SIDE * SIDE) as f64);
        // The first slices of everything are slower.
        compute(&phantom(64, 3)?, 2, options, interpolator)?;
        let mut times = [0.0; 2];
        for (time, factor) in times.iter_mut().zip(FACTORS) {
            *time = compute(&volume, factor, options, interpolator)?;
        }
        let between = FACTORS.map(|factor| ((SLICES - 1) * (factor - 1)) as f64 * pixels);
        let c =
            ((times[1] - times[0]) / (between[1] - between[0])).max(times[1] / between[1] / 2.0);
        let e = ((times[0] - c * between[0]) / known).max(0.0);
        let is_compressed = |ending: &str| [".nii.gz", ".nrrd", ".zraw"].contains(&ending);
        let (ending, is_compressed) = match format {
            OutputFormat::File(ending) => (ending.as_str(), is_compressed(ending)),
            OutputFormat::Dicom => (".nii", false),
        };
        let path = folder.0.join(format!("volume{ending}"));
        let start = Instant::now();
        io::write(&path, &volume, true)?;
        let d = start.elapsed().as_secs_f64() / known / pipeline::writers() as f64;
        let path = folder.0.join("volume.nii.gz");
        io::write(&path, &volume, true)?;
        let start = Instant::now();
        io::read(&path)?;
        let b = start.elapsed().as_secs_f64() / known;
        Ok(Cost {
            a: overhead(&folder.0)?,
            b,
            c,
            d,
            e,
            formula: "seconds = a + max(b * input voxels, e * input voxels + c * interpolated \
                      voxels, d * output voxels)",
            bytes_per_voxel: 2.0 * if is_compressed { COMPRESSED } else { 1.0 },
        })
    }
}

/// Seconds of interpolating a volume.
fn compute(
    volume: &Volume,
    factor: usize,
    options: &JobOptions,
    interpolator: &Interpolator,
) -> Result<f64> {
    let plan = Plan::new(volume.geometry(), None, &Spacing::Factor(factor))?;
    let job =
        Job { expected_error: options.expected_error, ..Job::new(&plan, interpolator, volume) };
    let start = Instant::now();
    job.run(&mut |_| interrupt::check())?;
    Ok(start.elapsed().as_secs_f64())
}

/// Seconds of a volume of hardly any voxels, with its report and thumbnails.
fn overhead(folder: &Path) -> Result<f64> {
    let input = folder.join("small.nii.gz");
    io::write(&input, &phantom(16, 3)?, true)?;
    let options = JobOptions { model: "linear".into(), ..JobOptions::default() };
    let request = Request {
        output: folder.join("fine.nii.gz"),
        thumbnails: Some(["before.png", "after.png"].map(|name| folder.join(name))),
        json: Some(folder.join("report.json")),
        overwrite: true,
        input,
        ..Request::default()
    };
    let start = Instant::now();
    let input = Input::read(request, &options, &|_, _| Ok(()), &Verbosity::silent())?;
    let job = input.job(&options, &Interpolator::Linear);
    let mut computed = input.compute(&job, &options, None, &mut |_| interrupt::check())?;
    input.write(&mut computed, start, &Verbosity::silent())?;
    Ok(start.elapsed().as_secs_f64())
}

/// A body with noise, slices 3 mm apart.
fn phantom(side: usize, slices: usize) -> Result<Volume> {
    let middle = side as f64 / 2.0;
    let mut state = 1u32;
    let voxels = Array3::from_shape_fn((slices, side, side), |(k, j, i)| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 27) as i16 - 16;
        let (row, column) = (j as f64 - middle, i as f64 - middle + k as f64);
        let is_body = row.hypot(column) < 0.8 * middle;
        noise + if is_body { 40 } else { -1000 }
    });
    let steps = [[0.75, 0.0, 0.0], [0.0, 0.75, 0.0], [0.0, 0.0, 3.0]];
    let geometry = Geometry::new([side, side, slices], [0.0; 3], steps)?;
    Volume::new(voxels.into(), Rescale::IDENTITY, geometry)
}

/// A temporary folder, removed when it is dropped.
struct Scratch(PathBuf, #[expect(dead_code)] InProgress);

impl Scratch {
    fn new() -> Result<Scratch> {
        let folder = std::env::temp_dir().join(format!("hrinet-cost-{}", std::process::id()));
        std::fs::create_dir(&folder).map_err(|error| hrinet::Error::io(&folder, error))?;
        let in_progress = interrupt::in_progress(folder.clone());
        Ok(Scratch(folder, in_progress))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slowest_step_counts() {
        let cost =
            Cost { a: 1.0, b: 2.0, c: 3.0, d: 4.0, e: 5.0, formula: "", bytes_per_voxel: 2.0 };
        let voxels = Voxels { input: 10.0, interpolated: 1.0, output: 2.0 };
        assert_eq!(cost.seconds(voxels), 1.0 + 53.0);
        assert_eq!(cost.seconds(Voxels { output: 100.0, ..voxels }), 1.0 + 400.0);
        assert_eq!(cost.bytes(voxels), 4.0);
    }
}
