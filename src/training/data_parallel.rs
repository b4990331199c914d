//! The gradient of one step by several threads, each on its own part of the batch.
//!
//! Threads within one operation gain little on crops; a thread for each part gains nearly as much as there
//! are cores.

use std::collections::BTreeMap;
use std::thread;

use tch::Tensor;

use crate::error::{Error, Result};
use crate::network::{Architecture, Generator, Parameters};
use crate::training::data::batch::Batch;
use crate::training::losses::supervised::supervised_loss;
use crate::training::optim::optimizer::flat_gradient;
use crate::training::settings::Settings;

/// Networks that share the weights of one, each with gradients of its own.
pub(crate) struct DataParallel(Vec<Replica>);

struct Replica {
    network: Box<dyn Generator>,
    /// Views of the shared weights that learn, in their order.
    weights: Vec<Tensor>,
}

impl DataParallel {
    /// `count` workers on the weights of a network, of which those learn that require gradients.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub(crate) fn of(
        weights: &[(String, Tensor)],
        architecture: &Architecture,
        count: usize,
    ) -> Result<DataParallel> {
        let workers = (0..count).map(|_| Replica::of(weights, architecture));
        Ok(DataParallel(workers.collect::<Result<_>>()?))
    }

    /// The supervised loss of a batch, the mean over its crops however they are divided, and its gradient
    /// in one vector.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub(crate) fn gradient(&mut self, batch: &Batch, settings: &Settings) -> Result<(f64, Tensor)> {
        let groups = batch.groups()?;
        let parts = batch.parts(self.0.len() as i64)?;
        let of_parts = thread::scope(|scope| {
            let start = |(worker, part): (_, Batch)| {
                let worker: &mut Replica = worker;
                scope.spawn(move || {
                    let share = part.groups()? as f64 / groups as f64;
                    worker.gradient(&part, share, settings)
                })
            };
            let at_work: Vec<_> = self.0.iter_mut().zip(parts).map(start).collect();
            let panicked = |_| Error::Training("a worker's thread panicked".into());
            let end = |thread: thread::ScopedJoinHandle<_>| thread.join().map_err(panicked)?;
            at_work.into_iter().map(end).collect::<Result<Vec<(f64, Tensor)>>>()
        })?;
        // In the order of the parts, whoever was ready first: a run again gives the same sum.
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
    fn of(weights: &[(String, Tensor)], architecture: &Architecture) -> Result<Replica> {
        let mut shared = BTreeMap::new();
        let mut views = Vec::with_capacity(weights.len());
        for (name, weight) in weights {
            let learns = weight.requires_grad();
            let view = weight.f_detach()?.f_set_requires_grad(learns)?;
            if learns {
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

    /// `share` times the loss of a part of the batch, and the gradient of that.
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
    use tch::{Device, Kind, Tensor};

    /// From a generator of its own: libtorch's is that of all tests that run beside this one.
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

    /// StepLosses of some steps, and the weights after them.
    fn trained(workers: usize) -> (Vec<f64>, Vec<Tensor>) {
        trained_with(workers, 0.0)
    }

    fn trained_with(workers: usize, tissue_bias: f64) -> (Vec<f64>, Vec<Tensor>) {
        let (trainer, losses) = stepped(workers, tissue_bias, None);
        let weights = trainer.generator.weights().iter().map(|(_, weight)| weight.copy()).collect();
        (losses, weights)
    }

    /// A trainer after some steps, and their losses.
    fn stepped(workers: usize, tissue_bias: f64, only: Option<&str>) -> (Trainer, Vec<f64>) {
        let sizes = MotionConfig { context: [4, 4, 4, 4], ..MotionConfig::default() };
        let settings = Settings {
            size: 64,
            batch: 5,
            warm_up: 1,
            content: Content::Psnr,
            optimizer: OptimizerKind::AdamW,
            ssim_weight: 1e-3,
            tissue_bias,
            trainable_prefix: only.map(str::to_string),
            motion: Some(sizes),
            ..Settings::default_for(System::HrinetMotion)
        };
        let mut trainer = Trainer::new(settings, Device::Cpu).unwrap();
        assert_eq!(trainer.set_data_parallel(workers).unwrap(), workers > 1);
        let loss = |seed| trainer.step(&batch(seed)).unwrap().main();
        let losses = (0..3).map(loss).collect();
        (trainer, losses)
    }

    fn furthest_apart(a: &[Tensor], b: &[Tensor]) -> f64 {
        let apart = |(a, b): (&Tensor, &Tensor)| (a - b).abs().max().double_value(&[]);
        a.iter().zip(b).map(apart).fold(0.0, f64::max)
    }

    #[test]
    fn however_many_share_a_batch_it_is_the_same_step() {
        let (alone, weights) = trained(1);
        for workers in [2, 3, 8] {
            let (losses, shared) = trained(workers);
            for (step, (alone, shared)) in alone.iter().zip(&losses).enumerate() {
                let apart = (alone - shared).abs() / alone;
                assert!(apart < 1e-4, "{workers} workers, step {step}: {shared}, alone {alone}");
            }
            // AdamW's first steps follow the gradient's sign alone, in which rounding can show.
            let mean = weights
                .iter()
                .zip(&shared)
                .map(|(a, b)| (a - b).abs().sum(Kind::Double).double_value(&[]));
            let count: usize = weights.iter().map(Tensor::numel).sum();
            let mean = mean.sum::<f64>() / count as f64;
            assert!(mean < 1e-5, "{workers} workers: weights {mean} apart");
        }
    }

    #[test]
    fn bias_by_tissue_counts_whether_or_not_a_batch_is_shared() {
        for workers in [1, 2] {
            let ((without, _), (with, _)) = (trained(workers), trained_with(workers, 1e3));
            let apart = (with[0] - without[0]).abs() / without[0];
            assert!(apart > 1e-3, "{workers} workers: {with:?}, without {without:?}");
        }
    }

    #[test]
    fn a_part_of_the_weights_learns_alone() {
        let mut of_workers = Vec::new();
        for workers in [1, 2] {
            let (trainer, losses) = stepped(workers, 0.0, Some("refinement"));
            let random = Trainer::new(trainer.settings().clone(), Device::Cpu).unwrap();
            for ((name, before), (_, after)) in
                random.generator.weights().iter().zip(trainer.generator.weights())
            {
                let part = name.starts_with("refinement");
                // Layers before the exit, which starts silent, get their first gradient in the second step.
                assert_eq!(before != after, part, "{workers} workers: {name}");
            }
            of_workers.push(losses);
        }
        let apart = (of_workers[0][2] - of_workers[1][2]).abs() / of_workers[0][2];
        assert!(apart < 1e-4, "{of_workers:?}");
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
    fn as_many_workers_give_the_same_weights_again() {
        let ((losses, weights), (again, same)) = (trained(3), trained(3));
        assert_eq!(losses, again);
        assert_eq!(furthest_apart(&weights, &same), 0.0);
    }
}
