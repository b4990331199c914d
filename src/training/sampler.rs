//! The batch of every step: crops of groups of consecutive slices.

use ndarray::{Array3, ArrayView2, ArrayViewMut2, Axis as ArrayAxis, s};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Tensor};

use super::data::Stack;
use crate::error::{Error, Result};
use crate::volume::Window;

/// Known slices at both ends of groups, and one slice in between of each.
pub struct Batch {
    /// The first slice of each group, `[N, 1, H, W]`, grey values on [0, 1].
    pub first: Tensor,
    /// The last slice of each group.
    pub second: Tensor,
    /// The slice in between.
    pub truth: Tensor,
    /// Where it lies, `[N]`: 1 is the first slice (the paper's convention).
    pub alpha: Tensor,
}

/// Draws batches. Step `n` of a seed is the same batch whatever came before it, so that a run that
/// is stopped and resumed sees what an unbroken one sees.
pub struct Sampler<'a> {
    stacks: &'a [Stack],
    /// Voxels in the stacks up to and including each: a stack is drawn by its share of them.
    shares: Vec<u64>,
    size: usize,
    batch: usize,
    gaps: Vec<usize>,
    seed: u64,
}

impl<'a> Sampler<'a> {
    /// Square crops of `size` pixels, `batch` at a time, from groups with these gaps.
    ///
    /// # Errors
    /// [`Error::Argument`] where a stack is too small for the size or the largest gap.
    pub fn new(
        stacks: &'a [Stack],
        (size, batch): (usize, usize),
        gaps: &[usize],
        seed: u64,
    ) -> Result<Sampler<'a>> {
        let largest = gaps.iter().copied().max().unwrap_or(usize::MAX);
        let mut shares = Vec::new();
        let mut voxels = 0;
        for stack in stacks {
            let (slices, rows, columns) = stack.slices.dim();
            if rows < size || columns < size || slices <= largest {
                return Err(Error::Argument(format!(
                    "{}: {slices} slices of {rows} x {columns} are too small for crops of {size} \
                     and gaps of {largest}",
                    stack.name
                )));
            }
            voxels += (slices * rows * columns) as u64;
            shares.push(voxels);
        }
        if shares.is_empty() {
            return Err(Error::Argument("no stack of slices to draw from".into()));
        }
        Ok(Sampler { stacks, shares, size, batch, gaps: gaps.to_vec(), seed })
    }

    /// The batch of one step.
    ///
    /// # Errors
    /// [`Error::Torch`] where it does not fit onto the device.
    pub fn batch(&self, step: u64, device: Device) -> Result<Batch> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(step);
        let shape = (self.batch, self.size, self.size);
        let [mut first, mut second, mut truth] =
            std::array::from_fn(|_| Array3::<f32>::zeros(shape));
        let mut alpha = Vec::with_capacity(self.batch);
        for index in 0..self.batch {
            let planes = [&mut first, &mut second, &mut truth];
            let planes = planes.map(|all| all.index_axis_mut(ArrayAxis(0), index));
            alpha.push(self.draw(&mut random, planes));
        }
        let tensor = |planes: Array3<f32>| -> Result<Tensor> {
            let side = self.size as i64;
            let values = planes.into_raw_vec_and_offset().0;
            Ok(Tensor::f_from_slice(&values)?.f_view([-1, 1, side, side])?.f_to_device(device)?)
        };
        Ok(Batch {
            first: tensor(first)?,
            second: tensor(second)?,
            truth: tensor(truth)?,
            alpha: Tensor::f_from_slice(&alpha)?.f_to_device(device)?,
        })
    }

    /// Fills first, second and truth with one crop, flipped and in either order by chance.
    fn draw(&self, random: &mut ChaCha8Rng, planes: [ArrayViewMut2<f32>; 3]) -> f32 {
        let voxel = random.random_range(0..self.shares[self.shares.len() - 1]);
        let stack = &self.stacks[self.shares.partition_point(|&share| share <= voxel)];
        let (slices, rows, columns) = stack.slices.dim();
        let gap = self.gaps[random.random_range(0..self.gaps.len())];
        let start = random.random_range(0..slices - gap);
        let between = random.random_range(1..gap);
        let row = random.random_range(0..=rows - self.size);
        let column = random.random_range(0..=columns - self.size);
        let [upside_down, mirrored, reversed] = std::array::from_fn(|_| random.random_bool(0.5));

        let (first, second) = if reversed { (start + gap, start) } else { (start, start + gap) };
        for (mut plane, index) in planes.into_iter().zip([first, second, start + between]) {
            let crop = stack.slice(index);
            let crop = crop.slice(s![row..row + self.size, column..column + self.size]);
            copy(&mut plane, flipped(crop, upside_down, mirrored));
        }
        let fraction = between as f32 / gap as f32;
        if reversed { fraction } else { 1.0 - fraction }
    }
}

fn flipped(mut crop: ArrayView2<i16>, upside_down: bool, mirrored: bool) -> ArrayView2<i16> {
    if upside_down {
        crop.invert_axis(ArrayAxis(0));
    }
    if mirrored {
        crop.invert_axis(ArrayAxis(1));
    }
    crop
}

fn copy(plane: &mut ArrayViewMut2<f32>, crop: ArrayView2<i16>) {
    plane.zip_mut_with(&crop, |unit, &hu| *unit = Window::CT.to_unit(f64::from(hu)) as f32);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stack whose HU are 10 times the slice number: the truth is the blend at alpha.
    fn ramp() -> Vec<Stack> {
        let slices = Array3::from_shape_fn((20, 40, 40), |(k, _, _)| 10 * k as i16);
        vec![Stack { name: "ramp".into(), slices }]
    }

    #[test]
    fn alpha_places_the_truth_between_its_slices() {
        let stacks = ramp();
        let sampler = Sampler::new(&stacks, (16, 64), &[2, 3, 6], 1).unwrap();
        let batch = sampler.batch(0, Device::Cpu).unwrap();
        let alpha = batch.alpha.view([-1, 1, 1, 1]);
        let blend: Tensor = &batch.second + (&batch.first - &batch.second) * alpha;
        assert!((blend - &batch.truth).abs().max().double_value(&[]) < 1e-6);
    }

    #[test]
    fn a_step_is_the_same_batch_whatever_came_before() {
        let stacks = ramp();
        let sampler = Sampler::new(&stacks, (16, 4), &[2, 6], 1).unwrap();
        let _ = sampler.batch(6, Device::Cpu).unwrap();
        let again = Sampler::new(&stacks, (16, 4), &[2, 6], 1).unwrap();
        let (a, b) = (sampler.batch(7, Device::Cpu).unwrap(), again.batch(7, Device::Cpu).unwrap());
        assert_eq!(a.truth, b.truth);
        assert_eq!(a.alpha, b.alpha);
        assert_ne!(a.truth, sampler.batch(8, Device::Cpu).unwrap().truth);
    }

    #[test]
    fn stacks_that_are_too_small_are_named() {
        let error = Sampler::new(&ramp(), (64, 4), &[2], 1).err().unwrap().to_string();
        assert!(error.contains("ramp: 20 slices of 40 x 40"), "{error}");
        assert!(Sampler::new(&[], (64, 4), &[2], 1).is_err());
    }
}
