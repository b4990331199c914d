//! Random batches: crops of groups of consecutive slices, by seed and step.

use ndarray::{Array3, Axis as ArrayAxis};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Tensor};

use crate::error::{Error, Result, count_of};
use crate::network::Architecture;
use crate::runtime::memory;
use crate::training::data::batch::{Batch, BatchContext};
use crate::training::data::draw::{Draw, Variety};
use crate::training::data::sharpness::Sharpness;
use crate::training::settings::Settings;
use crate::volume::slice_stack::SliceStack;

/// Draws batches. The batch of a step depends on the seed and the step alone, so that a resumed run
/// has the batches of an unbroken one.
pub struct Sampler<'a> {
    stacks: &'a [SliceStack],
    /// Shares of the stacks up to and including each: a stack is drawn by its share of the sum.
    shares: Vec<u64>,
    size: usize,
    batch: usize,
    variety: Variety,
    sharpness_jitter: f64,
    seed: u64,
    whole_groups: bool,
    context: bool,
}

/// Probability of leaving a context slice out: stacks end, and the network must do without.
const CONTEXT_DROPOUT: f64 = 0.1;

/// Batches in memory at once: in the queue, in the making and at work.
const BATCHES_AT_ONCE: u64 = 5;

/// Bytes of the batches of a run that are in memory at once.
pub(crate) fn batch_bytes(settings: &Settings) -> u64 {
    let gap = settings.gaps.iter().copied().max().unwrap_or_default() as u64;
    // Both ends, the inner slices and the context.
    let slices = if settings.has_whole_groups() { gap.saturating_add(3) } else { 5 };
    let size = settings.size.unsigned_abs();
    let factors = [size, size, slices, settings.batch as u64, BATCHES_AT_ONCE];
    factors.into_iter().fold(size_of::<f32>() as u64, u64::saturating_mul)
}

impl<'a> Sampler<'a> {
    /// Makes a sampler of square crops of `size` pixels, `batch` at a time, from groups with these
    /// gaps: one inner slice a group, without context.
    ///
    /// # Errors
    /// [`Error::Argument`] where a stack is too small for the size or the largest gap.
    pub fn new(
        stacks: &'a [SliceStack],
        size: usize,
        batch: usize,
        gaps: &[usize],
        seed: u64,
    ) -> Result<Sampler<'a>> {
        let largest = gaps.iter().copied().max().unwrap_or(usize::MAX);
        check_stacks(stacks, size, largest.saturating_add(1))?;
        if stacks.is_empty() {
            return Err(Error::Argument("no stack of slices to draw from".into()));
        }
        Ok(Sampler {
            stacks,
            shares: shares(stacks, 1.0),
            size,
            batch,
            variety: Variety {
                gaps: gaps.to_vec(),
                max_gap_mm: f64::MAX,
                thickness: vec![1],
                thin: false,
            },
            sharpness_jitter: 0.0,
            seed,
            whole_groups: false,
            context: false,
        })
    }

    /// Makes the sampler of a run with these settings.
    ///
    /// # Errors
    /// Those of [`Sampler::new`]; [`Error::Memory`] for batches beyond the free memory.
    pub fn for_settings(
        stacks: &'a [SliceStack],
        settings: &Settings,
        architecture: &Architecture,
    ) -> Result<Sampler<'a>> {
        let (size, batch) = (settings.size as usize, settings.batch);
        let advice = format!("a --batch of {} is too large; choose less", settings.batch);
        memory::check(batch_bytes(settings), &advice)?;
        let sampler = Sampler::new(stacks, size, batch, &settings.gaps, settings.seed)?;
        check_stacks(stacks, size, settings.slices_needed())?;
        let whole_groups = settings.has_whole_groups();
        Ok(Sampler {
            shares: shares(stacks, settings.volume_balance),
            variety: Variety::of(settings),
            sharpness_jitter: settings.sharpness_jitter,
            whole_groups,
            context: architecture.has_context(),
            ..sampler
        })
    }

    /// Takes all inner slices of each group instead of one. There must be one gap only.
    pub fn with_whole_groups(mut self) -> Sampler<'a> {
        self.whole_groups = true;
        self
    }

    /// Draws the batch of one step.
    ///
    /// # Errors
    /// [`Error::Torch`] where the device has too little memory.
    pub fn batch(&self, step: u64, device: Device) -> Result<Batch> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(step);
        let inner = if self.whole_groups { self.variety.gaps[0] - 1 } else { 1 };
        let planes = |count: usize| Array3::<f32>::zeros((count, self.size, self.size));
        let mut ends = [planes(self.batch), planes(self.batch)];
        let mut truth = planes(self.batch * inner);
        let mut alpha = Vec::with_capacity(self.batch * inner);
        let mut draws = Vec::with_capacity(self.batch);
        for index in 0..self.batch {
            let draw = self.draw(&mut random);
            for (planes, slice) in ends.iter_mut().zip(draw.ends) {
                draw.fill(planes.index_axis_mut(ArrayAxis(0), index), slice);
            }
            for number in 0..inner {
                let slice = if self.whole_groups { draw.start + 1 + number } else { draw.between };
                let plane = truth.index_axis_mut(ArrayAxis(0), index * inner + number);
                draw.fill_truth(plane, slice);
                alpha.push(draw.alpha(slice));
            }
            draws.push(draw);
        }
        let gap: Vec<i64> = draws.iter().map(|draw| draw.gap as i64).collect();
        // Drawn last, before the context: the draws above are the same with context and without.
        let random_alpha: Vec<f32> = (0..self.batch).map(|_| random.random::<f32>()).collect();
        let tensor = |planes: Array3<f32>| -> Result<Tensor> {
            let side = self.size as i64;
            let values = planes.into_raw_vec_and_offset().0;
            Ok(Tensor::f_from_slice(&values)?.f_view([-1, 1, side, side])?.f_to_device(device)?)
        };
        let sharpness = Sharpness::random(self.sharpness_jitter, self.batch, &mut random, device)?;
        let as_kernel = |planes: Array3<f32>, each: usize| match &sharpness {
            None => tensor(planes),
            Some(sharpness) => sharpness.apply(&tensor(planes)?, each as i64),
        };
        let context = match self.context {
            true => {
                Some(self.context(&draws, &mut random, device, &|planes| as_kernel(planes, 1))?)
            }
            false => None,
        };
        let [first, second] = ends;
        Ok(Batch {
            first: as_kernel(first, 1)?,
            second: as_kernel(second, 1)?,
            truth: as_kernel(truth, inner)?,
            alpha: Tensor::f_from_slice(&alpha)?.f_to_device(device)?,
            gap: Tensor::f_from_slice(&gap)?.f_to_device(device)?,
            random_alpha: Tensor::f_from_slice(&random_alpha)?.f_to_device(device)?,
            context,
        })
    }

    /// Context slices of the groups that were drawn.
    fn context(
        &self,
        draws: &[Draw],
        random: &mut ChaCha8Rng,
        device: Device,
        tensor: &dyn Fn(Array3<f32>) -> Result<Tensor>,
    ) -> Result<BatchContext> {
        let mut slices = Vec::new();
        let mut present = Vec::new();
        for end in 0..2 {
            let mut planes = Array3::<f32>::zeros((draws.len(), self.size, self.size));
            let mut flags = Vec::new();
            for (draw, plane) in draws.iter().zip(planes.outer_iter_mut()) {
                let context = draw.context(end).filter(|_| !random.random_bool(CONTEXT_DROPOUT));
                draw.fill(plane, context.unwrap_or(draw.ends[end]));
                flags.push(if context.is_some() { 1f32 } else { 0.0 });
            }
            slices.push(tensor(planes)?);
            present.push(Tensor::f_from_slice(&flags)?.f_view([-1, 1, 1, 1])?.f_to_device(device)?);
        }
        let wrong = |_| Error::Torch("two ends".into());
        Ok(BatchContext {
            slices: slices.try_into().map_err(wrong)?,
            present: present.try_into().map_err(wrong)?,
        })
    }

    /// Draws one group: its stack, its place, flips and order.
    fn draw(&self, random: &mut ChaCha8Rng) -> Draw<'a> {
        let share = random.random_range(0..self.shares[self.shares.len() - 1]);
        let stack = &self.stacks[self.shares.partition_point(|&upto| upto <= share)];
        Draw::random(stack, self.size, &self.variety, random)
    }
}

/// Refuses stacks that are too small for crops of `size` pixels and groups of `needed` slices.
fn check_stacks(stacks: &[SliceStack], size: usize, needed: usize) -> Result<()> {
    for stack in stacks {
        let (slices, rows, columns) = stack.slices.dim();
        if rows < size || columns < size || slices < needed {
            return Err(Error::Argument(format!(
                "{}: {} of {rows} x {columns}, too small for crops of {size} and groups of \
                 {needed} slices",
                stack.name,
                count_of(slices, "slice")
            )));
        }
    }
    Ok(())
}

/// Shares of the stacks up to and including each: the power `balance` of their voxels.
fn shares(stacks: &[SliceStack], balance: f64) -> Vec<u64> {
    let mut sum = 0;
    let share = |stack: &SliceStack| {
        let voxels = stack.slices.len();
        // Exact for the power of 1.
        sum += if balance == 1.0 { voxels as u64 } else { balanced(voxels, balance) };
        sum
    };
    stacks.iter().map(share).collect()
}

/// A power of a number of voxels, in millionths.
fn balanced(voxels: usize, power: f64) -> u64 {
    ((voxels as f64).powf(power) * 1e6) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stack whose HU are 10 times the slice number, so that the truth is the linear blend.
    fn ramp() -> Vec<SliceStack> {
        let slices = Array3::from_shape_fn((20, 40, 40), |(k, _, _)| 10 * k as i16);
        vec![SliceStack { name: "ramp".into(), slices, spacing_mm: 3.0 }]
    }

    #[test]
    fn truth_of_a_ramp_is_the_blend_at_alpha() {
        let stacks = ramp();
        let sampler = Sampler::new(&stacks, 16, 64, &[2, 3, 6], 1).unwrap();
        let batch = sampler.batch(0, Device::Cpu).unwrap();
        let alpha = batch.alpha.view([-1, 1, 1, 1]);
        let blend: Tensor = &batch.second + (&batch.first - &batch.second) * alpha;
        assert!((blend - &batch.truth).abs().max().double_value(&[]) < 1e-6);
    }

    #[test]
    fn whole_groups_hold_every_inner_slice_at_its_alpha() {
        let stacks = ramp();
        let sampler = Sampler::new(&stacks, 16, 8, &[6], 1).unwrap().with_whole_groups();
        let batch = sampler.batch(3, Device::Cpu).unwrap();
        assert_eq!((batch.groups().unwrap(), batch.truth.size()[0]), (8, 40));
        let each = |ends: &Tensor| ends.repeat_interleave_self_int(5, 0, 40);
        let (first, second) = (each(&batch.first), each(&batch.second));
        let blend: Tensor = &second + (&first - &second) * batch.alpha.view([-1, 1, 1, 1]);
        assert!((blend - &batch.truth).abs().max().double_value(&[]) < 1e-6);
        assert_eq!(batch.endpoints().unwrap().size()[0], 16);
        assert!(batch.random_alpha.min().double_value(&[]) >= 0.0);
        assert!(batch.random_alpha.max().double_value(&[]) < 1.0);
    }

    /// Averages of a ramp are a ramp, and sharpness changes none: the truth stays the blend.
    #[test]
    fn variety_keeps_places_and_alphas() {
        let stacks = ramp();
        let sampler = Sampler::new(&stacks, 16, 64, &[2, 3], 1).unwrap();
        let variety = Variety { thickness: vec![1, 2, 3, 5], ..sampler.variety };
        let sampler = Sampler { variety, sharpness_jitter: 0.3, context: true, ..sampler };
        let batch = sampler.batch(5, Device::Cpu).unwrap();
        let blend = batch.linear_blend().unwrap();
        assert!((blend - &batch.truth).abs().max().double_value(&[]) < 1e-6);
        let BatchContext { slices: [before, _], present: [has_before, _] } =
            batch.context.as_ref().unwrap();
        // Where it is present, the slice before the first continues the ramp.
        let beyond: Tensor = &batch.first + (&batch.first - &batch.second);
        let difference = (beyond - before) * has_before;
        assert!(difference.abs().max().double_value(&[]) < 1e-6);
        assert!(has_before.sum(None).double_value(&[]) > 10.0);
    }

    #[test]
    fn small_volumes_count_as_much_as_the_balance_says() {
        let stack = |rows| SliceStack {
            name: "a".into(),
            slices: Array3::zeros((20, rows, 40)),
            spacing_mm: 3.0,
        };
        let stacks = [stack(40), stack(160)];
        assert_eq!(shares(&stacks, 1.0), [32_000, 160_000]);
        let equal = shares(&stacks, 0.0);
        assert_eq!(equal[1], 2 * equal[0]);
        let root = shares(&stacks, 0.5);
        assert!((root[1] as f64 / root[0] as f64 - 3.0).abs() < 1e-6);
    }

    #[test]
    fn batch_of_a_step_is_independent_of_earlier_steps() {
        let stacks = ramp();
        let sampler = Sampler::new(&stacks, 16, 4, &[2, 6], 1).unwrap();
        let _ = sampler.batch(6, Device::Cpu).unwrap();
        let again = Sampler::new(&stacks, 16, 4, &[2, 6], 1).unwrap();
        let (a, b) = (sampler.batch(7, Device::Cpu).unwrap(), again.batch(7, Device::Cpu).unwrap());
        assert_eq!(a.truth, b.truth);
        assert_eq!(a.alpha, b.alpha);
        assert_ne!(a.truth, sampler.batch(8, Device::Cpu).unwrap().truth);
    }

    #[test]
    fn stacks_that_are_too_small_are_rejected_by_name() {
        let error = Sampler::new(&ramp(), 64, 4, &[2], 1).err().unwrap().to_string();
        assert!(error.contains("ramp: 20 slices of 40 x 40"), "{error}");
        assert!(Sampler::new(&[], 64, 4, &[2], 1).is_err());
    }
}
