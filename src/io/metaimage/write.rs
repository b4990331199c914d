//! Writes a MetaImage file: header and voxels in one file or two, little endian, uncompressed as
//! ITK writes it by default, or by zlib. A rescale is applied, since MetaImage has none.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::error::{Error, Result};
use crate::io::affine::lps_text;
use crate::io::format::PairOutput;
use crate::io::outgoing::Outgoing;
use crate::volume::{Axis, Geometry, VoxelType};

/// Writes header and voxels; `path` is named in errors.
pub(crate) fn write(
    path: &Path,
    volume: &Outgoing,
    out: &mut dyn Write,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    let voxel_type = volume.hounsfield_type();
    let header = header(voxel_type, volume.geometry, false, "LOCAL");
    out.write_all(header.as_bytes()).map_err(|source| Error::io(path, source))?;
    volume.write_hounsfield(voxel_type, out, path, cancelled)
}

/// Writes the header to one file and the voxels to another; `path` is named in errors.
pub(crate) fn write_pair(
    path: &Path,
    volume: &Outgoing,
    out: PairOutput,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    let voxel_type = volume.hounsfield_type();
    let header = header(voxel_type, volume.geometry, false, out.data_name);
    out.header.write_all(header.as_bytes()).map_err(|source| Error::io(path, source))?;
    volume.write_hounsfield(voxel_type, out.data, path, cancelled)
}

/// As [`write_pair`], with voxels compressed by zlib.
pub(crate) fn write_compressed_pair(
    path: &Path,
    volume: &Outgoing,
    out: PairOutput,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    let voxel_type = volume.hounsfield_type();
    let failed = |source| Error::io(path, source);
    let header = header(voxel_type, volume.geometry, true, out.data_name);
    out.header.write_all(header.as_bytes()).map_err(failed)?;
    let mut zlib = ZlibEncoder::new(out.data, Compression::fast());
    volume.write_hounsfield(voxel_type, &mut zlib, path, cancelled)?;
    zlib.finish().map(drop).map_err(failed)
}

fn header(
    voxel_type: VoxelType,
    geometry: &Geometry,
    is_compressed: bool,
    data_file: &str,
) -> String {
    let [i, j, k] = geometry.size();
    let [x, y, z] = Axis::ALL.map(|axis| lps_text(geometry.direction(axis), " "));
    let origin = lps_text(geometry.origin(), " ");
    let [di, dj, dk] = Axis::ALL.map(|axis| geometry.spacing(axis));
    let name = voxel_type.meta_image_name();
    let compressed = if is_compressed { "True" } else { "False" };
    format!(
        "ObjectType = Image\n\
         NDims = 3\n\
         BinaryData = True\n\
         BinaryDataByteOrderMSB = False\n\
         CompressedData = {compressed}\n\
         TransformMatrix = {x} {y} {z}\n\
         Offset = {origin}\n\
         CenterOfRotation = 0 0 0\n\
         AnatomicalOrientation = RAI\n\
         ElementSpacing = {di} {dj} {dk}\n\
         DimSize = {i} {j} {k}\n\
         ElementType = {name}\n\
         ElementDataFile = {data_file}\n"
    )
}
