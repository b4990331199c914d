//! Reads a NIfTI file, version 1 or 2, in one file or two.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::detached::beside;
use crate::io::format::OnHeader;
use crate::io::nifti::header::{self, Header};
use crate::io::nifti::transform::ijk_to_ras;
use crate::io::raw_voxels::read_voxels;
use crate::io::source::Source;
use crate::volume::{Rescale, Volume, VoxelType};

/// Endings of the header of a pair of files.
const HEADER_ENDINGS: [&str; 2] = [".hdr", ".hdr.gz"];

/// Endings of the voxels of a pair of files.
const IMAGE_ENDINGS: [&str; 2] = [".img", ".img.gz"];

/// Reads a volume. Voxels stay as stored; `scl_slope` and `scl_inter` become its rescale.
pub(crate) fn read(
    path: &Path,
    cancelled: &dyn Fn() -> bool,
    on_header: OnHeader,
) -> Result<Volume> {
    let mut source = Source::open(path, cancelled)?;
    let header = header::read(path, &mut source)?;
    let size = size(path, &header)?;
    let voxel_type = voxel_type(path, &header)?;
    let rescale = rescale(path, &header)?;
    let geometry = ijk_to_ras(path, &header)?.geometry(path, size)?;
    let offset = voxel_offset(path, &header)?;
    on_header(&geometry, voxel_type)?;

    let image = if header.is_pair { Some(image_of_header(path)?) } else { None };
    let before = match &image {
        Some(image) => {
            source = Source::open(image, cancelled)?;
            offset
        }
        None => offset.saturating_sub(header.bytes),
    };
    source.skip(before, "the bytes before the voxels")?;
    let voxels = read_voxels(&mut source, voxel_type, size, header.format)?;
    source.finish()?;
    Volume::new(voxels, rescale, geometry)
}

/// The `.hdr` file of an `.img` file of a pair, if `path` is one.
pub(crate) fn header_of_image(path: &Path) -> Option<PathBuf> {
    beside(path, &IMAGE_ENDINGS, &HEADER_ENDINGS)
}

/// The `.img` file of the header of a pair.
fn image_of_header(path: &Path) -> Result<PathBuf> {
    let endings = [&HEADER_ENDINGS[..], &[".nii", ".nii.gz"]].concat();
    beside(path, &endings, &IMAGE_ENDINGS).ok_or_else(|| {
        let reason = "the header of a pair of files (.hdr, .img), but there is no .img file of \
                      its name beside it";
        Error::damaged(path, reason)
    })
}

/// Number of voxels along i, j, k.
fn size(path: &Path, header: &Header) -> Result<[usize; 3]> {
    let dimensions = match header.dim[0] {
        dimensions @ 1..=7 => dimensions as usize,
        other => {
            let reason = format!("dim[0] is {other}; it must be 1 to 7");
            return Err(Error::damaged(path, reason));
        }
    };
    for (index, &length) in header.dim.iter().enumerate().take(dimensions + 1).skip(1) {
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

fn voxel_type(path: &Path, header: &Header) -> Result<VoxelType> {
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
fn rescale(path: &Path, header: &Header) -> Result<Rescale> {
    let (slope, intercept) = (header.scl_slope, header.scl_inter);
    if slope == 0.0 || slope.is_nan() {
        return Ok(Rescale::IDENTITY);
    }
    if !slope.is_finite() || !intercept.is_finite() {
        let reason = format!("scl_slope is {slope} and scl_inter {intercept}; they must be finite");
        return Err(Error::damaged(path, reason));
    }
    Ok(Rescale { slope, intercept })
}

/// Offset of the voxels in their file; in that of the header at least the header's end, as the
/// reference library takes it.
fn voxel_offset(path: &Path, header: &Header) -> Result<u64> {
    let offset = header.vox_offset;
    if !offset.is_finite() || offset < 0.0 {
        let reason = format!("vox_offset is {offset}; it must be finite and not negative");
        return Err(Error::damaged(path, reason));
    }
    let min = if header.is_pair { 0 } else { header.bytes };
    Ok((offset as u64).max(min))
}
