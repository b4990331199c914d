//! `hrinet fill`: segmentations of some slices, completed by the image.

use hrinet::io;
use hrinet::volume::{Geometry, Rescale, Volume};
use ndarray::{Array3, s};

use crate::common::phantom::write;
use crate::common::program::{fails, files, succeeds};

fn grid() -> Geometry {
    let steps = [[-0.7, 0.0, 0.0], [0.0, -0.8, 0.0], [0.0, 0.0, 3.0]];
    Geometry::new([40, 36, 13], [-1.0, -2.0, 3.0], steps).unwrap()
}

fn volume<T>(array: Array3<T>) -> Volume
where
    hrinet::Voxels: From<Array3<T>>,
{
    Volume::new(array.into(), Rescale::IDENTITY, grid()).unwrap()
}

/// Two tubes that lean towards each other and cross.
fn inside(tube: usize, (k, j, i): (usize, usize, usize)) -> bool {
    let column = if tube == 0 { 10.0 + k as f64 } else { 28.0 - k as f64 };
    (j as f64 - 18.0).hypot(i as f64 - column) <= 6.0
}

/// A folder with the image and a segmentation with both tubes on every fourth slice, in layers.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let image = Array3::from_shape_fn((13, 36, 40), |at| {
        (0..2).map(|tube| 100 * i16::from(inside(tube, at))).sum::<i16>()
    });
    write(&folder.path().join("ct.nrrd"), &volume(image));
    let layer = |tube: usize| {
        let drawn = |at: (usize, usize, usize)| inside(tube, at) && at.0.is_multiple_of(4);
        volume(Array3::from_shape_fn((13, 36, 40), |at| u8::from(drawn(at)) * (3 + tube as u8)))
    };
    let segment = |tube: usize, name: &str| io::Segment {
        layer: tube,
        label: 3 + tube as i64,
        attributes: vec![("Name".into(), name.into()), ("Color".into(), "0.5 0 1".into())],
    };
    let drawn = io::Segmentation {
        layers: vec![layer(0), layer(1)],
        segments: vec![segment(0, "left"), segment(1, "right")],
        others: Vec::new(),
    };
    let options = io::WriteOptions { overwrite: false, cancelled: None };
    io::write_labels(&folder.path().join("drawn.seg.nrrd"), &drawn, &options).unwrap();
    folder
}

const FILL: [&str; 4] = ["fill", "ct.nrrd", "drawn.seg.nrrd", "out.seg.nrrd"];

#[test]
fn segments_are_filled_with_names_layers_and_overlaps() {
    let folder = folder();
    succeeds(folder.path(), &[&FILL[..], &["--ends", "stop", "--json", "report.json"]].concat());
    let read = |name: &str| io::read_segmentation(&folder.path().join(name), &|| false).unwrap();
    let (drawn, filled) = (read("drawn.seg.nrrd"), read("out.seg.nrrd"));
    assert_eq!(filled.layers.len(), 2);
    for (before, after) in drawn.segments.iter().zip(&filled.segments) {
        assert_eq!((before.name(), before.colour()), (after.name(), after.colour()));
    }
    for tube in 0..2 {
        let voxels = |all: &io::Segmentation| -> Array3<f64> {
            let values = all.layers[tube].voxels().values().collect();
            Array3::from_shape_vec((13, 36, 40), values).unwrap()
        };
        let (before, after) = (voxels(&drawn), voxels(&filled));
        assert_eq!(before.slice(s![..;4, .., ..]), after.slice(s![..;4, .., ..]));
        let wrong = after.indexed_iter().filter(|(at, value)| (**value > 0.0) != inside(tube, *at));
        let wrong = wrong.count();
        assert!(wrong < 400, "tube {tube}: {wrong} voxels");
    }
    let report = std::fs::read_to_string(folder.path().join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["segments"][1]["name"], "right");
    assert_eq!(report["segments"][1]["drawn_slices"], 4);
    assert_eq!(report["segments"][1]["filled_slices"], 9);
}

#[test]
fn dry_run_says_what_would_be_done_and_writes_nothing() {
    let folder = folder();
    let before = files(folder.path());
    let (said, _) = succeeds(folder.path(), &[&FILL[..], &["--dry-run"]].concat());
    assert!(said.contains("left, drawn on 4 slices, 9 to fill"), "{said}");
    let (json, _) = succeeds(folder.path(), &[&FILL[..], &["--dry-run", "--json", "-"]].concat());
    let plan: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&plan["dry_run"], &plan["segments"][0]["layer"]), (&true.into(), &0.into()));
    assert_eq!(files(folder.path()), before);
}

#[test]
fn mistakes_are_said_and_nothing_is_written() {
    let folder = folder();
    let line = fails(folder.path(), &["fill", "ct.nrrd", "drawn.seg.nrrd", "out.nii"], 1);
    assert!(line.contains("2 layers") && line.contains(".seg.nrrd"), "{line}");
    let again = ["fill", "ct.nrrd", "drawn.seg.nrrd", "drawn.seg.nrrd", "--overwrite"];
    let line = fails(folder.path(), &again, 1);
    assert!(line.contains("OUT is the same file as LABELS"), "{line}");
    let line = fails(folder.path(), &["fill", "ct.nrrd", "drawn.seg.nrrd", "OUT/"], 1);
    assert!(line.contains("no folder"), "{line}");
    let line = fails(folder.path(), &["fill", "ct.nrrd", "drawn.seg.nrrd", "out.dcm"], 1);
    assert!(line.contains("DICOM SEG") && line.contains(".seg.nrrd"), "{line}");
    // Drawn on all slices that there are across j.
    let line = fails(folder.path(), &[&FILL[..], &["--axis", "j", "--ends", "stop"]].concat(), 1);
    assert!(line.contains("nothing to fill along j"), "{line}");
    let line = fails(folder.path(), &["fill", "ct.nrrd", "missing.nrrd", "out.nrrd"], 1);
    assert!(line.contains("missing.nrrd"), "{line}");
    let empty = volume(Array3::<u8>::zeros((13, 36, 40)));
    write(&folder.path().join("empty.nrrd"), &empty);
    let line = fails(folder.path(), &["fill", "ct.nrrd", "empty.nrrd", "out.nrrd"], 1);
    assert!(line.contains("nothing to fill"), "{line}");
}
