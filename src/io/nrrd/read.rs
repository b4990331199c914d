//! Reads an NRRD file.

use std::path::Path;

use crate::error::{Error, Result};
use crate::io::detached::data_path;
use crate::io::format::OnHeader;
use crate::io::nrrd::header::{NrrdHeader, parse};
use crate::io::raw_voxels::{never, read_layers, skip_to_last};
use crate::io::segmentation::{self, Segmentation};
use crate::io::source::Source;
use crate::volume::{Rescale, Volume, Voxels};

/// Longest header that is read.
const MAX_HEADER_BYTES: usize = 1 << 20;

/// Reads a volume. NRRD has no rescale.
pub(crate) fn read(
    path: &Path,
    cancelled: &dyn Fn() -> bool,
    on_header: OnHeader,
) -> Result<Volume> {
    let several = |header: &NrrdHeader| {
        let reason = format!(
            "{}, several volumes; only one is read, save one of them as a file of its own",
            header.axes_text
        );
        Error::unsupported(path, reason)
    };
    let check = |header: &NrrdHeader| match header.layers.0 {
        1 => on_header(&header.geometry, header.voxel_type),
        _ => Err(several(header)),
    };
    let (header, mut layers) = read_checked(path, &check, cancelled)?;
    let voxels = layers.pop().ok_or_else(|| several(&header))?;
    Volume::new(voxels, Rescale::IDENTITY, header.geometry)
}

/// Reads label maps on one grid, with the lines `key:=value` of the header.
pub(crate) fn read_segmentation(path: &Path, cancelled: &dyn Fn() -> bool) -> Result<Segmentation> {
    let (header, layers) = read_checked(path, &|_| Ok(()), cancelled)?;
    let volume = |voxels| Volume::new(voxels, Rescale::IDENTITY, header.geometry.clone());
    let layers: Vec<Volume> = layers.into_iter().map(volume).collect::<Result<_>>()?;
    Ok(Segmentation::from_metadata(layers, header.metadata))
}

/// Whether the header of a file describes segments; false where it cannot be read.
pub(crate) fn has_segments(path: &Path) -> bool {
    let header = Source::open(path, &never)
        .and_then(|mut source| header_text(path, &mut source))
        .and_then(|text| parse(path, &text));
    header.is_ok_and(|header| segmentation::has_segments(&header.metadata))
}

/// Reads the voxels of all volumes of a file whose header passes a check.
fn read_checked(
    path: &Path,
    check: &dyn Fn(&NrrdHeader) -> Result<()>,
    cancelled: &dyn Fn() -> bool,
) -> Result<(NrrdHeader, Vec<Voxels>)> {
    let mut source = Source::open(path, cancelled)?;
    let text = header_text(path, &mut source)?;
    let header = parse(path, &text)?;
    check(&header)?;
    let layers = match &header.place.file {
        None => read_voxels(&header, source)?,
        Some(name) => {
            let data = data_path(path, name)?;
            read_voxels(&header, Source::open_raw(&data, cancelled)?)?
        }
    };
    Ok((header, layers))
}

/// Reads the voxels, which follow in a file.
fn read_voxels(header: &NrrdHeader, mut source: Source) -> Result<Vec<Voxels>> {
    let (size, layers) = (header.geometry.size(), header.layers);
    source.skip_lines(header.place.lines)?;
    if let Some(compression) = header.compression {
        source = source.decompressed(compression);
    }
    match header.place.bytes {
        Some(bytes) => source.skip(bytes, "the bytes before the voxels")?,
        None => skip_to_last(&mut source, header.voxel_type, size, layers.0)?,
    }
    let voxels = read_layers(&mut source, header.voxel_type, size, layers, header.format)?;
    if header.compression.is_some() {
        source.finish()?;
    }
    Ok(voxels)
}

/// Text of the header, without the empty line that ends it. The end of the file ends a header that
/// names its data file.
fn header_text(path: &Path, source: &mut Source) -> Result<String> {
    let mut text = Vec::new();
    let mut byte = [0];
    let mut has_ended = false;
    while !text.ends_with(b"\n\n") && !text.ends_with(b"\n\r\n") && !has_ended {
        if text.len() == 4 && text != b"NRRD" {
            return Err(Error::damaged(path, "not an NRRD file"));
        }
        if text.len() == MAX_HEADER_BYTES {
            return Err(Error::damaged(path, "no empty line ends the header within its first MiB"));
        }
        match source.read(&mut byte)? {
            0 => has_ended = true,
            _ => text.push(byte[0]),
        }
    }
    let text = String::from_utf8_lossy(&text).trim_end().to_string();
    let names_data = |line: &str| line.to_lowercase().replace(' ', "").starts_with("datafile:");
    if has_ended && !text.lines().any(names_data) {
        return Err(Error::damaged(path, "truncated: the file ends within the NRRD header"));
    }
    Ok(text)
}
