//! Series of a tilted gantry, and volumes that are not in Hounsfield units.

use std::path::Path;

use crate::common::program::{self, fails, succeeds};
use crate::common::volumes::written_by;
use hrinet::io;
use hrinet::volume::{Axis, Geometry, Rescale, Volume, Voxels};
use ndarray::Array3;
use serde_json::{Value, json};

/// Writes a series whose gantry is tilted by 12 degrees; HU are linear in space.
fn tilted(folder: &Path) {
    let (sine, cosine) = 12f64.to_radians().sin_cos();
    let positions: Vec<[f64; 3]> = (0..6).map(|k| [-10.0, 20.0, -55.0 + 3.0 * k as f64]).collect();
    let iop = [1.0, 0.0, 0.0, 0.0, cosine, -sine];
    let case = json!({"iop": iop, "positions": positions, "gradient": [7, -5, 6], "constant": 300});
    written_by("io_stack_make.py", &folder.join("ct"), &[&case.to_string()]);
}

fn report(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("report.json")).unwrap()).unwrap()
}

#[test]
fn tilted_series_is_straightened_and_the_report_says_how() {
    let folder = tempfile::tempdir().unwrap();
    tilted(folder.path());
    let (_, said) = succeeds(
        folder.path(),
        &[
            &["resample", "ct", "out.nrrd", "--factor", "2", "--model", "linear"][..],
            &["--json", "report.json", "--picture", "picture.png"],
        ]
        .concat(),
    );
    for part in ["tilted by 12.00 degrees", "moved in their plane", "cubic convolution"] {
        assert!(said.contains(part), "{said:?} lacks {part:?}");
    }
    let output = io::read(&folder.path().join("out.nrrd")).unwrap();
    assert_eq!(output.geometry().tilt_degrees(), None);
    assert_eq!(output.geometry().size(), [10, 12 + 4, 11]);
    let spacing = output.geometry().spacing(Axis::K);
    assert!((spacing - 1.5 * 12f64.to_radians().cos()).abs() < 1e-6, "{spacing}");
    let tilt = &report(folder.path())["tilt"];
    let moved = 15.0 * 12f64.to_radians().sin();
    assert!((tilt["moved_mm"].as_f64().unwrap() - moved).abs() < 1e-6, "{tilt}");
    assert!((tilt["degrees"].as_f64().unwrap() - 12.0).abs() < 1e-6, "{tilt}");
    assert_eq!((&tilt["kept"], &tilt["kernel"]), (&json!(false), &json!("cubic convolution")));
    let Voxels::Int16(voxels) = output.voxels() else { panic!() };
    let lowest = voxels.iter().min().map(|&hu| f64::from(hu));
    assert_eq!(tilt["padding_hu"].as_f64(), lowest);
}

#[test]
fn kept_tilt_is_written_where_the_format_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    tilted(folder.path());
    let input = io::read(&folder.path().join("ct")).unwrap();
    let arguments = ["--factor", "2", "--model", "linear", "--keep-tilt", "--json", "report.json"];
    for name in ["out.nrrd", "out.nii.gz"] {
        succeeds(folder.path(), &[&["resample", "ct", name][..], &arguments].concat());
        let output = io::read(&folder.path().join(name)).unwrap();
        let tilt = output.geometry().tilt_degrees().expect("a tilt");
        assert!((tilt - 12.0).abs() < 1e-3, "{name}: {tilt}");
        assert_eq!(report(folder.path())["tilt"]["kept"], json!(true));
        let [Voxels::Int16(known), Voxels::Int16(all)] = [input.voxels(), output.voxels()] else {
            panic!()
        };
        for (known, slice) in known.outer_iter().zip(all.outer_iter().step_by(2)) {
            assert_eq!(known, slice, "{name}");
        }
        // And on from the file as from the series.
        let again = ["resample", name, "again.nrrd", "--overwrite", "--model", "linear"];
        succeeds(folder.path(), &[&again[..], &["--factor", "1"]].concat());
        let again = io::read(&folder.path().join("again.nrrd")).unwrap();
        assert_eq!(again.geometry().size(), [10, 16, 11], "{name}");
    }
    let line = fails(folder.path(), &[&["resample", "ct", "out.mha"][..], &arguments].concat(), 1);
    assert!(line.contains("out.mha") && line.contains("no sheared grid"), "{line}");
}

#[test]
fn values_from_zero_to_one_give_a_warning_and_a_window_takes_it_away() {
    let folder = tempfile::tempdir().unwrap();
    let steps = [[0.8, 0.0, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, 3.0]];
    let geometry = Geometry::new([32, 32, 3], [0.0; 3], steps).unwrap();
    let array = Array3::from_shape_fn((3, 32, 32), |(k, j, i)| (i + 2 * j + 3 * k) as f32 / 102.0);
    let volume = Volume::new(array.into(), Rescale::IDENTITY, geometry).unwrap();
    io::write(&folder.path().join("in.nrrd"), &volume, false).unwrap();
    let arguments = ["resample", "in.nrrd", "out.nrrd", "--factor", "2", "--overwrite"];
    let small = ["--model", "hrinet-motion-small", "--device", "cpu", "--json", "report.json"];
    let arguments = [&arguments[..], &small].concat();
    let (_, said) = succeeds(folder.path(), &arguments);
    assert!(said.contains("Hounsfield") && said.contains("--window 0"), "{said}");
    assert!(report(folder.path())["warnings"][0].as_str().unwrap().contains("Hounsfield"));
    let (_, said) = succeeds(folder.path(), &[&arguments[..], &["--window", "0,1"]].concat());
    assert!(!said.contains("Hounsfield"), "{said}");
    assert_eq!(report(folder.path())["options"]["window"], json!({"low": 0.0, "high": 1.0}));
    let output = io::read(&folder.path().join("out.nrrd")).unwrap();
    let Voxels::Float32(voxels) = output.voxels() else { panic!() };
    // A ramp: about halfway between its neighbours.
    for (j, i) in [(10, 10), (16, 20), (20, 8)] {
        let middle = (voxels[(0, j, i)] + voxels[(2, j, i)]) / 2.0;
        assert!((voxels[(1, j, i)] - middle).abs() < 0.1, "{} {middle}", voxels[(1, j, i)]);
    }
    for text in ["1,0", "1", "a,b", "0,1,2"] {
        let refused =
            program::output(folder.path(), &[&arguments[..], &["--window", text]].concat());
        assert_eq!(refused.status.code(), Some(2), "{text}");
    }
}
