//! `--dry-run`: the plan is that of the run, refusals are the same, and nothing is written.

use std::path::Path;

use crate::common::phantom::{moving_discs, patients, write};
use crate::common::program::{fails, files, succeeds};
use hrinet::volume::{Geometry, Rescale, Volume};
use ndarray::Array3;
use serde_json::{Value, json};

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// The plan of a line as JSON; nothing may be written.
fn plan(folder: &Path, line: &str) -> Value {
    let before = files(folder);
    let (out, _) = succeeds(folder, &words(&format!("{line} --json -")));
    assert_eq!(files(folder), before, "{line}");
    serde_json::from_str(&out).unwrap()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The reason for which a line is refused, but for the memory that happens to be free.
fn refused(folder: &Path, line: &str) -> String {
    let said = fails(folder, &words(line), 1);
    match said.split_once(", free: ") {
        Some((needed, rest)) => needed.to_string() + rest.split_once(';').expect("advice").1,
        None => said,
    }
}

/// Paths of the files of a plan, and whether each is replaced.
fn planned_files(plan: &Value) -> Vec<(String, bool)> {
    let file = |file: &Value| {
        (file["path"].as_str().unwrap().to_string(), file["replaces"].as_bool().unwrap())
    };
    plan["files"].as_array().unwrap().iter().map(file).collect()
}

#[test]
fn plan_of_a_resampling_is_what_the_run_reports() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("in.nrrd"), &moving_discs(24, 5, 0));
    let labels = Array3::<u8>::from_elem((5, 24, 24), 1);
    let grid = moving_discs(24, 5, 0).geometry().clone();
    write(&at("seg.nrrd"), &Volume::new(labels.into(), Rescale::IDENTITY, grid).unwrap());
    std::fs::write(at("old.png"), "an old picture").unwrap();
    let line = "resample in.nrrd out.mhd --factor 3 --model linear --threads 1 \
                --labels seg.nrrd fine.nrrd --picture old.png";
    let plan = plan(folder.path(), &format!("{line} --dry-run"));
    let planned = planned_files(&plan);
    let expected = ["out.mhd", "out.raw", "fine.nrrd", "old.png"];
    assert_eq!(planned.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), expected);
    assert_eq!(
        planned.iter().map(|&(_, replaces)| replaces).collect::<Vec<_>>(),
        [false, false, false, true]
    );
    succeeds(folder.path(), &words(&format!("{line} --json report.json")));
    let report = json(&at("report.json"));
    for key in ["input", "output", "axis", "slices", "model", "device", "options", "warnings"] {
        assert_eq!(plan[key], report[key], "{key}");
    }
    assert_eq!([&plan["known_slices"], &plan["interpolated_slices"]], [&json!(5), &json!(8)]);
    assert!(expected.iter().all(|path| at(path).exists()));
    // The output and a label map of 24 x 24 x 13, and the work; libtorch, 125 MB.
    let needed = plan["memory"]["needed_bytes"].as_u64().unwrap();
    assert!((130_000_000 + 3 * 24 * 24 * 13..200_000_000).contains(&needed), "{needed}");
    assert!(plan["memory"]["free_bytes"].as_u64().unwrap() > needed);
    assert_eq!(plan["time"]["seconds"], Value::Null);
}

#[test]
fn plan_is_printed_in_words_and_a_few_slices_tell_the_time() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in.nrrd"), &moving_discs(64, 9, 0));
    let line = "resample in.nrrd out.nrrd --model hrinet-motion-small --threads 1 --json r.json";
    let before = files(folder.path());
    let (out, _) = succeeds(folder.path(), &words(&format!("{line} --dry-run -q")));
    for part in [
        "in:      64 x 64 x 9 voxels of 0.800 x 0.800 x 3.000 mm\n",
        "out:     64 x 64 x 33 voxels of 0.800 x 0.800 x 0.750 mm, 270 kB as int16\n",
        "slices:  9 known, 24 interpolated, along k\n",
        "model:   hrinet-motion-small on cpu\n",
        "time:    not estimated: --dry-run=time times a few slices\n",
        "writes:  out.nrrd (new)\n         r.json (new)\nnothing was written\n",
    ] {
        assert!(out.contains(part), "{out} lacks {part}");
    }
    assert_eq!(files(folder.path()), before);
    let estimate = plan(folder.path(), &format!("{} --dry-run=time", &line[..line.len() - 14]));
    let seconds = estimate["time"]["seconds"].as_f64().unwrap();
    assert!(estimate["time"]["basis"].as_str().unwrap().contains("by 3 slices"), "{estimate}");
    succeeds(folder.path(), &words(line));
    let work = &json(&folder.path().join("r.json"))["work"];
    let real = work["interpolation_seconds"].as_f64().unwrap();
    // Other tests compute at the same time.
    assert!((0.05..20.0).contains(&(seconds / real)), "{seconds} s estimated, {real} s");
}

#[test]
fn resampling_is_refused_as_the_run_is() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("in.nrrd"), &moving_discs(16, 4, 0));
    write(&at("one.nrrd"), &moving_discs(16, 1, 0));
    write(&at("large.nii.gz"), &moving_discs(2700, 2, 0));
    let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 3.0]];
    let volume = |array: Array3<f32>, origin: f64| {
        let [k, j, i] = array.dim().into();
        let geometry = Geometry::new([i, j, k], [0.0, 0.0, origin], steps).unwrap();
        Volume::new(array.into(), Rescale::IDENTITY, geometry).unwrap()
    };
    let nan = Array3::from_elem((3, 3, 3), f32::NAN);
    let mut infinite = Array3::zeros((3, 3, 3));
    infinite[(2, 1, 0)] = f32::INFINITY;
    write(&at("nan.nrrd"), &volume(nan, 0.0));
    write(&at("infinite.nrrd"), &volume(infinite, 0.0));
    write(&at("elsewhere.nrrd"), &volume(Array3::ones((3, 3, 3)), 900.0));
    let whole = std::fs::read(at("in.nrrd")).unwrap();
    std::fs::write(at("cut.nrrd"), &whole[..whole.len() * 2 / 3]).unwrap();
    for line in [
        "nowhere.nrrd out.nrrd",
        "cut.nrrd out.nrrd",
        "one.nrrd out.nrrd",
        "nan.nrrd out.nrrd",
        "infinite.nrrd out.nrrd",
        // With a picture it is not written as it is made.
        "large.nii.gz out.nii.gz --factor 49000 --picture picture.png",
        "in.nrrd in.nrrd --overwrite",
        "in.nrrd one.nrrd",
        "in.nrrd out.tif",
        "in.nrrd no/such/out.nrrd",
        "in.nrrd fine/",
        "in.nrrd out.nrrd --factor 0",
        "in.nrrd out.nrrd --reference elsewhere.nrrd",
        "in.nrrd out.nrrd --labels elsewhere.nrrd fine.nrrd",
        "in.nrrd out.nrrd --labels in.nrrd fine.nrrd --labels-method anatomy",
        "in.nrrd out.nrrd --expected-error errors.nrrd",
        "in.nrrd out.nrrd --json no/such/report.json",
        "in.nrrd out.nrrd --picture picture.jpg",
        "in.nrrd out.nrrd --device gpu",
        "in.nrrd out.nrrd --threads 0",
    ] {
        let line = format!("resample {line} --model linear");
        assert_eq!(
            refused(folder.path(), &format!("{line} --dry-run")),
            refused(folder.path(), &line)
        );
    }
}

#[test]
fn plan_of_a_training_tells_its_data_steps_and_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    patients(&at("data"), 3, (40, 9));
    let settings = "--size 32 --batch 2 --hold-out patient1 --threads 1 --device cpu";
    let line = format!("train --data data --out a/run {settings} --iterations 4 --pictures 0");
    let first = plan(folder.path(), &format!("{line} --dry-run"));
    assert!(!at("a").exists());
    let names = |part: &str| -> Vec<&str> {
        first[part]
            .as_array()
            .unwrap()
            .iter()
            .map(|volume| volume["name"].as_str().unwrap())
            .collect()
    };
    assert_eq!(
        (names("train"), names("held_out")),
        (vec!["patient0", "patient2"], vec!["patient1"])
    );
    assert_eq!(
        (&first["data_bytes"], &first["steps"]),
        (&json!(3 * 2 * 40 * 40 * 9), &json!([0, 4]))
    );
    assert_eq!((&first["settings"]["batch"], &first["time"]["seconds"]), (&json!(2), &Value::Null));
    let timed = plan(folder.path(), &format!("{line} --dry-run=time"));
    assert!(timed["time"]["seconds"].as_f64().unwrap() > 0.0, "{timed}");
    assert!(!at("a").exists());

    succeeds(folder.path(), &words(&format!("{line} --until 2 --every 2")));
    let planned = planned_files(&first);
    let written = files(&at("a/run"));
    let paths: Vec<String> =
        planned.iter().map(|(path, _)| at(path).display().to_string()).collect();
    assert!(written.iter().all(|path| paths.contains(path)), "{written:?} {paths:?}");
    assert!(planned.iter().all(|(_, replaces)| !replaces));
    let resumed = plan(folder.path(), &format!("{line} --resume --dry-run"));
    assert_eq!(resumed["steps"], json!([2, 4]));
    assert_eq!(resumed["time"]["basis"], "by the 2 steps so far");
    assert!(resumed["time"]["seconds"].as_f64().unwrap() > 0.0);
    assert!(
        planned_files(&resumed)
            .iter()
            .any(|(path, replaces)| { path == "a/run/checkpoint.safetensors" && *replaces })
    );
    let (out, _) = succeeds(folder.path(), &words(&format!("{line} --resume --dry-run")));
    assert!(out.contains("data:    2 volumes to train on, 1 held out, 86 kB in memory"), "{out}");
    assert!(out.contains("steps:   3 to 4 of 4, of 2 groups of 32 x 32 pixels"), "{out}");
}

#[test]
fn training_is_refused_as_the_run_is() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    patients(&at("data"), 2, (40, 9));
    std::fs::create_dir(at("foreign")).unwrap();
    std::fs::write(at("foreign/config.toml"), "of another").unwrap();
    std::fs::create_dir(at("none")).unwrap();
    for line in [
        "--data nowhere --out run",
        "--data none --out run",
        "--data data --out foreign",
        "--data data --out run --resume",
        "--data data --out run --size 64",
        "--data data --out run --gap 12",
        "--data data --out run --from hrinet-motoin",
        "--data data --out run --teacher hrinet-motoin",
        "--data data --out run --distillation-weight 0.5",
        "--data data --out run --system ae --from hrinet-motion",
        "--data data --out run --hold-out nobody",
        "--data data --out run --error-head",
        "--data data --out run --every 0",
        "--data data --out run --batch 100000000",
        "--data data --out run --config nowhere.toml",
        "--data data --out run --device gpu",
    ] {
        let size = if line.contains("--size") { "" } else { "--size 32" };
        let line = format!("train {line} {size} --iterations 1 --threads 1");
        assert_eq!(
            refused(folder.path(), &format!("{line} --dry-run")),
            refused(folder.path(), &line)
        );
        assert!(!at("run").exists(), "{line}");
    }
}
