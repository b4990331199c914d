//! A CT and its place in space. Nothing here knows a network or a file.
//!
//! [`geometry`] says where a voxel lies, [`voxels`] what it holds, [`window`] what a network sees
//! of it, and [`slice_stack`] its slices one after the other, for training and evaluation.

pub mod geometry;
pub mod slice_stack;
pub(crate) mod vector;
pub mod views;
pub mod voxel_type;
pub mod voxels;
pub mod window;

pub use geometry::{Axis, Geometry};
pub use slice_stack::SliceStack;
pub use views::{VoxelsView, VoxelsViewMut};
pub use voxel_type::VoxelType;
pub use voxels::{Rescale, Voxel, Voxels};
pub use window::Window;

use crate::error::{Error, Result};

/// A scalar volume: voxels, what their numbers mean, and where they lie.
#[derive(Clone, Debug)]
pub struct Volume {
    voxels: Voxels,
    rescale: Rescale,
    geometry: Geometry,
}

impl Volume {
    /// Puts voxels of shape `[k, j, i]` at their place in space.
    ///
    /// # Errors
    /// [`Error::Geometry`] where the array's shape is not the geometry's size.
    pub fn new(voxels: Voxels, rescale: Rescale, geometry: Geometry) -> Result<Volume> {
        let [i, j, k] = geometry.size();
        if voxels.shape() != [k, j, i] {
            return Err(Error::Geometry(format!(
                "voxels of shape {:?} (k, j, i) do not fill a grid of size {:?} (i, j, k)",
                voxels.shape(),
                geometry.size()
            )));
        }
        Ok(Volume { voxels, rescale, geometry })
    }

    /// The numbers as stored, shape `[k, j, i]`; i is fastest in memory.
    pub fn voxels(&self) -> &Voxels {
        &self.voxels
    }

    /// How stored numbers become Hounsfield units.
    pub fn rescale(&self) -> Rescale {
        self.rescale
    }

    /// Where the voxels lie.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }
}
