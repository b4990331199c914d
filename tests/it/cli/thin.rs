//! `hrinet resample --thin`: what program, report, plan and DICOM series say of it.

use std::path::Path;

use dicom_dictionary_std::tags;
use serde_json::{Value, json};

use crate::common::phantom::{moving_discs, write};
use crate::common::program::{fails, output, succeeds};
use crate::common::volumes::written_by;

fn json_of(folder: &Path, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

fn folder_with_discs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in.nrrd"), &moving_discs(48, 4, 1));
    folder
}

#[test]
fn program_and_report_say_that_no_known_slice_is_kept() {
    let folder = folder_with_discs();
    let thin = ["resample", "in.nrrd", "out.nrrd", "--thin", "--factor", "3"];
    let (_, said) = succeeds(folder.path(), &[&thin[..], &["--json", "report.json"]].concat());
    assert!(said.contains("no known slice is kept"), "{said}");
    assert!(said.contains("10 slices, 0 known, 10 interpolated"), "{said}");
    let report = json_of(folder.path(), "report.json");
    assert_eq!(report["model"]["name"], "hrinet-thin");
    assert_eq!(report["options"]["thin"], true);
    assert!(report["remark"].as_str().unwrap().contains("no known slice is kept"));
    let slices = report["slices"].as_array().unwrap();
    assert!(slices.iter().all(|slice| slice["source"] == "interpolated"), "{slices:?}");
    assert_eq!(
        slices[3],
        json!({"source": "interpolated", "index": 3, "pair": [1, 2], "fraction": 0.0})
    );
    assert_eq!(slices[9]["fraction"], 1.0);
    assert_eq!(report["work"]["interpolated_slices"], 10);

    let plan = ["resample", "in.nrrd", "b.nrrd", "--thin", "--factor", "3", "--dry-run=time"];
    let (out, _) = succeeds(folder.path(), &plan);
    assert!(out.contains("0 known, 10 interpolated") && out.contains("is kept"), "{out}");

    // By the model's name it is the same; other models keep known slices.
    let named = ["resample", "in.nrrd", "c.nrrd", "--model", "hrinet-thin", "--factor", "3"];
    succeeds(folder.path(), &named);
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!(bytes("out.nrrd"), bytes("c.nrrd"));
    let (_, said) = succeeds(
        folder.path(),
        &["resample", "in.nrrd", "d.nrrd", "--factor", "3", "--model", "hrinet-motion-small"],
    );
    assert!(said.contains("4 known, 6 interpolated") && !said.contains("is kept"), "{said}");
}

#[test]
fn what_has_no_thin_slices_is_refused() {
    let folder = folder_with_discs();
    let thin = ["resample", "in.nrrd", "out.nrrd", "--thin"];
    let refused = |more: &[&str]| fails(folder.path(), &[&thin[..], more].concat(), 1);
    let line = refused(&["--exact-spacing=1.3"]);
    assert!(line.contains("in.nrrd") && line.contains("choose a factor"), "{line}");
    assert!(refused(&["--factor", "2", "--expected-error", "e.nrrd"]).contains("error head"));
    for more in [&["--model", "cubic"][..], &["--check"]] {
        let said = output(folder.path(), &[&thin[..], more].concat());
        assert_eq!(said.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&said.stderr).contains("cannot be used with"));
    }
    let check = ["resample", "in.nrrd", "out.nrrd", "--model", "hrinet-thin", "--check"];
    assert!(fails(folder.path(), &check, 1).contains("slices thinner"));
    let evaluate = ["evaluate", "--data", "in.nrrd", "--models", "hrinet-thin", "--gap", "3"];
    assert!(fails(folder.path(), &evaluate, 1).contains("--truth thin"));
    assert!(!folder.path().join("out.nrrd").exists());
    write(&folder.path().join("one.nrrd"), &moving_discs(48, 1, 1));
    let one = ["resample", "one.nrrd", "out.nrrd", "--thin", "--factor", "3"];
    assert!(fails(folder.path(), &one, 1).contains("single slice"));
}

#[test]
fn copy_stays_a_copy() {
    let folder = folder_with_discs();
    let (_, said) =
        succeeds(folder.path(), &["resample", "in.nrrd", "out.nrrd", "--thin", "--factor", "1"]);
    assert!(said.contains("copied as it is") && said.contains("4 known"), "{said}");
}

#[test]
fn dicom_series_states_the_divided_thickness() {
    let folder = tempfile::tempdir().unwrap();
    written_by("io_dicom_ct.py", folder.path(), &[]);
    succeeds(folder.path(), &["resample", "signed", "fine/", "--thin", "--factor", "4", "-q"]);
    let thickness = |series: &str| {
        let file = std::fs::read_dir(folder.path().join(series)).unwrap().next().unwrap().unwrap();
        let object = dicom_object::open_file(file.path()).unwrap();
        let number = object.element(tags::SLICE_THICKNESS).unwrap().to_float64().unwrap();
        let comment =
            object.element(tags::IMAGE_COMMENTS).map(|text| text.to_str().unwrap().into_owned());
        let derivation = object
            .element(tags::DERIVATION_DESCRIPTION)
            .map(|text| text.to_str().unwrap().into_owned());
        (number, comment.unwrap_or_default(), derivation.unwrap_or_default())
    };
    let (source, _, _) = thickness("signed");
    let (thin, comment, derivation) = thickness("fine");
    assert!((4.0 * thin - source).abs() < 1e-6, "{thin} of {source}");
    assert!(comment.starts_with("Interpolated slice"), "{comment}");
    assert!(derivation.contains("no known slice is kept"), "{derivation}");
}
