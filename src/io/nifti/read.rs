//! Reads a NIfTI-1 file.

use std::path::Path;

use nifti::{Endianness, NiftiHeader};

use crate::error::{Error, Result};
use crate::io::nifti::transform::ijk_to_ras;
use crate::io::raw_voxels::{ByteOrder, Source};
use crate::volume::{Rescale, Volume, VoxelType};

/// Bytes of the header.
const HEADER_BYTES: usize = 348;

/// Reads a volume. Voxels stay as stored; `scl_slope` and `scl_inter` become its rescale.
pub(crate) fn read(path: &Path, cancelled: &dyn Fn() -> bool) -> Result<Volume> {
    let mut source = Source::open(path, cancelled)?;
    let header = read_header(path, &mut source)?;
    let size = size(path, &header)?;
    let voxel_type = voxel_type(path, &header)?;
    let rescale = rescale(path, &header)?;
    let geometry = ijk_to_ras(path, &header)?.geometry(path, size)?;

    let extensions = voxel_offset(path, &header)? - HEADER_BYTES as u64;
    source.skip(extensions, "the header's extensions")?;
    let order = match header.endianness {
        Endianness::Little => ByteOrder::Little,
        Endianness::Big => ByteOrder::Big,
    };
    let voxels = source.voxels(voxel_type, size, order)?;
    source.finish()?;
    Volume::new(voxels, rescale, geometry)
}

fn read_header(path: &Path, source: &mut Source) -> Result<NiftiHeader> {
    let mut bytes = [0; HEADER_BYTES];
    source.fill(&mut bytes[..4], "the NIfTI header")?;
    check_version(path, [bytes[0], bytes[1], bytes[2], bytes[3]])?;
    source.fill(&mut bytes[4..], "the NIfTI header")?;
    NiftiHeader::from_reader(&bytes[..])
        .map_err(|_| Error::damaged(path, "not a NIfTI-1 file: the magic `n+1` is missing"))
}

/// Tells the version by the first field, the size of the header: 348 in NIfTI-1, 540 in NIfTI-2.
fn check_version(path: &Path, first: [u8; 4]) -> Result<()> {
    match (i32::from_le_bytes(first), i32::from_be_bytes(first)) {
        (348, _) | (_, 348) => Ok(()),
        (540, _) | (_, 540) => {
            Err(Error::unsupported(path, "a NIfTI-2 file; save it as NIfTI-1 or NRRD"))
        }
        _ => Err(Error::damaged(path, "not a NIfTI file")),
    }
}

/// Number of voxels along i, j, k.
fn size(path: &Path, header: &NiftiHeader) -> Result<[usize; 3]> {
    if &header.magic == b"ni1\0" {
        let reason = "the header of a pair of files (.hdr, .img); save it as one .nii file";
        return Err(Error::unsupported(path, reason));
    }
    let dimensions = header.dim[0] as usize;
    if header.sizeof_hdr != HEADER_BYTES as i32 || !(1..=7).contains(&dimensions) {
        let reason = format!("dim[0] is {}; it must be 1 to 7", header.dim[0] as i16);
        return Err(Error::damaged(path, reason));
    }
    for (index, &length) in header.dim.iter().enumerate().take(dimensions + 1).skip(1) {
        // The field is signed; the crate reads it as unsigned.
        let length = length as i16;
        let min = if index <= 3 { 1 } else { 0 };
        if length < min {
            let reason = format!("dim[{index}] is {length}; it must be {min} or more");
            return Err(Error::damaged(path, reason));
        }
    }
    let lengths = &header.dim[1..=dimensions];
    if let Some(index) = lengths.iter().skip(3).position(|&length| length > 1) {
        let reason = format!(
            "{dimensions}-D: dim[{}] is {}; only 3-D volumes are read, save one of them as a file \
             of its own",
            index + 4,
            lengths[index + 3]
        );
        return Err(Error::unsupported(path, reason));
    }
    match lengths {
        [i, j, k, ..] => Ok([*i as usize, *j as usize, *k as usize]),
        _ => Err(Error::unsupported(path, format!("{dimensions}-D; only 3-D volumes are read"))),
    }
}

fn voxel_type(path: &Path, header: &NiftiHeader) -> Result<VoxelType> {
    let code = header.datatype;
    if let Some(voxel_type) = VoxelType::from_nifti_datatype(code) {
        return Ok(voxel_type);
    }
    let name = match code {
        1 => "single bits",
        32 => "complex64",
        128 => "RGB colours",
        1536 => "float128",
        1792 => "complex128",
        2048 => "complex256",
        2304 => "RGBA colours",
        code => return Err(Error::damaged(path, format!("datatype is {code}, an unknown code"))),
    };
    let reason = format!("voxels are {name} (datatype {code}); only integers and floats are read");
    Err(Error::unsupported(path, reason))
}

/// Rescale of the stored values. A slope of zero or NaN means that there is none.
fn rescale(path: &Path, header: &NiftiHeader) -> Result<Rescale> {
    let (slope, intercept) = (header.scl_slope, header.scl_inter);
    if slope == 0.0 || slope.is_nan() {
        return Ok(Rescale::IDENTITY);
    }
    if !slope.is_finite() || !intercept.is_finite() {
        let reason = format!("scl_slope is {slope} and scl_inter {intercept}; they must be finite");
        return Err(Error::damaged(path, reason));
    }
    Ok(Rescale { slope: slope.into(), intercept: intercept.into() })
}

/// Offset of the voxels in the file, at least that of the header's end, as the reference library
/// takes it.
fn voxel_offset(path: &Path, header: &NiftiHeader) -> Result<u64> {
    if !header.vox_offset.is_finite() {
        let reason = format!("vox_offset is {}; it must be finite", header.vox_offset);
        return Err(Error::damaged(path, reason));
    }
    Ok((header.vox_offset as u64).max(HEADER_BYTES as u64))
}
