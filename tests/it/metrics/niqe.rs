//! NIQE against iqa-torch with its parameters, and fits to closed forms.

use std::collections::BTreeMap;
use std::path::Path;

use hrinet::metrics::niqe::{Niqe, PatchChoice, PatchFeatures};
use hrinet::volume::Window;
use ndarray::Array2;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::common::patterns::noise;
use crate::common::python;

/// Score of the published implementation for one image.
#[derive(Deserialize)]
struct Reference {
    rows: usize,
    columns: usize,
    sha256: String,
    niqe: f64,
}

#[derive(Deserialize)]
struct References {
    images: BTreeMap<String, Reference>,
}

#[derive(Deserialize)]
struct Parameters {
    mean: Vec<f64>,
    covariance: Vec<Vec<f64>>,
}

/// Patches as in the published implementation: of 96 pixels, all of them.
const PUBLISHED: PatchChoice = PatchChoice { side: 96, window: Window::CT, background: -1.0 };

/// Waves, two areas with edges, and grain.
fn waves(rows: usize, columns: usize) -> Array2<u8> {
    let grain = noise((rows, columns), 2024);
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        let (y, x) = (row as f64, column as f64);
        let waves = 60.0 * (x * x / 2200.0).sin() * (y / 7.0).cos();
        let mut level = 128.0 + waves + (f64::from(grain[(row, column)]) - 127.5) / 8.0;
        if (y - 60.0).powi(2) + (x - 40.0).powi(2) < 400.0 {
            level += 50.0;
        }
        if (101..140).contains(&row) && (61..90).contains(&column) {
            level -= 60.0;
        }
        (level.clamp(0.0, 255.0) + 0.5).floor() as u8
    })
}

/// Means of 3 x 3 pixels, rounded down; beyond the border those at the other side.
fn blurred(image: &Array2<u8>) -> Array2<u8> {
    let (rows, columns) = image.dim();
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        let around = (0..9).map(|place| {
            let at =
                ((row + rows + place / 3 - 1) % rows, (column + columns + place % 3 - 1) % columns);
            u32::from(image[at])
        });
        (around.sum::<u32>() / 9) as u8
    })
}

#[test]
fn scores_equal_those_of_iqa_torch_with_its_parameters() {
    let parameters: Parameters =
        serde_json::from_str(&python::run("niqe_parameters.py", &[])).unwrap();
    let niqe = Niqe::new(PUBLISHED, parameters.mean, parameters.covariance).unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/niqe_iqa_torch.json");
    let references: References = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(references.images.len(), 3);
    for (name, expected) in references.images {
        let image = match name.as_str() {
            "noise" => noise((expected.rows, expected.columns), 12345),
            "waves" => waves(expected.rows, expected.columns),
            _ => blurred(&waves(expected.rows, expected.columns)),
        };
        let pixels: Vec<u8> = image.iter().copied().collect();
        let sum: String = Sha256::digest(&pixels).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(sum, expected.sha256, "the pixels of {name}");
        let patches = PUBLISHED.features_of_levels(image.mapv(f64::from).view()).unwrap();
        let score = niqe.score(&patches).unwrap();
        let difference = (score - expected.niqe).abs() / expected.niqe;
        assert!(difference < 1e-6, "{name}: {score} here, {} there", expected.niqe);
        println!("{name}: {score}, relative difference {difference:.1e}");
    }
}

/// Patches of a grainy image at several offsets.
fn patches(state: u32, smooth: bool) -> Vec<PatchFeatures> {
    let grain = noise((256, 320), state);
    let image = if smooth { blurred(&grain) } else { grain };
    PatchChoice::CT.features_of_levels(image.mapv(f64::from).view()).unwrap()
}

#[test]
fn blurred_images_are_farther_from_sharp_ones() {
    let sharp = ("sharp".to_string(), patches(1, false));
    let niqe = Niqe::fit(PatchChoice::CT, std::slice::from_ref(&sharp)).unwrap();
    // Of its own patches: the mean is the same.
    assert!(niqe.score(&sharp.1).unwrap() < 1e-6);
    let other = niqe.score(&patches(2, false)).unwrap();
    let blurred = niqe.score(&patches(2, true)).unwrap();
    assert!(blurred > 5.0 * other, "{blurred} for a blurred image, {other} for a sharp one");
}

#[test]
fn volumes_have_equal_weight_whatever_their_size() {
    let (one, other) = (patches(3, false), patches(4, true));
    let volume = |name: &str, patches: Vec<PatchFeatures>| (name.to_string(), patches);
    let fit = |volumes: &[_]| serde_json::to_value(Niqe::fit(PatchChoice::CT, volumes).unwrap());
    let twice = [one.clone(), one.clone()].concat();
    let empty = volume("empty", Vec::new());
    let plain = fit(&[volume("a", one), volume("b", other.clone())]).unwrap();
    let longer = fit(&[volume("a", twice), volume("b", other), empty]).unwrap();
    assert_eq!(plain["volumes"], longer["volumes"]);
    for (a, b) in
        [(&plain["mean"], &longer["mean"]), (&plain["covariance"][7], &longer["covariance"][7])]
    {
        let numbers = |value: &serde_json::Value| -> Vec<f64> {
            serde_json::from_value(value.clone()).unwrap()
        };
        let pairs = numbers(a).into_iter().zip(numbers(b));
        assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-9));
    }
}

#[test]
fn images_without_a_score_are_refused_with_the_reason() {
    let choice = PatchChoice::CT;
    let small = choice.features(Array2::zeros((47, 200)).view()).unwrap_err().to_string();
    assert!(small.contains("47 x 200") && small.contains("48 x 48"), "{small}");
    let broken = Array2::from_elem((128, 128), f64::NAN);
    assert!(choice.features(broken.view()).unwrap_err().to_string().contains("non-finite"));
    // Air, and tissue of one value: no patches.
    let niqe = Niqe::fit(choice, &[("grain".into(), patches(5, false))]).unwrap();
    for hu in [-1000.0, 40.0] {
        let none = choice.features(Array2::from_elem((128, 128), hu).view()).unwrap();
        assert!(none.is_empty());
        let text = niqe.score(&none).unwrap_err().to_string();
        assert!(text.contains("0 patches are too few"), "{text}");
    }
}

#[test]
fn damaged_parameters_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("niqe.json");
    let niqe = Niqe::fit(PatchChoice::CT, &[("grain".into(), patches(6, false))]).unwrap();
    let whole = serde_json::to_value(&niqe).unwrap();
    std::fs::write(&path, whole.to_string()).unwrap();
    let (read, others) = (Niqe::read(&path).unwrap(), patches(7, true));
    assert_eq!(read.patches, niqe.patches);
    assert!((read.score(&others).unwrap() / niqe.score(&others).unwrap() - 1.0).abs() < 1e-9);
    let with = |key: &str, value: serde_json::Value| {
        let mut changed = whole.clone();
        changed[key] = value;
        changed.to_string()
    };
    let mut uneven = whole.clone();
    uneven["covariance"][3][4] = 1e3.into();
    for (text, expected) in [
        ("{}".to_string(), "no parameters of NIQE"),
        (with("mean", vec![1.0; 35].into()), "mean of 36"),
        (with("covariance", serde_json::json!([[1.0]])), "covariance of 36"),
        (uneven.to_string(), "not symmetric"),
        (with("mean", 1.into()).replace("\"mean\":1", "\"mean\":[1e999]"), "no parameters"),
    ] {
        std::fs::write(&path, &text).unwrap();
        let message = Niqe::read(&path).unwrap_err().to_string();
        assert!(message.contains(expected) && message.contains("niqe.json"), "{message}");
    }
    for side in [15, 65, 100_000] {
        let choice = PatchChoice { side, ..PatchChoice::CT };
        let text = Niqe::fit(choice, &[]).unwrap_err().to_string();
        assert!(text.contains(&format!("patches of {side} pixels")), "{text}");
    }
}
