//! DICOM series against SimpleITK (GDCM), and rejected folders.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::common::volumes::{describe, position, written_by};
use hrinet::io;
use hrinet::io::ReadOptions;
use hrinet::volume::{Axis, Volume, Voxels};
use hrinet::{Error, Result};
use proptest::prelude::*;
use tempfile::TempDir;

/// DICOM stores decimal numbers of up to 16 characters.
const EXACT_MM: f64 = 1e-6;

/// Small series, one folder per case (`tests/oracles/io_dicom_make.py`).
static CASES: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    written_by("io_dicom_make.py", folder.path(), &[]);
    folder
});

fn case(name: &str) -> PathBuf {
    CASES.path().join(name)
}

fn read_series(name: &str, series: &str) -> Result<Volume> {
    let options = ReadOptions { series: Some(series.to_string()), ..ReadOptions::default() };
    io::read_with(&case(name), &options)
}

#[test]
fn real_series_are_read_as_by_gdcm() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".samples/dicom");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: {} is missing (scripts/dev/fetch-samples dicom)", folder.display());
        return;
    };
    let folders = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let folders: Vec<String> = folders.map(|path| path.to_str().unwrap().to_string()).collect();
    assert!(!folders.is_empty());
    for (path, description) in folders.iter().zip(describe(&folders)) {
        let volume = io::read(Path::new(path)).unwrap();
        description.assert_same(&volume, EXACT_MM, path);
    }
}

#[test]
fn all_kinds_of_series_are_read_as_by_gdcm() {
    let cases = [
        ("axial", "int16"),
        ("downwards", "int16"),
        ("oblique", "int16"),
        ("sagittal", "int16"),
        ("unsigned", "int16"),
        ("unsigned-16", "int32"),
        ("signed-12", "int16"),
        ("other-files", "int16"),
        ("implicit", "int16"),
        ("run-length", "int16"),
        ("jpeg2000", "int16"),
        ("jpeg-lossless", "int16"),
    ];
    let paths: Vec<String> =
        cases.iter().map(|(name, _)| case(name).to_str().unwrap().to_string()).collect();
    for (((name, type_name), path), description) in cases.iter().zip(&paths).zip(describe(&paths)) {
        let volume = io::read(Path::new(path)).unwrap();
        assert_eq!(volume.voxels().voxel_type().name(), *type_name, "{name}");
        assert_eq!(volume.geometry().uneven_slices(), None, "{name}");
        description.assert_same(&volume, EXACT_MM, name);
    }
}

#[test]
fn glance_sees_what_a_whole_file_says() {
    for name in ["axial", "oblique", "unsigned-16", "implicit", "run-length", "jpeg2000"] {
        let series = &io::list(&case(name), &ReadOptions::default()).unwrap().series[0];
        let seen = io::glance(&series.first_file).unwrap().expect("a DICOM file");
        assert_eq!((&seen.series, &seen.modality), (&series.uid, &series.modality), "{name}");
        assert_eq!(seen.size, [series.columns, series.rows], "{name}");
        let [column, row] = series.pixel_spacing_mm;
        assert_eq!(seen.pixel_spacing_mm, Some([row, column]), "{name}");
        assert!(seen.position.is_some() && seen.directions.is_some(), "{name}");
        assert_eq!(seen.bytes, std::fs::metadata(&series.first_file).unwrap().len(), "{name}");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/io_dicom_make.py");
    assert!(io::glance(&script).unwrap().is_none());
    assert!(io::glance(Path::new("no such file")).is_err());
}

#[test]
fn hounsfield_units_equal_those_of_gdcm_in_another_type() {
    for (name, ours, theirs) in [
        ("eight", "int16", "uint8"),
        ("half-slope", "float32", "float64"),
        ("jpeg2000-unsigned", "int16", "int32"),
        ("jpeg-lossless-unsigned", "int16", "int32"),
    ] {
        let path = case(name).to_str().unwrap().to_string();
        let description = &describe(&[path])[0];
        let volume = io::read(&case(name)).unwrap();
        description.assert_same_positions(&volume, EXACT_MM, name);
        assert_eq!(volume.voxels().voxel_type().name(), ours, "{name}");
        assert_eq!(description.type_name, theirs, "{name}");
        let ours = numbers(ours, &volume.voxels().to_le_bytes());
        assert!(ours == numbers(theirs, &description.bytes), "{name}");
    }
}

/// Decodes little-endian bytes.
fn numbers(type_name: &str, bytes: &[u8]) -> Vec<f64> {
    macro_rules! numbers {
        ($type:ty) => {
            bytes
                .chunks(size_of::<$type>())
                .map(|bytes| <$type>::from_le_bytes(bytes.try_into().unwrap()) as f64)
                .collect()
        };
    }
    match type_name {
        "uint8" => numbers!(u8),
        "int16" => numbers!(i16),
        "int32" => numbers!(i32),
        "float32" => numbers!(f32),
        "float64" => numbers!(f64),
        other => panic!("{other}"),
    }
}

#[test]
fn bits_outside_of_bits_stored_are_ignored() {
    let [above, expected] = ["junk-above", "junk-meant"].map(|name| io::read(&case(name)).unwrap());
    assert!(above.voxels() == expected.voxels());
    assert_eq!(above.geometry(), expected.geometry());
}

#[test]
fn rescale_may_differ_per_slice() {
    let volume = io::read(&case("slopes")).unwrap();
    let Voxels::Int16(voxels) = volume.voxels() else {
        panic!("{}", volume.voxels().voxel_type().name());
    };
    let firsts: Vec<i16> = (0..3).map(|k| voxels[(k, 0, 0)]).collect();
    assert_eq!(firsts, [101, 51, 206]);
}

#[test]
fn spacing_of_a_single_slice_is_its_thickness() {
    let path = case("single").to_str().unwrap().to_string();
    let volume = io::read(&case("single")).unwrap();
    assert_eq!(volume.geometry().size(), [70, 60, 1]);
    assert_eq!(volume.geometry().spacing(Axis::K), 2.5);
    describe(&[path])[0].assert_same(&volume, EXACT_MM, "single");
}

#[test]
fn missing_slice_gives_uneven_positions() {
    let volume = io::read(&case("uneven")).unwrap();
    assert_eq!(volume.geometry().uneven_slices(), Some(&[0.0, 2.5, 7.5, 10.0][..]));
    assert_eq!(position(volume.geometry(), [0, 0, 0]), [50.0, 60.0, 70.0]);
}

#[test]
fn several_series_are_listed_and_chosen() {
    let text = io::read(&case("two")).unwrap_err().to_string();
    for part in [
        "two: holds 2 series; choose one by its number or UID: ",
        "1: CT \"lung\", 5 slices of 70 x 60, UID 1.2.3.50",
        "2: CT \"soft tissue\", 3 slices of 5 x 4, UID 1.2.3.51",
    ] {
        assert!(text.contains(part), "{text:?} lacks {part:?}");
    }
    assert_eq!(read_series("two", "2").unwrap().geometry().size(), [5, 4, 3]);
    assert_eq!(read_series("two", "1.2.3.50").unwrap().geometry().size(), [70, 60, 5]);
    let text = read_series("two", "1.2.3").unwrap_err().to_string();
    assert!(text.contains("holds 2 series that match \"1.2.3\""), "{text}");
    let text = read_series("two", "9").unwrap_err().to_string();
    assert!(text.contains("holds no series \"9\""), "{text}");
    assert_eq!(read_series("axial", "1.2").unwrap().geometry().size(), [70, 60, 5]);

    let volume = io::read(&case("localizer")).unwrap();
    assert_eq!(volume.voxels(), read_series("localizer", "1").unwrap().voxels());
    assert!(volume.voxels() != read_series("localizer", "2").unwrap().voxels());
}

#[test]
fn images_that_are_not_slices_are_skipped() {
    assert_eq!(io::read(&case("screenshot")).unwrap().geometry().size(), [70, 60, 5]);
}

#[test]
fn wrong_length_takes_no_memory() {
    let start = Instant::now();
    let error = with_changed_file("axial", |file| {
        let is_pixels = |window: &[u8]| window == b"\xe0\x7f\x10\0OW\0\0";
        let place = file.windows(8).position(is_pixels).unwrap() + 8;
        file[place..place + 4].copy_from_slice(&0xff00_0000u32.to_le_bytes());
    });
    let text = error.unwrap_err().to_string();
    assert!(text.contains("000: a damaged DICOM file"), "{text}");
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}

#[test]
fn invalid_series_is_rejected_with_file_and_value() {
    for (name, expected) in [
        ("double", "at the same position as"),
        ("colour", "a colour image (RGB)"),
        ("frames", "a multi-frame image (3 frames)"),
        ("unread-compression", "transfer syntax 1.2.840.10008.1.2.4.110"),
        ("no-spacing", "PixelSpacing is missing"),
        ("zero-spacing", "column spacing is 0 mm"),
        ("negative-spacing", "row spacing is -0.8 mm"),
        ("no-direction", "which is not a unit vector"),
        ("skewed", "degrees"),
    ] {
        let error = io::read(&case(name)).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(expected), "{name}: {text:?} instead of {expected:?}");
        assert!(text.starts_with(case(name).to_str().unwrap()), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
}

#[test]
fn folders_without_images_are_rejected() {
    let empty = tempfile::tempdir().unwrap();
    let text = io::read(empty.path()).unwrap_err().to_string();
    assert!(text.ends_with("a folder without DICOM images"), "{text}");
    std::fs::write(empty.path().join("a.dcm"), "<html>").unwrap();
    let text = io::read(empty.path()).unwrap_err().to_string();
    assert!(text.contains("a.dcm: not a DICOM file"), "{text}");
    let file = std::fs::read_dir(case("axial")).unwrap().next().unwrap().unwrap().path();
    let text = io::read(&file).unwrap_err().to_string();
    assert!(text.contains("a single slice of a DICOM series"), "{text}");
}

#[test]
fn read_can_be_cancelled() {
    let options = ReadOptions { cancelled: Some(&|| true), ..ReadOptions::default() };
    let result = io::read_with(&case("axial"), &options);
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
}

/// Reads a copy of a series with its first file changed.
fn with_changed_file(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Result<Volume> {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(case(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut file = std::fs::read(&paths[0]).unwrap();
    change(&mut file);
    std::fs::write(&paths[0], file).unwrap();
    io::read(folder.path())
}

#[test]
fn truncated_file_is_named() {
    for name in ["axial", "run-length", "jpeg2000", "jpeg-lossless"] {
        let mut length = 0;
        with_changed_file(name, |file| length = file.len()).unwrap();
        // Shorter files are not recognised as DICOM and skipped.
        for cut in (132..length).step_by(331).chain(length - 9..length) {
            let mut tells_series = false;
            let result = with_changed_file(name, |file| {
                file.truncate(cut);
                tells_series = file.windows(4).any(|tag| tag == b"\x20\0\x32\0");
            });
            match result {
                Err(error @ (Error::Damaged { .. } | Error::Unsupported { .. })) => {
                    assert!(error.to_string().contains("/000"), "{name}: {cut}: {error}");
                }
                // Before the file says what series it belongs to, it is passed over.
                Ok(volume) if !tells_series => assert_eq!(volume.geometry().size()[2], 4),
                result => panic!("{name}: {cut} of {length} bytes: {result:?}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_changes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        name in prop::sample::select(vec!["axial", "run-length", "jpeg2000", "jpeg-lossless"]),
        in_header: bool,
    ) {
        let _ = with_changed_file(name, |file| {
            let end = if in_header { 900 } else { file.len() };
            for (place, byte) in changes {
                file[132 + place.index(end - 132)] = byte;
            }
        });
    }
}
