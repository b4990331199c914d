//! `hrinet evaluate` against SciPy and scikit-image on a real CT, and on a volume without error.

use crate::common::python;
use std::path::Path;

use crate::common::phantom::{moving_discs, write};
use crate::common::program::{fails, succeeds};

#[test]
fn scores_match_scipy_and_scikit_image_on_a_real_ct() {
    let ct = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/ct/test/sts003.nii.gz");
    if !ct.exists() {
        eprintln!("skipped: no CT at {}", ct.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let ct = ct.display().to_string();
    let arguments = ["evaluate", "--data", &ct, "--gap", "2,5", "--models", "linear,cubic"];
    succeeds(folder.path(), &[&arguments[..], &["--json", "scores.json", "-q"]].concat());
    let scores = folder.path().join("scores.json").display().to_string();
    let said = python::run("cli_evaluate.py", &[&ct, &scores]);
    assert_eq!(said.trim(), "4 lines, 10 of positions and 16 of tissues agree");
}

#[test]
fn perfect_slices_have_perfect_scores() {
    let folder = tempfile::tempdir().unwrap();
    // Every slice is the same.
    let still = moving_discs(32, 1, 0);
    let hrinet::volume::Voxels::Int16(slice) = still.voxels() else { panic!() };
    let views: Vec<_> = (0..9).map(|_| slice.view()).collect();
    let array = ndarray::concatenate(ndarray::Axis(0), &views).unwrap();
    let steps = [[0.8, 0.0, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, 3.0]];
    let geometry = hrinet::volume::Geometry::new([32, 32, 9], [0.0; 3], steps).unwrap();
    let rescale = hrinet::volume::Rescale::IDENTITY;
    let volume = hrinet::volume::Volume::new(array.into(), rescale, geometry).unwrap();
    write(&folder.path().join("still.nrrd"), &volume);
    let arguments = ["evaluate", "--data", ".", "--gap", "4", "--models", "linear", "-q"];
    let (table, _) = succeeds(folder.path(), &arguments);
    let row = table.lines().find(|line| line.contains("still")).expect("a line for the volume");
    let cells: Vec<&str> = row.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect();
    let (seconds, scores) = cells.split_last().expect("cells");
    assert_eq!(scores, ["still", "4", "linear", "6", "100.00", "1.0000", "0.000", "+0.00", "0.00"]);
    assert!(seconds.parse::<f64>().is_ok(), "{seconds} seconds a slice");

    let arguments = ["evaluate", "--data", "still.nrrd", "--gap", "9", "--models", "linear"];
    let line = fails(folder.path(), &arguments, 1);
    assert!(line.contains("too few for a gap of 9"), "{line}");
}

#[test]
fn slices_are_scaled_and_a_group_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("discs.nrrd"), &moving_discs(48, 9, 4));
    let common = ["evaluate", "--data", "discs.nrrd", "--gap", "4", "--models", "linear,cubic"];
    let with = |more: &[&'static str]| [&common[..], more].concat();
    let random = ["--resize", "32", "--picture", "group.png", "-q"];
    let (table, _) = succeeds(folder.path(), &with(&random));
    assert!(table.lines().any(|line| line.contains("discs") && line.contains("cubic")), "{table}");
    let size = |name: &str| image::image_dimensions(folder.path().join(name)).unwrap();
    // Five slices of 32 pixels in a row, three rows with a title of 16 pixels each.
    assert_eq!(size("group.png"), (5 * 36 - 4, 3 * (36 + 16) - 4));

    let square = ["--picture", "square.png", "--square", "8,8,12", "-q"];
    succeeds(folder.path(), &with(&square));
    assert_eq!(size("square.png"), (5 * 52 - 4, 3 * (52 + 16) - 4));
    let line = fails(folder.path(), &with(&["--picture", "a.png", "--square", "40,0,12"]), 1);
    assert!(line.contains("beyond planes of 48 x 48"), "{line}");
    let line = fails(folder.path(), &with(&["--picture", "a.jpg"]), 1);
    assert!(line.contains(".png"), "{line}");
    assert!(!folder.path().join("a.png").exists());
}
