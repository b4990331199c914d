//! The regression of Ma et al. with small models that SciPy writes, against NumPy; damaged files.

use std::path::{Path, PathBuf};

use hrinet::metrics::ma::{MaFeatures, MaModel};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

use crate::common::patterns::noise;
use crate::common::python;

#[derive(Deserialize)]
struct Scores {
    scores: Vec<f64>,
}

fn make(folder: &Path, seed: u32, how: &str) -> PathBuf {
    let path = folder.join(format!("model{seed}{how}.mat"));
    let file = path.to_str().unwrap();
    python::run("ma_model.py", &["make", &seed.to_string(), file, how]);
    path
}

#[test]
fn scores_equal_those_of_numpy() {
    let folder = tempfile::tempdir().unwrap();
    let features: Vec<MaFeatures> = (0..4)
        .map(|seed| {
            let image = noise((90, 96 + seed), seed as u32).mapv(|level| level >> seed);
            MaFeatures::of(image.view()).unwrap()
        })
        .collect();
    let groups: Vec<_> = features.iter().map(MaFeatures::groups).collect();
    let groups_file = folder.path().join("features.json");
    std::fs::write(&groups_file, serde_json::to_vec(&groups).unwrap()).unwrap();
    let mut different = 0;
    for (seed, how) in [(1, "plain"), (1, "compressed"), (2, "compressed"), (3, "compressed")] {
        let path = make(folder.path(), seed, how);
        let arguments = ["score", path.to_str().unwrap(), groups_file.to_str().unwrap()];
        let theirs: Scores = serde_json::from_str(&python::run("ma_model.py", &arguments)).unwrap();
        let model = MaModel::read(&path).unwrap();
        assert_eq!(theirs.scores.len(), features.len());
        for (features, theirs) in features.iter().zip(&theirs.scores) {
            let ours = model.score(features);
            assert!((ours - theirs).abs() < 1e-9, "{ours} here, {theirs} there");
        }
        different += usize::from(theirs.scores.windows(2).any(|pair| pair[0] != pair[1]));
    }
    assert!(different > 0, "no model tells the images apart");
}

fn refused(path: &Path) -> String {
    MaModel::read(path).unwrap_err().to_string()
}

#[test]
fn cut_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for how in ["plain", "compressed"] {
        let bytes = std::fs::read(make(folder.path(), 4, how)).unwrap();
        let path = folder.path().join("cut.mat");
        for length in (0..bytes.len()).step_by(97) {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let message = refused(&path);
            assert!(message.contains("cut.mat"), "{message}");
        }
    }
}

/// Any answer will do but a crash, an endless path through a tree or the memory that a damaged size
/// claims.
#[test]
fn changed_files_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(make(folder.path(), 5, "plain")).unwrap();
    let path = folder.path().join("changed.mat");
    let features = MaFeatures::of(noise((90, 90), 1).view()).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(6);
    let mut read = 0;
    for _ in 0..500 {
        let mut changed = bytes.clone();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(128..bytes.len());
            changed[at] = [0, 1, 0x7f, 0xff, random.random()][random.random_range(0..5)];
        }
        std::fs::write(&path, &changed).unwrap();
        if let Ok(model) = MaModel::read(&path) {
            assert!(!model.score(&features).is_nan());
            read += 1;
        }
    }
    assert!(read > 0 && read < 500, "{read} of 500 were read");
}

#[test]
fn other_files_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.mat");
    assert!(refused(&path).contains("model.mat"));
    let good = std::fs::read(make(folder.path(), 7, "plain")).unwrap();
    let mut newer = good.clone();
    newer[..19].copy_from_slice(b"MATLAB 7.3 MAT-file");
    let mut big_endian = good.clone();
    big_endian[124..128].copy_from_slice(&[1, 0, b'M', b'I']);
    // An element that claims 4 GB.
    let mut large = good[..128].to_vec();
    large.extend([14, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    for (bytes, expected) in [
        (newer, "format 7.3"),
        (big_endian, "big-endian"),
        (vec![7; 400], "no MATLAB file"),
        (good[..128].to_vec(), "no variable `model`"),
        (large, "ends early"),
    ] {
        std::fs::write(&path, &bytes).unwrap();
        let message = refused(&path);
        assert!(message.contains(expected) && message.contains("model.mat"), "{message}");
    }
    // Well-formed files of something else, by SciPy.
    for (text, expected) in [
        ("{'model': 3.0}", "no variable `model`"),
        ("{'model': {'linear': [1.0, 2.0, 3.0]}}", "not 4 numbers"),
        ("{'model': {'linear': [1.0, 2.0, 3.0, 4.0]}}", "not a cell array"),
        ("{'model': {'linear': [1.0] * 4, 'rf': np.array([{'ntree': 2.0}] * 3)}}", "nrnodes"),
        ("{'model': {'linear': [1.0] * 4, 'rf': np.array([], object)}}", "0 forests"),
    ] {
        python::run("ma_model.py", &["save", path.to_str().unwrap(), text]);
        let message = refused(&path);
        assert!(message.contains(expected), "{text}: {message}");
    }
}
