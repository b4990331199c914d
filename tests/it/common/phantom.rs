//! Phantom volumes.

use std::path::Path;

use hrinet::io;
use hrinet::volume::{Geometry, Rescale, Volume};
use ndarray::Array3;

/// A body with a disc that moves from slice to slice, `side` x `side` x `slices` voxels of
/// 0.8 x 0.8 x 3 mm, different for every `number`.
pub fn moving_discs(side: usize, slices: usize, number: usize) -> Volume {
    let array = Array3::from_shape_fn((slices, side, side), |(k, j, i)| {
        let middle = side as f64 / 2.0;
        let turn = 0.3 * k as f64 + number as f64;
        let (row, column) = (middle + 4.0 * turn.sin(), middle + 4.0 * turn.cos());
        let from = |r: f64, c: f64| ((j as f64 - r).powi(2) + (i as f64 - c).powi(2)).sqrt();
        match (from(middle, middle), from(row, column)) {
            (_, inner) if inner < 4.0 => 700,
            (body, _) if body < 0.4 * side as f64 => 40 + ((i * 7 + j * 3) % 11) as i16,
            _ => -1000,
        }
    });
    let steps = [[0.8, 0.0, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, 3.0]];
    let geometry = Geometry::new([side, side, slices], [-10.0, 20.0, 5.0], steps);
    Volume::new(array.into(), Rescale::IDENTITY, geometry.expect("a valid geometry"))
        .expect("a volume")
}

/// Writes `count` patients to a new `folder`, `side` x `side` x `slices` voxels each.
pub fn patients(folder: &Path, count: usize, (side, slices): (usize, usize)) {
    std::fs::create_dir(folder).expect("a new folder");
    for number in 0..count {
        let path = folder.join(format!("patient{number}.nrrd"));
        write(&path, &moving_discs(side, slices, number));
    }
}

/// Writes a volume to a new file.
pub fn write(path: &Path, volume: &Volume) {
    io::write(path, volume, false).expect("writes");
}
