//! Compares volumes with SimpleITK's reading of the same file.

use std::path::Path;

use hrinet::volume::{Geometry, Volume};
use serde::Deserialize;

use super::python;

/// A file as SimpleITK reads it (`tests/oracles/io_describe.py`).
#[derive(Deserialize)]
pub struct Description {
    /// Voxel type, by NumPy's name.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Number of voxels along i, j, k.
    pub size: [usize; 3],
    /// Positions of the eight corner voxels.
    pub corners: Vec<Corner>,
    /// Voxels, little endian, i fastest.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// Position of a voxel.
#[derive(Deserialize)]
pub struct Corner {
    /// Index (i, j, k).
    pub index: [usize; 3],
    /// Position, mm in RAS.
    pub ras: [f64; 3],
}

/// Describes files, or folders with one DICOM series each, as SimpleITK reads them.
pub fn describe(paths: &[String]) -> Vec<Description> {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = vec![folder.path().to_str().expect("UTF-8 path")];
    arguments.extend(paths.iter().map(String::as_str));
    let text = python::run("io_describe.py", &arguments);
    let mut list: Vec<Description> = serde_json::from_str(&text).expect("JSON of io_describe.py");
    assert_eq!(list.len(), paths.len());
    for (index, description) in list.iter_mut().enumerate() {
        let raw = folder.path().join(format!("{index}.raw"));
        description.bytes = std::fs::read(raw).expect("voxels of io_describe.py");
    }
    list
}

impl Description {
    /// Panics where voxel type, size or a voxel differs, or where a position differs by more than
    /// `tolerance` mm.
    pub fn assert_same(&self, volume: &Volume, tolerance: f64, name: &str) {
        assert_eq!(volume.voxels().voxel_type().name(), self.type_name, "{name}");
        assert_eq!(volume.geometry().size(), self.size, "{name}");
        assert!(volume.voxels().to_le_bytes() == self.bytes, "{name}: the voxels differ");
        self.assert_same_positions(volume, tolerance, name);
    }

    /// Panics where the size differs, or a position by more than `tolerance` mm.
    pub fn assert_same_positions(&self, volume: &Volume, tolerance: f64, name: &str) {
        assert_eq!(volume.geometry().size(), self.size, "{name}");
        for corner in &self.corners {
            let found = position(volume.geometry(), corner.index);
            let difference =
                (0..3).map(|row| (found[row] - corner.ras[row]).abs()).fold(0.0, f64::max);
            let index = corner.index;
            assert!(
                difference <= tolerance,
                "{name}: voxel {index:?} is at {found:?}, in SimpleITK at {:?}",
                corner.ras
            );
        }
    }
}

/// Position of a voxel (i, j, k), mm in RAS.
pub fn position(geometry: &Geometry, index: [usize; 3]) -> [f64; 3] {
    let matrix = geometry.ijk_to_ras();
    [0, 1, 2].map(|row: usize| {
        (0..3).map(|axis| matrix[row][axis] * index[axis] as f64).sum::<f64>() + matrix[row][3]
    })
}

/// Runs an oracle that writes files into a folder, and returns the paths that it prints.
pub fn written_by(script: &str, folder: &Path, arguments: &[&str]) -> Vec<String> {
    let folder = folder.to_str().expect("UTF-8 path");
    let arguments = [&[folder], arguments].concat();
    python::run(script, &arguments).lines().map(String::from).collect()
}
