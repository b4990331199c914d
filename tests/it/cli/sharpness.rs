//! `hrinet evaluate --sharpness` on grainy volumes, and on volumes without a score.

use std::path::Path;

use hrinet::evaluation::hounsfield;
use hrinet::metrics::grey_levels;
use hrinet::metrics::ma::{MaFeatures, MaModel};
use hrinet::metrics::niqe::Niqe;
use hrinet::volume::{Axis, Geometry, Rescale, Volume, Window};
use ndarray::Array3;
use serde_json::Value;

use crate::common::patterns::noise;
use crate::common::phantom::write;
use crate::common::program::{fails, succeeds};
use crate::common::python;

/// Slices of grain that differ, -400 to 365 HU; slice `flat`, where it is one, is of one value.
fn grain(size: [usize; 3], state: u32, flat: Option<usize>) -> Volume {
    let [slices, rows, columns] = size;
    let levels = noise((slices * rows, columns), state);
    let array = Array3::from_shape_fn(size, |(k, j, i)| match flat {
        Some(flat) if flat == k => 40,
        _ => 3 * i16::from(levels[(k * rows + j, i)]) - 400,
    });
    let steps = [[0.8, 0.0, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, 3.0]];
    let geometry = Geometry::new([columns, rows, slices], [0.0; 3], steps).unwrap();
    Volume::new(array.into(), Rescale::IDENTITY, geometry).unwrap()
}

fn json(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

/// The line of a volume and model.
fn line<'a>(report: &'a Value, volume: &str, model: &str) -> &'a Value {
    let lines = report["sharpness"]["volumes"].as_array().unwrap();
    lines.iter().find(|line| line["volume"] == volume && line["model"] == model).unwrap()
}

#[test]
fn true_slices_and_models_are_scored_as_by_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let volume = grain([5, 96, 112], 1, None);
    write(&folder.path().join("grain.nrrd"), &volume);
    let model_file = folder.path().join("model.mat");
    python::run("ma_model.py", &["make", "1", model_file.to_str().unwrap(), "compressed"]);
    let arguments = ["evaluate", "--data", "grain.nrrd", "--gap", "2", "--models", "linear,cubic"];
    let with = |more: &[&'static str]| [&arguments[..], more].concat();
    let sharpness = ["--sharpness", "--json", "scores.json", "-q"];
    let (said, _) = succeeds(folder.path(), &with(&sharpness));
    assert!(said.contains("Ma et al.: left out") && said.contains("--ma-model"), "{said}");
    assert!(json(folder.path(), "scores.json")["sharpness"]["mean"][0]["ma"].is_null());
    let row = said.lines().find(|line| line.contains("true slices")).unwrap();
    assert!(row.split('|').any(|cell| cell.trim() == "0.00"), "{row}");

    let model = ["--ma-model", "model.mat"];
    let (said, _) = succeeds(folder.path(), &with(&[&sharpness[..], &model].concat()));
    assert!(said.contains("| Ma et al. |") && !said.contains("left out"), "{said}");
    let report = json(folder.path(), "scores.json");
    // Slices 1 and 3 were dropped.
    let (niqe, ma) = (Niqe::shipped().unwrap(), MaModel::read(&model_file).unwrap());
    let dropped = [1, 3].map(|index| hounsfield(&volume, Axis::K, index));
    let patches: Vec<_> =
        dropped.iter().flat_map(|hu| niqe.patches.features(hu.view()).unwrap()).collect();
    let scores = dropped.each_ref().map(|hu| {
        let levels = grey_levels(hu.view(), Window::CT).unwrap();
        ma.score(&MaFeatures::of(levels.view()).unwrap())
    });
    let real = line(&report, "grain", "true slices");
    let near = |value: &Value, expected: f64| (value.as_f64().unwrap() - expected).abs() < 1e-9;
    assert!(near(&real["niqe"], niqe.score(&patches).unwrap()), "{real}");
    assert!(near(&real["ma"], (scores[0] + scores[1]) / 2.0), "{real}");
    assert_eq!((&real["slices"], &real["patches"]), (&2.into(), &8.into()));
    // Means of two slices of grain have less of it.
    let linear = line(&report, "grain", "linear");
    assert!(linear["niqe_to_true"].as_f64().unwrap() > 1.0, "{linear}");
}

#[test]
fn volumes_without_a_score_give_a_reason_and_no_number() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("small.nrrd"), &grain([5, 40, 40], 2, None));
    write(&folder.path().join("flat.nrrd"), &grain([5, 96, 112], 3, Some(1)));
    let model_file = folder.path().join("model.mat");
    python::run("ma_model.py", &["make", "2", model_file.to_str().unwrap(), "plain"]);
    let arguments = ["evaluate", "--data", ".", "--gap", "2", "--models", "linear", "--sharpness"];
    let more = ["--ma-model", "model.mat", "--json", "scores.json", "-q"];
    let (said, _) = succeeds(folder.path(), &[&arguments[..], &more].concat());
    assert!(
        !said.contains("NaN") && said.contains("slices without a score were left out"),
        "{said}"
    );
    let report = json(folder.path(), "scores.json");
    for model in ["true slices", "linear"] {
        let small = line(&report, "small", model);
        assert!(small["niqe"].is_null() && small["ma"].is_null(), "{small}");
        assert!(small["left_out"].as_str().unwrap().contains("40 x 40"), "{small}");
    }
    // Of the two dropped slices, the flat one has no score.
    let flat = line(&report, "flat", "true slices");
    assert_eq!((&flat["slices"], &flat["ma_slices"]), (&2.into(), &1.into()));
    assert!(flat["niqe"].is_number() && flat["ma"].is_number(), "{flat}");
    assert!(flat["left_out"].as_str().unwrap().contains("single grey level"), "{flat}");
    // The mean is over the volume in which all have a score.
    let mean = report["sharpness"]["mean"].as_array().unwrap();
    assert_eq!(mean[0]["niqe"], flat["niqe"]);
    assert_eq!(mean[1]["niqe"], line(&report, "flat", "linear")["niqe"]);
}

#[test]
fn own_parameters_are_fitted_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    write(&data.join("a.nrrd"), &grain([5, 96, 112], 4, None));
    write(&data.join("b.nrrd"), &grain([3, 96, 160], 5, None));
    succeeds(folder.path(), &["evaluate", "--data", "data", "--fit-sharpness", "niqe.json", "-q"]);
    let fitted = Niqe::read(&folder.path().join("niqe.json")).unwrap();
    assert_eq!(fitted.volumes, ["a", "b"]);
    let arguments = ["evaluate", "--data", "data", "--gap", "2", "--models", "linear", "-q"];
    let own = ["--sharpness", "--sharpness-model", "niqe.json", "--json", "own.json"];
    succeeds(folder.path(), &[&arguments[..], &own].concat());
    let report = json(folder.path(), "own.json");
    // The grain of true slices is what the parameters describe, that of linear ones is not.
    let niqe = |model: &str| line(&report, "a", model)["niqe"].as_f64().unwrap();
    assert!(3.0 * niqe("true slices") < niqe("linear"), "{report}");

    for (more, status, expected) in [
        (["--sharpness", "--sharpness-model", "data/a.nrrd"], 1, "no parameters of NIQE"),
        (["--sharpness", "--ma-model", "niqe.json"], 1, "no MATLAB file"),
        (["--sharpness", "--ma-model", "none.mat"], 1, "none.mat"),
    ] {
        let said = fails(folder.path(), &[&arguments[..], &more].concat(), status);
        assert!(said.contains(expected), "{said}");
    }
}
