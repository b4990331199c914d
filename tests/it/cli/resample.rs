//! `hrinet resample` as a user runs it: grids, geometry against SimpleITK, report, cancel.

use crate::common::python;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::common::phantom::{moving_discs, write};
use crate::common::program::{at_a_terminal, fails, files, succeeds};
use hrinet::io;
use hrinet::volume::{Geometry, Rescale, Volume};
use ndarray::Array3;

/// NRRD keeps doubles; NIfTI keeps float32, which at 300 mm is 3e-5 mm.
const TOLERANCES_MM: [(&str, &str); 2] = [("nrrd", "1e-6"), ("nii.gz", "1e-4")];

/// An oblique volume, thick along `axis` (0, 1, 2).
fn oblique(axis: usize) -> Volume {
    let (sin, cos) = 0.4f64.sin_cos();
    let directions = [[cos, sin, 0.0], [-sin * 0.6, cos * 0.6, 0.8], [sin * 0.8, -cos * 0.8, 0.6]];
    let mut size = [12, 14, 13];
    let mut spacing = [0.7, 0.7, 0.7];
    size[axis] = 5;
    spacing[axis] = 2.9;
    let steps = std::array::from_fn(|a| directions[a].map(|component| component * spacing[a]));
    let geometry = Geometry::new(size, [-173.3, 250.1, -1.7], steps).expect("right angles");
    let [i, j, k] = size;
    let array = Array3::from_shape_fn((k, j, i), |(k, j, i)| (i * 97 + j * 31 + k * 53) as u16);
    Volume::new(array.into(), Rescale::IDENTITY, geometry).expect("a volume")
}

#[test]
fn known_voxels_keep_value_and_position_in_simpleitk() {
    let folder = tempfile::tempdir().unwrap();
    for (ending, tolerance) in TOLERANCES_MM {
        for (number, axis) in ["i", "j", "k"].into_iter().enumerate() {
            let name = |what: &str| format!("{axis}-{what}.{ending}");
            let (input, output) = (name("in"), name("out"));
            write(&folder.path().join(&input), &oblique(number));
            for (grid, known, slices) in [
                (&["--isotropic"][..], 5, 17),
                (&["--factor", "3"], 5, 13),
                (&["--spacing", "1.0"], 5, 13),
                (&["--exact-spacing", "1.45"], 5, 9),
                (&["--spacing", "1.0", "--exact-spacing"], 1, 12),
            ] {
                let mut arguments = vec!["resample", &input, &output, "--overwrite"];
                arguments.extend(["--model", "linear", "--json", "report.json", "-q"]);
                arguments.extend(grid);
                succeeds(folder.path(), &arguments);
                let at = |name: &str| folder.path().join(name).display().to_string();
                let (a, b, json) = (at(&input), at(&output), at("report.json"));
                let said = python::run("cli_geometry.py", &[&a, &b, &json, axis, tolerance]);
                assert_eq!(said.trim(), format!("{known} {slices}"), "{axis} {ending} {grid:?}");
            }
        }
    }
}

#[test]
fn exact_spacing_is_accepted_before_the_files() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in.nrrd"), &moving_discs(16, 3, 0));
    let grid = ["resample", "--exact-spacing", "2", "in.nrrd", "a.nrrd", "--model", "linear"];
    succeeds(folder.path(), &grid);
    let flag = ["resample", "--spacing", "2", "--exact-spacing", "in.nrrd", "b.nrrd"];
    succeeds(folder.path(), &[&flag[..], &["--model", "linear"]].concat());
    let read = |name: &str| io::read(&folder.path().join(name)).unwrap();
    assert_eq!(read("a.nrrd").voxels(), read("b.nrrd").voxels());
    assert_eq!(read("a.nrrd").geometry().size(), [16, 16, 4]);
}

#[test]
fn reference_gives_its_slices() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in.nrrd"), &moving_discs(16, 4, 0));
    let steps = [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.25]];
    let geometry = Geometry::new([3, 3, 40], [0.0, 0.0, 0.0], steps).unwrap();
    let reference = Array3::<u8>::zeros((40, 3, 3));
    let reference = Volume::new(reference.into(), Rescale::IDENTITY, geometry).unwrap();
    write(&folder.path().join("ref.nrrd"), &reference);
    let arguments = ["resample", "in.nrrd", "out.nrrd", "--reference", "ref.nrrd"];
    let (_, said) = succeeds(folder.path(), &[&arguments[..], &["--model", "cubic"]].concat());
    assert!(said.contains("are outside the volume and are left out"), "{said}");
    let output = io::read(&folder.path().join("out.nrrd")).unwrap();
    // The input lies from 5 to 14 mm: reference slices at 5, 6.25, ... 13.75.
    assert_eq!(output.geometry().size(), [16, 16, 8]);
    assert!((output.geometry().origin()[2] - 5.0).abs() < 1e-9);
}

#[test]
fn isotropic_volume_is_copied_with_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let geometry = Geometry::new([4, 5, 6], [0.0; 3], steps).unwrap();
    let array = Array3::from_shape_fn((6, 5, 4), |(k, j, i)| (k * 100 + j * 10 + i) as f64 + 0.1);
    let input = Volume::new(array.into(), Rescale::IDENTITY, geometry).unwrap();
    write(&folder.path().join("in.nrrd"), &input);
    let (_, said) =
        succeeds(folder.path(), &["resample", "in.nrrd", "out.nrrd", "--model", "cubic"]);
    assert!(said.contains("already; the volume is copied as it is"), "{said}");
    let output = io::read(&folder.path().join("out.nrrd")).unwrap();
    assert_eq!(output.voxels(), input.voxels());
    assert_eq!(output.geometry(), input.geometry());
}

#[test]
fn size_and_memory_are_printed_unless_quiet() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in.nrrd"), &moving_discs(16, 3, 0));
    let arguments = ["resample", "in.nrrd", "out.nrrd", "--model", "linear", "--overwrite"];
    let (out, said) = succeeds(folder.path(), &arguments);
    assert_eq!(out, "");
    assert!(said.contains("out: 16 x 16 x 9 voxels of 0.800 x 0.800 x 0.750 mm"), "{said}");
    assert!(said.contains("of memory"), "{said}");
    assert!(said.contains("9 slices, 3 known, 6 interpolated"), "{said}");
    let (out, said) = succeeds(folder.path(), &[&arguments[..], &["-q"]].concat());
    assert_eq!((out.as_str(), said.as_str()), ("", ""));
}

/// A stack that takes a network many seconds.
fn long_work(folder: &Path) {
    write(&folder.join("in.nrrd"), &moving_discs(256, 12, 0));
    let data = folder.join("data");
    std::fs::create_dir(&data).unwrap();
    write(&data.join("a.nrrd"), &moving_discs(40, 9, 0));
    let train = ["train", "--data", "data", "--out", "run", "--iterations", "1", "--size", "32"];
    succeeds(folder, &[&train[..], &["--batch", "1", "--hold-out", "0", "-q"]].concat());
}

/// Presses Ctrl-C and waits for the end.
pub fn stopped_within_a_second(run: Child) -> Output {
    let start = Instant::now();
    let id = run.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let output = run.wait_with_output().unwrap();
    assert!(start.elapsed() < Duration::from_secs(1), "took {:?}", start.elapsed());
    output
}

#[test]
fn ctrl_c_stops_within_a_second_without_partial_files() {
    let folder = tempfile::tempdir().unwrap();
    long_work(folder.path());
    let before = files(folder.path());
    let arguments = ["resample", "in.nrrd", "out.nii.gz", "--factor", "60"];
    let model = ["--model", "run/hrinet-motion.safetensors", "--json", "report.json"];
    // At once, while libraries load; and once slices are being made.
    for wait in [150, 4000] {
        let run = at_a_terminal(folder.path(), &[&arguments[..], &model].concat())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        std::thread::sleep(Duration::from_millis(wait));
        let output = stopped_within_a_second(run);
        let said = String::from_utf8_lossy(&output.stderr);
        // Before the watch begins, the system's own end by the signal is as good.
        assert!(matches!(output.status.code(), Some(130) | None), "{:?}: {said}", output.status);
        if wait > 1000 {
            assert_eq!(output.status.code(), Some(130), "{said}");
            assert!(said.contains("hrinet: cancelled"), "{said}");
        }
        assert_eq!(files(folder.path()), before);
    }
}

#[test]
fn label_map_is_resampled_onto_the_same_grid() {
    let folder = tempfile::tempdir().unwrap();
    let hrinet::volume::Voxels::Int16(hu) = moving_discs(48, 17, 1).voxels().clone() else {
        panic!()
    };
    // Every fourth slice: the disc moves by more than a pixel.
    let hu = hu.slice(ndarray::s![..;4, .., ..]).to_owned();
    let steps = [[0.8, 0.0, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, 3.0]];
    let geometry = Geometry::new([48, 48, 5], [0.0; 3], steps).unwrap();
    let ct = Volume::new(hu.clone().into(), Rescale::IDENTITY, geometry).unwrap();
    // Body 3, the disc that moves in it 7.
    let names = hu.map(|&hu| if hu == 700 { 7u16 } else { 3 * u16::from(hu > -1000) });
    let labels = Volume::new(names.clone().into(), Rescale::IDENTITY, ct.geometry().clone());
    write(&folder.path().join("ct.nrrd"), &ct);
    write(&folder.path().join("labels.nrrd"), &labels.unwrap());
    let common = ["resample", "ct.nrrd", "out.nrrd", "--factor", "3", "--model", "linear", "-q"];
    let with = |more: &[&'static str]| [&common[..], more].concat();
    let areas = |path: &str| {
        let made = io::read(&folder.path().join(path)).unwrap();
        let grid = io::read(&folder.path().join("out.nrrd")).unwrap();
        assert_eq!(made.geometry(), grid.geometry());
        let hrinet::volume::Voxels::UInt16(made) = made.voxels() else { panic!("another type") };
        for (known, slice) in names.outer_iter().zip(made.outer_iter().step_by(3)) {
            assert_eq!(known, slice);
        }
        assert!(made.iter().all(|label| [0, 3, 7].contains(label)));
        made.clone()
    };
    succeeds(folder.path(), &with(&["--labels", "labels.nrrd", "shape.nrrd"]));
    let nearest = ["--labels", "labels.nrrd", "nearest.nrrd", "--labels-method", "nearest"];
    succeeds(folder.path(), &with(&[&nearest[..], &["--overwrite"]].concat()));
    let (shape, nearest) = (areas("shape.nrrd"), areas("nearest.nrrd"));
    assert_eq!(nearest.index_axis(ndarray::Axis(0), 1), names.index_axis(ndarray::Axis(0), 0));
    assert_ne!(shape, nearest);

    // The network's motion by default; without it, there is none to be had.
    let by_network = ["--labels", "labels.nrrd", "anatomy.nrrd", "--model", "hrinet-motion"];
    let common_network = ["resample", "ct.nrrd", "out.nrrd", "--factor", "3", "-q", "--overwrite"];
    succeeds(folder.path(), &[&common_network[..], &by_network].concat());
    assert_ne!(areas("anatomy.nrrd"), shape);
    let named = ["--labels", "labels.nrrd", "named.nrrd", "--labels-method", "anatomy"];
    succeeds(folder.path(), &[&common_network[..], &named].concat());
    assert_eq!(areas("anatomy.nrrd"), areas("named.nrrd"));
    // Not quiet, it counts the slices of both: 4 pairs, 2 between each.
    let loud = [&common_network[..], &named].concat();
    let loud: Vec<&str> = loud.into_iter().filter(|&word| word != "-q").collect();
    let (_, said) = succeeds(folder.path(), &loud);
    let first = said.find("\nslices: 0 of 16\n");
    let last = said.find("\nslices: 16 of 16\n");
    assert!(first.is_some() && first < last, "{said}");
    let none = with(&[&named[..2], &["none.nrrd"], &named[3..], &["--overwrite"]].concat());
    let line = fails(folder.path(), &none, 1);
    assert!(line.contains("anatomy") && line.contains("linear"), "{line}");

    let same = with(&["--labels", "labels.nrrd", "out.nrrd", "--overwrite"]);
    let line = fails(folder.path(), &same, 1);
    assert!(line.contains("out.nrrd") && line.contains("another file"), "{line}");
}

/// While label slices are interpolated, which takes seconds.
#[test]
fn ctrl_c_stops_labels_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let ct = moving_discs(256, 12, 0);
    write(&folder.path().join("in.nrrd"), &ct);
    let squares = ndarray::Array3::from_shape_fn((12, 256, 256), |(k, j, i)| {
        (1 + (7 * k + 5 * (j / 4) + 11 * (i / 4) + (j / 4) * (i / 4)) % 60) as u8
    });
    let labels = Volume::new(squares.into(), Rescale::IDENTITY, ct.geometry().clone()).unwrap();
    write(&folder.path().join("labels.nrrd"), &labels);
    let arguments = ["resample", "in.nrrd", "out.nrrd", "--factor", "60", "--model", "linear"];
    let labels = ["--labels", "labels.nrrd", "fine.nrrd", "--labels-method", "shape", "-v"];
    let mut run = at_a_terminal(folder.path(), &[&arguments[..], &labels].concat())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let before = files(folder.path());
    let mut lines = BufReader::new(run.stderr.take().expect("a pipe")).lines();
    assert!(lines.any(|line| line.expect("text").contains("label map")));
    let output = stopped_within_a_second(run);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert_eq!(files(folder.path()), before);
}
