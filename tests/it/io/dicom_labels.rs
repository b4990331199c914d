//! DICOM segmentations and structure sets: the masks of highdicom and scikit-image, and rejected
//! ones.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::common::program::succeeds;
use crate::common::python;
use crate::common::volumes::position;
use hrinet::io::{Segment, Segmentation};
use hrinet::labels::grid::on_grid;
use hrinet::volume::{Geometry, Rescale, Volume};
use hrinet::{Result, io};
use ndarray::Array3;
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

fn ct_of(name: &str) -> Volume {
    let series = ["oblique", "tilted"].into_iter().find(|series| name.contains(series));
    io::read(&file(series.unwrap_or("axial"))).unwrap()
}

fn read(path: &Path, ct: &Volume) -> Result<Segmentation> {
    io::read_labels(path, ct, &|| false)
}

#[test]
fn segments_cover_the_voxels_that_they_cover_elsewhere() {
    assert_eq!(CASES.1.len(), 15);
    for Case { name, segments, colours } in &CASES.1 {
        let ct = ct_of(name);
        let found = read(&file(&format!("{name}.dcm")), &ct).unwrap();
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
            let placed = on_grid(found.layers[segment.layer].clone(), ct.geometry()).unwrap();
            assert!(placed.remarks.is_empty(), "{name}: {:?}", placed.remarks);
            let mask = io::read(&file(&format!("{name}-{number}.nrrd"))).unwrap();
            let inside = |value: f64| if value == segment.label as f64 { 1.0 } else { 0.0 };
            let ours = placed.labels.voxels().values().map(inside);
            let differing = ours.zip(mask.voxels().values()).filter(|(a, b)| a != b).count();
            assert_eq!(differing, 0, "{name}: {segment:?}");
        }
    }
}

/// A ball in the patient, as contours on tilted slices and as a label map on a grid of its own, is
/// a ball in the straightened and in the sheared volume.
#[test]
fn labels_of_a_tilted_ct_stay_at_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| file(name).to_str().unwrap().to_string();
    let (ct, contours, map) = (at("tilted"), at("ball.dcm"), at("ball.nrrd"));
    let run = |labels: &str, output: &str, more: &[&str]| {
        let base = ["resample", &ct, "ct.nrrd", "--overwrite", "--model", "linear", "-q"];
        succeeds(folder.path(), &[&base[..], &["--labels", labels, output], more].concat());
        io::read(&folder.path().join(output)).unwrap()
    };
    for more in [&["--factor", "4"][..], &["--factor", "4", "--keep-tilt"]] {
        // The map touches a slice beyond the ball, from which the label tapers to the next one.
        for (labels, slices) in [(&contours, 1), (&map, 4)] {
            let labels = run(labels, "labels.nrrd", more);
            assert_eq!(labels.geometry().tilt_degrees().is_some(), more.len() > 2);
            assert_is_the_ball(&labels, slices);
        }
    }
    // The label map on the sheared grid of the CT says the same as the contours.
    run(&contours, "sheared.nrrd", &["--factor", "1", "--keep-tilt"]);
    let from_map = run("sheared.nrrd", "from-map.nrrd", &["--factor", "4"]);
    let from_contours = run(&contours, "from-contours.nrrd", &["--factor", "4"]);
    assert_eq!(from_map.voxels(), from_contours.voxels());
}

/// Voxels within the ball (`io_dicom_labels.py`) are labelled, others are not, but for those near
/// its surface; on every so many slices.
fn assert_is_the_ball(labels: &Volume, slices: usize) {
    // Half a diagonal of the pixels of both grids, and half of that for what is between slices.
    const SURFACE_MM: f64 = 1.6;
    let (centre, radius) = ([2.4, -29.8, -44.0], 5.0);
    let [columns, rows, _] = labels.geometry().size();
    let mut inside = 0;
    for (index, value) in labels.voxels().values().enumerate() {
        let index = [index % columns, index / columns % rows, index / columns / rows];
        if !index[2].is_multiple_of(slices) {
            continue;
        }
        let place = position(labels.geometry(), index);
        let offset = [0, 1, 2].map(|row| place[row] - centre[row]);
        let distance = offset.iter().map(|part| part * part).sum::<f64>().sqrt();
        if (distance - radius).abs() > SURFACE_MM {
            assert_eq!(value, f64::from(u8::from(distance < radius)), "{distance} mm, {index:?}");
            inside += usize::from(distance < radius);
        }
    }
    assert!(inside > 300 / slices, "{inside} voxels");
}

#[test]
fn another_frame_of_reference_gives_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| file(name).to_str().unwrap().to_string();
    let said = |labels: &str| {
        let (ct, labels) = (at("axial"), at(labels));
        let base = ["resample", &ct, "ct.nrrd", "--overwrite", "--model", "linear"];
        let labels = ["--factor", "1", "--labels", &labels, "labels.nrrd"];
        succeeds(folder.path(), &[&base[..], &labels].concat()).1
    };
    for name in ["binary.dcm", "structures.dcm"] {
        assert!(!said(name).contains("frame of reference"), "{name}");
    }
    // The same places, but another UID.
    for name in ["binary", "structures"] {
        let bytes = std::fs::read(file(&format!("{name}.dcm"))).unwrap();
        let uid = ct_of("axial").frame_of_reference().unwrap().to_string();
        let mut other = uid.clone();
        other.replace_range(uid.len() - 1.., if uid.ends_with('7') { "8" } else { "7" });
        let mut changed = bytes.clone();
        let places: Vec<usize> = bytes
            .windows(uid.len())
            .enumerate()
            .filter_map(|(at, window)| (window == uid.as_bytes()).then_some(at))
            .collect();
        assert!(!places.is_empty(), "{name}");
        for at in places {
            changed[at..at + other.len()].copy_from_slice(other.as_bytes());
        }
        std::fs::write(file(&format!("{name}-elsewhere.dcm")), changed).unwrap();
        let said = said(&format!("{name}-elsewhere.dcm"));
        assert!(said.contains("another frame of reference") && said.contains(&other), "{said}");
    }
}

#[test]
fn terminology_is_kept_as_slicer_writes_it() {
    let found = read(&file("binary.dcm"), &ct_of("binary")).unwrap();
    let tags = found.segments[0].attribute("Tags").unwrap();
    assert!(tags.contains("~SCT^91772007^Organ~SCT^10200004^Liver~^^~"), "{tags}");
    let output = CASES.0.path().join("binary-out.seg.nrrd");
    io::write_labels(&output, &found, &io::WriteOptions { overwrite: true, cancelled: None })
        .unwrap();
    let again = read(&output, &ct_of("binary")).unwrap();
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
    let ct = ct_of("axial");
    let copy = |from: &str, to: &str| std::fs::copy(file(from), folder.path().join(to)).unwrap();
    copy("structures.dcm", "any name");
    std::fs::write(folder.path().join("note.txt"), "no DICOM").unwrap();
    let names = |found: Segmentation| -> Vec<Segment> { found.segments };
    let alone = names(read(folder.path(), &ct).unwrap());
    assert_eq!(alone, names(read(&file("structures.dcm"), &ct).unwrap()));
    copy("binary.dcm", "b");
    let text = read(folder.path(), &ct).unwrap_err().to_string();
    assert!(text.contains("holds 2 segmentations and structure sets"), "{text}");
    assert!(text.contains("any name") && text.ends_with("/b"), "{text}");
}

#[test]
fn labels_of_another_ct_are_rejected() {
    let axial = ct_of("axial");
    let text = read(&file("structures-oblique.dcm"), &axial).unwrap_err().to_string();
    assert!(text.contains("not parallel to the slices"), "{text}");
    let steps = [[0.7, 0.0, 0.0], [0.0, 0.7, 0.0], [0.0, 0.0, 3.0]];
    let far = Geometry::new([20, 20, 10], [0.0, 0.0, 900.0], steps).unwrap();
    let voxels = Array3::<u8>::zeros((10, 20, 20));
    let far = Volume::new(voxels.into(), Rescale::IDENTITY, far).unwrap();
    let text = read(&file("structures.dcm"), &far).unwrap_err().to_string();
    assert!(text.contains("outside of the volume"), "{text}");
}

#[test]
fn truncated_files_are_rejected_with_their_name() {
    let folder = tempfile::tempdir().unwrap();
    let ct = ct_of("axial");
    for name in ["binary.dcm", "label-map.dcm", "label-map-rle.dcm", "structures.dcm"] {
        let bytes = std::fs::read(file(name)).unwrap();
        let path = folder.path().join(name);
        for length in (600..bytes.len()).step_by(397) {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let error = read(&path, &ct).err();
            let text = error.unwrap_or_else(|| panic!("{name}: {length} bytes")).to_string();
            assert!(text.contains(name), "{text}");
        }
    }
}
