//! Grid and voxel type of a volume, read without its voxels.

use std::cell::RefCell;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io::{ReadOptions, read_with_check};
use crate::volume::{Geometry, VoxelType};

/// Reads grid and voxel type of what [`read`](crate::io::read()) reads. Of a DICOM series, whose
/// voxel type follows from its voxels, it is the smallest that it may have.
///
/// # Errors
/// Those of [`read_with`](crate::io::read_with), but for voxels that are missing or damaged.
pub fn read_grid(path: &Path, options: &ReadOptions) -> Result<(Geometry, VoxelType)> {
    let found = RefCell::new(None);
    let read = read_with_check(path, options, &|geometry, voxel_type| {
        found.replace(Some((geometry.clone(), voxel_type)));
        // Ends the reading before the voxels.
        Err(Error::Cancelled)
    });
    match (found.into_inner(), read) {
        (Some(grid), _) => Ok(grid),
        (None, Err(error)) => Err(error),
        (None, Ok(volume)) => Ok((volume.geometry().clone(), volume.voxels().voxel_type())),
    }
}
