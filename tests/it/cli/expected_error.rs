//! Expected errors on the command line: trained, written, reported, compared with real errors by
//! NumPy.

use crate::common::python;
use std::path::Path;

use crate::common::phantom::{patients, write};
use crate::common::program::{fails, succeeds};
use hrinet::io;
use hrinet::network::Checkpoint;
use hrinet::volume::{Geometry, Volume, Voxels};

/// A folder with two patients and, in `head/`, a model with an error head; `first/` has it without.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    patients(&folder.path().join("data"), 2, (48, 9));
    let common = ["train", "--data", "data", "--size", "32", "--batch", "2", "--hold-out", "1"];
    let common = [&common[..], &["--quiet", "--threads", "1", "--device", "cpu"]].concat();
    succeeds(folder.path(), &[&common[..], &["--out", "first", "--iterations", "3"]].concat());
    let of = ["--error-head", "--from", "first/hrinet-motion.safetensors", "--out", "head"];
    // Fast: expectations that hardly differ would not be told apart by bins.
    let fast = ["--iterations", "20", "--warm-up", "0", "--learning-rate", "0.03"];
    succeeds(folder.path(), &[&common[..], &of, &fast].concat());
    folder
}

#[test]
fn error_head_is_trained_and_its_errors_are_written_and_reported() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let [first, head] = ["first", "head"]
        .map(|run| Checkpoint::read(&at(run).join("hrinet-motion.safetensors")).unwrap());
    assert_eq!(first.group("generator"), head.group("generator"));
    let record = head.header.record.error_head.expect("a record of its training");
    assert_eq!((record.steps, head.header.record.steps), (20, 3));
    assert!(record.command.contains("--error-head") && record.held_out_error_hu.is_some());
    assert_eq!(record.held_out.len(), 1);

    let model = ["--model", "head/hrinet-motion.safetensors"];
    for ending in ["nrrd", "nii", "nii.gz"] {
        let (out, errors) = (format!("out.{ending}"), format!("errors.{ending}"));
        let more = [&out, "--factor", "3", "--expected-error", &errors, "--json", "report.json"];
        let resample = [&["resample", "data/patient0.nrrd", "--quiet"], &more[..], &model];
        succeeds(folder.path(), &resample.concat());
        let [out, errors] = [out, errors].map(|name| io::read(&at(&name)).unwrap());
        assert!(out.geometry().is_close_to(errors.geometry()), "{ending}");
        let Voxels::Float32(array) = errors.voxels() else { panic!("{ending}") };
        let report = std::fs::read_to_string(at("report.json")).unwrap();
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        let (mut sum, mut count) = (0.0, 0);
        for (plane, slice) in array.outer_iter().zip(report["slices"].as_array().unwrap()) {
            if slice["source"] == "known" {
                assert!(plane.iter().all(|&error| error == 0.0));
            } else {
                sum += plane.iter().map(|&error| f64::from(error)).sum::<f64>();
                count += plane.len();
            }
        }
        let mean = report["expected_error"]["mean_hu"].as_f64().expect("a mean");
        assert!(count > 0 && (mean - sum / count as f64).abs() < 1e-6, "{mean}");
        assert_eq!(report["warnings"].as_array().unwrap().len(), 0);
    }

    // Twice the distance of training: 9 slices of 3 mm, every 8th.
    let volume = io::read(&at("data/patient0.nrrd")).unwrap();
    let Voxels::Int16(array) = volume.voxels() else { panic!() };
    let far = array.slice(ndarray::s![..;8, .., ..]).to_owned();
    let steps = [[0.8, 0.0, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, 24.0]];
    let geometry = Geometry::new([48, 48, 2], [0.0; 3], steps).unwrap();
    let far = Volume::new(far.into(), volume.rescale(), geometry).unwrap();
    write(&at("far.nrrd"), &far);
    let far = ["resample", "far.nrrd", "far-out.nrrd", "--factor", "2", "--json", "far.json"];
    let (_, said) = succeeds(folder.path(), &[&far[..], &model].concat());
    assert_eq!(said.lines().filter(|line| line.contains("24.0 mm apart")).count(), 1, "{said}");
    let report = std::fs::read_to_string(at("far.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert!(report["warnings"][0].as_str().unwrap().contains("18.0 mm"), "{report}");
}

#[test]
fn outputs_that_cannot_be_had_are_rejected_before_the_work() {
    let folder = folder();
    let refused = |model: &str, more: &[&str]| {
        let all = ["resample", "data/patient0.nrrd", "out.nrrd", "--model", model, "--quiet"];
        fails(folder.path(), &[&all[..], more].concat(), 1)
    };
    for model in ["linear", "cubic", "first/hrinet-motion.safetensors"] {
        let line = refused(model, &["--expected-error", "errors.nrrd"]);
        assert!(line.contains(model) && line.contains("no expected error"), "{line}");
    }
    let head = "head/hrinet-motion.safetensors";
    for name in ["out.nrrd", "data/patient0.nrrd"] {
        let line = refused(head, &["--expected-error", name, "--overwrite"]);
        assert!(line.contains("name another file"), "{line}");
    }
    assert!(refused(head, &["--expected-error", "errors.png"]).contains("errors.png"));
    assert!(refused(head, &["--expected-error", "no/errors.nrrd"]).contains("no/errors.nrrd"));

    let evaluate = ["evaluate", "--data", "data", "--gap", "2", "--models", "linear"];
    let line = fails(folder.path(), &[&evaluate[..], &["--expected-error", "-q"]].concat(), 1);
    assert!(line.contains("none of linear"), "{line}");
    let train = ["train", "--data", "data", "--out", "other", "--size", "32", "--quiet"];
    let line = fails(folder.path(), &[&train[..], &["--error-head"]].concat(), 1);
    assert!(line.contains("--from"), "{line}");
    let more = ["--error-head", "--from", head, "--system", "hrinet-mse", "--size", "64"];
    let line = fails(folder.path(), &[&train[..], &more].concat(), 1);
    assert!(line.contains("hrinet-motion alone"), "{line}");

    // Training on drops the error head, with a message.
    let on = ["train", "--data", "data", "--out", "on", "--size", "32", "--hold-out", "0"];
    let on = [&on[..], &["--iterations", "1", "--from", head]].concat();
    let (_, said) = succeeds(folder.path(), &on);
    assert!(said.contains("is dropped"), "{said}");
}

#[test]
fn bins_of_expected_errors_match_numpy_on_a_real_ct() {
    let ct = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/ct/test/sts003.nii.gz");
    if !ct.exists() {
        eprintln!("skipped: no CT at {}", ct.display());
        return;
    }
    let folder = folder();
    let ct = ct.display().to_string();
    let at = |name: &str| folder.path().join(name).display().to_string();
    // A block of the CT, and every third of its slices.
    python::run("cli_expected_error.py", &["cut", &ct, &at("whole.nrrd"), &at("thin.nrrd"), "3"]);
    let model = ["--model", "head/hrinet-motion.safetensors", "--quiet"];
    let resample = ["resample", "thin.nrrd", "made.nrrd", "--factor", "3"];
    let resample = [&resample[..], &["--expected-error", "errors.nrrd"], &model].concat();
    succeeds(folder.path(), &resample);
    let evaluate =
        ["evaluate", "--data", "whole.nrrd", "--gap", "3", "--expected-error", "--quiet"];
    let evaluate = [&evaluate[..], &["--json", "scores.json", "--models"], &model[1..2]].concat();
    let (said, _) = succeeds(folder.path(), &evaluate);
    assert!(said.contains("expected HU"), "{said}");
    let files = ["whole.nrrd", "made.nrrd", "errors.nrrd", "scores.json"].map(at);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let said = python::run("cli_expected_error.py", &[&["compare"], &files[..], &["3"]].concat());
    assert_eq!(said.trim(), "10 bins agree");
}
