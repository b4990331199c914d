//! `hrinet resample --check`: scores of a closed form, the verdict, grain that slices share.

use ndarray::Array3;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde_json::Value;

use crate::common::phantom::write;
use crate::common::program::{fails, files, output, succeeds};
use hrinet::volume::{Geometry, Rescale, Volume};

/// Slices 4 mm apart of pixels of 1 mm.
fn volume(hu: impl Fn(usize, usize, usize) -> f64, slices: usize) -> Volume {
    let array = Array3::from_shape_fn((slices, 48, 64), |(k, j, i)| hu(k, j, i).round() as i16);
    let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 4.0]];
    let geometry = Geometry::new([64, 48, slices], [0.0; 3], steps).expect("a grid");
    Volume::new(array.into(), Rescale::IDENTITY, geometry).expect("a volume")
}

fn report(folder: &std::path::Path) -> Value {
    let text = std::fs::read_to_string(folder.join("report.json")).expect("a report");
    serde_json::from_str(&text).expect("JSON")
}

/// A ramp along the slice axis is its own linear interpolation: 100 dB, which no network reaches.
#[test]
fn where_linear_is_exact_it_is_advised() {
    let folder = tempfile::tempdir().unwrap();
    let ramp = volume(|k, j, i| 20.0 * k as f64 + (i * 7 + j * 3) as f64 - 100.0, 11);
    write(&folder.path().join("ramp.nrrd"), &ramp);
    let arguments = ["resample", "ramp.nrrd", "fine.nrrd", "--check", "--json", "report.json"];
    let (_, said) = succeeds(folder.path(), &arguments);
    assert!(said.contains("hrinet-motion is behind") && said.contains(": choose "), "{said}");
    let check = &report(folder.path())["check"];
    // Two parts of five slices, two dropped in each.
    assert_eq!((&check["slices"], &check["known_spacing_mm"]), (&4.into(), &8.0.into()));
    let by = |name: &str| {
        let all = check["interpolators"].as_array().expect("a list");
        all.iter().find(|of| of["name"] == name).expect("checked").clone()
    };
    assert_eq!(by("linear")["scores"]["psnr"], 100.0);
    let psnr = |name: &str| by(name)["scores"]["psnr"].as_f64().expect("a number");
    assert!((20.0..90.0).contains(&psnr("hrinet-motion")), "{}", psnr("hrinet-motion"));
    assert_eq!(files(folder.path()).len(), 3);
}

/// Averages of two neighbouring noise slices share half of their variance with the next one.
#[test]
fn overlapping_slices_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(8);
    let noise =
        Array3::from_shape_fn((7, 48, 64), |_| 30.0 * random.sample::<f64, _>(StandardNormal));
    let overlapping = volume(|k, j, i| 40.0 + noise[(k, j, i)] + noise[(k + 1, j, i)], 6);
    let apart = volume(|k, j, i| 40.0 + noise[(k, j, i)], 6);
    for (name, volume, share) in [("a.nrrd", overlapping, 0.5), ("b.nrrd", apart, 0.0)] {
        write(&folder.path().join(name), &volume);
        let arguments = ["resample", name, "fine.nrrd", "--check", "--json", "report.json"];
        let (_, said) = succeeds(folder.path(), &[&arguments[..], &["--overwrite"]].concat());
        assert_eq!(said.contains("the slices overlap"), share > 0.4, "{said}");
        let found = report(folder.path())["check"]["grain_correlation"].as_f64().expect("a number");
        assert!((found - share).abs() < 0.1, "{name}: {found}");
    }
}

#[test]
fn check_without_a_network_or_with_a_window_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("ct.nrrd"), &volume(|k, j, i| (k + j + i) as f64, 5));
    let arguments = ["resample", "ct.nrrd", "fine.nrrd", "--check"];
    let said = fails(folder.path(), &[&arguments[..], &["--model", "linear"]].concat(), 1);
    assert!(said.contains("linear is what a network is checked against"), "{said}");
    let refused = output(folder.path(), &[&arguments[..], &["--window", "0,1"]].concat());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && said.contains("cannot be used with"), "{said}");
    assert_eq!(files(folder.path()).len(), 1);
}
