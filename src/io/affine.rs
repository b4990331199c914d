//! Geometry as file headers state it.

use std::path::Path;

use crate::error::Result;
use crate::volume::Geometry;

/// Origin and steps of a grid, mm in RAS.
#[derive(Clone, Copy, Debug)]
pub(super) struct Affine {
    /// Centre of voxel (0, 0, 0).
    pub(super) origin: [f64; 3],
    /// Vectors from one voxel to the next along i, j and k.
    pub(super) steps: [[f64; 3]; 3],
}

impl Affine {
    /// Grid of `size` (i, j, k) voxels; errors name the file.
    pub(super) fn geometry(self, path: &Path, size: [usize; 3]) -> Result<Geometry> {
        Geometry::new(size, self.origin, self.steps).map_err(|error| error.in_file(path))
    }
}

/// Turns a vector from RAS to left-posterior-superior or back, without negative zeros.
pub(super) fn swap_lps([x, y, z]: [f64; 3]) -> [f64; 3] {
    [0.0 - x, 0.0 - y, z + 0.0]
}

/// Text of a RAS vector in left-posterior-superior, in the shortest digits that give the same
/// doubles.
pub(super) fn lps_text(vector: [f64; 3], separator: &str) -> String {
    swap_lps(vector).map(|value| value.to_string()).join(separator)
}
