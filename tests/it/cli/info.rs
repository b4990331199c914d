//! `hrinet info`: models, volumes, segmentations and folders, in words and as JSON.

use std::path::Path;
use std::process::Command;

use crate::common::phantom::{moving_discs, write};
use crate::common::program::{fails, succeeds};
use crate::common::python;
use crate::common::volumes::written_by;
use hrinet::network::model::shipped_names;
use serde_json::{Value, json};

#[test]
fn series_of_a_folder_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    written_by("io_dicom_odd.py", folder.path(), &[]);
    let (out, _) = succeeds(folder.path(), &["info", "by-acquisition"]);
    for part in ["| 1 ", "| 2 ", "AcquisitionNumber 2", "0.700 x 0.800 x 3.000", "phantom"] {
        assert!(out.contains(part), "{out} lacks {part}");
    }
    assert!(!out.contains("spacing:"), "{out}");
    let (out, _) = succeeds(folder.path(), &["info", "by-acquisition", "--series", "2"]);
    assert!(out.contains("spacing:     [0.7, 0.8, 3.0] mm"), "{out}");
    let (out, _) = succeeds(folder.path(), &["info", "stray"]);
    assert!(
        out.contains("report.dcm (not a DICOM file") && out.contains("size:        [11, 8, 5]"),
        "{out}"
    );

    let value = json(folder.path(), &["info", "by-acquisition"]);
    assert_eq!(value["series"][1]["number"], 2);
    assert_eq!(value["series"][1]["phase"], "AcquisitionNumber 2");
    assert_eq!(value["volume"], Value::Null);
    let value = json(folder.path(), &["info", "enhanced/E.dcm"]);
    assert_eq!(value["series"][0]["slices"], 5);
    assert_eq!(value["volume"]["spacing_mm"][2], 3.0);

    // The table comes before the error, which is the last line.
    let line = fails(folder.path(), &["resample", "by-time", "out.nrrd", "--model", "linear"], 1);
    assert!(line.contains("holds 2 series"), "{line}");
}

#[test]
fn volumes_and_models_are_described_in_json() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("a.nrrd"), &moving_discs(6, 4, 0));
    let value = json(folder.path(), &["info", "a.nrrd"]);
    assert_eq!(value["volume"]["size"], json!([6, 6, 4]));
    assert_eq!(value["volume"]["voxel_type"], "int16");
    let value = json(folder.path(), &["info", "hrinet-motion"]);
    assert_eq!(value["model"]["system"], "hrinet-motion");
    assert!(value["model"]["parameters"].as_u64() > Some(1000));
}

/// The output of a command as JSON.
fn json(folder: &Path, arguments: &[&str]) -> Value {
    let (out, _) = succeeds(folder, &[arguments, &["--json"]].concat());
    serde_json::from_str(&out).unwrap()
}

#[test]
fn models_are_listed_with_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let (out, _) = succeeds(folder.path(), &["info"]);
    assert!(out.contains("hrinet-motion (default)\n"), "{out}");
    let listed = json(folder.path(), &["info"]);
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    for (model, name) in listed["models"].as_array().unwrap().iter().zip(shipped_names()) {
        assert_eq!(model["name"], name);
        assert!(out.contains(name) && out.contains(model["purpose"].as_str().unwrap()), "{out}");
        let file = models.join(format!("{name}.safetensors"));
        assert_eq!(model["bytes"], std::fs::metadata(&file).unwrap().len());
        let sum = Command::new("sha256sum").arg(&file).output().unwrap();
        let sum = String::from_utf8(sum.stdout).unwrap();
        assert_eq!(model["sha256"].as_str(), sum.split_whitespace().next());
        assert!(out.contains(model["sha256"].as_str().unwrap()), "{out}");
        assert_eq!(model["window_hu"], json!([-1000.0, 1000.0]));
        if let Some(installed) = model["file"].as_str() {
            assert_eq!(std::fs::read(installed).unwrap(), std::fs::read(&file).unwrap());
        }
        let alone = json(folder.path(), &["info", name]);
        assert_eq!(alone["model"]["purpose"], model["purpose"]);
    }
    std::fs::write(folder.path().join("a.txt"), "no model").unwrap();
    let line = fails(folder.path(), &["info", "a.txt"], 1);
    assert!(line.contains("not an HRINet checkpoint") && line.contains(".nii"), "{line}");
}

#[test]
fn segments_of_every_layer_are_described() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.seg.nrrd");
    python::run("io_segmentation.py", &["write", path.to_str().unwrap()]);
    let found = json(folder.path(), &["info", "a.seg.nrrd"])["segmentation"].take();
    assert_eq!((&found["size"], &found["layers"]), (&json!([6, 5, 4]), &json!(2)));
    // As the oracle draws them: (i + j + k) % 4 is 3, and j + 2 is 4 where i < 3.
    let indices = || (0..6).flat_map(|i| (0..5).flat_map(move |j| (0..4).map(move |k| (i, j, k))));
    let counts = [
        indices().filter(|(i, j, k)| (i + j + k) % 4 == 3).count(),
        indices().filter(|(i, j, _)| *i < 3 && *j == 2).count(),
    ];
    for (segment, (name, voxels)) in found["segments"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["liver: left", "vessel"].iter().zip(counts))
    {
        assert_eq!((&segment["name"], &segment["voxels"]), (&json!(name), &json!(voxels)));
        let ml = segment["volume_ml"].as_f64().unwrap();
        assert!((ml - voxels as f64 * 0.7 * 0.8 * 3.0 / 1000.0).abs() < 1e-9, "{ml}");
    }
    assert_eq!(found["segments"][0]["colour"], json!([0.5, 0.2, 0.1]));
    let (out, _) = succeeds(folder.path(), &["info", "a.seg.nrrd"]);
    assert!(out.contains("layers:      2") && out.contains("liver: left"), "{out}");
}

#[test]
fn either_file_of_a_pair_and_folders_of_files_are_described() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("files")).unwrap();
    write(&at("files/a.hdr"), &moving_discs(6, 4, 0));
    write(&at("files/b.nrrd"), &moving_discs(7, 4, 0));
    std::fs::write(at("files/c.nii"), "no volume").unwrap();
    let pair = ["files/a.hdr", "files/a.img"].map(|name| json(folder.path(), &["info", name]));
    assert_eq!(pair[0]["volume"]["size"], json!([6, 6, 4]));
    assert_eq!(pair[0], pair[1]);
    let files = json(folder.path(), &["info", "files"])["files"].take();
    let sizes: Vec<&Value> = files.as_array().unwrap().iter().map(|file| &file["size"]).collect();
    assert_eq!(sizes, [&json!([6, 6, 4]), &json!([7, 7, 4]), &Value::Null]);
    assert!(files[2]["error"].as_str().unwrap().contains("c.nii"), "{files}");
    let (out, _) = succeeds(folder.path(), &["info", "files"]);
    assert!(out.contains("| b.nrrd | 7 x 7 x 4 "), "{out}");
}
