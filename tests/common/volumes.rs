//! Compares volumes with what SimpleITK says of the same file.

use std::path::Path;

use hrinet::volume::{Geometry, Volume, Voxels};
use serde::Deserialize;

use super::python;

/// A file as SimpleITK reads it (`tests/oracles/io_describe.py`).
#[derive(Deserialize)]
pub struct Description {
    /// The voxels' type, by NumPy's name.
    #[serde(rename = "type")]
    pub type_name: String,
    /// i, j, k.
    pub size: [usize; 3],
    /// The eight corners.
    pub corners: Vec<Corner>,
    /// The file with the voxels, little endian.
    pub raw: String,
}

/// Where one voxel lies.
#[derive(Deserialize)]
pub struct Corner {
    /// i, j, k.
    pub index: [usize; 3],
    /// mm.
    pub ras: [f64; 3],
}

/// What SimpleITK says of these files.
pub fn describe(paths: &[String]) -> Vec<Description> {
    let arguments: Vec<&str> = paths.iter().map(String::as_str).collect();
    serde_json::from_str(&python::run("io_describe.py", &arguments))
        .expect("JSON of io_describe.py")
}

impl Description {
    /// Fails where the volume has another type, another size, another voxel, or where a voxel lies
    /// farther than `tolerance` mm from its place.
    pub fn assert_same(&self, volume: &Volume, tolerance: f64, name: &str) {
        assert_eq!(volume.voxels().type_name(), self.type_name, "{name}");
        assert_eq!(volume.geometry().size(), self.size, "{name}");
        let raw = std::fs::read(&self.raw).expect("voxels of io_describe.py");
        assert!(bytes(volume.voxels()) == raw, "{name}: the voxels differ");
        for corner in &self.corners {
            let place = place(volume.geometry(), corner.index);
            let off = (0..3).map(|row| (place[row] - corner.ras[row]).abs()).fold(0.0, f64::max);
            let index = corner.index;
            assert!(
                off <= tolerance,
                "{name}: voxel {index:?} is at {place:?}, SimpleITK says {:?}",
                corner.ras
            );
        }
    }
}

/// The place of a voxel (i, j, k), mm in RAS.
pub fn place(geometry: &Geometry, index: [usize; 3]) -> [f64; 3] {
    let matrix = geometry.ijk_to_ras();
    [0, 1, 2].map(|row: usize| {
        (0..3).map(|axis| matrix[row][axis] * index[axis] as f64).sum::<f64>() + matrix[row][3]
    })
}

/// The voxels' bytes, little endian, i fastest.
pub fn bytes(voxels: &Voxels) -> Vec<u8> {
    macro_rules! bytes {
        ($($variant:ident)*) => {
            match voxels {
                $(Voxels::$variant(array) => array.iter().flat_map(|v| v.to_le_bytes()).collect(),)*
            }
        };
    }
    bytes!(UInt8 Int8 UInt16 Int16 UInt32 Int32 UInt64 Int64 Float32 Float64)
}

/// Runs the oracle that writes files and gives their paths.
pub fn made_by_simpleitk(folder: &Path, ending: &str) -> Vec<String> {
    let folder = folder.to_str().expect("UTF-8 path");
    python::run("io_make.py", &[folder, ending]).lines().map(String::from).collect()
}
