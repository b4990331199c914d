//! Writes a NIfTI-1 file.

use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io::format::PairOutput;
use crate::io::nifti::header::BYTES_1;
use crate::io::nifti::transform::{Quaternion, quaternion};
use crate::io::raw_voxels::{self, write_voxels};
use crate::volume::{Axis, Volume};

/// Offset of the voxels: the header and four zero bytes, which mean that no extensions follow.
const VOXEL_OFFSET: usize = 352;

/// Code of sform and qform: coordinates of the scanner.
const SCANNER: i16 = 1;

/// Code of the spatial unit millimetre.
const MILLIMETRES: u8 = 2;

/// Writes header and voxels, little endian; `path` is named in errors.
pub(crate) fn write(
    path: &Path,
    volume: &Volume,
    out: &mut dyn Write,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    let header = header(path, volume, (VOXEL_OFFSET, b"n+1\0"))?;
    out.write_all(&header).map_err(|source| Error::io(path, source))?;
    write_voxels(volume.voxels(), out, path, cancelled)
}

/// Writes the gzip-compressed file.
pub(crate) fn write_gzip(
    path: &Path,
    volume: &Volume,
    out: &mut dyn Write,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    raw_voxels::write_gzip(path, out, |gzip| write(path, volume, gzip, cancelled))
}

/// Writes the header to one file and the voxels to another; `path` is named in errors.
pub(crate) fn write_pair(
    path: &Path,
    volume: &Volume,
    out: PairOutput,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    let header = header(path, volume, (0, b"ni1\0"))?;
    out.header.write_all(&header[..BYTES_1]).map_err(|source| Error::io(path, source))?;
    write_voxels(volume.voxels(), out.data, path, cancelled)
}

/// Header with equal sform and qform, in float32, with the offset of the voxels and the magic;
/// without a qform, which holds no shear, for the slices of a tilted gantry.
fn header(
    path: &Path,
    volume: &Volume,
    (offset, magic): (usize, &[u8; 4]),
) -> Result<[u8; VOXEL_OFFSET]> {
    let geometry = volume.geometry();
    let voxel_type = volume.voxels().voxel_type();
    let mut header = HeaderBytes([0; VOXEL_OFFSET]);
    header.put(0, &348i32.to_le_bytes());

    let [i, j, k] = geometry.size();
    for (index, length) in [3, i, j, k, 1, 1, 1, 1].into_iter().enumerate() {
        let length = i16::try_from(length).map_err(|_| {
            let reason =
                format!("an axis of {length} voxels; NIfTI-1 holds 32767 at most, write .nrrd");
            Error::unsupported(path, reason)
        })?;
        header.put(40 + 2 * index, &length.to_le_bytes());
    }
    header.put(70, &voxel_type.nifti_datatype().to_le_bytes());
    header.put(72, &(8 * voxel_type.bytes() as i16).to_le_bytes());

    let Quaternion { vector, mirror } = quaternion(geometry);
    let spacing = Axis::ALL.map(|axis| geometry.spacing(axis));
    header.floats(76, &[mirror, spacing[0], spacing[1], spacing[2]]);
    header.floats(108, &[offset as f64, volume.rescale().slope, volume.rescale().intercept]);
    header.put(123, &[MILLIMETRES]);

    if geometry.tilt_degrees().is_none() {
        header.put(252, &SCANNER.to_le_bytes());
    }
    header.put(254, &SCANNER.to_le_bytes());
    header.floats(256, &vector);
    header.floats(268, &geometry.origin());
    for (row, entries) in geometry.ijk_to_ras().iter().take(3).enumerate() {
        header.floats(280 + 16 * row, entries);
    }
    header.put(344, magic);
    Ok(header.0)
}

/// Bytes of a header.
struct HeaderBytes([u8; VOXEL_OFFSET]);

impl HeaderBytes {
    fn put(&mut self, offset: usize, bytes: &[u8]) {
        self.0[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    fn floats(&mut self, offset: usize, values: &[f64]) {
        for (index, &value) in values.iter().enumerate() {
            self.put(offset + 4 * index, &(value as f32).to_le_bytes());
        }
    }
}
