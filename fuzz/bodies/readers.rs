//! Files that are read as a user reads them: from a folder, by their name's ending.

use std::fs;
use std::path::{Path, PathBuf};

use hrinet::io;
use hrinet::resample::{Plan, Spacing};
use hrinet::volume::{Axis, Geometry, Volume};
use tempfile::TempDir;

use super::{LONGEST, laws, scratch};

/// What parts the files of a DICOM series within one input.
pub const NEXT_FILE: &[u8] = b"--next file--";

/// More voxels are not looked at one by one.
const FEW: usize = 20_000;

/// The most that one byte of a gzip file can become.
const MAX_INFLATION: u64 = 1032;

/// NIfTI, plain or gzip: the reader tells them apart by their first bytes.
pub fn nifti(bytes: &[u8]) {
    single(bytes, "fuzzed.nii");
}

/// NRRD, raw or gzip.
pub fn nrrd(bytes: &[u8]) {
    single(bytes, "fuzzed.nrrd");
}

/// The files of a DICOM series, parted by [`NEXT_FILE`]: all in one folder, and the first by itself.
pub fn dicom(bytes: &[u8]) {
    if bytes.len() > LONGEST {
        return;
    }
    in_folder(|folder| {
        let series = folder.join("series");
        let _ = fs::remove_dir_all(&series);
        fs::create_dir(&series).expect("a folder");
        for (index, file) in parts(bytes).into_iter().take(6).enumerate() {
            fs::write(series.join(format!("{index}")), file).expect("a file");
        }
        assert!(io::read(&series.join("0")).is_err(), "a single file is no series");
        if let Ok(volume) = io::read(&series) {
            check(folder, &volume);
        }
    });
}

fn single(bytes: &[u8], name: &str) {
    if bytes.len() > LONGEST {
        return;
    }
    in_folder(|folder| {
        let path = folder.join(name);
        fs::write(&path, bytes).expect("a file");
        if let Ok(volume) = io::read(&path) {
            // A file within a file: NRRD has gzip of its own, and may be gzip itself.
            let most = MAX_INFLATION * MAX_INFLATION * bytes.len() as u64;
            assert!(volume.voxels().bytes() <= most);
            check(folder, &volume);
        }
    });
}

fn in_folder(work: impl FnOnce(&Path)) {
    thread_local!(static FOLDER: TempDir = TempDir::new_in(scratch()).expect("a folder"));
    FOLDER.with(|folder| work(folder.path()));
}

fn parts(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while let Some(end) = bytes.windows(NEXT_FILE.len()).position(|part| part == NEXT_FILE) {
        parts.push(&bytes[..end]);
        bytes = &bytes[end + NEXT_FILE.len()..];
    }
    parts.push(bytes);
    parts
}

/// A volume that came out of a file is a sound one: its grid can be worked on, it can be planned for,
/// and written and read again it is the same.
fn check(folder: &Path, volume: &Volume) {
    let geometry = volume.geometry();
    let steps = Axis::ALL.map(|axis| geometry.step(axis));
    Geometry::new(geometry.size(), geometry.origin(), steps).expect("a sound grid");
    if let Ok(plan) = Plan::new(geometry, None, &Spacing::Isotropic) {
        laws::assert_kept(geometry, None, &Spacing::Isotropic, &plan);
    }
    let few = volume.voxels().shape().iter().product::<usize>() <= FEW;
    if !few || geometry.uneven_slices().is_some() {
        return;
    }
    let path: PathBuf = folder.join("again.nrrd");
    io::write(&path, volume, true).expect("what is read can be written");
    let again = io::read(&path).expect("what is written can be read");
    assert_eq!(again.geometry(), geometry);
    let (before, after) = (hounsfield(volume), hounsfield(&again));
    let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
    assert!(before.len() == after.len() && before.iter().zip(&after).all(same), "other voxels");
}

fn hounsfield(volume: &Volume) -> Vec<f64> {
    volume.voxels().values().map(|stored| volume.rescale().to_hu(stored)).collect()
}
