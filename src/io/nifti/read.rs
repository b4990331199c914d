//! Reads a NIfTI-1 file.

use std::path::Path;

use nifti::{Endianness, NiftiHeader};

use crate::error::{Error, Result};
use crate::io::nifti::transform::ijk_to_ras;
use crate::io::raw_voxels::{ByteOrder, Source};
use crate::volume::{Geometry, Rescale, Volume, VoxelType};

/// Bytes of the header.
const HEADER: usize = 348;

/// Reads a volume; the numbers stay as they are stored, `scl_slope` and `scl_inter` become its
/// rescale.
pub(crate) fn read(path: &Path, cancelled: &dyn Fn() -> bool) -> Result<Volume> {
    let mut source = Source::open(path, cancelled)?;
    let mut bytes = [0; HEADER];
    source.fill(&mut bytes[..4], "the NIfTI header")?;
    check_kind(path, [bytes[0], bytes[1], bytes[2], bytes[3]])?;
    source.fill(&mut bytes[4..], "the NIfTI header")?;
    let header = NiftiHeader::from_reader(&bytes[..])
        .map_err(|_| Error::damaged(path, "not a NIfTI-1 file: it lacks the magic `n+1`"))?;

    let size = size(path, &header)?;
    let voxel_type = voxel_type(path, &header)?;
    let rescale = rescale(path, &header)?;
    let (origin, steps) = ijk_to_ras(path, &header)?;
    let geometry = Geometry::new(size, origin, steps).map_err(|error| error.in_file(path))?;

    source.skip(voxel_offset(path, &header)? - HEADER as u64, "the header's extensions")?;
    let order = match header.endianness {
        Endianness::Little => ByteOrder::Little,
        Endianness::Big => ByteOrder::Big,
    };
    let voxels = source.voxels(voxel_type, size, order)?;
    source.finish()?;
    Volume::new(voxels, rescale, geometry)
}

/// The header's first number is its own size: 348 in NIfTI-1, 540 in NIfTI-2.
fn check_kind(path: &Path, first: [u8; 4]) -> Result<()> {
    match (i32::from_le_bytes(first), i32::from_be_bytes(first)) {
        (348, _) | (_, 348) => Ok(()),
        (540, _) | (_, 540) => Err(Error::unsupported(path, "NIfTI-2; save it as NIfTI-1 or NRRD")),
        _ => Err(Error::damaged(path, "not a NIfTI file")),
    }
}

/// Voxels along i, j, k.
fn size(path: &Path, header: &NiftiHeader) -> Result<[usize; 3]> {
    if &header.magic == b"ni1\0" {
        let reason = "the header of a pair of files (.hdr, .img); save it as one .nii file";
        return Err(Error::unsupported(path, reason));
    }
    let dimensions = header.dim[0] as usize;
    if header.sizeof_hdr != HEADER as i32 || !(1..=7).contains(&dimensions) {
        let reason = format!("the header tells of {} dimensions", header.dim[0] as i16);
        return Err(Error::damaged(path, reason));
    }
    for (index, &length) in header.dim.iter().enumerate().take(dimensions + 1).skip(1) {
        // The field is signed; the crate gives it unsigned.
        let length = length as i16;
        let least = if index <= 3 { 1 } else { 0 };
        if length < least {
            return Err(Error::damaged(
                path,
                format!("dim[{index}] is {length}, not {least} or more"),
            ));
        }
    }
    let lengths = &header.dim[1..=dimensions];
    if let Some(index) = lengths.iter().skip(3).position(|&length| length > 1) {
        let reason = format!(
            "{}-D: dim[{}] is {}; only 3-D volumes are read, save one of them as a file of its own",
            dimensions,
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
    if let Some(voxel_type) = VoxelType::from_nifti_datatype(header.datatype) {
        return Ok(voxel_type);
    }
    let name = match header.datatype {
        1 => "single bits",
        32 => "complex64",
        128 => "RGB colours",
        1536 => "float128",
        1792 => "complex128",
        2048 => "complex256",
        2304 => "RGBA colours",
        code => {
            let reason = format!("no voxel type has the code {code} (datatype)");
            return Err(Error::damaged(path, reason));
        }
    };
    let reason = format!("voxels are {name} (datatype {}); only scalars are read", header.datatype);
    Err(Error::unsupported(path, reason))
}

/// A slope of zero or NaN says that there is nothing to rescale.
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

/// Where the voxels begin. Less than the header is taken as its end, as the reference library does.
fn voxel_offset(path: &Path, header: &NiftiHeader) -> Result<u64> {
    if !header.vox_offset.is_finite() {
        let reason = format!("vox_offset is {}", header.vox_offset);
        return Err(Error::damaged(path, reason));
    }
    Ok((header.vox_offset as u64).max(HEADER as u64))
}
