//! Reads files as users do: from a folder, by the ending of their name.

use std::fs;
use std::path::{Path, PathBuf};

use hrinet::io::{self, ReadOptions};
use hrinet::resample::{Plan, Spacing};
use hrinet::volume::{Axis, Geometry, Volume};
use tempfile::TempDir;

use super::{MAX_INPUT, laws, scratch};

/// Separator of the files of a DICOM series within one input.
pub const NEXT_FILE: &[u8] = b"--next file--";

/// Number of voxels up to which a volume is written and compared.
const MAX_COMPARED_VOXELS: usize = 20_000;

/// Largest number of bytes that one byte of a gzip file expands to.
const MAX_EXPANSION: u64 = 1032;

/// NIfTI, raw or gzip: the reader recognises gzip by its magic.
pub fn nifti(bytes: &[u8]) {
    single(bytes, "fuzzed.nii");
}

/// MetaImage, raw or zlib.
pub fn metaimage(bytes: &[u8]) {
    single(bytes, "fuzzed.mha");
}

/// NRRD, raw or gzip.
pub fn nrrd(bytes: &[u8]) {
    single(bytes, "fuzzed.nrrd");
}

/// Files of a folder with DICOM series, separated by [`NEXT_FILE`]. The first is also read itself,
/// as a multi-frame file or a DICOMDIR.
pub fn dicom(bytes: &[u8]) {
    if bytes.len() > MAX_INPUT {
        return;
    }
    in_folder(|folder| {
        let series = folder.join("series");
        let _ = fs::remove_dir_all(&series);
        fs::create_dir(&series).expect("a folder");
        for (index, file) in parts(bytes).into_iter().take(6).enumerate() {
            fs::write(series.join(format!("{index}")), file).expect("a file");
        }
        if let Ok(contents) = io::list(&series, &ReadOptions::default()) {
            let numbers = contents.series.iter().map(|entry| entry.number);
            assert!(numbers.eq(1..=contents.series.len()), "series are not numbered");
            assert!(contents.series.iter().all(|entry| entry.slices > 0), "an empty series");
        }
        for path in [series.join("0"), series] {
            if let Ok(volume) = io::read(&path) {
                check(folder, &volume);
            }
        }
    });
}

fn single(bytes: &[u8], name: &str) {
    if bytes.len() > MAX_INPUT {
        return;
    }
    in_folder(|folder| {
        let path = folder.join(name);
        fs::write(&path, bytes).expect("a file");
        if let Ok(volume) = io::read(&path) {
            // A compressed NRRD file may itself hold compressed voxels.
            let max_bytes = MAX_EXPANSION * MAX_EXPANSION * bytes.len() as u64;
            assert!(volume.voxels().bytes() <= max_bytes);
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

/// Checks a volume that was read: its geometry is valid, its plan keeps the laws, and it is
/// unchanged after it is written and read.
fn check(folder: &Path, volume: &Volume) {
    let geometry = volume.geometry();
    let steps = Axis::ALL.map(|axis| geometry.step(axis));
    let named = geometry.named_slice_axis();
    Geometry::with_axis(geometry.size(), geometry.origin(), steps, named).expect("a valid grid");
    // The laws are those of upright slices.
    let is_tilted = geometry.tilt_degrees().is_some();
    if let (false, Ok(plan)) = (is_tilted, Plan::new(geometry, None, &Spacing::Isotropic)) {
        laws::assert_kept(geometry, None, &Spacing::Isotropic, &plan);
    }
    let is_small = volume.voxels().shape().iter().product::<usize>() <= MAX_COMPARED_VOXELS;
    // A file does not name the axis along which slices lean.
    let is_ambiguous = is_tilted && named.is_some();
    if !is_small || geometry.uneven_slices().is_some() || is_ambiguous {
        return;
    }
    let path: PathBuf = folder.join("again.nrrd");
    io::write(&path, volume, true).expect("a volume that was read can be written");
    let again = io::read(&path).expect("a file that was written can be read");
    // A file does not name the slice axis, as a DICOM series does.
    assert_eq!(grid(again.geometry()), grid(geometry));
    let (before, after) = (hounsfield(volume), hounsfield(&again));
    let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
    assert!(
        before.len() == after.len() && before.iter().zip(&after).all(same),
        "the voxels differ"
    );
}

/// Size, origin and steps.
fn grid(geometry: &Geometry) -> ([usize; 3], [f64; 3], [[f64; 3]; 3]) {
    (geometry.size(), geometry.origin(), Axis::ALL.map(|axis| geometry.step(axis)))
}

fn hounsfield(volume: &Volume) -> Vec<f64> {
    volume.voxels().values().map(|stored| volume.rescale().to_hu(stored)).collect()
}
