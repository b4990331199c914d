//! Time of a job, estimated by that of a few of its slices.

use std::time::Duration;

use ndarray::{Array3, Slice};

use crate::error::Result;
use crate::resample::{Job, OnProgress, Plan, Spacing};
use crate::runtime::threads;
use crate::volume::voxels::with_voxels;
use crate::volume::{Axis, Geometry, Volume};

/// Most slices that are interpolated in each pair.
const MAX_BETWEEN: usize = 3;

/// A time, and what it was found by.
pub struct Estimate {
    /// Time of interpolating all slices of the CT; its label maps are not counted.
    pub time: Duration,
    /// Number of slices that were interpolated for it.
    pub slices: usize,
}

/// Estimates the time of a job: some slices in the middle of its volume, a pair of known ones for
/// each thread, are interpolated twice, which is timed the second time, and thrown away. `None`
/// where nothing is interpolated.
///
/// # Errors
/// Those of [`Job::run`], and of `on_progress`, which is called between slices.
pub fn by_a_few_slices(job: &Job, on_progress: OnProgress) -> Result<Option<Estimate>> {
    let (pairs, axis) = (job.plan.pairs(), job.plan.axis());
    let Some((middle, members)) = pairs.get(pairs.len() / 2) else { return Ok(None) };
    let known = job.plan.known_positions().len();
    let count = (threads::current().min(pairs.len()) + 1).clamp(2, known);
    let excerpt = excerpt(job.volume, axis, (*middle).min(known - count), count)?;
    let factor = Spacing::Factor(members.len().min(MAX_BETWEEN) + 1);
    let plan = Plan::new(excerpt.geometry(), Some(axis), &factor)?;
    let plan = job.interpolator.image_plan(&plan)?.into_owned();
    let small = Job {
        expected_error: job.expected_error,
        nan_as: job.nan_as,
        window: job.window,
        memory_limit: job.memory_limit,
        ..Job::new(&plan, job.interpolator, &excerpt)
    };
    // The first slices of everything are slower.
    time_once(&small, on_progress)?;
    let time = time_once(&small, on_progress)?;
    let slices = plan.interpolated_count();
    let share = job.plan.interpolated_count() as f64 / slices as f64;
    let seconds = time.as_secs_f64() * share;
    Ok(Duration::try_from_secs_f64(seconds).ok().map(|time| Estimate { time, slices }))
}

/// Runs a job for its time alone.
fn time_once(job: &Job, on_progress: OnProgress) -> Result<Duration> {
    let shape = job.plan.output_shape();
    let mut output = job.volume.voxels().zeros_like(shape);
    let mut expected_error = job.expected_error.then(|| Array3::<f32>::zeros(shape));
    let mut arrays = job.array_job()?;
    arrays.output = Some(output.view_mut());
    arrays.expected_error = expected_error.as_mut().map(|errors| errors.view_mut());
    Ok(arrays.run_checked(None, on_progress)?.time)
}

/// Known slices of a volume from `first` on, in voxels of 1 mm: time does not depend on them.
fn excerpt(volume: &Volume, axis: Axis, first: usize, count: usize) -> Result<Volume> {
    let across = ndarray::Axis(axis.array_axis());
    let voxels = with_voxels!(volume.voxels(), array => {
        array.slice_axis(across, Slice::from(first..first + count)).to_owned().into()
    });
    let mut size = volume.geometry().size();
    size[axis as usize] = count;
    let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    Volume::new(voxels, volume.rescale(), Geometry::new(size, [0.0; 3], steps)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::Interpolator;
    use crate::volume::{Rescale, Voxels};
    use ndarray::Array3;

    #[test]
    fn excerpt_holds_the_known_slices_of_its_axis() {
        let array = Array3::from_shape_fn((5, 4, 3), |(k, j, i)| (100 * k + 10 * j + i) as i16);
        let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 3.0]];
        let geometry = Geometry::new([3, 4, 5], [0.0; 3], steps).unwrap();
        let volume = Volume::new(array.into(), Rescale::IDENTITY, geometry).unwrap();
        for (axis, lowest) in [(Axis::I, 1), (Axis::J, 10), (Axis::K, 100)] {
            let excerpt = excerpt(&volume, axis, 1, 2).unwrap();
            assert_eq!(excerpt.geometry().length(axis), 2, "{axis}");
            let Voxels::Int16(array) = excerpt.voxels() else { panic!("another type") };
            assert_eq!(array.iter().min(), Some(&lowest), "{axis}");
        }
        let plan = Plan::new(volume.geometry(), None, &Spacing::Factor(7)).unwrap();
        let job = Job::new(&plan, &Interpolator::Linear, &volume);
        let estimate = by_a_few_slices(&job, &mut |_| Ok(())).unwrap().unwrap();
        assert!((1..=4 * MAX_BETWEEN).contains(&estimate.slices), "{}", estimate.slices);
        let copy = Plan::new(volume.geometry(), None, &Spacing::Factor(1)).unwrap();
        let job = Job::new(&copy, &Interpolator::Linear, &volume);
        assert!(by_a_few_slices(&job, &mut |_| Ok(())).unwrap().is_none());
    }
}
