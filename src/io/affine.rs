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
