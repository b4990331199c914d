//! `hrinet info`: lists of series, and JSON.

use crate::common::phantom::{moving_discs, write};
use crate::common::program::{fails, succeeds};
use crate::common::volumes::written_by;
use serde_json::Value;

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

    let json = |arguments: &[&str]| -> Value {
        let (out, _) = succeeds(folder.path(), &[arguments, &["--json"]].concat());
        serde_json::from_str(&out).unwrap()
    };
    let value = json(&["info", "by-acquisition"]);
    assert_eq!(value["series"][1]["number"], 2);
    assert_eq!(value["series"][1]["phase"], "AcquisitionNumber 2");
    assert_eq!(value["volume"], Value::Null);
    let value = json(&["info", "enhanced/E.dcm"]);
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
    let (out, _) = succeeds(folder.path(), &["info", "a.nrrd", "--json"]);
    let value: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value["volume"]["size"], serde_json::json!([6, 6, 4]));
    assert_eq!(value["volume"]["voxel_type"], "int16");
    let (out, _) = succeeds(folder.path(), &["info", "hrinet-motion", "--json"]);
    let value: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value["model"]["system"], "hrinet-motion");
    assert!(value["model"]["parameters"].as_u64() > Some(1000));
}
