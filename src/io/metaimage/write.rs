//! Writes a MetaImage file: header and voxels in one file, little endian, uncompressed as ITK
//! writes it by default. A rescale is applied, since MetaImage has none.

use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io::raw_voxels::{hounsfield_type, write_hounsfield};
use crate::volume::{Axis, Geometry, Volume, VoxelType};

/// Writes header and voxels; `path` is named in errors.
pub(crate) fn write(
    path: &Path,
    volume: &Volume,
    out: &mut dyn Write,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    let voxel_type = hounsfield_type(volume);
    out.write_all(header(voxel_type, volume.geometry()).as_bytes())
        .map_err(|source| Error::io(path, source))?;
    write_hounsfield(volume, voxel_type, out, path, cancelled)
}

fn header(voxel_type: VoxelType, geometry: &Geometry) -> String {
    let [i, j, k] = geometry.size();
    let [x, y, z] = Axis::ALL.map(|axis| vector(geometry.direction(axis)));
    let origin = vector(geometry.origin());
    let [di, dj, dk] = Axis::ALL.map(|axis| geometry.spacing(axis));
    let name = voxel_type.meta_image_name();
    format!(
        "ObjectType = Image\n\
         NDims = 3\n\
         BinaryData = True\n\
         BinaryDataByteOrderMSB = False\n\
         CompressedData = False\n\
         TransformMatrix = {x} {y} {z}\n\
         Offset = {origin}\n\
         CenterOfRotation = 0 0 0\n\
         AnatomicalOrientation = RAI\n\
         ElementSpacing = {di} {dj} {dk}\n\
         DimSize = {i} {j} {k}\n\
         ElementType = {name}\n\
         ElementDataFile = LOCAL\n"
    )
}

/// Text of a RAS vector in left-posterior-superior, in the shortest digits that give the same
/// doubles, zero without a sign.
fn vector([right, anterior, superior]: [f64; 3]) -> String {
    format!("{} {} {}", 0.0 - right, 0.0 - anterior, superior + 0.0)
}
