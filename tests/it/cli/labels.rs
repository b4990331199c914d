//! `hrinet resample --labels`: segmentations with names and layers, and label maps elsewhere.

use std::collections::BTreeMap;

use crate::common::phantom::write;
use crate::common::program::{fails, succeeds};
use crate::common::python;
use hrinet::volume::{Geometry, Rescale, Volume};
use ndarray::Array3;
use serde::Deserialize;

/// A segmentation as pynrrd reads it.
#[derive(Deserialize)]
struct Read {
    fields: BTreeMap<String, String>,
    sizes: Vec<usize>,
    kinds: Vec<String>,
    layers: Vec<Vec<u8>>,
}

/// A CT of 6 x 5 x 4 voxels at the place of the segmentations.
fn ct() -> Volume {
    let array = Array3::from_shape_fn((4, 5, 6), |(k, j, i)| (100 * k + 10 * j + i) as i16);
    let steps = [[-0.7, 0.0, 0.0], [0.0, -0.8, 0.0], [0.0, 0.0, 3.0]];
    let geometry = Geometry::new([6, 5, 4], [-1.0, -2.0, 3.0], steps).unwrap();
    Volume::new(array.into(), Rescale::IDENTITY, geometry).unwrap()
}

const LINEAR: [&str; 6] = ["resample", "ct.nrrd", "--model", "linear", "--factor", "2"];

#[test]
fn names_values_and_layers_of_segments_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    write(&folder.path().join("ct.nrrd"), &ct());
    python::run("io_segmentation.py", &["write", &at("in.seg.nrrd")]);
    let more =
        ["out.nrrd", "--labels", "in.seg.nrrd", "out.seg.nrrd", "--labels-method", "nearest"];
    succeeds(folder.path(), &[&LINEAR[..], &more].concat());
    let read = |name: &str| -> Read {
        serde_json::from_str(&python::run("io_segmentation.py", &["read", &at(name)])).unwrap()
    };
    let (input, output) = (read("in.seg.nrrd"), read("out.seg.nrrd"));
    assert_eq!(output.sizes, [2, 6, 5, 7]);
    assert_eq!(output.kinds, ["list", "domain", "domain", "domain"]);
    for (key, value) in &input.fields {
        let is_kept = key.starts_with("Segment")
            && !key.ends_with("_Extent")
            && key != "Segmentation_ReferenceImageExtentOffset";
        if is_kept {
            assert_eq!(output.fields.get(key), Some(value), "{key}");
        }
    }
    assert_eq!(output.fields["Segmentation_ReferenceImageExtentOffset"], "0 0 0");
    assert_eq!(output.fields["Segment0_Extent"], "0 5 0 4 0 6");
    assert_eq!(output.fields["Segment1_Extent"], "0 2 2 2 0 6");
    for (before, after) in input.layers.iter().zip(&output.layers) {
        // Known slices, and between them the nearer one, the first of both in the middle.
        for k in 0..7 {
            assert_eq!(after[30 * k..30 * (k + 1)], before[30 * (k / 2)..30 * (k / 2 + 1)], "{k}");
        }
    }
    let more = ["b.nrrd", "--labels", "in.seg.nrrd", "b.nii"];
    let line = fails(folder.path(), &[&LINEAR[..], &more].concat(), 1);
    assert!(line.contains("2 layers") && line.contains(".seg.nrrd"), "{line}");
}

#[test]
fn label_maps_on_other_grids_are_put_in_place_and_losses_are_said() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("ct.nrrd"), &ct());
    let labels = |name: &str, origin: [f64; 3]| {
        let array = Array3::from_elem((2, 2, 3), 5u8);
        let steps = [[-0.7, 0.0, 0.0], [0.0, -0.8, 0.0], [0.0, 0.0, 3.0]];
        let geometry = Geometry::new([3, 2, 2], origin, steps).unwrap();
        let volume = Volume::new(array.into(), Rescale::IDENTITY, geometry).unwrap();
        write(&folder.path().join(name), &volume);
    };
    let run = |name: &str, output: &str| {
        let report = format!("{output}.json");
        let output = format!("{output}.nii.gz");
        let image = format!("image-{output}");
        let more = [&image, "--labels", name, &output, "--json", &report];
        let (_, said) = succeeds(folder.path(), &[&LINEAR[..], &more].concat());
        let report = std::fs::read_to_string(folder.path().join(&report)).unwrap();
        let volume = hrinet::io::read(&folder.path().join(&output)).unwrap();
        (volume.voxels().values().filter(|&value| value == 5.0).count(), said, report)
    };
    // Columns 1 to 3, rows 2 and 3, slices 1 and 2, with one between them.
    labels("cropped.nrrd", [-1.7, -3.6, 6.0]);
    let (count, said, _) = run("cropped.nrrd", "a");
    assert!(count >= 3 * 3 * 2 && !said.contains("note: cropped"), "{count}: {said}");
    // Half of it is beyond the last slice.
    labels("beyond.nrrd", [-1.7, -3.6, 12.0]);
    let (_, said, report) = run("beyond.nrrd", "b");
    for text in [&said, &report] {
        assert!(text.contains("6 of 12 labelled voxels lie outside of the volume"), "{text}");
    }
    labels("far.nrrd", [-1.7, -3.6, 600.0]);
    let more = ["c.nrrd", "--labels", "far.nrrd", "d.nrrd"];
    let line = fails(folder.path(), &[&LINEAR[..], &more].concat(), 1);
    assert!(line.contains("far.nrrd") && line.contains("segmentation of another CT"), "{line}");
}
