//! NIfTI files against SimpleITK, and rejected files.

use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::volumes::{describe, written_by};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use hrinet::volume::{Geometry, Rescale, Volume};
use hrinet::{Error, io};
use ndarray::Array3;
use proptest::prelude::*;
use tempfile::TempDir;

/// float32 at a distance of 1300 mm: half a unit in the last place is 6e-5 mm.
const FLOAT32_MM: f64 = 2e-4;

#[test]
fn files_of_simpleitk_are_read_as_by_simpleitk() {
    let folder = tempfile::tempdir().unwrap();
    for ending in [".nii", ".nii.gz"] {
        let paths = written_by("io_make.py", folder.path(), &[ending]);
        assert_eq!(paths.len(), 50);
        for (path, description) in paths.iter().zip(describe(&paths)) {
            let volume = io::read(Path::new(path)).unwrap();
            description.assert_same(&volume, FLOAT32_MM, path);
        }
    }
}

#[test]
fn written_files_are_read_by_simpleitk() {
    let folder = tempfile::tempdir().unwrap();
    // NRRD holds double precision to start from.
    let sources = written_by("io_make.py", folder.path(), &[".nrrd"]);
    let expected = describe(&sources);
    for ending in [".nii", ".nii.gz"] {
        let paths: Vec<String> = sources.iter().map(|path| path.replace(".nrrd", ending)).collect();
        for (source, path) in sources.iter().zip(&paths) {
            let volume = io::read(Path::new(source)).unwrap();
            io::write(Path::new(path), &volume, false).unwrap();
            let again = io::read(Path::new(path)).unwrap();
            assert_eq!(again.voxels(), volume.voxels(), "{path}");
            assert_eq!(again.rescale(), Rescale::IDENTITY);
        }
        for ((path, description), expected) in paths.iter().zip(describe(&paths)).zip(&expected) {
            let volume = io::read(Path::new(path)).unwrap();
            description.assert_same(&volume, FLOAT32_MM, path);
            expected.assert_same(&volume, FLOAT32_MM, path);
        }
    }
}

/// NIfTI-2 is written where an axis is too long for NIfTI-1, and read as NiBabel reads it.
#[test]
fn axes_of_more_than_32767_voxels_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let turned = [[0.0, 0.3, 0.4], [0.0, -0.8, 0.6], [2.5, 0.0, 0.0]];
    for (length, version) in [(32_767, 1), (32_768, 2)] {
        let geometry = Geometry::new([2, length, 3], [-10.25, 20.0, 1e3 / 3.0], turned).unwrap();
        let voxels = Array3::from_shape_fn((3, length, 2), |(k, j, i)| (7 * k + j + i) as i16);
        let rescale = Rescale { slope: 0.1, intercept: -1024.7 };
        let rescaled = Volume::new(voxels.clone().into(), rescale, geometry.clone()).unwrap();
        let volume = Volume::new(voxels.into(), Rescale::IDENTITY, geometry).unwrap();
        let mut paths = Vec::new();
        for name in ["a.nii", "a.nii.gz", "a.hdr"] {
            let path = folder.path().join(format!("{length}{name}"));
            io::write(&path, &volume, false).unwrap();
            paths.push(path.to_str().unwrap().to_string());
        }
        let bytes = std::fs::read(&paths[0]).unwrap();
        assert_eq!(bytes[..2], if version == 1 { 348u16 } else { 540 }.to_le_bytes());
        for (path, description) in paths.iter().zip(describe(&paths)) {
            let again = io::read(Path::new(path)).unwrap();
            description.assert_same(&again, FLOAT32_MM, path);
            assert_eq!(again.voxels(), volume.voxels(), "{path}");
            if version == 2 {
                description.assert_same_positions(&volume, 1e-9, path);
                assert!(again.geometry().is_close_to(volume.geometry()));
            }
        }
        let path = folder.path().join("rescaled.nii");
        io::write(&path, &rescaled, true).unwrap();
        let again = io::read(&path).unwrap().rescale();
        let rounding = if version == 1 { 1e-4 } else { 0.0 };
        assert!((again.slope - rescale.slope).abs() <= rounding);
        assert!((again.intercept - rescale.intercept).abs() <= rounding);
    }
}

#[test]
fn qform_equals_sform() {
    let folder = tempfile::tempdir().unwrap();
    for source in written_by("io_make.py", folder.path(), &[".nrrd"]).iter().take(5) {
        let volume = io::read(Path::new(source)).unwrap();
        let path = folder.path().join("a.nii");
        io::write(&path, &volume, true).unwrap();
        // Without a code for the sform, SimpleITK takes the qform.
        let mut file = std::fs::read(&path).unwrap();
        file[254..256].copy_from_slice(&[0, 0]);
        std::fs::write(&path, file).unwrap();
        let name = path.to_str().unwrap().to_string();
        describe(&[name])[0].assert_same(&volume, FLOAT32_MM, source);
    }
}

#[test]
fn unusual_headers_are_read_as_by_simpleitk() {
    let folder = tempfile::tempdir().unwrap();
    let paths = written_by("io_nifti_cases.py", folder.path(), &[]);
    assert_eq!(paths.len(), 26);
    for (path, description) in paths.iter().zip(describe(&paths)) {
        let volume = io::read(Path::new(path)).unwrap();
        if path.contains("rescaled") {
            description.assert_same_positions(&volume, FLOAT32_MM, path);
            assert_eq!(volume.voxels().voxel_type().name(), "int16", "stored values are kept");
            assert_eq!(volume.rescale(), Rescale { slope: 2.5, intercept: -1024.25 });
            let stored = volume.voxels().values();
            let hu: Vec<f64> = stored.map(|stored| volume.rescale().to_hu(stored)).collect();
            assert_eq!(description.type_name, "float32");
            let theirs = description.bytes.chunks(4);
            let theirs = theirs.map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
            assert!(theirs.eq(hu), "{path}");
        } else if path.contains("slope-zero") {
            description.assert_same_positions(&volume, FLOAT32_MM, path);
            assert_eq!(volume.rescale(), Rescale::IDENTITY);
        } else {
            description.assert_same(&volume, FLOAT32_MM, path);
        }
    }
}

#[test]
fn stored_values_and_rescale_are_written_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("rescaled.nii");
    written_by("io_nifti_cases.py", folder.path(), &[]);
    let copy = folder.path().join("copy.nii");
    io::write(&copy, &io::read(&source).unwrap(), false).unwrap();
    let (source, copy) = (std::fs::read(source).unwrap(), std::fs::read(copy).unwrap());
    assert_eq!(source[352..], copy[352..], "the voxels");
    assert_eq!(source[112..120], copy[112..120], "scl_slope and scl_inter");
    assert_eq!(source[70..74], copy[70..74], "datatype and bitpix");
    assert_eq!(source[280..328], copy[280..328], "the sform");
    assert_eq!(source[76..92], copy[76..92], "pixdim");
}

/// A folder with a valid file of 5 x 4 x 3 voxels of int16, and its bytes.
fn valid() -> (TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    written_by("io_nifti_cases.py", folder.path(), &[]);
    let file = std::fs::read(folder.path().join("unit-unknown.nii")).unwrap();
    (folder, file)
}

/// Result of reading a file of these bytes.
fn read_bytes(folder: &TempDir, name: &str, bytes: &[u8]) -> Result<Volume, Error> {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    io::read(&path)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn invalid_header_is_rejected_with_the_value() {
    let (folder, file) = valid();
    let int = |value: i16| value.to_le_bytes().to_vec();
    let float = |value: f32| value.to_le_bytes().to_vec();
    let cases: Vec<(usize, Vec<u8>, &str)> = vec![
        (0, 540i32.to_le_bytes().to_vec(), "truncated"),
        (0, 347i32.to_le_bytes().to_vec(), "not a NIfTI file"),
        (40, [int(4), int(5), int(4), int(1), int(3)].concat(), "4-D: dim[4] is 3"),
        (40, int(2), "2-D"),
        (40, int(0), "dim[0] is 0"),
        (42, int(0), "dim[1] is 0"),
        (44, int(-4), "dim[2] is -4"),
        (70, int(128), "RGB colours (datatype 128)"),
        (70, int(2304), "RGBA"),
        (70, int(1792), "complex128"),
        (70, int(1536), "float128"),
        (70, int(77), "datatype is 77"),
        (80, float(0.0), "the spacing along i is 0 (pixdim[1])"),
        (84, float(-5.0), "3 mm in its sform and 5 mm in pixdim[2]"),
        (88, float(f32::NAN), "the spacing along k is NaN (pixdim[3])"),
        (88, float(f32::INFINITY), "the spacing along k is inf"),
        (88, float(5.0), "contradicts itself: the spacing along k is 4 mm in its sform and 5 mm"),
        (108, float(f32::NAN), "vox_offset is NaN"),
        (108, float(1e30), "truncated"),
        (108, float(-1e9), "vox_offset is -1000000000"),
        (112, float(f32::INFINITY), "scl_slope is inf"),
        (116, float(f32::NAN), "scl_inter NaN"),
        (292, float(f32::NAN), "not finite"),
        (284, float(f32::NAN), "NaN mm in its sform"),
        (344, b"ni1\0".to_vec(), ".img"),
        (344, vec![0; 4], "an Analyze 7.5 header"),
        (344, b"abcd".to_vec(), "magic"),
    ];
    for (offset, bytes, expected) in cases {
        let mut broken = file.clone();
        broken[offset..offset + bytes.len()].copy_from_slice(&bytes);
        for (name, content) in [("a.nii", broken.clone()), ("a.nii.gz", gzip(&broken))] {
            let text = read_bytes(&folder, name, &content).unwrap_err().to_string();
            assert!(text.contains(expected), "{text:?} instead of {expected:?}");
            assert!(text.contains(name) && !text.contains('\n'), "{text}");
        }
    }
    // A sheared sform of unchanged spacing: (1.6, 0, 1.2) is 2 mm long and leans towards k.
    let mut sheared = file.clone();
    sheared[280..284].copy_from_slice(&1.6f32.to_le_bytes());
    sheared[312..316].copy_from_slice(&1.2f32.to_le_bytes());
    let text = read_bytes(&folder, "sheared.nii", &sheared).unwrap_err().to_string();
    assert!(text.contains("sheared.nii") && text.contains("53.13 degrees"), "{text}");
}

#[test]
fn truncated_file_is_rejected_at_any_length() {
    let (folder, file) = valid();
    for length in 0..file.len() {
        let result = read_bytes(&folder, "cut.nii", &file[..length]);
        assert!(matches!(result, Err(Error::Damaged { .. })), "{length} bytes: {result:?}");
    }
    let file = gzip(&file);
    for length in 0..file.len() {
        let result = read_bytes(&folder, "cut.nii.gz", &file[..length]);
        assert!(matches!(result, Err(Error::Damaged { .. })), "{length} bytes: {result:?}");
    }
    assert!(read_bytes(&folder, "cut.nii.gz", &file).is_ok());
    let text = read_bytes(&folder, "cut.nii.gz", &file[..file.len() / 2]).unwrap_err().to_string();
    assert!(text.contains("truncated"), "{text}");
}

#[test]
fn wrong_checksum_is_rejected() {
    let (folder, file) = valid();
    let mut file = gzip(&file);
    let check_sum = file.len() - 8;
    file[check_sum] ^= 1;
    let text = read_bytes(&folder, "a.nii.gz", &file).unwrap_err().to_string();
    assert!(text.contains("damaged compressed data"), "{text}");
}

#[test]
fn oversized_header_takes_no_memory() {
    let (folder, mut file) = valid();
    for index in 1..=3 {
        file[40 + 2 * index..][..2].copy_from_slice(&30_000i16.to_le_bytes());
    }
    for (name, content) in [("large.nii", file[..400].to_vec()), ("large.nii.gz", gzip(&file))] {
        let start = Instant::now();
        let text = read_bytes(&folder, name, &content).unwrap_err().to_string();
        assert!(text.contains("30000 x 30000 x 30000"), "{text}");
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    }
}

#[test]
fn missing_file_is_named() {
    let text = io::read(Path::new("/nowhere/a.nii")).unwrap_err().to_string();
    assert!(text.starts_with("/nowhere/a.nii: No such file"), "{text}");
}

#[test]
fn real_cts_are_read_and_written_bit_for_bit() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let mut found = false;
    for path in ["../shared/ct/test/sts003.nii.gz", "../shared/ct/train/crlm1004.nii.gz"] {
        let path = root.join(path);
        if !path.exists() {
            continue;
        }
        found = true;
        let volume = io::read(&path).unwrap();
        let name = path.to_str().unwrap().to_string();
        describe(std::slice::from_ref(&name))[0].assert_same(&volume, FLOAT32_MM, &name);
        let copy = folder.path().join("copy.nii.gz");
        io::write(&copy, &volume, true).unwrap();
        let voxels = |path: &Path| {
            let mut file = Vec::new();
            GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut file).unwrap();
            file[352..].to_vec()
        };
        assert!(voxels(&path) == voxels(&copy), "{name}");
    }
    if !found {
        println!("skipped: no CTs in ../shared/ct");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_changes_of_the_header_never_panic(
        changes in prop::collection::vec((0usize..352, any::<u8>()), 1..6)
    ) {
        thread_local!(static VALID: (TempDir, Vec<u8>) = valid());
        VALID.with(|(folder, file)| {
            let mut file = file.clone();
            for (offset, byte) in changes {
                file[offset] = byte;
            }
            if let Ok(volume) = read_bytes(folder, "changed.nii", &file) {
                prop_assert!(volume.voxels().bytes() <= file.len() as u64);
            }
            Ok(())
        })?;
    }
}
