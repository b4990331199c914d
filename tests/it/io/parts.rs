//! Volumes that are written part by part: the files of those written whole, or none.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use hrinet::io::{PartsHeader, WriteOptions};
use hrinet::volume::{Geometry, Rescale, Volume, VoxelType, Voxels};
use hrinet::{Error, Result, io};
use ndarray::{Array3, Axis};

/// 200 x 200 x `slices` voxels from -1000 to 1000.
fn noise(slices: usize, rescale: Rescale) -> Volume {
    let mut state = 1u64;
    let voxels = Array3::from_shape_simple_fn((slices, 200, 200), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as i16 % 1001
    });
    let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]];
    let geometry = Geometry::new([200, 200, slices], [0.0; 3], steps).expect("right angles");
    Volume::new(voxels.into(), rescale, geometry).expect("a volume")
}

fn header(volume: &Volume) -> PartsHeader<'_> {
    PartsHeader {
        geometry: volume.geometry(),
        rescale: volume.rescale(),
        voxel_type: volume.voxels().voxel_type(),
        range: volume.voxels().range().expect("finite"),
    }
}

/// The slices of a volume, so many at a time.
fn parts(volume: &Volume, slices: usize) -> Vec<Voxels> {
    let Voxels::Int16(array) = volume.voxels() else { panic!("another type") };
    array.axis_chunks_iter(Axis(0), slices).map(|part| part.to_owned().into()).collect()
}

/// Writes parts, and calls `then` between them.
fn write(
    path: &Path,
    volume: &Volume,
    options: &WriteOptions,
    (parts, mut then): (Vec<Voxels>, impl FnMut(usize) -> Result<()>),
) -> Result<usize> {
    io::write_parts(path, &header(volume), options, |take| {
        for (number, part) in parts.into_iter().enumerate() {
            then(number)?;
            take(part)?;
        }
        Ok(7)
    })
}

fn files_written(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// An ending of each format that is written.
fn endings() -> impl Iterator<Item = &'static str> {
    let written = io::FORMATS.iter().filter(|format| format.is_written());
    written.flat_map(|format| format.endings).copied()
}

fn new_file() -> WriteOptions<'static> {
    WriteOptions::default()
}

#[test]
fn files_are_the_same_byte_for_byte() {
    let to_hu = [
        (Rescale::IDENTITY, true),
        (Rescale { slope: 2.0, intercept: -1024.0 }, true),
        (Rescale { slope: 0.5, intercept: 0.0 }, false),
        // Beyond int16.
        (Rescale { slope: 40.0, intercept: 0.0 }, false),
    ];
    for (rescale, is_known) in to_hu {
        let volume = noise(11, rescale);
        for ending in endings() {
            let [whole, by_parts] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
            let name = format!("a{ending}");
            io::write(&whole.path().join(&name), &volume, false).expect("writes");
            let path = by_parts.path().join(&name);
            let is_nifti = [".nii", ".nii.gz", ".hdr"].contains(&ending);
            assert_eq!(io::takes_parts(&path, &header(&volume)), is_known || is_nifti, "{ending}");
            for size in [1, 3, 11] {
                let options = WriteOptions { overwrite: true, ..WriteOptions::default() };
                let written = write(&path, &volume, &options, (parts(&volume, size), |_| Ok(())));
                if !is_known && !is_nifti {
                    assert!(matches!(written, Err(Error::Unsupported { .. })), "{ending}");
                    assert!(files_written(by_parts.path()).is_empty());
                    continue;
                }
                assert_eq!(written.expect("writes"), 7);
                let files = files_written(whole.path()).into_iter();
                let same = files.zip(files_written(by_parts.path())).all(|(a, b)| {
                    a.file_name() == b.file_name()
                        && std::fs::read(a).expect("a file") == std::fs::read(b).expect("a file")
                });
                assert!(same, "{ending} in parts of {size}");
            }
        }
    }
}

#[test]
fn nothing_is_left_after_an_error() {
    let volume = noise(12, Rescale::IDENTITY);
    for ending in endings() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(format!("a{ending}"));
        let failed = |result: Result<usize>, reason: &str| {
            let text = result.expect_err("it fails").to_string();
            assert!(text.contains(reason), "{ending}: {text}");
            assert!(files_written(folder.path()).is_empty(), "{ending}: {reason}");
        };
        let all = || parts(&volume, 2);
        let broken = |number| match number {
            3 => {
                assert!(io::partial_path(&path).exists());
                Err(Error::Argument("a broken network".into()))
            }
            _ => Ok(()),
        };
        failed(write(&path, &volume, &new_file(), (all(), broken)), "a broken network");
        // The writer fails first.
        let floats = Voxels::from(Array3::<f32>::zeros((2, 200, 200)));
        let odd = [&all()[..2], &[floats], &all()[..3]].concat();
        failed(write(&path, &volume, &new_file(), (odd, |_| Ok(()))), "a part of 200 x 200 voxels");
        let few = all()[..4].to_vec();
        failed(write(&path, &volume, &new_file(), (few, |_| Ok(()))), "8 of 12 slices");
        // Cancelled while the last part is written, and where nobody asks between parts.
        let is_over = AtomicBool::new(false);
        let cancelled = || is_over.load(Ordering::SeqCst);
        let options = WriteOptions { cancelled: Some(&cancelled), ..WriteOptions::default() };
        let long = noise(400, Rescale::IDENTITY);
        let stop = |_| {
            is_over.store(true, Ordering::SeqCst);
            Ok(())
        };
        let result = write(&path, &long, &options, (vec![long.voxels().clone()], stop));
        assert!(matches!(result, Err(Error::Cancelled)), "{ending}: {result:?}");
        assert!(files_written(folder.path()).is_empty(), "{ending}");
        std::fs::write(&path, "before").expect("a file");
        let there = write(&path, &volume, &new_file(), (all(), |_| panic!("nothing is made")));
        assert!(there.expect_err("it exists").to_string().contains("already exists"));
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), "before");
    }
}

#[test]
fn grids_that_a_file_does_not_hold_are_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let geometry = noise(3, Rescale::IDENTITY).geometry().clone();
    let uneven = geometry.with_slice_positions(vec![0.0, 2.0, 6.0]).expect("increasing");
    let header = PartsHeader {
        geometry: &uneven,
        rescale: Rescale::IDENTITY,
        voxel_type: VoxelType::Int16,
        range: (0.0, 0.0),
    };
    let path = folder.path().join("a.nii");
    let make = |_: &mut dyn FnMut(Voxels) -> Result<()>| -> Result<()> { panic!("it is made") };
    let text = io::write_parts(&path, &header, &new_file(), make).unwrap_err().to_string();
    assert!(text.contains("uneven slice spacing"), "{text}");
    assert!(files_written(folder.path()).is_empty());
}
