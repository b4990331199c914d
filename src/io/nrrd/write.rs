//! Writes an NRRD file.
//!
//! In left-posterior-superior as ITK and 3D Slicer write it, with all digits of the doubles and
//! gzip-compressed voxels. The voxel type is kept, unless the volume has a rescale: NRRD has none,
//! so Hounsfield units are written, in the smallest of int16, int32 and float32 that holds each of
//! them exactly, else in float64.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::error::{Error, Result};
use crate::io::affine::lps_text;
use crate::io::format::PairOutput;
use crate::io::raw_voxels::HounsfieldVoxels;
use crate::volume::{Axis, Geometry, Volume, VoxelType};

/// Writes header and voxels; `path` is named in errors.
pub(crate) fn write(
    path: &Path,
    volume: &Volume,
    out: &mut dyn Write,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    let voxels = HounsfieldVoxels::of(volume);
    let failed = |source| Error::io(path, source);
    let header = header(voxels.voxel_type(), volume.geometry(), "encoding: gzip\n");
    out.write_all(header.as_bytes()).map_err(failed)?;
    let mut gzip = GzEncoder::new(out, Compression::fast());
    voxels.write(&mut gzip, path, cancelled)?;
    gzip.finish().map_err(failed)?;
    Ok(())
}

/// Writes the header to one file and the voxels, raw, to another; `path` is named in errors.
pub(crate) fn write_pair(
    path: &Path,
    volume: &Volume,
    out: PairOutput,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    let voxels = HounsfieldVoxels::of(volume);
    let place = format!("encoding: raw\ndata file: {}\n", out.data_name);
    let header = header(voxels.voxel_type(), volume.geometry(), &place);
    out.header.write_all(header.as_bytes()).map_err(|source| Error::io(path, source))?;
    voxels.write(out.data, path, cancelled)
}

/// Header with these lines for encoding and place of the voxels.
fn header(voxel_type: VoxelType, geometry: &Geometry, encoding: &str) -> String {
    let [i, j, k] = geometry.size();
    let [x, y, z] = Axis::ALL.map(|axis| lps_text(geometry.step(axis), ","));
    let origin = lps_text(geometry.origin(), ",");
    let name = voxel_type.nrrd_name();
    format!(
        "NRRD0004\n\
         # Complete NRRD file format specification at:\n\
         # http://teem.sourceforge.net/nrrd/format.html\n\
         type: {name}\n\
         dimension: 3\n\
         space: left-posterior-superior\n\
         sizes: {i} {j} {k}\n\
         space directions: ({x}) ({y}) ({z})\n\
         kinds: domain domain domain\n\
         endian: little\n\
         {encoding}\
         space origin: ({origin})\n\n"
    )
}
