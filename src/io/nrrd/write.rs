//! Writes an NRRD file.
//!
//! In left-posterior-superior as ITK and 3D Slicer write it, with all digits of the doubles and
//! gzip-compressed voxels. The voxel type is kept, unless the volume has a rescale: NRRD has none,
//! so Hounsfield units are written, in the smallest of int16, int32 and float32 that holds each of
//! them exactly, else in float64.

use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io::affine::lps_text;
use crate::io::format::PairOutput;
use crate::io::outgoing::Outgoing;
use crate::io::raw_voxels::{ValueWriter, write_gzip};
use crate::io::segmentation::Segmentation;
use crate::volume::voxel_type::with_voxel_type;
use crate::volume::{Axis, Geometry, Volume, Voxel, VoxelType};

/// Writes header and voxels; `path` is named in errors.
pub(crate) fn write(
    path: &Path,
    volume: &Outgoing,
    out: &mut dyn Write,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    let voxel_type = volume.hounsfield_type();
    let header = header(voxel_type, volume.geometry, 1, "encoding: gzip\n");
    out.write_all(header.as_bytes()).map_err(|source| Error::io(path, source))?;
    write_gzip(path, out, |gzip| volume.write_hounsfield(voxel_type, gzip, path, cancelled))
}

/// Writes the header to one file and the voxels, raw, to another; `path` is named in errors.
pub(crate) fn write_pair(
    path: &Path,
    volume: &Outgoing,
    out: PairOutput,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    let voxel_type = volume.hounsfield_type();
    let place = format!("encoding: raw\ndata file: {}\n", out.data_name);
    let header = header(voxel_type, volume.geometry, 1, &place);
    out.header.write_all(header.as_bytes()).map_err(|source| Error::io(path, source))?;
    volume.write_hounsfield(voxel_type, out.data, path, cancelled)
}

/// Writes label maps on one grid, all layers of a voxel together as 3D Slicer has them, with the
/// metadata of their segments; `path` is named in errors.
pub(crate) fn write_segmentation(
    path: &Path,
    segmentation: &Segmentation,
    out: &mut dyn Write,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    let first = segmentation.first_layer(path)?;
    let layers = segmentation.layers.len();
    let volume = Outgoing::of(first);
    let voxel_type = volume.hounsfield_type();
    let mut header = header(voxel_type, volume.geometry, layers, "encoding: gzip\n");
    // The metadata come before the empty line at the end.
    header.pop();
    for (key, value) in segmentation.metadata() {
        header += &format!("{key}:={value}\n");
    }
    header += "\n";
    out.write_all(header.as_bytes()).map_err(|source| Error::io(path, source))?;
    write_gzip(path, out, |gzip| match layers {
        1 => volume.write_hounsfield(voxel_type, gzip, path, cancelled),
        _ => write_layers(&segmentation.layers, voxel_type, gzip, path, cancelled),
    })
}

/// Writes the layers of each voxel together.
fn write_layers(
    layers: &[Volume],
    voxel_type: VoxelType,
    out: &mut dyn Write,
    path: &Path,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    let mut values: Vec<_> = layers.iter().map(|layer| layer.voxels().values()).collect();
    let [k, j, i] = layers[0].voxels().shape();
    let all = (0..k * j * i * layers.len()).filter_map(|at| values[at % layers.len()].next());
    with_voxel_type!(voxel_type, T => {
        let mut writer = ValueWriter::new(out, path, cancelled);
        writer.put(all.map(<T as Voxel>::from_f64))?;
        writer.finish()
    })
}

/// Header of one or several volumes, with these lines for encoding and place of the voxels.
fn header(voxel_type: VoxelType, geometry: &Geometry, layers: usize, encoding: &str) -> String {
    let [i, j, k] = geometry.size();
    let [x, y, z] = Axis::ALL.map(|axis| lps_text(geometry.step(axis), ","));
    let origin = lps_text(geometry.origin(), ",");
    let name = voxel_type.nrrd_name();
    let (dimension, size, direction, kind) = match layers {
        1 => (3, String::new(), "", ""),
        _ => (4, format!("{layers} "), "none ", "list "),
    };
    format!(
        "NRRD0004\n\
         # Complete NRRD file format specification at:\n\
         # http://teem.sourceforge.net/nrrd/format.html\n\
         type: {name}\n\
         dimension: {dimension}\n\
         space: left-posterior-superior\n\
         sizes: {size}{i} {j} {k}\n\
         space directions: {direction}({x}) ({y}) ({z})\n\
         kinds: {kind}domain domain domain\n\
         endian: little\n\
         {encoding}\
         space origin: ({origin})\n\n"
    )
}
