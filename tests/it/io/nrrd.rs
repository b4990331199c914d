//! NRRD files against SimpleITK, and rejected files.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::volumes::{describe, written_by};
use flate2::Compression;
use flate2::write::GzEncoder;
use hrinet::volume::{Geometry, Rescale, Volume, Voxels};
use hrinet::{Error, io};
use ndarray::Array3;
use proptest::prelude::*;
use tempfile::TempDir;

/// NRRD stores doubles as text.
const EXACT_MM: f64 = 1e-6;

#[test]
fn files_of_simpleitk_are_read_and_written_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let sources = written_by("io_make.py", folder.path(), &[".nrrd"]);
    assert_eq!(sources.len(), 50);
    let copies: Vec<String> = sources.iter().map(|path| path.replace(".nrrd", "-2.nrrd")).collect();
    let expected = describe(&sources);
    for ((source, copy), expected) in sources.iter().zip(&copies).zip(&expected) {
        let volume = io::read(Path::new(source)).unwrap();
        expected.assert_same(&volume, EXACT_MM, source);
        io::write(Path::new(copy), &volume, false).unwrap();
        let again = io::read(Path::new(copy)).unwrap();
        assert_eq!(again.voxels(), volume.voxels(), "{copy}");
        assert_eq!(again.geometry(), volume.geometry(), "{copy}: doubles are kept");
    }
    for ((copy, description), expected) in copies.iter().zip(describe(&copies)).zip(&expected) {
        let volume = io::read(Path::new(copy)).unwrap();
        description.assert_same(&volume, EXACT_MM, copy);
        assert_eq!(description.bytes, expected.bytes, "{copy}");
    }
}

#[test]
fn unusual_headers_are_read_as_by_simpleitk() {
    let folder = tempfile::tempdir().unwrap();
    let paths = written_by("io_nrrd_cases.py", folder.path(), &[]);
    assert_eq!(paths.len(), 60);
    for (path, description) in paths.iter().zip(describe(&paths)) {
        let volume = io::read(Path::new(path)).unwrap();
        description.assert_same(&volume, EXACT_MM, path);
    }
}

#[test]
fn rescale_is_applied_in_the_smallest_exact_type() {
    let folder = tempfile::tempdir().unwrap();
    let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let cases = [
        (1.0, -1024.0, "int16", [-1024.0, -924.0, 2976.0]),
        (10.0, -1024.0, "int32", [-1024.0, -24.0, 38_976.0]),
        (0.5, 0.0, "int16", [0.0, 50.0, 2000.0]),
        (0.5, 0.25, "float32", [0.25, 50.25, 2000.25]),
        (0.1, 0.01, "float64", [0.01, 10.01, 400.01]),
    ];
    for (slope, intercept, type_name, expected) in cases {
        let voxels = Array3::from_shape_vec((1, 1, 3), vec![0u16, 100, 4000]).unwrap();
        let geometry = Geometry::new([3, 1, 1], [0.0; 3], steps).unwrap();
        let volume =
            Volume::new(Voxels::from(voxels), Rescale { slope, intercept }, geometry).unwrap();
        let path = folder.path().join("a.nrrd");
        io::write(&path, &volume, true).unwrap();
        let again = io::read(&path).unwrap();
        assert_eq!(again.voxels().voxel_type().name(), type_name, "slope {slope}");
        assert_eq!(again.rescale(), Rescale::IDENTITY);
        let (low, high) = again.voxels().range().unwrap();
        assert_eq!([low, high], [expected[0], expected[2]]);
        let name = path.to_str().unwrap().to_string();
        describe(std::slice::from_ref(&name))[0].assert_same(&again, EXACT_MM, &name);
    }
}

/// A valid header, with 5 x 4 x 3 voxels of int16.
const HEADER: &str = "NRRD0005\ntype: short\ndimension: 3\nspace: LPS\nsizes: 5 4 3\n\
    space directions: (2,0,0) (0,3,0) (0,0,4)\nkinds: domain domain domain\nendian: little\n\
    encoding: raw\nspace origin: (10,20,30)\n\n";
const VOXELS: [u8; 120] = [7; 120];

fn valid() -> Vec<u8> {
    [HEADER.as_bytes(), &VOXELS].concat()
}

fn valid_gzip() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&VOXELS).unwrap();
    let header = HEADER.replace("raw", "gzip");
    [header.as_bytes(), &encoder.finish().unwrap()].concat()
}

/// Result of reading a file of these bytes.
fn read_bytes(folder: &TempDir, bytes: &[u8]) -> Result<Volume, Error> {
    let path = folder.path().join("a.nrrd");
    std::fs::write(&path, bytes).unwrap();
    io::read(&path)
}

#[test]
fn truncated_file_is_rejected_at_any_length() {
    let folder = tempfile::tempdir().unwrap();
    for file in [valid(), valid_gzip()] {
        assert!(read_bytes(&folder, &file).is_ok());
        for length in 0..file.len() {
            let result = read_bytes(&folder, &file[..length]);
            assert!(matches!(result, Err(Error::Damaged { .. })), "{length} bytes: {result:?}");
        }
    }
}

#[test]
fn oversized_and_endless_headers_take_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let declared = |sizes: &str| HEADER.replace("sizes: 5 4 3", &format!("sizes: {sizes}"));
    let endless = [b"NRRD0004\n".to_vec(), b"# no empty line\n".repeat(100_000)];
    for (file, expected) in [
        (declared("30000 30000 30000").into_bytes(), "30000 x 30000 x 30000"),
        (
            declared("30000 30000 30000").replace("raw", "gzip").into_bytes(),
            "30000 x 30000 x 30000",
        ),
        (declared("9999999999 9999999999 9999999999").into_bytes(), "more voxels than any memory"),
        (declared("99999999999999999999 1 1").into_bytes(), "sizes is"),
        (endless.concat(), "within its first MiB"),
    ] {
        let start = Instant::now();
        let text = read_bytes(&folder, &file).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
}

#[test]
fn several_volumes_and_colours_are_rejected_with_their_axes() {
    let folder = tempfile::tempdir().unwrap();
    let layers = HEADER
        .replace("dimension: 3", "dimension: 4")
        .replace("sizes: 5 4 3", "sizes: 2 5 2 3")
        .replace("directions:", "directions: none")
        .replace("kinds:", "kinds: list");
    let colours = layers.replace("list", "RGB-color");
    for (header, expected) in [(layers, "4-D (sizes 2 5 2 3"), (colours, "rgb-color")] {
        let file = [header.as_bytes(), &VOXELS].concat();
        let text = read_bytes(&folder, &file).unwrap_err().to_string();
        assert!(text.contains("a.nrrd") && text.contains(expected), "{text}");
    }
}

#[test]
fn numbers_in_text_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let header = HEADER.replace("raw", "ascii");
    let read = |text: &str| read_bytes(&folder, format!("{header}{text}").as_bytes());
    assert!(read(&"1,-2 \n".repeat(30)).is_ok());
    for (text, expected) in [
        ("1 2 3".to_string(), "the file holds fewer"),
        ("111 ".repeat(59), "ends after 59 of 60 voxels"),
        ("1 ".repeat(30) + &"1.5 ".repeat(30), "voxel 30 is \"1.5\", which is no number of type"),
        ("40000 ".repeat(60), "voxel 0 is \"40000\""),
        ("9".repeat(200), "voxel 0 is \"999"),
    ] {
        let text = read(&text).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn random_changes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        zipped: bool,
    ) {
        thread_local!(static FOLDER: TempDir = tempfile::tempdir().unwrap());
        let mut file = if zipped { valid_gzip() } else { valid() };
        for (place, byte) in changes {
            let place = place.index(file.len());
            file[place] = byte;
        }
        let result = FOLDER.with(|folder| read_bytes(folder, &file));
        if let Ok(volume) = result {
            prop_assert!(volume.voxels().bytes() <= 1000 * file.len() as u64);
        }
    }
}
