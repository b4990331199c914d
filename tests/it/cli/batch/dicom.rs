//! DICOM series in trees of folders, written by pydicom (`tests/oracles/batch_dicom.py`).

use std::path::Path;

use hrinet::io;

use super::outputs::assert_without;
use super::{batch, counts, last_rows, rows};
use crate::common::program::succeeds;
use crate::common::python;

fn tree(folder: &Path) {
    python::run("batch_dicom.py", &[folder.join("in").to_str().unwrap()]);
}

#[test]
fn series_are_found_by_their_uids_in_any_folders() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    tree(folder.path());
    let (status, said) = batch(folder.path(), "in out -v --log-file log.txt");
    assert_eq!(status, 0, "{said}");
    // 1.9.1, 1.9.2, two of 1.9.3, two phases of 1.9.7; MR, two slices, localizer.
    assert_eq!(counts(&at("out")), [6, 3, 0], "{said}");
    let reasons: Vec<_> =
        last_rows(&at("out")).into_values().map(|row| row["reason"].clone()).collect();
    for words in ["not a CT: its modality is MR", "a localizer", "too few slices: 2"] {
        assert!(reasons.iter().any(|reason| reason.contains(words)), "{reasons:?}");
    }
    let words = ["DOE", "Jane", "SECRET"];
    assert_without(&at("out"), &words);
    let log = std::fs::read_to_string(at("log.txt")).unwrap();
    assert!(log.contains("read in") && !words.iter().any(|word| log.contains(word)), "{log}");
    assert!(!words.iter().any(|word| said.contains(word)), "{said}");
    // The id is of the UID: SHA-256 of "1.9.1" by coreutils.
    let sum = std::process::Command::new("bash").args(["-c", "printf 1.9.1 | sha256sum"]).output();
    let id = String::from_utf8(sum.unwrap().stdout).unwrap()[..16].to_string();
    let across = io::read(&at(&format!("out/volumes/{id}.nii.gz"))).unwrap();
    assert_eq!(across.geometry().size(), [24, 24, 29]);
    // In a folder of its own, it is what a single run makes.
    std::fs::create_dir(at("one")).unwrap();
    for (number, path) in crate::common::program::files(&at("in/DOE^JANE/a")).iter().enumerate() {
        std::fs::copy(path, at(&format!("one/{number}"))).unwrap();
    }
    succeeds(folder.path(), &["resample", "one", "one.nii.gz", "--model", "linear", "-q"]);
    assert!(io::read(&at("one.nii.gz")).unwrap().voxels() == across.voxels());
}

#[test]
fn names_of_folders_do_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    tree(folder.path());
    batch(folder.path(), "in out");
    std::fs::rename(at("in/DOE^JANE"), at("in/ROE")).unwrap();
    std::fs::rename(at("in/ROE/same-uid"), at("in/ROE/a/first")).unwrap();
    let (status, said) = batch(folder.path(), "in out");
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("0 made, 0 skipped, 0 failed, 9 done before"), "{said}");
}

#[test]
fn planned_series_are_made_by_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    tree(folder.path());
    let plan = "batch in out --dry-run --json - --model linear --threads 1 -q";
    let (plan, _) = succeeds(folder.path(), &plan.split(' ').collect::<Vec<_>>());
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_string();
    let volumes = plan["volumes"].as_array().unwrap();
    assert_eq!(volumes.len(), 9);
    let made = volumes.iter().filter(|volume| volume["status"] == "would make");
    let series: Vec<_> =
        made.map(|volume| ["input", "series", "id"].map(|name| text(&volume[name]))).collect();
    assert_eq!(series.len(), 6);
    let lines: Vec<String> = series.iter().map(|line| line.join(",")).collect();
    std::fs::write(at("list.csv"), format!("input,series,id\n{}\n", lines.join("\n"))).unwrap();
    let (status, said) = batch(folder.path(), "list.csv listed");
    assert_eq!((status, counts(&at("listed"))), (0, [6, 0, 0]), "{said}");
    batch(folder.path(), "in out");
    for row in rows(&at("listed")) {
        let [listed, found] =
            ["listed", "out"].map(|name| std::fs::read(at(name).join(&row["output"])).unwrap());
        assert!(listed == found, "{}", row["id"]);
    }
}

#[test]
fn series_are_written_as_dicom() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    tree(folder.path());
    std::fs::rename(at("in/DOE^JANE/a"), at("series")).unwrap();
    for factor in ["2", "4"] {
        let line = format!("series out --format dicom --factor {factor} --uid-seed x");
        let (status, said) = batch(folder.path(), &line);
        assert_eq!((status, counts(&at("out"))), (0, [1, 0, 0]), "{said}");
    }
    let row = &rows(&at("out"))[1];
    let series = io::read(&at("out").join(&row["output"])).unwrap();
    assert_eq!(series.geometry().size(), [24, 24, 29]);
    let report = std::fs::read(at(&format!("out/reports/{}.json", row["id"]))).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["dicom"]["folder"], row["output"].as_str());
}
