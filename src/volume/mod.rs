//! Volumes: voxels, their rescale to Hounsfield units and their geometry. Independent of networks
//! and file formats.
//!
//! - `axis`: the index axes;
//! - [`geometry`]: size, spacing and directions of a grid, slice axis, uneven slice positions;
//! - `hounsfield`: whether values look like Hounsfield units;
//! - `positions`: slice positions that file headers round;
//! - [`voxels`], [`voxel_type`]: arrays of the ten voxel types, and the table of these types;
//! - [`window`]: Hounsfield units to grey values of a network and back;
//! - [`slice_stack`]: the slices of a CT in Hounsfield units, for training and evaluation.

mod axis;
pub mod geometry;
pub(crate) mod hounsfield;
pub(crate) mod positions;
mod slice_source;
pub mod slice_stack;
pub(crate) mod vector;
pub mod views;
pub mod voxel_type;
pub mod voxels;
pub mod window;

pub use axis::Axis;
pub use geometry::Geometry;
pub use slice_source::SliceSource;
pub use slice_stack::SliceStack;
pub use views::{VoxelsView, VoxelsViewMut};
pub use voxel_type::VoxelType;
pub use voxels::{Rescale, Voxel, Voxels};
pub use window::Window;

use crate::error::{Error, Result};

/// A volume with one value per voxel: voxels, rescale and geometry.
#[derive(Clone, Debug)]
pub struct Volume {
    voxels: Voxels,
    rescale: Rescale,
    geometry: Geometry,
    quantity: Option<String>,
    frame_of_reference: Option<String>,
}

impl Volume {
    /// Combines voxels of shape `[k, j, i]` with their rescale and geometry.
    ///
    /// # Errors
    /// [`Error::Geometry`] where the shape of the voxels differs from the size of the geometry.
    pub fn new(voxels: Voxels, rescale: Rescale, geometry: Geometry) -> Result<Volume> {
        let [i, j, k] = geometry.size();
        if voxels.shape() != [k, j, i] {
            return Err(Error::Geometry(format!(
                "voxels of shape {:?} (k, j, i) do not match a geometry of size {:?} (i, j, k)",
                voxels.shape(),
                geometry.size()
            )));
        }
        Ok(Volume { voxels, rescale, geometry, quantity: None, frame_of_reference: None })
    }

    /// Names what the values are where the header says that they are no Hounsfield units.
    pub fn with_quantity(mut self, quantity: Option<String>) -> Volume {
        self.quantity = quantity;
        self
    }

    /// Meaning of the values by the header, where they are no Hounsfield units, such as
    /// `Modality PT, Units BQML`.
    pub fn quantity(&self) -> Option<&str> {
        self.quantity.as_deref()
    }

    /// Names the coordinate system of the geometry.
    pub fn with_frame_of_reference(mut self, uid: Option<String>) -> Volume {
        self.frame_of_reference = uid;
        self
    }

    /// FrameOfReferenceUID of a DICOM series: what has the same one has the same coordinates.
    pub fn frame_of_reference(&self) -> Option<&str> {
        self.frame_of_reference.as_deref()
    }

    /// Stored voxels, shape `[k, j, i]`; i is fastest in memory.
    pub fn voxels(&self) -> &Voxels {
        &self.voxels
    }

    /// Rescale from stored values to Hounsfield units.
    pub fn rescale(&self) -> Rescale {
        self.rescale
    }

    /// Size, spacing, directions and origin.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }
}
