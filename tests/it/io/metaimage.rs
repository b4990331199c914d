//! MetaImage files against SimpleITK, and rejected files.

use std::io::Write;
use std::path::Path;

use crate::common::volumes::{describe, written_by};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use hrinet::io::folder;
use hrinet::volume::{Geometry, Rescale, Volume, Voxels};
use hrinet::{Error, io};
use ndarray::Array3;
use proptest::prelude::*;
use tempfile::TempDir;

/// MetaImage stores doubles as text, spacing and directions apart.
const EXACT_MM: f64 = 1e-6;

#[test]
fn files_of_simpleitk_are_read_as_by_simpleitk() {
    let folder = tempfile::tempdir().unwrap();
    // Every other file is compressed; the voxels of .mhd are in .raw and .zraw files.
    for ending in [".mha", ".mhd"] {
        let paths = written_by("io_make.py", folder.path(), &[ending]);
        assert_eq!(paths.len(), 50);
        for (path, description) in paths.iter().zip(describe(&paths)) {
            let volume = io::read(Path::new(path)).unwrap();
            description.assert_same(&volume, EXACT_MM, path);
        }
    }
}

#[test]
fn written_files_are_read_by_simpleitk() {
    let folder = tempfile::tempdir().unwrap();
    let sources = written_by("io_make.py", folder.path(), &[".nrrd"]);
    let expected = describe(&sources);
    // Those named .zraw are headers named .mhd with compressed voxels.
    for (ending, header) in [(".mha", ".mha"), (".mhd", ".mhd"), (".zraw", ".mhd")] {
        let named = |ending| sources.iter().map(move |path| path.replace(".nrrd", ending));
        let copies: Vec<String> = named(header).collect();
        for (source, copy) in sources.iter().zip(named(ending)) {
            let volume = io::read(Path::new(source)).unwrap();
            io::write(Path::new(&copy), &volume, true).unwrap();
            let again = io::read(Path::new(&copy)).unwrap();
            assert_eq!(again.voxels(), volume.voxels(), "{copy}");
        }
        for ((copy, description), expected) in copies.iter().zip(describe(&copies)).zip(&expected) {
            let volume = io::read(Path::new(copy)).unwrap();
            description.assert_same(&volume, EXACT_MM, copy);
            expected.assert_same(&volume, EXACT_MM, copy);
        }
    }
}

#[test]
fn compressed_voxels_are_written_beside_their_header() {
    let folder = tempfile::tempdir().unwrap();
    let [header, data] = ["a.mhd", "a.zraw"].map(|name| folder.path().join(name));
    let volume = read_bytes(&folder, &valid()).unwrap();
    io::write(&data, &volume, false).unwrap();
    let text = std::fs::read_to_string(&header).unwrap();
    assert!(text.contains("CompressedData = True\n") && text.contains("= a.zraw\n"), "{text}");
    assert!(std::fs::metadata(&data).unwrap().len() < VOXELS.len() as u64);
    let mut files = folder::volumes_in(folder.path()).unwrap();
    files.retain(|path| path.file_stem().unwrap() == "a" && path.extension().unwrap() != "mha");
    assert_eq!(files, std::slice::from_ref(&header), "one volume, not two");
    let text = io::write(&data, &volume, false).unwrap_err().to_string();
    assert!(text.contains("already exists"), "{text}");
    std::fs::remove_file(header).unwrap();
    let text = io::read(&data).unwrap_err().to_string();
    assert!(text.contains("a.zraw: voxels without their header"), "{text}");
}

#[test]
fn rescale_is_applied_in_the_smallest_exact_type() {
    let folder = tempfile::tempdir().unwrap();
    let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let geometry = Geometry::new([3, 1, 1], [0.0; 3], steps).unwrap();
    let voxels = Array3::from_shape_vec((1, 1, 3), vec![0u16, 100, 4000]).unwrap();
    let rescale = Rescale { slope: 0.5, intercept: 0.25 };
    let volume = Volume::new(Voxels::from(voxels), rescale, geometry).unwrap();
    let path = folder.path().join("a.mha");
    io::write(&path, &volume, false).unwrap();
    let again = io::read(&path).unwrap();
    assert_eq!(again.voxels().voxel_type().name(), "float32");
    assert_eq!(again.voxels().values().collect::<Vec<_>>(), [0.25, 50.25, 2000.25]);
}

/// A valid header, with 5 x 4 x 3 voxels of int16.
const HEADER: &str = "ObjectType = Image\nNDims = 3\nBinaryData = True\n\
    BinaryDataByteOrderMSB = False\nCompressedData = False\n\
    TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 10 20 30\nElementSpacing = 2 3 4\n\
    DimSize = 5 4 3\nElementType = MET_SHORT\nElementDataFile = LOCAL\n";
const VOXELS: [u8; 120] = [7; 120];

fn valid() -> Vec<u8> {
    [HEADER.as_bytes(), &VOXELS].concat()
}

fn valid_zlib() -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&VOXELS).unwrap();
    let header = HEADER.replace("CompressedData = False", "CompressedData = True");
    [header.as_bytes(), &encoder.finish().unwrap()].concat()
}

/// Result of reading a file of these bytes.
fn read_bytes(folder: &TempDir, bytes: &[u8]) -> Result<Volume, Error> {
    let path = folder.path().join("a.mha");
    std::fs::write(&path, bytes).unwrap();
    io::read(&path)
}

#[test]
fn truncated_file_is_rejected_at_any_length() {
    let folder = tempfile::tempdir().unwrap();
    for file in [valid(), valid_zlib()] {
        assert!(read_bytes(&folder, &file).is_ok());
        for length in 0..file.len() {
            let result = read_bytes(&folder, &file[..length]);
            assert!(matches!(result, Err(Error::Damaged { .. })), "{length} bytes: {result:?}");
        }
    }
}

#[test]
fn wrong_checksum_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = valid_zlib();
    *file.last_mut().unwrap() ^= 1;
    let text = read_bytes(&folder, &file).unwrap_err().to_string();
    assert!(text.contains("damaged compressed data"), "{text}");
}

#[test]
fn oversized_and_foreign_headers_take_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    for (file, expected) in [
        (HEADER.replace("5 4 3", "30000 30000 30000"), "30000 x 30000 x 30000"),
        (HEADER.replace("5 4 3", "9999999999 9999999999 9999999999"), "more voxels than any"),
        (format!("a = {}\n", "b".repeat(1 << 21)), "within the first MiB"),
        ("\0".to_string(), "not a MetaImage file"),
    ] {
        let text = read_bytes(&folder, file.as_bytes()).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn voxels_are_read_from_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let read = |header: &str, voxels: Option<&[u8]>| {
        let path = folder.path().join("a.MHD");
        let data = folder.path().join("my scan.raw");
        let _ = std::fs::remove_file(&data);
        std::fs::write(&path, header.replace("LOCAL", "my scan.raw")).unwrap();
        if let Some(voxels) = voxels {
            std::fs::write(data, voxels).unwrap();
        }
        io::read(&path)
    };
    let expected = read_bytes(&folder, &valid()).unwrap();
    let volume = read(HEADER, Some(&VOXELS)).unwrap();
    assert!(volume.voxels() == expected.voxels());
    assert_eq!(volume.geometry(), expected.geometry());
    // Bytes before the voxels; without their number, the voxels end the file.
    let longer = [&[1; 9][..], &VOXELS].concat();
    for size in ["9", "-1"] {
        let header = HEADER.replace("NDims", &format!("HeaderSize = {size}\nNDims"));
        assert!(read(&header, Some(&longer)).unwrap().voxels() == expected.voxels());
    }
    let text = read(HEADER, None).unwrap_err().to_string();
    assert!(text.contains("a.MHD") && text.contains("my scan.raw"), "{text}");
    let text = read(HEADER, Some(&VOXELS[1..])).unwrap_err().to_string();
    assert!(text.contains("my scan.raw: truncated"), "{text}");
    // Voxels that begin as gzip does.
    let mut gzip_magic = VOXELS;
    gzip_magic[..2].copy_from_slice(&[0x1f, 0x8b]);
    assert_eq!(read(HEADER, Some(&gzip_magic)).unwrap().voxels().to_le_bytes(), gzip_magic);
}

#[test]
fn big_endian_voxels_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let header = HEADER.replace("MSB = False", "MSB = True").replace("5 4 3", "1 1 1");
    let volume = read_bytes(&folder, &[header.as_bytes(), &[1, 2]].concat()).unwrap();
    assert_eq!(volume.voxels().values().collect::<Vec<_>>(), [258.0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn random_changes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        is_zlib: bool,
    ) {
        thread_local!(static FOLDER: TempDir = tempfile::tempdir().unwrap());
        let mut file = if is_zlib { valid_zlib() } else { valid() };
        for (place, byte) in changes {
            let place = place.index(file.len());
            file[place] = byte;
        }
        let result = FOLDER.with(|folder| read_bytes(folder, &file));
        if let Ok(volume) = result {
            prop_assert!(volume.voxels().bytes() <= 1032 * file.len() as u64);
        }
    }
}
