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
    let failed = |source| Error::io(path, source);
    out.write_all(header(voxel_type, volume.geometry()).as_bytes()).map_err(failed)?;
    let mut gzip = GzEncoder::new(out, Compression::fast());
    write_hounsfield(volume, voxel_type, &mut gzip, path, cancelled)?;
    gzip.finish().map_err(failed)?;
    Ok(())
}

fn header(voxel_type: VoxelType, geometry: &Geometry) -> String {
    let [i, j, k] = geometry.size();
    let [x, y, z] = Axis::ALL.map(|axis| vector(geometry.step(axis)));
    let origin = vector(geometry.origin());
    let name = voxel_type.nrrd_name();
    format!(
        "NRRD0004\n\
         # Complete NRRD file format specification at:\n\
         # http://teem.sourceforge.net/nrrd/format.html\n\
         type: {name}\n\
         dimension: 3\n\
         space: left-posterior-superior\n\
         sizes: {i} {j} {k}\n\
         space directions: {x} {y} {z}\n\
         kinds: domain domain domain\n\
         endian: little\n\
         encoding: gzip\n\
         space origin: {origin}\n\n"
    )
}

/// Text of a RAS vector in left-posterior-superior, in the shortest digits that give the same
/// doubles, zero without a sign.
fn vector([right, anterior, superior]: [f64; 3]) -> String {
    format!("({},{},{})", 0.0 - right, 0.0 - anterior, superior + 0.0)
}
