//! Header of a NIfTI file, version 1 or 2 in either byte order, with the fields that reading needs.

use std::path::Path;

use crate::error::{Error, Result};
use crate::io::raw_voxels::NumberFormat;
use crate::io::source::Source;

/// Bytes of the header of version 1.
pub(super) const BYTES_1: usize = 348;

/// Bytes of the header of version 2.
pub(super) const BYTES_2: usize = 540;

/// Fields of a header, in the widest type of both versions.
#[derive(Clone, Debug)]
pub(super) struct Header {
    /// Byte order of header and voxels.
    pub(super) format: NumberFormat,
    /// Bytes of the header.
    pub(super) bytes: u64,
    /// Whether the voxels are in another file.
    pub(super) is_pair: bool,
    pub(super) dim: [i64; 8],
    pub(super) datatype: i16,
    pub(super) pixdim: [f64; 8],
    pub(super) vox_offset: f64,
    pub(super) scl_slope: f64,
    pub(super) scl_inter: f64,
    pub(super) xyzt_units: i64,
    pub(super) qform_code: i64,
    pub(super) sform_code: i64,
    /// b, c and d of the quaternion.
    pub(super) quaternion: [f64; 3],
    pub(super) qoffset: [f64; 3],
    pub(super) srow: [[f64; 4]; 3],
}

/// Reads a header from the beginning of a file.
///
/// # Errors
/// [`Error::Damaged`] for a file that is truncated or no NIfTI file, [`Error::Unsupported`] for an
/// Analyze file.
pub(super) fn read(path: &Path, source: &mut Source) -> Result<Header> {
    let mut bytes = vec![0; BYTES_2];
    source.fill(&mut bytes[..4], "the NIfTI header")?;
    let first = [bytes[0], bytes[1], bytes[2], bytes[3]];
    // The first field is the size of the header.
    let (length, big) = match (i32::from_le_bytes(first), i32::from_be_bytes(first)) {
        (348, _) => (BYTES_1, false),
        (_, 348) => (BYTES_1, true),
        (540, _) => (BYTES_2, false),
        (_, 540) => (BYTES_2, true),
        _ => return Err(Error::damaged(path, "not a NIfTI file")),
    };
    bytes.truncate(length);
    source.fill(&mut bytes[4..], "the NIfTI header")?;
    match length {
        BYTES_1 => version_1(path, &Fields { bytes, big }),
        _ => version_2(path, &Fields { bytes, big }),
    }
}

fn version_1(path: &Path, fields: &Fields) -> Result<Header> {
    let is_pair = match fields.text(344) {
        b"n+1\0" => false,
        b"ni1\0" => true,
        // In an Analyze file, these bytes are the smallest value of the image.
        magic if *magic == [0; 4] || is_named_header(path) => {
            let reason = "an Analyze 7.5 header, or a NIfTI header without its magic `n+1`: it \
                          does not say which side is left; save the volume as NIfTI";
            return Err(Error::unsupported(path, reason));
        }
        _ => return Err(Error::damaged(path, "not a NIfTI-1 file: the magic `n+1` is missing")),
    };
    Ok(Header {
        format: fields.format(),
        bytes: BYTES_1 as u64,
        is_pair,
        dim: fields.all(40, 2, Fields::i16),
        datatype: fields.i16(70) as i16,
        pixdim: fields.all(76, 4, Fields::f32),
        vox_offset: fields.f32(108),
        scl_slope: fields.f32(112),
        scl_inter: fields.f32(116),
        xyzt_units: i64::from(fields.bytes[123]),
        qform_code: fields.i16(252),
        sform_code: fields.i16(254),
        quaternion: fields.all(256, 4, Fields::f32),
        qoffset: fields.all(268, 4, Fields::f32),
        srow: [280, 296, 312].map(|row| fields.all(row, 4, Fields::f32)),
    })
}

/// Whether a file is named as the header of a pair.
fn is_named_header(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name.ends_with(".hdr") || name.ends_with(".hdr.gz")
}

fn version_2(path: &Path, fields: &Fields) -> Result<Header> {
    let is_pair = match fields.text(4) {
        b"n+2\0" => false,
        b"ni2\0" => true,
        _ => return Err(Error::damaged(path, "not a NIfTI-2 file: the magic `n+2` is missing")),
    };
    Ok(Header {
        format: fields.format(),
        bytes: BYTES_2 as u64,
        is_pair,
        dim: fields.all(16, 8, Fields::i64),
        datatype: fields.i16(12) as i16,
        pixdim: fields.all(104, 8, Fields::f64),
        vox_offset: fields.i64(168) as f64,
        scl_slope: fields.f64(176),
        scl_inter: fields.f64(184),
        xyzt_units: fields.i32(500),
        qform_code: fields.i32(344),
        sform_code: fields.i32(348),
        quaternion: fields.all(352, 8, Fields::f64),
        qoffset: fields.all(376, 8, Fields::f64),
        srow: [400, 432, 464].map(|row| fields.all(row, 8, Fields::f64)),
    })
}

/// Bytes of a header.
struct Fields {
    bytes: Vec<u8>,
    big: bool,
}

impl Fields {
    fn format(&self) -> NumberFormat {
        if self.big { NumberFormat::BigEndian } else { NumberFormat::LittleEndian }
    }

    /// Bytes of a number, little endian.
    fn number<const N: usize>(&self, offset: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.bytes[offset..offset + N]);
        if self.big {
            bytes.reverse();
        }
        bytes
    }

    fn text(&self, offset: usize) -> &[u8; 4] {
        self.bytes[offset..].first_chunk().unwrap_or(&[0; 4])
    }

    fn i16(&self, offset: usize) -> i64 {
        i16::from_le_bytes(self.number(offset)).into()
    }

    fn i32(&self, offset: usize) -> i64 {
        i32::from_le_bytes(self.number(offset)).into()
    }

    fn i64(&self, offset: usize) -> i64 {
        i64::from_le_bytes(self.number(offset))
    }

    fn f32(&self, offset: usize) -> f64 {
        f32::from_le_bytes(self.number(offset)).into()
    }

    fn f64(&self, offset: usize) -> f64 {
        f64::from_le_bytes(self.number(offset))
    }

    /// `N` numbers one after the other, of `width` bytes each.
    fn all<T, const N: usize>(
        &self,
        offset: usize,
        width: usize,
        read: fn(&Self, usize) -> T,
    ) -> [T; N] {
        std::array::from_fn(|index| read(self, offset + index * width))
    }
}
