//! DICOM segmentations and structure sets: the masks of highdicom and scikit-image, and rejected
//! ones.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::common::python;
use hrinet::io::{Segment, Segmentation};
use hrinet::labels::grid::on_grid;
use hrinet::volume::Geometry;
use hrinet::{Result, io};
use serde::Deserialize;
use tempfile::TempDir;

/// A segmentation, and what its segments are.
#[derive(Deserialize)]
struct Case {
    name: String,
    segments: Vec<String>,
    colours: Vec<[f64; 3]>,
}

static CASES: LazyLock<(TempDir, Vec<Case>)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let text = python::run("io_dicom_labels.py", &[folder.path().to_str().unwrap()]);
    let cases = serde_json::from_str(&text).expect("JSON of io_dicom_labels.py");
    (folder, cases)
});

fn file(name: &str) -> PathBuf {
    CASES.0.path().join(name)
}

fn grid_of(name: &str) -> Geometry {
    let series = if name.contains("oblique") { "oblique" } else { "axial" };
    io::read(&file(series)).unwrap().geometry().clone()
}

fn read(path: &Path, grid: &Geometry) -> Result<Segmentation> {
    io::read_labels(path, grid, &|| false)
}

#[test]
fn segments_cover_the_voxels_that_they_cover_elsewhere() {
    assert_eq!(CASES.1.len(), 7);
    for Case { name, segments, colours } in &CASES.1 {
        let grid = grid_of(name);
        let found = read(&file(&format!("{name}.dcm")), &grid).unwrap();
        let names: Vec<&str> =
            found.segments.iter().filter_map(|segment| segment.attribute("Name")).collect();
        assert_eq!(names, *segments, "{name}");
        let overlaps =
            name.contains("binary") || name.contains("structures") || name == "downwards";
        assert_eq!(found.layers.len(), if overlaps { 2 } else { 1 }, "{name}");
        for (segment, colour) in found.segments.iter().zip(colours) {
            let words = segment.attribute("Color").unwrap().split(' ');
            let near =
                |(word, part): (&str, &f64)| (word.parse::<f64>().unwrap() - part).abs() < 0.01;
            assert!(words.zip(colour).all(near), "{name}: {segment:?}, not {colour:?}");
        }
        for (number, segment) in found.segments.iter().enumerate() {
            let placed = on_grid(found.layers[segment.layer].clone(), &grid).unwrap();
            assert!(placed.remarks.is_empty(), "{name}: {:?}", placed.remarks);
            let mask = io::read(&file(&format!("{name}-{number}.nrrd"))).unwrap();
            let inside = |value: f64| if value == segment.label as f64 { 1.0 } else { 0.0 };
            let ours = placed.labels.voxels().values().map(inside);
            let differing = ours.zip(mask.voxels().values()).filter(|(a, b)| a != b).count();
            assert_eq!(differing, 0, "{name}: {segment:?}");
        }
    }
}

#[test]
fn terminology_is_kept_as_slicer_writes_it() {
    let found = read(&file("binary.dcm"), &grid_of("binary")).unwrap();
    let tags = found.segments[0].attribute("Tags").unwrap();
    assert!(tags.contains("~SCT^91772007^Organ~SCT^10200004^Liver~^^~"), "{tags}");
    let output = CASES.0.path().join("binary-out.seg.nrrd");
    io::write_labels(&output, &found, &io::WriteOptions { overwrite: true, cancelled: None })
        .unwrap();
    let again = read(&output, &grid_of("binary")).unwrap();
    assert_eq!(again.segments, found.segments);
    assert_eq!(again.others, found.others);
    for (a, b) in again.layers.iter().zip(&found.layers) {
        assert_eq!(a.voxels(), b.voxels());
        assert_eq!(a.geometry(), b.geometry());
    }
    let nifti = CASES.0.path().join("binary-out.nii");
    let text = io::write_labels(&nifti, &found, &Default::default()).unwrap_err().to_string();
    assert!(text.contains("2 layers") && text.contains(".seg.nrrd"), "{text}");
}

#[test]
fn the_only_one_in_a_folder_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let grid = grid_of("axial");
    let copy = |from: &str, to: &str| std::fs::copy(file(from), folder.path().join(to)).unwrap();
    copy("structures.dcm", "any name");
    std::fs::write(folder.path().join("note.txt"), "no DICOM").unwrap();
    let names = |found: Segmentation| -> Vec<Segment> { found.segments };
    let alone = names(read(folder.path(), &grid).unwrap());
    assert_eq!(alone, names(read(&file("structures.dcm"), &grid).unwrap()));
    copy("binary.dcm", "b");
    let text = read(folder.path(), &grid).unwrap_err().to_string();
    assert!(text.contains("holds 2 segmentations and structure sets"), "{text}");
    assert!(text.contains("any name") && text.ends_with("/b"), "{text}");
}

#[test]
fn labels_of_another_ct_are_rejected() {
    let axial = grid_of("axial");
    let text = read(&file("structures-oblique.dcm"), &axial).unwrap_err().to_string();
    assert!(text.contains("not parallel to the slices"), "{text}");
    let steps = [[0.7, 0.0, 0.0], [0.0, 0.7, 0.0], [0.0, 0.0, 3.0]];
    let far = Geometry::new([20, 20, 10], [0.0, 0.0, 900.0], steps).unwrap();
    let text = read(&file("structures.dcm"), &far).unwrap_err().to_string();
    assert!(text.contains("outside of the volume"), "{text}");
}

#[test]
fn truncated_files_are_rejected_with_their_name() {
    let folder = tempfile::tempdir().unwrap();
    let grid = grid_of("axial");
    for name in ["binary.dcm", "label-map.dcm", "structures.dcm"] {
        let bytes = std::fs::read(file(name)).unwrap();
        let path = folder.path().join(name);
        for length in (600..bytes.len()).step_by(397) {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let error = read(&path, &grid).err();
            let text = error.unwrap_or_else(|| panic!("{name}: {length} bytes")).to_string();
            assert!(text.contains(name), "{text}");
        }
    }
}
