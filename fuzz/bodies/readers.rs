//! Reads files as users do: from a folder, by the ending of their name.

use std::fs;
use std::path::{Path, PathBuf};

use hrinet::io::{self, ReadOptions};
use hrinet::labels::grid::on_grid;
use hrinet::resample::{Plan, Spacing};
use hrinet::volume::{Axis, Geometry, Rescale, Volume};
use ndarray::Array3;

use super::files::{in_folder, with_file};
use super::{MAX_INPUT, laws};

/// Separator of the files of a DICOM series within one input.
pub const NEXT_FILE: &[u8] = b"--next file--";

/// Number of voxels up to which a volume is written and compared.
const MAX_COMPARED_VOXELS: usize = 20_000;

/// Largest number of bytes that one byte of a gzip file expands to.
const MAX_EXPANSION: u64 = 1032;

/// Largest number of bytes that one byte of a bzip2 file expands to.
const MAX_EXPANSION_BZIP2: u64 = 1_200_000;

/// NIfTI-1 or NIfTI-2, raw or gzip: the reader recognises gzip by its magic.
pub fn nifti(bytes: &[u8]) {
    single(bytes, "fuzzed.nii");
}

/// MetaImage: raw, zlib or text.
pub fn metaimage(bytes: &[u8]) {
    single(bytes, "fuzzed.mha");
}

/// Header and voxels in two files, with [`NEXT_FILE`] between them. The first byte chooses NRRD,
/// MetaImage or NIfTI; the voxels of the first two are in `voxels.raw`.
pub fn pair(bytes: &[u8]) {
    let [kind, bytes @ ..] = bytes else { return };
    let files = parts(bytes);
    let (&[header, data], true) = (&files[..], bytes.len() <= MAX_INPUT) else { return };
    let (name, data_name) = match kind % 3 {
        0 => ("fuzzed.nhdr", "voxels.raw"),
        1 => ("fuzzed.mhd", "voxels.raw"),
        _ => ("fuzzed.hdr", "fuzzed.img"),
    };
    in_folder(|folder| {
        fs::write(folder.join(name), header).expect("a file");
        fs::write(folder.join(data_name), data).expect("a file");
        if let Ok(volume) = io::read(&folder.join(name)) {
            check(folder.join("again.nrrd"), &volume);
        }
    });
}

/// Segmentation in an NRRD file.
pub fn segmentation(bytes: &[u8]) {
    labels(bytes, "fuzzed.seg.nrrd");
}

/// DICOM segmentation or structure set.
pub fn dicom_labels(bytes: &[u8]) {
    labels(bytes, "fuzzed.dcm");
}

/// Reads label maps, puts them on the grid of a CT, and writes and reads them again.
fn labels(bytes: &[u8], name: &str) {
    with_file(name, bytes, |path| {
        let steps = [[-0.7, 0.0, 0.0], [0.0, -0.8, 0.0], [0.0, 0.0, 3.0]];
        let grid = Geometry::new([24, 20, 8], [10.4, -20.3, -55.0], steps).expect("a grid");
        let voxels = Array3::<u8>::zeros((8, 20, 24)).into();
        let ct = Volume::new(voxels, Rescale::IDENTITY, grid.clone()).expect("a volume");
        let Ok(labels) = io::read_labels(path, &ct, &|| false) else { return };
        for layer in labels.layers.iter().take(4) {
            let placed = on_grid(layer.clone(), &grid).expect("labels on a grid");
            assert_eq!(placed.labels.geometry().size(), grid.size());
        }
        let voxels: usize = labels
            .layers
            .iter()
            .map(|layer| layer.voxels().shape().iter().product::<usize>())
            .sum();
        if voxels > MAX_COMPARED_VOXELS || !labels.layers[0].voxels().voxel_type().is_integer() {
            return;
        }
        let again = path.with_file_name("again.seg.nrrd");
        let options = io::WriteOptions { overwrite: true, cancelled: None };
        io::write_labels(&again, &labels, &options).expect("labels that were read can be written");
        let again = io::read_labels(&again, &ct, &|| false).expect("written labels can be read");
        assert_eq!(again.layers.len(), labels.layers.len());
        for (a, b) in again.layers.iter().zip(&labels.layers) {
            assert_eq!(a.geometry(), b.geometry());
            // 64 bits pass through doubles where there are several layers.
            let exact = b.voxels().voxel_type().bytes() < 8 || labels.layers.len() == 1;
            assert!(!exact || a.voxels() == b.voxels(), "the voxels differ");
        }
        let places = |labels: &io::Segmentation| -> Vec<(usize, i64)> {
            labels.segments.iter().map(|segment| (segment.layer, segment.label)).collect()
        };
        assert_eq!(places(&again), places(&labels));
    });
}

/// NRRD: raw, gzip, bzip2 or text.
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
                check(folder.join("again.nrrd"), &volume);
            }
        }
    });
}

fn single(bytes: &[u8], name: &str) {
    with_file(name, bytes, |path| {
        if let Ok(volume) = io::read(path) {
            // A compressed NRRD file may itself hold compressed voxels.
            let max_bytes = MAX_EXPANSION * MAX_EXPANSION_BZIP2 * bytes.len() as u64;
            assert!(volume.voxels().bytes() <= max_bytes);
            check(path.with_file_name("again.nrrd"), &volume);
        }
    });
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
/// unchanged after it is written to `again` and read.
fn check(again: PathBuf, volume: &Volume) {
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
    io::write(&again, volume, true).expect("a volume that was read can be written");
    let again = io::read(&again).expect("a file that was written can be read");
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
