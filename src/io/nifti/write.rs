//! Writes a NIfTI file: of version 1, which all software reads, unless an axis is too long for it.

use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io::format::PairOutput;
use crate::io::nifti::header::{BYTES_1, BYTES_2};
use crate::io::nifti::transform::{Quaternion, quaternion};
use crate::io::outgoing::Outgoing;
use crate::io::raw_voxels;
use crate::volume::{Axis, Geometry};

/// Longest axis of version 1, voxels.
const MAX_LENGTH_1: usize = i16::MAX as usize;

/// Zero bytes behind the header of a single file, which mean that no extensions follow.
const NO_EXTENSIONS: [u8; 4] = [0; 4];

/// Code of sform and qform: coordinates of the scanner.
const SCANNER: i16 = 1;

/// Code of the spatial unit millimetre.
const MILLIMETRES: u8 = 2;

/// Writes header and voxels, little endian; `path` is named in errors.
pub(crate) fn write(
    path: &Path,
    volume: &Outgoing,
    out: &mut dyn Write,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    let header = [&header(volume, false)[..], &NO_EXTENSIONS].concat();
    out.write_all(&header).map_err(|source| Error::io(path, source))?;
    volume.write_stored(out, path, cancelled)
}

/// Writes the gzip-compressed file.
pub(crate) fn write_gzip(
    path: &Path,
    volume: &Outgoing,
    out: &mut dyn Write,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    raw_voxels::write_gzip(path, out, |gzip| write(path, volume, gzip, cancelled))
}

/// Writes the header to one file and the voxels to another; `path` is named in errors.
pub(crate) fn write_pair(
    path: &Path,
    volume: &Outgoing,
    out: PairOutput,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    let header = header(volume, true);
    out.header.write_all(&header).map_err(|source| Error::io(path, source))?;
    volume.write_stored(out.data, path, cancelled)
}

/// Header with equal sform and qform; without a qform, which holds no shear, for the slices of a
/// tilted gantry. Voxels follow after [`NO_EXTENSIONS`], or are in the other file of a pair.
fn header(volume: &Outgoing, is_pair: bool) -> Vec<u8> {
    let geometry = volume.geometry;
    let is_long = geometry.size().iter().any(|&length| length > MAX_LENGTH_1);
    if is_long { version_2(volume, is_pair) } else { version_1(volume, is_pair) }
}

/// Version 1: lengths in 16 bits, numbers in float32.
fn version_1(volume: &Outgoing, is_pair: bool) -> Vec<u8> {
    let voxel_type = volume.voxel_type;
    let mut header = HeaderBytes::new(BYTES_1);
    let transform = Transform::of(volume.geometry);
    for (index, length) in dimensions(volume.geometry).into_iter().enumerate() {
        header.put(40 + 2 * index, &(length as i16).to_le_bytes());
    }
    header.put(70, &voxel_type.nifti_datatype().to_le_bytes());
    header.put(72, &(8 * voxel_type.bytes() as i16).to_le_bytes());
    header.floats(76, &transform.pixdim);
    header.floats(108, &[offset(BYTES_1, is_pair) as f64]);
    header.floats(112, &[volume.rescale.slope, volume.rescale.intercept]);
    header.put(123, &[MILLIMETRES]);
    header.put(252, &transform.qform_code.to_le_bytes());
    header.put(254, &SCANNER.to_le_bytes());
    header.floats(256, &transform.quaternion);
    header.floats(268, &transform.origin);
    header.floats(280, &transform.rows);
    header.put(344, if is_pair { b"ni1\0" } else { b"n+1\0" });
    header.0
}

/// Version 2: lengths in 64 bits, numbers in float64.
fn version_2(volume: &Outgoing, is_pair: bool) -> Vec<u8> {
    let voxel_type = volume.voxel_type;
    let mut header = HeaderBytes::new(BYTES_2);
    let transform = Transform::of(volume.geometry);
    header.put(4, if is_pair { b"ni2\0\r\n\x1a\n" } else { b"n+2\0\r\n\x1a\n" });
    header.put(12, &voxel_type.nifti_datatype().to_le_bytes());
    header.put(14, &(8 * voxel_type.bytes() as i16).to_le_bytes());
    for (index, length) in dimensions(volume.geometry).into_iter().enumerate() {
        header.put(16 + 8 * index, &(length as i64).to_le_bytes());
    }
    header.doubles(104, &transform.pixdim);
    header.put(168, &(offset(BYTES_2, is_pair) as i64).to_le_bytes());
    header.doubles(176, &[volume.rescale.slope, volume.rescale.intercept]);
    header.put(344, &i32::from(transform.qform_code).to_le_bytes());
    header.put(348, &i32::from(SCANNER).to_le_bytes());
    header.doubles(352, &transform.quaternion);
    header.doubles(376, &transform.origin);
    header.doubles(400, &transform.rows);
    header.put(500, &i32::from(MILLIMETRES).to_le_bytes());
    header.0
}

/// Number of dimensions, and their lengths.
fn dimensions(geometry: &Geometry) -> [usize; 8] {
    let [i, j, k] = geometry.size();
    [3, i, j, k, 1, 1, 1, 1]
}

/// Offset of the voxels in their file.
fn offset(header_bytes: usize, is_pair: bool) -> usize {
    if is_pair { 0 } else { header_bytes + NO_EXTENSIONS.len() }
}

/// From voxels to the patient, as a header states it.
struct Transform {
    /// Mirroring of the qform, and distances of voxels, mm.
    pixdim: [f64; 4],
    qform_code: i16,
    quaternion: [f64; 3],
    origin: [f64; 3],
    /// Rows of the sform.
    rows: [f64; 12],
}

impl Transform {
    fn of(geometry: &Geometry) -> Transform {
        let Quaternion { vector, mirror } = quaternion(geometry);
        let [i, j, k] = Axis::ALL.map(|axis| geometry.spacing(axis));
        let mut rows = [0.0; 12];
        let entries = geometry.ijk_to_ras();
        rows.iter_mut().zip(entries.iter().flatten()).for_each(|(to, from)| *to = *from);
        Transform {
            pixdim: [mirror, i, j, k],
            qform_code: if geometry.tilt_degrees().is_none() { SCANNER } else { 0 },
            quaternion: vector,
            origin: geometry.origin(),
            rows,
        }
    }
}

/// Bytes of a header, which begins with their number.
struct HeaderBytes(Vec<u8>);

impl HeaderBytes {
    fn new(count: usize) -> HeaderBytes {
        let mut header = HeaderBytes(vec![0; count]);
        header.put(0, &(count as i32).to_le_bytes());
        header
    }

    fn put(&mut self, offset: usize, bytes: &[u8]) {
        self.0[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    fn floats(&mut self, offset: usize, values: &[f64]) {
        for (index, &value) in values.iter().enumerate() {
            self.put(offset + 4 * index, &(value as f32).to_le_bytes());
        }
    }

    fn doubles(&mut self, offset: usize, values: &[f64]) {
        for (index, &value) in values.iter().enumerate() {
            self.put(offset + 8 * index, &value.to_le_bytes());
        }
    }
}
