//! The gradient of one step by several threads, each on its own part of the batch.
//!
//! Threads within an operation gain little on crops; a thread for each part of the batch gains
//! nearly the number of cores.

use std::collections::BTreeMap;
use std::thread;

use tch::Tensor;

use crate::error::{Error, Result};
use crate::network::{Architecture, Generator, Parameters};
use crate::runtime::threads;
use crate::training::data::batch::Batch;
use crate::training::losses::supervised::supervised_loss;
use crate::training::optim::optimizer::flat_gradient;
use crate::training::settings::Settings;

/// Replicas of a network: shared weights, own gradients.
pub(crate) struct DataParallel(Vec<Replica>);

struct Replica {
    network: Box<dyn Generator>,
    /// Views of the trained weights, in their order.
    weights: Vec<Tensor>,
}

impl DataParallel {
    /// Makes `count` replicas of a network, whose trained weights require gradients.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub(crate) fn new(
        weights: &[(String, Tensor)],
        architecture: &Architecture,
        count: usize,
    ) -> Result<DataParallel> {
        let replicas = (0..count).map(|_| Replica::new(weights, architecture));
        Ok(DataParallel(replicas.collect::<Result<_>>()?))
    }

    /// Computes the supervised loss of a batch, the mean over its crops, and its gradient in one
    /// vector.
    ///
    /// # Errors
    /// [`Error::Torch`]; [`Error::Device`] where a thread cannot be started.
    pub(crate) fn gradient(&mut self, batch: &Batch, settings: &Settings) -> Result<(f64, Tensor)> {
        let groups = batch.groups()?;
        let parts = batch.parts(self.0.len() as i64)?;
        let of_parts = thread::scope(|scope| {
            let start = |(replica, part): (_, Batch)| {
                let replica: &mut Replica = replica;
                let compute = move || {
                    let share = part.groups()? as f64 / groups as f64;
                    replica.gradient(&part, share, settings)
                };
                thread::Builder::new().spawn_scoped(scope, compute).map_err(threads::unavailable)
            };
            let started: Vec<_> = self.0.iter_mut().zip(parts).map(start).collect::<Result<_>>()?;
            let panicked = |_| Error::Training("a thread of a replica panicked".into());
            let end = |thread: thread::ScopedJoinHandle<_>| thread.join().map_err(panicked)?;
            started.into_iter().map(end).collect::<Result<Vec<(f64, Tensor)>>>()
        })?;
        // Added in the order of the parts, so that the sum is reproducible.
        let mut sum = None::<(f64, Tensor)>;
        for (loss, gradient) in of_parts {
            sum = Some(match sum {
                Some((losses, gradients)) => (losses + loss, gradients.f_add(&gradient)?),
                None => (loss, gradient),
            });
        }
        sum.ok_or_else(|| Error::Argument("a batch of no crops".into()))
    }
}

impl Replica {
    fn new(weights: &[(String, Tensor)], architecture: &Architecture) -> Result<Replica> {
        let mut shared = BTreeMap::new();
        let mut views = Vec::with_capacity(weights.len());
        for (name, weight) in weights {
            let trained = weight.requires_grad();
            let view = weight.f_detach()?.f_set_requires_grad(trained)?;
            if trained {
                views.push(view.shallow_clone());
            }
            shared.insert(name.clone(), view);
        }
        let device = weights.first().map_or(tch::Device::Cpu, |(_, weight)| weight.device());
        let mut parameters = Parameters::from_tensors(shared, device);
        let network = architecture.build(&mut parameters)?;
        parameters.finish()?;
        Ok(Replica { network, weights: views })
    }

    /// Computes `share` times the loss of a part of the batch, and the gradient of that.
    fn gradient(&mut self, part: &Batch, share: f64, settings: &Settings) -> Result<(f64, Tensor)> {
        let loss = supervised_loss(self.network.as_ref(), part, settings)?.f_mul_scalar(share)?;
        let gradient = flat_gradient(&self.weights, &loss)?;
        Ok((loss.f_double_value(&[])?, gradient))
    }
}

#[cfg(test)]
mod tests {
    use crate::network::System;
    use crate::network::motion::config::MotionConfig;
    use crate::training::data::batch::BatchContext;
    use crate::training::settings::{Content, OptimizerKind};
    use crate::training::{Batch, Settings, Trainer};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use std::collections::BTreeMap;
    use tch::{Device, Kind, Tensor};

    /// Random images by a generator of their own: libtorch's is shared by all tests of the process.
    fn batch(seed: u64) -> Batch {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut images = || {
            let values: Vec<f32> = (0..5 * 64 * 64).map(|_| random.random()).collect();
            Tensor::from_slice(&values).view([5, 1, 64, 64])
        };
        let present = || Tensor::from_slice(&[1f32, 0.0, 1.0, 1.0, 0.0]).view([-1, 1, 1, 1]);
        let context =
            BatchContext { slices: [images(), images()], present: [present(), present()] };
        let alpha = Tensor::from_slice(&[0.5f32, 0.25, 0.75, 0.2, 0.6]);
        let (first, second, truth) = (images(), images(), images());
        let gap = Tensor::from_slice(&[2i64, 4, 4, 5, 5]);
        Batch {
            first,
            second,
            truth,
            random_alpha: alpha.copy(),
            alpha,
            gap,
            context: Some(context),
        }
    }

    /// Losses of some steps, and the weights after them.
    fn trained(threads: usize) -> (Vec<f64>, Vec<Tensor>) {
        trained_with(threads, 0.0)
    }

    fn trained_with(threads: usize, tissue_bias: f64) -> (Vec<f64>, Vec<Tensor>) {
        let (trainer, losses) = stepped(threads, tissue_bias, None);
        (losses, weights(&trainer).into_values().collect())
    }

    fn weights(trainer: &Trainer) -> BTreeMap<String, Tensor> {
        let copy = |(name, weight): (String, Tensor)| (name, weight.copy());
        trainer.stage.weights().group("generator").into_iter().map(copy).collect()
    }

    /// A trainer after some steps, and their losses.
    fn stepped(threads: usize, tissue_bias: f64, prefix: Option<&str>) -> (Trainer, Vec<f64>) {
        let sizes = MotionConfig { context: [4, 4, 4, 4], ..MotionConfig::default() };
        let settings = Settings {
            size: 64,
            batch: 5,
            warm_up: 1,
            content: Content::Psnr,
            optimizer: OptimizerKind::AdamW,
            ssim_weight: 1e-3,
            tissue_bias,
            trainable_prefix: prefix.map(str::to_string),
            motion: Some(sizes),
            ..Settings::default_for(System::HrinetMotion)
        };
        let mut trainer = Trainer::new(settings, Device::Cpu).unwrap();
        assert_eq!(trainer.set_data_parallel(threads).unwrap(), threads > 1);
        let loss = |seed| trainer.step(&batch(seed)).unwrap().primary();
        let losses = (0..3).map(loss).collect();
        (trainer, losses)
    }

    fn max_difference(a: &[Tensor], b: &[Tensor]) -> f64 {
        let difference = |(a, b): (&Tensor, &Tensor)| (a - b).abs().max().double_value(&[]);
        a.iter().zip(b).map(difference).fold(0.0, f64::max)
    }

    #[test]
    fn step_is_independent_of_thread_count() {
        let (alone, weights) = trained(1);
        for threads in [2, 3, 8] {
            let (losses, shared) = trained(threads);
            for (step, (alone, shared)) in alone.iter().zip(&losses).enumerate() {
                let difference = (alone - shared).abs() / alone;
                assert!(difference < 1e-4, "{threads} threads, step {step}: {shared}, one {alone}");
            }
            // AdamW's first steps follow the gradient's sign alone, which rounding can turn.
            let mean = weights
                .iter()
                .zip(&shared)
                .map(|(a, b)| (a - b).abs().sum(Kind::Double).double_value(&[]));
            let count: usize = weights.iter().map(Tensor::numel).sum();
            let mean = mean.sum::<f64>() / count as f64;
            assert!(mean < 1e-5, "{threads} threads: weights differ by {mean}");
        }
    }

    #[test]
    fn tissue_bias_is_part_of_the_loss_for_any_thread_count() {
        for threads in [1, 2] {
            let ((without, _), (with, _)) = (trained(threads), trained_with(threads, 1e3));
            let difference = (with[0] - without[0]).abs() / without[0];
            assert!(difference > 1e-3, "{threads} threads: {with:?}, without {without:?}");
        }
    }

    #[test]
    fn weights_without_the_prefix_are_frozen() {
        let mut last = Vec::new();
        for threads in [1, 2] {
            let (trainer, losses) = stepped(threads, 0.0, Some("refinement"));
            let random = Trainer::new(trainer.settings().clone(), Device::Cpu).unwrap();
            let after = weights(&trainer);
            for (name, before) in weights(&random) {
                let trained = name.starts_with("refinement");
                // Layers before the last, which begins at zero, have a gradient from step 2 on.
                assert_eq!(before != after[&name], trained, "{threads} threads: {name}");
            }
            last.push(losses[2]);
        }
        assert!((last[0] - last[1]).abs() / last[0] < 1e-4, "{last:?}");
        let settings = Settings {
            trainable_prefix: Some("nothing".into()),
            ..Settings::default_for(System::HrinetMotion)
        };
        let error = Trainer::new(settings, Device::Cpu).err().unwrap().to_string();
        assert!(
            error.contains("nothing...; the network has decoder, encoder, refinement"),
            "{error}"
        );
    }

    #[test]
    fn same_thread_count_gives_the_same_weights_bit_for_bit() {
        let ((losses, weights), (again, same)) = (trained(3), trained(3));
        assert_eq!(losses, again);
        assert_eq!(max_difference(&weights, &same), 0.0);
    }
}
