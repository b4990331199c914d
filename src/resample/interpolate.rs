//! Volume, plan and method to the volume with the slices in between.
//!
//! Known slices are copied bit for bit. Each known slice that has new neighbours is encoded once,
//! and the features of at most two are alive; of four, for a network that looks beyond the pair. New
//! slices are rounded to the volume's type and kept within the range of its values.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::{Duration, Instant};

use ndarray::{Array2, Array3, ArrayRef3, ArrayView2, Zip};

use crate::error::{Error, Result};
use crate::network::{EncodedSlice, Neighbours, SliceNetwork};
use crate::resample::cubic::Spline;
use crate::resample::interpolator::{beyond_training, without_expected_error};
use crate::resample::{Plan, SliceSource};
use crate::volume::voxels::{range, slice, slice_mut, with_voxels};
use crate::volume::{Axis, Rescale, Volume, Voxel, Voxels, Window};

pub use crate::resample::interpolator::Interpolator;

/// How far an interpolation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// New slices made so far.
    pub done: usize,
    /// New slices in all.
    pub total: usize,
}

/// What an interpolation took.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Slices that were encoded.
    pub encoded: usize,
    /// Slices that were made.
    pub made: usize,
    /// Wall-clock time.
    pub time: Duration,
}

/// Bytes of memory that [`interpolate`] needs for the output and its work, the input not counted.
pub fn memory_needed(volume: &Volume, plan: &Plan, method: &Interpolator) -> u64 {
    let voxels = plan.output().size().map(|side| side as u64);
    let output = voxels
        .iter()
        .fold(volume.voxels().voxel_type().bytes() as u64, |all, &side| all.saturating_mul(side));
    output.saturating_add(work_bytes(plan, method))
}

/// Bytes of memory that [`interpolate_into`] needs beside input and output.
pub fn work_bytes(plan: &Plan, method: &Interpolator) -> u64 {
    if plan.is_copy() {
        return 0;
    }
    let [columns, rows] = plan.axis().others().map(|axis| plan.output().length(axis));
    let known = plan.known_positions().len();
    match method {
        Interpolator::Linear => (3 * 8 * rows * columns) as u64,
        Interpolator::Cubic => (8 * columns * (plan.slices().len() + known)) as u64,
        Interpolator::Network(network) => network.working_bytes(rows * columns),
    }
}

/// Makes the planned volume.
///
/// `on_progress` is called from this thread after every few slices; an error from it,
/// [`Error::Cancelled`] say, ends the work and comes back.
///
/// # Errors
/// [`Error::Argument`] for a voxel that is NaN or infinite; [`Error::Geometry`] for the plan of
/// another volume; [`Error::Torch`].
pub fn interpolate(
    volume: &Volume,
    plan: &Plan,
    method: &Interpolator,
    on_progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<(Volume, Work)> {
    let rescale = volume.rescale();
    let [i, j, k] = plan.output().size();
    with_voxels!(volume.voxels(), input => {
        let mut output = Array3::from_elem((k, j, i), Default::default());
        let work = interpolate_into(input, rescale, plan, method, &mut output, on_progress)?;
        Ok((Volume::new(Voxels::from(output), rescale, plan.output().clone())?, work))
    })
}

/// As [`interpolate`], from an array `[k, j, i]` of a host into another one, whatever their strides.
///
/// # Errors
/// As [`interpolate`]; [`Error::Geometry`] where `output` is not as large as the plan says. What
/// `output` holds after an error is not specified.
pub fn interpolate_into<T: Voxel>(
    input: &ArrayRef3<T>,
    rescale: Rescale,
    plan: &Plan,
    method: &Interpolator,
    output: &mut ArrayRef3<T>,
    on_progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<Work> {
    run((input, rescale), plan, method, (output, None), on_progress)
}

/// The same; with `errors`, what the method expects of every new voxel as well.
pub(crate) fn run<T: Voxel>(
    (input, rescale): (&ArrayRef3<T>, Rescale),
    plan: &Plan,
    method: &Interpolator,
    (output, errors): (&mut ArrayRef3<T>, Option<&mut ArrayRef3<f32>>),
    on_progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<Work> {
    let start = Instant::now();
    plan.check_shapes(input.shape(), output.shape())?;
    if let Some(remark) = beyond_training(plan, method) {
        log::warn!("{remark}");
    }
    let mut job = Job {
        plan,
        rescale,
        range: range(input)?,
        progress: Progress { done: 0, total: plan.made_count() },
        encoded: 0,
        errors,
        on_progress,
    };
    job.run(input, output, method)?;
    Ok(Work { encoded: job.encoded, made: job.progress.total, time: start.elapsed() })
}

/// Makes the slices `[alphas, rows, columns]` between two of `[rows, columns]`, all in HU: the
/// paper's operation itself. Alpha 1 is `first`, 0 `second`, and both come back as they are. A cubic
/// spline through two slices is their linear blend.
///
/// # Errors
/// [`Error::Argument`] for slices of different size, an alpha outside 0 to 1, a pixel that is no
/// number; [`Error::Torch`].
pub fn between_slices(
    first: ArrayView2<f32>,
    second: ArrayView2<f32>,
    alphas: &[f64],
    method: &Interpolator,
) -> Result<Array3<f32>> {
    if first.dim() != second.dim() {
        let (a, b) = (first.dim(), second.dim());
        return Err(Error::Argument(format!(
            "slices of {a:?} and {b:?} pixels have nothing between"
        )));
    }
    if let Some(alpha) = alphas.iter().find(|alpha| !(0.0..=1.0).contains(*alpha)) {
        return Err(Error::Argument(format!("an alpha of {alpha}; it lies from 0 to 1")));
    }
    for (name, plane) in [("first", first), ("second", second)] {
        if let Some((at, hu)) = plane.indexed_iter().find(|(_, hu)| !hu.is_finite()) {
            return Err(Error::Argument(format!(
                "the {name} slice is {hu} at {at:?} (row, column)"
            )));
        }
    }
    let mut made = Array3::zeros((alphas.len(), first.nrows(), first.ncols()));
    let Interpolator::Network(network) = method else {
        for (&alpha, mut plane) in alphas.iter().zip(made.outer_iter_mut()) {
            Zip::from(&mut plane).and(&first).and(&second).for_each(|out, &a, &b| {
                *out = match alpha {
                    1.0 => a,
                    _ => (f64::from(b) + alpha * (f64::from(a) - f64::from(b))) as f32,
                };
            });
        }
        return Ok(made);
    };
    let [low, high] = network.window_hu();
    let window = Window { low, high };
    let grey = |plane: ArrayView2<f32>| plane.map(|&hu| window.to_grey(f64::from(hu)) as f32);
    let (encoded_first, encoded_second) =
        (network.encode(&grey(first))?, network.encode(&grey(second))?);
    let pair = Neighbours::of_pair(&encoded_first, &encoded_second);
    let mut planes = made.outer_iter_mut();
    for alphas in alphas.chunks(network.decode_batch(first.len())) {
        let fractions: Vec<f64> = alphas.iter().map(|alpha| 1.0 - alpha).collect();
        let decoded = network.decode(&pair, &fractions)?;
        for ((&alpha, unit), mut plane) in alphas.iter().zip(decoded.outer_iter()).zip(&mut planes)
        {
            Zip::from(&mut plane).and(&unit).and(&first).and(&second).for_each(
                |out, &unit, &a, &b| {
                    *out = match alpha {
                        1.0 => a,
                        0.0 => b,
                        _ => {
                            let (a, b) = (f64::from(a), f64::from(b));
                            window.restore(f64::from(unit), a, b, 1.0 - alpha) as f32
                        }
                    };
                },
            );
        }
    }
    Ok(made)
}

/// Copies the slices of `input` that the plan keeps to their places in `output`.
pub(crate) fn copy_known<T: Voxel>(input: &ArrayRef3<T>, plan: &Plan, output: &mut ArrayRef3<T>) {
    let axis = plan.axis();
    for (index, source) in plan.slices().iter().enumerate() {
        if let SliceSource::Known(known) = *source {
            slice_mut(output, axis, index).assign(&slice(input, axis, known));
        }
    }
}

struct Job<'a> {
    plan: &'a Plan,
    rescale: Rescale,
    /// Smallest and largest stored value of the input.
    range: (f64, f64),
    progress: Progress,
    encoded: usize,
    /// Expected absolute errors in HU, on the output's grid.
    errors: Option<&'a mut ArrayRef3<f32>>,
    on_progress: &'a mut dyn FnMut(Progress) -> Result<()>,
}

impl Job<'_> {
    fn run<T: Voxel>(
        &mut self,
        input: &ArrayRef3<T>,
        output: &mut ArrayRef3<T>,
        method: &Interpolator,
    ) -> Result<()> {
        copy_known(input, self.plan, output);
        (self.on_progress)(self.progress)?;
        match method {
            Interpolator::Linear => self.linear(input, output),
            Interpolator::Cubic => self.cubic(input, output),
            Interpolator::Network(network) => self.network(input, output, *network),
        }
    }

    fn linear<T: Voxel>(&mut self, input: &ArrayRef3<T>, output: &mut ArrayRef3<T>) -> Result<()> {
        let axis = self.plan.axis();
        for (first, members) in self.plan.pairs() {
            let (before, after) = (slice(input, axis, first), slice(input, axis, first + 1));
            for (index, fraction) in members {
                Zip::from(&mut slice_mut(output, axis, index)).and(&before).and(&after).for_each(
                    |made, &a, &b| {
                        let (a, b) = (a.to_f64(), b.to_f64());
                        *made = T::from_f64(a + fraction * (b - a));
                    },
                );
                self.advance(1)?;
            }
        }
        Ok(())
    }

    /// Row by row: a spline runs through all slices, but its rows do not touch each other.
    fn cubic<T: Voxel>(&mut self, input: &ArrayRef3<T>, output: &mut ArrayRef3<T>) -> Result<()> {
        let axis = self.plan.axis();
        let spline = Spline::new(self.plan.known_positions());
        let (low, high) = self.range;
        let pairs = self.plan.pairs();
        let across = axis.others()[1].array_axis();
        let rows = input.len_of(ndarray::Axis(across));
        for row in 0..rows {
            // [slices, columns]: of the two axes left, i is the last.
            let mut known = input.index_axis(ndarray::Axis(across), row);
            let mut new = output.index_axis_mut(ndarray::Axis(across), row);
            if axis == Axis::I {
                known.swap_axes(0, 1);
                new.swap_axes(0, 1);
            }
            let values = known.map(|value| value.to_f64());
            let second = spline.second_derivatives(&values);
            for (first, members) in &pairs {
                for &(index, fraction) in members {
                    for column in 0..values.ncols() {
                        let value = spline.value(&values, &second, *first, fraction, column);
                        new[(index, column)] = T::from_f64(value.clamp(low, high));
                    }
                }
            }
            let done = self.progress.total * (row + 1) / rows;
            self.advance(done - self.progress.done)?;
        }
        Ok(())
    }

    fn network<T: Voxel>(
        &mut self,
        input: &ArrayRef3<T>,
        output: &mut ArrayRef3<T>,
        network: &dyn SliceNetwork,
    ) -> Result<()> {
        let axis = self.plan.axis();
        let [low, high] = network.window_hu();
        let window = Window { low, high };
        // Slices of which the next pair may need the features.
        let mut encoded = BTreeMap::new();
        for (first, members) in self.plan.pairs() {
            let (before, after) = (slice(input, axis, first), slice(input, axis, first + 1));
            let beyond = if network.has_context() { self.plan.beyond(first) } else { [None; 2] };
            encoded.retain(|&index, _| index >= beyond[0].unwrap_or(first));
            for index in [beyond[0], Some(first), Some(first + 1), beyond[1]].into_iter().flatten()
            {
                if let Entry::Vacant(place) = encoded.entry(index) {
                    place.insert(self.encode(slice(input, axis, index), window, network)?);
                }
            }
            let neighbours = Neighbours::new(
                [&encoded[&first], &encoded[&(first + 1)]],
                beyond.map(|index| index.and_then(|index| encoded.get(&index))),
            );
            let batch = network.decode_batch(before.len());
            for members in members.chunks(batch) {
                let fractions: Vec<f64> = members.iter().map(|&(_, fraction)| fraction).collect();
                let made = match self.errors {
                    None => network.decode(&neighbours, &fractions)?,
                    Some(_) => {
                        let both = network.decode_with_error(&neighbours, &fractions)?;
                        let [made, expected] = both.ok_or_else(without_expected_error)?;
                        self.expect(window, members, [&before, &after], &expected);
                        made
                    }
                };
                for (&(index, fraction), unit) in members.iter().zip(made.outer_iter()) {
                    let output = &mut slice_mut(output, axis, index);
                    Zip::from(output).and(&before).and(&after).and(&unit).for_each(
                        |out, &a, &b, &unit| {
                            *out = self.restore(window, unit, a, b, fraction);
                        },
                    );
                }
                self.advance(members.len())?;
            }
        }
        Ok(())
    }

    /// Keeps the expected errors `[members, rows, columns]` of new slices between two.
    fn expect<T: Voxel>(
        &mut self,
        window: Window,
        members: &[(usize, f64)],
        [before, after]: [&ArrayView2<T>; 2],
        expected: &Array3<f32>,
    ) {
        let Some(errors) = &mut self.errors else { return };
        let hu = |stored: T| self.rescale.to_hu(stored.to_f64());
        for (&(index, _), unit) in members.iter().zip(expected.outer_iter()) {
            let errors = &mut slice_mut(errors, self.plan.axis(), index);
            Zip::from(errors).and(before).and(after).and(&unit).for_each(|error, &a, &b, &unit| {
                *error = window.expected_error(f64::from(unit), hu(a), hu(b)) as f32;
            });
        }
    }

    fn encode<T: Voxel>(
        &mut self,
        plane: ArrayView2<T>,
        window: Window,
        network: &dyn SliceNetwork,
    ) -> Result<EncodedSlice> {
        self.encoded += 1;
        let grey: Array2<f32> =
            plane.map(|&stored| window.to_grey(self.rescale.to_hu(stored.to_f64())) as f32);
        network.encode(&grey)
    }

    /// A voxel in between, in the volume's own type and range.
    fn restore<T: Voxel>(&self, window: Window, unit: f32, a: T, b: T, fraction: f64) -> T {
        let [first, second] = [a, b].map(|stored| self.rescale.to_hu(stored.to_f64()));
        let hu = window.restore(f64::from(unit), first, second, fraction);
        let (low, high) = self.range;
        T::from_f64(self.rescale.from_hu(hu).clamp(low, high))
    }

    fn advance(&mut self, slices: usize) -> Result<()> {
        self.progress.done += slices;
        (self.on_progress)(self.progress)
    }
}
