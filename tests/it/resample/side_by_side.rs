//! Pairs side by side on several threads: the voxels of one thread, errors, cancelling.

use std::sync::atomic::{AtomicUsize, Ordering};

use hrinet::evaluation::{Comparison, evaluate};
use hrinet::network::{EncodedSlice, Model, Neighbours, SliceNetwork};
use hrinet::resample::{Interpolator, InterpolatorOptions, Job, Plan, Spacing};
use hrinet::runtime::threads;
use hrinet::volume::Volume;
use hrinet::{Error, Precision, PrecisionChoice, Result};
use ndarray::{Array2, Array3};
use tch::Device;

use crate::common::phantom::moving_discs;

/// Slice, expected errors, and counts of a job on so many threads.
fn resampled(
    volume: &Volume,
    interpolator: &Interpolator,
    count: usize,
) -> (Volume, Volume, usize) {
    let _restored = threads::restored();
    threads::set_current(count);
    let plan = Plan::new(volume.geometry(), None, &Spacing::Factor(3)).expect("a plan");
    let mut job = Job::new(&plan, interpolator, volume);
    job.expected_error = true;
    let mut reported = Vec::new();
    let outputs = job.run(&mut |progress| {
        reported.push(progress.done);
        Ok(())
    });
    let outputs = outputs.expect("resamples");
    assert!(reported.is_sorted() && reported.last() == Some(&plan.interpolated_count()));
    assert_eq!(threads::current(), count);
    (outputs.volume, outputs.others.expected_error.expect("asked for"), outputs.others.work.encoded)
}

/// Whether all voxels of two volumes are within 1 HU.
fn is_close(one: &Volume, other: &Volume) -> bool {
    assert_eq!(one.voxels().shape(), other.voxels().shape());
    let mut pairs = one.voxels().values().zip(other.voxels().values());
    pairs.all(|(a, b)| (a - b).abs() <= 1.0)
}

#[test]
fn voxels_are_those_of_one_thread() {
    let volume = moving_discs(64, 8, 1);
    for (name, ensemble) in [("hrinet-motion", false), ("hrinet-motion", true)] {
        let options = InterpolatorOptions { ensemble, ..InterpolatorOptions::on("cpu") };
        let interpolator = Interpolator::load(name, &options).expect("a shipped model");
        let (alone, errors, encoded) = resampled(&volume, &interpolator, 1);
        for count in [2, 3, 7, 16] {
            let (together, same_errors, same_encoded) = resampled(&volume, &interpolator, count);
            assert_eq!([encoded, same_encoded], [8, 8]);
            if count <= 7 {
                assert_eq!(alone.voxels(), together.voxels(), "{name}, {count} threads");
                assert_eq!(errors.voxels(), same_errors.voxels(), "{name}, {count} threads");
                continue;
            }
            // With more threads than the seven pairs, operations have several, and some processors
            // round their sums otherwise.
            assert!(is_close(&alone, &together), "{name}, {count} threads");
            assert!(is_close(&errors, &same_errors), "{name}, {count} threads: expected errors");
        }
    }
}

/// A network whose replicas fail at the pair that begins with a bright slice.
struct Failing {
    model: Model,
    decoded: &'static AtomicUsize,
}

impl SliceNetwork for Failing {
    fn window_hu(&self) -> [f64; 2] {
        self.model.window_hu()
    }

    fn encode(&self, slice: &Array2<f32>) -> Result<EncodedSlice> {
        self.model.encode(slice)
    }

    fn decode(&self, neighbours: &Neighbours, fractions: &[f64]) -> Result<Array3<f32>> {
        match self.decoded.fetch_add(1, Ordering::SeqCst) {
            3 => Err(Error::Argument("a broken network".into())),
            _ => self.model.decode(neighbours, fractions),
        }
    }

    fn replica(&self) -> Result<Option<Box<dyn SliceNetwork + Send>>> {
        let model = Model::load("hrinet-motion-small", Device::Cpu)?;
        Ok(Some(Box::new(Failing { model, decoded: self.decoded })))
    }

    fn decode_batch(&self, pixels: usize) -> usize {
        self.model.decode_batch(pixels)
    }

    fn working_bytes(&self, pixels: usize) -> u64 {
        self.model.working_bytes(pixels)
    }
}

#[test]
fn error_of_a_thread_and_cancelling_end_the_job() {
    static DECODED: AtomicUsize = AtomicUsize::new(0);
    let volume = moving_discs(64, 24, 2);
    let plan = Plan::new(volume.geometry(), None, &Spacing::Factor(2)).expect("a plan");
    let model = || Model::load("hrinet-motion-small", Device::Cpu).expect("a shipped model");
    let failing = Interpolator::from(Failing { model: model(), decoded: &DECODED });
    let sound = Interpolator::from(model());
    let _restored = threads::restored();
    threads::set_current(3);
    let error = Job::new(&plan, &failing, &volume).run(&mut |_| Ok(())).err().expect("it fails");
    assert!(error.to_string().contains("a broken network"), "{error}");
    // Every thread ends with the slice that it had begun.
    assert!(DECODED.load(Ordering::SeqCst) <= 3 + 3 + 3);
    let mut done = 0;
    let cancelled = Job::new(&plan, &sound, &volume).run(&mut |progress| {
        done = progress.done;
        if done >= 4 { Err(Error::Cancelled) } else { Ok(()) }
    });
    assert!(matches!(cancelled, Err(Error::Cancelled)) && done == 4);
    assert_eq!(threads::current(), 3);
}

#[test]
fn bfloat16_is_close_to_float32() {
    let volume = moving_discs(128, 9, 3);
    let of = |precision| {
        let precision = PrecisionChoice::Only(precision);
        let options = InterpolatorOptions { precision, ..InterpolatorOptions::on("cpu") };
        let interpolator = Interpolator::load("hrinet-motion", &options).expect("a shipped model");
        let (slices, _, _) = resampled(&volume, &interpolator, 1);
        let comparison = Comparison::new(&volume, 2);
        let evaluation = evaluate(&comparison, &interpolator, &mut |_| Ok(())).expect("evaluates");
        (slices.voxels().values().collect::<Vec<f64>>(), evaluation.scores.psnr)
    };
    let [(full, psnr), (half, half_psnr)] = [Precision::Float32, Precision::Bfloat16].map(of);
    let differences: Vec<f64> = full.iter().zip(&half).map(|(a, b)| (a - b).abs()).collect();
    let mean = differences.iter().sum::<f64>() / differences.len() as f64;
    let most = differences.into_iter().fold(0.0, f64::max);
    assert!(mean > 0.0 && mean < 0.3 && most < 25.0, "{mean} and {most} HU");
    assert!((psnr - half_psnr).abs() < 0.02, "{psnr} and {half_psnr} dB");
    // Again the same bits.
    assert_eq!(of(Precision::Bfloat16).0, half);
}
