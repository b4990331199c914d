//! PSNR, SSIM, RMSE and HU errors against scikit-image and NumPy, on random slices and on a CT.

use crate::common::python;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hrinet::metrics::SliceScores;
use hrinet::volume::Window;
use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Only the order of the sums differs: the largest difference seen is 2e-11, of a bias of 3000 HU.
const TOLERANCE: f64 = 1e-10;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn oracle(arguments: &[&str]) -> String {
    python::run("metrics_skimage.py", arguments)
}

fn write(folder: &Path, name: &str, kind: &str, slice: &Array2<f64>) {
    let bytes: Vec<u8> = slice.iter().flat_map(|value| value.to_le_bytes()).collect();
    let (rows, columns) = slice.dim();
    std::fs::write(folder.join(format!("{name}_{rows}x{columns}.{kind}")), bytes).unwrap();
}

fn read(folder: &Path, name: &str, kind: &str) -> Array2<f64> {
    let (_, shape) = name.split_once('_').unwrap();
    let (rows, columns) = shape.split_once('x').unwrap();
    let bytes = std::fs::read(folder.join(format!("{name}.{kind}"))).unwrap();
    let values = bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
    Array2::from_shape_vec((rows.parse().unwrap(), columns.parse().unwrap()), values).unwrap()
}

/// Every pair in the folder, scored here and there.
fn compare(folder: &Path, window: Window, pairs: usize) {
    let folder_name = folder.to_str().unwrap();
    let printed =
        oracle(&["score", folder_name, &window.low.to_string(), &window.high.to_string()]);
    let theirs: BTreeMap<String, SliceScores> = serde_json::from_str(&printed).unwrap();
    assert_eq!(theirs.len(), pairs);
    for (name, theirs) in theirs {
        let (truth, prediction) = (read(folder, &name, "truth"), read(folder, &name, "prediction"));
        let ours = SliceScores::of(truth.view(), prediction.view(), window).unwrap();
        for (what, ours, theirs) in [
            ("psnr", ours.psnr, theirs.psnr),
            ("ssim", ours.ssim, theirs.ssim),
            ("rmse", ours.rmse, theirs.rmse),
            ("bias", ours.bias_hu, theirs.bias_hu),
            ("mean absolute", ours.mean_absolute_hu, theirs.mean_absolute_hu),
        ] {
            assert!(
                (ours - theirs).abs() < TOLERANCE,
                "{name} {what}: {ours} here, {theirs} there"
            );
        }
    }
}

#[test]
fn scores_agree_with_scikit_image_on_random_slices() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let shapes = [(11, 11), (11, 64), (37, 12), (63, 41), (128, 130)];
    for (index, shape) in shapes.into_iter().enumerate() {
        // Beyond the window on both sides, and errors from small to as large as the slice.
        let truth = Array2::from_shape_simple_fn(shape, || random.random_range(-1500.0..1500.0));
        let reach = 3.0 * 10f64.powi(index as i32);
        let prediction = truth.mapv(|hu: f64| hu + random.random_range(-reach..1.2 * reach));
        write(folder.path(), "random", "truth", &truth);
        write(folder.path(), "random", "prediction", &prediction);
    }
    compare(folder.path(), Window::CT, shapes.len());
    compare(folder.path(), Window { low: -160.0, high: 240.0 }, shapes.len());
}

#[test]
fn scores_agree_with_scikit_image_on_a_ct() {
    let kept = [".samples/cxr.nii.gz", "../shared/ct/test/sts003.nii.gz"];
    let Some(ct) = kept.into_iter().map(|path| root().join(path)).find(|path| path.exists()) else {
        println!("skipped: no .samples/cxr.nii.gz; scripts/dev/fetch-samples fetches it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    oracle(&["ct", ct.to_str().unwrap(), folder.path().to_str().unwrap()]);
    compare(folder.path(), Window::CT, 5);
}

/// Single precision goes in as it is: the same scores as its doubles.
#[test]
fn single_precision_is_scored_as_its_doubles() {
    let mut random = ChaCha8Rng::seed_from_u64(8);
    let truth = Array2::from_shape_simple_fn((20, 30), || random.random_range(-900.0f32..900.0f32));
    let prediction = truth.mapv(|hu| hu + random.random_range(-50.0f32..50.0f32));
    let single = SliceScores::of(truth.view(), prediction.view(), Window::CT).unwrap();
    let (truth, prediction) = (truth.mapv(f64::from), prediction.mapv(f64::from));
    let double = SliceScores::of(truth.view(), prediction.view(), Window::CT).unwrap();
    assert_eq!(single, double);
}
