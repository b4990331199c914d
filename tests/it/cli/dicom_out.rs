//! Derived DICOM series, checked by pydicom, GDCM, dciodvfy and dcm2niix, and read back.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use crate::common::phantom::{moving_discs, write};
use crate::common::program::{at_a_terminal, fails, files, succeeds};
use crate::common::python;
use crate::common::volumes::{describe, written_by};
use hrinet::io::{DerivedSeries, DerivedSeriesOptions, ReadOptions};
use hrinet::volume::{Rescale, SliceSource, Volume};
use hrinet::{Error, io};
use tempfile::TempDir;

/// Series as scanners write them, one folder per case (`tests/oracles/io_dicom_ct.py`).
static CASES: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    written_by("io_dicom_ct.py", folder.path(), &[]);
    folder
});

/// Cases, and the number of slices at factor 4.
const SERIES: &[(&str, usize)] = &[
    ("signed", 17),
    ("unsigned", 17),
    ("half-slope", 17),
    ("slopes", 17),
    ("eight", 17),
    ("oblique", 17),
    ("uneven", 17),
    ("escapes", 17),
    ("enhanced", 17),
];

fn case(name: &str) -> String {
    CASES.path().join(name).to_str().unwrap().to_string()
}

/// Derives a series at factor 4, linearly, and the same volume as a NRRD file.
fn derive(folder: &Path, name: &str, more: &[&str]) {
    let source = case(name);
    let common = ["--factor", "4", "--model", "linear", "-q"];
    let series = ["resample", &source, "fine/", "--json", "report.json"];
    succeeds(folder, &[&series[..], &common, more].concat());
    succeeds(folder, &[&["resample", &source, "fine.nrrd"][..], &common].concat());
}

#[test]
fn derived_series_has_stored_values_places_and_study_of_its_source() {
    for &(name, slices) in SERIES {
        let folder = tempfile::tempdir().unwrap();
        derive(folder.path(), name, &[]);
        let at = |name: &str| folder.path().join(name).display().to_string();
        let arguments = [&case(name), &at("fine"), &at("report.json")];
        let said = python::run("io_dicom_derived.py", &arguments.map(String::as_str));
        assert_eq!(said.trim(), slices.to_string(), "{name}");
    }
}

#[test]
fn derived_series_is_read_back_as_by_gdcm_and_as_it_was() {
    // Stored values are whole steps of the rescale: the largest step is 2 in slopes, 4 in eight.
    for (name, step) in [
        ("signed", 0.0),
        ("unsigned", 0.0),
        ("oblique", 0.0),
        ("uneven", 0.0),
        ("half-slope", 0.25),
        ("eight", 2.0),
        ("slopes", 1.0),
    ] {
        let folder = tempfile::tempdir().unwrap();
        derive(folder.path(), name, &[]);
        let series = io::read(&folder.path().join("fine")).unwrap();
        let file = io::read(&folder.path().join("fine.nrrd")).unwrap();
        assert!(series.geometry().is_close_to(file.geometry()), "{name}");
        assert_eq!(series.geometry().uneven_slices(), None, "{name}");
        let difference = |a: &Volume, b: &Volume| {
            let pairs = a.voxels().values().zip(b.voxels().values());
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        assert!(difference(&series, &file) <= step, "{name}: {}", difference(&series, &file));
        if step == 0.0 {
            let path = folder.path().join("fine").display().to_string();
            let description = &describe(&[path])[0];
            description.assert_same(&series, 1e-6, name);
        }
    }
}

#[test]
fn labels_become_a_dicom_seg_of_the_series() {
    let folder = tempfile::tempdir().unwrap();
    // Two labels, of which one is at every place where the volume is bright.
    let ct = io::read(Path::new(&case("signed"))).unwrap();
    let hrinet::volume::Voxels::Int16(hu) = ct.voxels() else { panic!() };
    let labels = hu.map(|&hu| if hu > 300 { 7u8 } else { 3 * u8::from(hu > -100) });
    let labels = Volume::new(labels.into(), Rescale::IDENTITY, ct.geometry().clone()).unwrap();
    write(&folder.path().join("labels.nrrd"), &labels);
    let source = case("signed");
    let common = ["--factor", "3", "--model", "linear", "-q", "--labels", "labels.nrrd"];
    for (series, seg) in [("fine/", "fine/labels.dcm"), ("other", "elsewhere.dcm")] {
        let arguments = ["resample", &source, series, "--dicom", "--json", "report.json"];
        succeeds(folder.path(), &[&arguments[..], &common, &[seg]].concat());
        let plain = ["resample", &source, "fine.nrrd", "--overwrite"];
        succeeds(folder.path(), &[&plain[..], &common, &["labels-fine.nrrd"]].concat());
        let at = |name: &str| folder.path().join(name).display().to_string();
        let arguments = [at(seg), at("labels-fine.nrrd"), at(series)];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let said = python::run("io_dicom_segmentation.py", &arguments);
        assert!(said.trim().ends_with(" 3 7"), "{said}");
        let report = std::fs::read_to_string(folder.path().join("report.json")).unwrap();
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["dicom"]["folder"], series);
        assert_eq!(report["dicom"]["segmentation"], seg);
        // The segmentation in the folder is no slice of the series.
        let slices = io::read(&folder.path().join(series)).unwrap().geometry().size()[2];
        assert_eq!(slices, 13);
    }
}

#[test]
fn slices_of_a_tilted_gantry_are_no_copies_unless_the_tilt_is_kept() {
    for (more, marks, is_moved) in [
        (&[][..], ["Known slice, moved in its plane", "The tilt of the gantry is taken out"], true),
        (&["--keep-tilt"], ["Known slice: instance", "Known slices keep their stored"], false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        derive(folder.path(), "tilted", more);
        let written = files(&folder.path().join("fine"));
        assert_eq!(written.len(), 17);
        let known = std::fs::read(&written[0]).unwrap();
        let known = String::from_utf8_lossy(&known);
        assert!(marks.iter().all(|mark| known.contains(mark)), "{more:?}");
        assert_eq!(known.contains("Spatial resampling"), is_moved, "{more:?}");
        let series = io::read(&folder.path().join("fine")).unwrap();
        assert_eq!(series.geometry().tilt_degrees().is_some(), !is_moved, "{more:?}");
        let at = |name: &str| folder.path().join(name).display().to_string();
        if !is_moved {
            let arguments = [&case("tilted"), &at("fine"), &at("report.json")];
            python::run("io_dicom_derived.py", &arguments.map(String::as_str));
        }
        for path in &written {
            let Some(said) = said_by("dciodvfy", &[path]) else { break };
            assert!(!said.contains("Error"), "{path}: {said}");
        }
        let same = ["resample", &case("tilted"), "fine.nrrd", "--factor", "4", "--overwrite"];
        let same = [&same[..], &["--model", "linear", "-q"], more].concat();
        succeeds(folder.path(), &same);
        let file = io::read(&folder.path().join("fine.nrrd")).unwrap();
        assert!(file.geometry().is_close_to(series.geometry()), "{more:?}");
        assert!(file.voxels() == series.voxels(), "{more:?}");
    }
}

/// Output of a validator of other software; `None` where it is not installed.
fn said_by(command: &str, arguments: &[&str]) -> Option<String> {
    let Ok(output) = Command::new(command).args(arguments).output() else {
        println!("skipped: {command} is not installed (apt-get install dicom3tools dcm2niix)");
        return None;
    };
    let text = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn dciodvfy_finds_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let ct = io::read(Path::new(&case("signed"))).unwrap();
    let hrinet::volume::Voxels::Int16(hu) = ct.voxels() else { panic!() };
    let labels = hu.map(|&hu| u8::from(hu > 100));
    let labels = Volume::new(labels.into(), Rescale::IDENTITY, ct.geometry().clone()).unwrap();
    write(&folder.path().join("labels.nrrd"), &labels);
    for (name, _) in SERIES {
        let out = format!("{name}/");
        let seg = format!("{name}/labels.dcm");
        let source = case(name);
        let mut arguments = vec!["resample", &source, &out, "--model", "linear", "-q"];
        if *name == "signed" {
            arguments.extend(["--labels", "labels.nrrd", &seg]);
        }
        succeeds(folder.path(), &arguments);
    }
    let written = files(folder.path()).into_iter().filter(|path| path.ends_with(".dcm"));
    for path in written {
        let Some(said) = said_by("dciodvfy", &[&path]) else { return };
        assert!(said.contains("CTImage") || said.contains("Segmentation"), "{path}: {said}");
        assert!(!said.contains("Error"), "{path}: {said}");
    }
}

#[test]
fn dcm2niix_reads_the_same_voxels_at_the_same_places() {
    for name in ["signed", "unsigned", "oblique"] {
        let folder = tempfile::tempdir().unwrap();
        derive(folder.path(), name, &[]);
        let at = |name: &str| folder.path().join(name).display().to_string();
        let (out, series) = (at(""), at("fine"));
        let arguments = ["-b", "n", "-z", "n", "-f", "by-dcm2niix", "-o", &out, &series];
        let Some(said) = said_by("dcm2niix", &arguments) else { return };
        assert!(said.contains("Convert 17 DICOM") && !said.contains("Error"), "{said}");
        let volumes = [at("by-dcm2niix.nii"), at("fine.nrrd")];
        let difference = python::run("io_same_places.py", &volumes.each_ref().map(String::as_str));
        assert_eq!(difference.trim(), "0.0", "{name}: {said}");
    }
}

#[test]
fn identifiers_are_new_in_each_run_unless_they_follow_from_a_seed() {
    let folder = tempfile::tempdir().unwrap();
    let source = case("signed");
    let run = |output: &str, more: &[&str]| {
        let arguments = ["resample", &source, output, "--model", "linear", "-q"];
        succeeds(folder.path(), &[&arguments[..], more].concat());
        let paths = files(&folder.path().join(output));
        paths.iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>()
    };
    let seed = ["--uid-seed", "study 7"];
    assert_ne!(run("a/", &[]), run("b/", &[]));
    let first = run("c/", &seed);
    assert_eq!(first, run("d/", &seed));
    for (output, more) in [
        ("e/", &["--uid-seed", "study 8"][..]),
        ("f/", &["--uid-seed", "study 7", "--factor", "2"]),
    ] {
        let other = run(output, more);
        assert!(first.iter().all(|file| !other.contains(file)), "{output}");
    }
}

#[test]
fn outputs_that_cannot_be_written_are_refused_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in.nrrd"), &moving_discs(16, 3, 0));
    std::fs::create_dir(folder.path().join("full")).unwrap();
    std::fs::write(folder.path().join("full/IM00001.dcm"), "of another").unwrap();
    let source = case("signed");
    let axis = ["--axis", "i"];
    let labels = ["--labels", "in.nrrd", "labels.dcm"];
    for (input, output, more, expected) in [
        ("in.nrrd", "new/", &[][..], "in.nrrd: has no DICOM headers"),
        ("in.nrrd", "new", &["--dicom"], "in.nrrd: has no DICOM headers"),
        (&source, "full/", &[], "full/: the folder holds files already"),
        (&source, "full", &["--overwrite"], "full: the folder holds files already"),
        (&source, "none/new/", &[], "none does not exist; create it first"),
        (&source, "in.nrrd", &["--dicom", "--overwrite"], "in.nrrd: a file, where a folder"),
        (&source, "new/", &axis, "--axis i: a DICOM series is written with the slices"),
        (&source, "new.nrrd", &labels, "labels.dcm: a DICOM SEG refers to a DICOM series"),
        (&source, "new/", &["--labels", "in.nrrd", "new/IM00002.dcm"], "a name that slices"),
        (&source, "new", &[], "or as a DICOM series into a folder whose name ends with /"),
    ] {
        let arguments = ["resample", input, output, "--model", "linear"];
        let line = fails(folder.path(), &[&arguments[..], more].concat(), 1);
        assert!(line.contains(expected), "{line:?} instead of {expected:?}");
    }
}

#[test]
fn full_disk_leaves_neither_folder_nor_files() {
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_hrinet");
    // Files of up to 1 kB; the signal is ignored, so that writing fails as on a full disk.
    let limited = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
    let output = Command::new("bash")
        .args(["-c", limited, program, "resample", &case("signed"), "fine/"])
        .args(["--model", "linear", "-q"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("IM00001.dcm: File too large"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Ctrl-C once the first slice is there and thousands are to come.
#[test]
fn ctrl_c_while_a_series_is_written_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let source = case("signed");
    let arguments = ["resample", &source, "fine/", "--factor", "2500", "--model", "linear"];
    let mut run = at_a_terminal(folder.path(), &arguments).stderr(Stdio::piped()).spawn().unwrap();
    let partial = io::partial_path(&folder.path().join("fine"));
    let count = || std::fs::read_dir(&partial).map_or(0, Iterator::count);
    while count() == 0 {
        assert!(run.try_wait().unwrap().is_none(), "it ended before it wrote");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(count() < 10_001, "all slices are written");
    let id = run.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let output = run.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("hrinet: cancelled"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn cancelled_write_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let options = ReadOptions::default();
    let (volume, headers) =
        io::read_with_headers(&PathBuf::from(case("signed")), &options, &|_, _| Ok(())).unwrap();
    let headers = headers.unwrap();
    assert_eq!(headers.slice_count(), 5);
    let sources: Vec<SliceSource> = (0..5).map(SliceSource::Known).collect();
    let series = DerivedSeries {
        headers: &headers,
        input: &volume,
        output: &volume,
        sources: &sources,
        thin_factor: None,
        method: "copy",
        segmentation: None,
    };
    let asked = Cell::new(0);
    let cancelled = || {
        asked.set(asked.get() + 1);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a partial folder");
        asked.get() == 3
    };
    let options = DerivedSeriesOptions { cancelled: Some(&cancelled), ..Default::default() };
    let result = series.write(&folder.path().join("copy"), &options);
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    let short = DerivedSeries { sources: &sources[1..], ..series };
    let error = short.write(&folder.path().join("copy"), &DerivedSeriesOptions::default());
    let text = error.unwrap_err().to_string();
    assert!(text.contains("4 sources for 5 slices"), "{text}");
}
