//! DICOM files and folders as people have them (`tests/oracles/io_dicom_odd.py`, with pydicom),
//! against the phantom that they hold.

use std::path::PathBuf;
use std::sync::LazyLock;

use crate::common::volumes::{describe, written_by};
use hrinet::io::{self, FolderContents, ReadOptions};
use hrinet::volume::{Axis, Volume, Voxels};
use hrinet::{Error, Result};
use tempfile::TempDir;

static CASES: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    written_by("io_dicom_odd.py", folder.path(), &[]);
    folder
});

const SIZE: [usize; 3] = [11, 8, 5];

fn case(name: &str) -> PathBuf {
    CASES.path().join(name)
}

fn read_series(name: &str, series: &str) -> Result<Volume> {
    let options = ReadOptions { series: Some(series.to_string()), ..ReadOptions::default() };
    io::read_with(&case(name), &options)
}

/// Text of the error of reading a case.
fn refusal(name: &str) -> String {
    let text = io::read(&case(name)).unwrap_err().to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

/// Little-endian int16 in a file beside the cases.
fn stored(name: &str) -> Vec<i16> {
    let bytes = std::fs::read(case(name)).unwrap();
    bytes.as_chunks::<2>().0.iter().map(|&bytes| i16::from_le_bytes(bytes)).collect()
}

/// The volume is on the phantom's grid and holds `expected` HU.
fn assert_holds(name: &str, volume: &Volume, expected: &[i16]) {
    let geometry = volume.geometry();
    assert_eq!(geometry.size(), SIZE, "{name}");
    assert_eq!(geometry.origin(), [10.4, -20.3, -55.0], "{name}");
    assert_eq!(Axis::ALL.map(|axis| geometry.spacing(axis)), [0.7, 0.8, 3.0], "{name}");
    assert_eq!(geometry.uneven_slices(), None, "{name}");
    let Voxels::Int16(voxels) = volume.voxels() else {
        panic!("{name}: {}", volume.voxels().voxel_type().name());
    };
    assert!(voxels.iter().eq(expected), "{name}: other voxels");
}

fn assert_are_the_phantom(names: &[&str]) {
    let expected = stored("hu.raw");
    for name in names {
        let volume = io::read(&case(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_holds(name, &volume, &expected);
    }
}

#[test]
fn every_encoding_is_read_whatever_the_file_states() {
    assert_are_the_phantom(&[
        "bare-implicit",
        "bare-explicit",
        "bare-big",
        "big",
        "deflated",
        "no-meta-length",
        "wrong-meta-length",
        "says-explicit",
        "says-implicit",
        "says-big",
    ]);
}

#[test]
fn elements_of_unknown_vr_and_odd_length_are_read() {
    assert_are_the_phantom(&[
        "un-values",
        "un-sequence",
        "un-explicit",
        "un-nested",
        "un-in-item",
        "odd-length",
        "odd-length-padded",
        "odd-position",
    ]);
}

#[test]
fn jpeg_ls_is_read_as_by_charls() {
    assert_are_the_phantom(&["jpeg-ls", "run-length"]);
    let path = case("near").to_str().unwrap().to_string();
    let volume = io::read(&case("near")).unwrap();
    describe(&[path])[0].assert_same(&volume, 1e-6, "near");
    let Voxels::Int16(near) = volume.voxels() else { panic!("not int16") };
    let differences = near.iter().zip(stored("hu.raw")).map(|(a, b)| a.abs_diff(b));
    assert_eq!(differences.max(), Some(3), "the case is lossy");
}

#[test]
fn unread_compression_names_codec_and_remedy() {
    let text = refusal("twelve-bits");
    for part in ["JPEG extended, 12 bits", "1.2.840.10008.1.2.4.51", "gdcmconv --raw"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn frames_of_enhanced_ct_are_read_in_the_order_of_their_places() {
    assert_are_the_phantom(&[
        "enhanced",
        "enhanced/E.dcm",
        "enhanced-per-frame",
        "enhanced-per-frame/E",
        "enhanced-big",
        "enhanced-bare/E",
        "enhanced-jpeg-ls",
        "enhanced-fragments",
        "enhanced-no-table",
        "enhanced-single",
    ]);
    assert!(refusal("enhanced-lost-frame").contains("NumberOfFrames is 5, but 4 frames"));
    let text = refusal("enhanced-single/E0.dcm");
    assert!(text.contains("a single slice of a DICOM series; give the folder"), "{text}");
}

#[test]
fn copies_are_read_once_but_not_slices_with_one_uid() {
    assert_are_the_phantom(&["copies", "same-uid"]);
    let contents = io::list(&case("copies"), &ReadOptions::default()).unwrap();
    assert_eq!(contents.series[0].slices, 5);
    let reasons = passed_over(&contents);
    assert_eq!(reasons, ["IM1.dcm: a copy of A", "IM3 (1).dcm: a copy of IM3.dcm"]);
}

#[test]
fn copies_in_another_compression_are_recognised_by_their_values() {
    assert_are_the_phantom(&["copies-packed"]);
    let contents = io::list(&case("copies-packed"), &ReadOptions::default()).unwrap();
    let expected = ["P0-jpeg-ls", "P1-run-length", "P2-deflated", "P3-big-endian", "P4-rescaled"]
        .iter()
        .enumerate()
        .map(|(slice, name)| format!("{name}: a copy of IM{slice}.dcm"));
    assert_eq!(passed_over(&contents), expected.collect::<Vec<_>>());
    // Of two different slices at one place, neither is chosen silently.
    let text = refusal("copies-lossy");
    assert!(text.contains("at the same position as"), "{text}");
}

fn passed_over(contents: &FolderContents) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_string();
    let files = contents.passed_over.iter();
    files.map(|file| format!("{}: {}", name(&file.path), file.reason)).collect()
}

#[test]
fn stray_and_broken_files_are_passed_over_unless_they_are_of_the_series() {
    assert_are_the_phantom(&["stray", "broken-other", "broken-start"]);
    let contents = io::list(&case("stray"), &ReadOptions::default()).unwrap();
    let reasons = passed_over(&contents).join("\n");
    for part in ["PAGE: an image without", "report.dcm: not a DICOM", "zero.dcm: not a DICOM"] {
        assert!(reasons.contains(part), "{reasons}");
    }
    let error = io::read(&case("broken")).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }));
    let text = error.to_string();
    for part in
        ["broken/Z: ", "element (7FE0,0010) PixelData at byte ", "states 176 bytes, but only 156"]
    {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn localizers_are_passed_over_and_can_be_chosen() {
    assert_are_the_phantom(&["localizer"]);
    assert_eq!(read_series("localizer", "2").unwrap().geometry().size(), [11, 8, 1]);
    let contents = io::list(&case("localizer"), &ReadOptions::default()).unwrap();
    let localizers: Vec<bool> = contents.series.iter().map(|entry| entry.is_localizer).collect();
    assert_eq!(localizers, [false, true, true]);
}

#[test]
fn phases_of_a_series_are_told_apart() {
    let first = stored("hu.raw");
    let second: Vec<i16> = first.iter().map(|hu| hu + 50).collect();
    for (name, phase) in [
        ("by-acquisition", "AcquisitionNumber 2"),
        ("by-time", "ContentTime 101000"),
        ("by-time-of-slice", "phase 2 of 2 by time"),
        ("by-number", "phase 2 of 2 by InstanceNumber"),
        ("enhanced-phases", "TemporalPositionIndex 2"),
    ] {
        let text = refusal(name);
        assert!(text.contains("holds 2 series; choose one by its number or UID: 1: CT"), "{text}");
        assert!(text.contains(phase), "{text}");
        assert_holds(name, &read_series(name, "1").unwrap(), &first);
        assert_holds(name, &read_series(name, "2").unwrap(), &second);
        let contents = io::list(&case(name), &ReadOptions::default()).unwrap();
        assert_eq!(contents.series[1].phase.as_deref(), Some(phase));
        assert_eq!(contents.series[1].slice_distance_mm, Some(3.0));
    }
}

#[test]
fn folders_below_and_the_files_of_a_dicomdir_are_read() {
    assert_are_the_phantom(&["nested", "media", "media/DICOMDIR", "media-lower/DICOMDIR"]);
    assert!(refusal("nested-two").contains("holds 2 series"));
    for name in ["media-alone", "media-alone/DICOMDIR"] {
        let text = refusal(name);
        assert!(text.contains("DICOMDIR: 5 of the 5 files that it names are missing"), "{text}");
    }
}
