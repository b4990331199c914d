//! Features of Ma et al. against values of the authors' program, and images without features.

use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::path::Path;

use hrinet::evaluation::hounsfield;
use hrinet::io;
use hrinet::metrics::grey_levels;
use hrinet::metrics::ma::MaFeatures;
use hrinet::volume::{Axis, Window};
use ndarray::Array2;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::common::patterns::noise;

/// Values of the authors' program for one image.
#[derive(Deserialize)]
struct Reference {
    rows: usize,
    columns: usize,
    sha256: String,
    ct: Option<String>,
    #[serde(default)]
    slice: usize,
    block_dct: Vec<f64>,
    pyramid: Vec<f64>,
    singular_values: Vec<f64>,
}

#[derive(Deserialize)]
struct References {
    images: BTreeMap<String, Reference>,
}

fn references() -> BTreeMap<String, Reference> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ma_features.json");
    serde_json::from_slice::<References>(&std::fs::read(file).unwrap()).unwrap().images
}

fn chirp() -> Array2<u8> {
    Array2::from_shape_fn((192, 192), |(y, x)| {
        (128.0 + 100.0 * (PI * (x * x + y * y) as f64 / 600.0).cos()).floor() as u8
    })
}

/// A pattern with edges, whose sides are odd.
fn odd() -> Array2<u8> {
    let grain = noise((131, 97), 2024);
    Array2::from_shape_fn((131, 97), |(row, column)| {
        let (y, x) = (row as f64, column as f64);
        let waves = 60.0 * (x * x / 220.0).sin() * (y / 7.0).cos();
        let mut level = 128.0 + waves + (f64::from(grain[(row, column)]) - 127.5) / 8.0;
        if (y - 60.0).powi(2) + (x - 40.0).powi(2) < 400.0 {
            level += 50.0;
        }
        if row > 100 && column > 60 {
            level = 17.0;
        }
        (level.clamp(0.0, 255.0) + 0.5).floor() as u8
    })
}

fn check(name: &str, image: &Array2<u8>) {
    let expected = &references()[name];
    assert_eq!(image.dim(), (expected.rows, expected.columns), "{name}");
    let pixels: Vec<u8> = image.iter().copied().collect();
    let sum: String = Sha256::digest(&pixels).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(sum, expected.sha256, "the pixels of {name}");
    let features = MaFeatures::of(image.view()).unwrap();
    let groups = [&expected.block_dct, &expected.pyramid, &expected.singular_values];
    let mut largest = 0.0f64;
    for (group, (ours, theirs)) in features.groups().into_iter().zip(groups).enumerate() {
        assert_eq!(ours.len(), theirs.len());
        for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            let difference = (ours - theirs).abs() / theirs.abs();
            assert!(difference < 1e-6, "{name} {group} {index}: {ours} here, {theirs} there");
            largest = largest.max(difference);
        }
    }
    println!("{name}: largest relative difference {largest:.1e}");
}

#[test]
fn features_of_patterns_equal_those_of_the_authors() {
    check("chirp192", &chirp());
    check("noise160", &noise((160, 160), 12345));
    check("odd131x97", &odd());
}

#[test]
fn features_of_ct_slices_equal_those_of_the_authors() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    for (name, reference) in references() {
        let Some(file) = reference.ct.as_ref().map(|file| root.join(file)) else { continue };
        if !file.exists() {
            println!("skipped: no CT at {}", file.display());
            continue;
        }
        let hu = hounsfield(&io::read(&file).unwrap(), Axis::K, reference.slice);
        check(&name, &grey_levels(hu.view(), Window::CT).unwrap());
    }
}

fn refused(image: &Array2<u8>) -> String {
    MaFeatures::of(image.view()).unwrap_err().to_string()
}

#[test]
fn images_without_features_are_refused_with_the_reason() {
    let text = refused(&Array2::from_elem((100, 120), 37));
    assert!(text.contains("single grey level 37"), "{text}");
    for image in [
        Array2::from_shape_fn((100, 120), |(row, _)| (row * 31 % 251) as u8),
        Array2::from_shape_fn((128, 128), |(_, column)| u8::from(column % 9 < 4) * 200),
        Array2::from_shape_fn((128, 128), |(row, column)| ((row + column) * 37 % 64) as u8),
    ] {
        let text = refused(&image);
        assert!(text.contains("along one direction only"), "{text}");
    }
    for size in [(83, 83), (20, 4000), (0, 0), (1, 1), (44, 400)] {
        let text = refused(&noise(size, 1));
        assert!(text.contains("too small") && text.contains(&format!("{} x", size.0)), "{text}");
    }
}

#[test]
fn smallest_and_nearly_flat_images_have_finite_features() {
    let mut nearly_flat = Array2::from_elem((84, 84), 9);
    nearly_flat[(40, 43)] = 10;
    let mut half_flat = noise((160, 200), 5);
    half_flat.slice_mut(ndarray::s![.., 100..]).fill(0);
    for image in [noise((84, 84), 3), noise((45, 180), 4), nearly_flat, half_flat] {
        let features = MaFeatures::of(image.view()).unwrap();
        let groups = features.groups();
        assert!(groups.iter().all(|group| group.iter().all(|value| value.is_finite())));
    }
}
