//! Reads a MetaImage file.

use std::path::Path;

use crate::error::{Error, Result};
use crate::io::detached::{beside, data_path};
use crate::io::format::OnHeader;
use crate::io::metaimage::header::{DataFile, MetaImageHeader, parse};
use crate::io::raw_voxels::{read_voxels, skip_to_last};
use crate::io::source::{Compression, Source};
use crate::volume::{Rescale, Volume};

/// Longest header that is read, bytes.
const MAX_HEADER_BYTES: usize = 1 << 20;

/// Key of the last line of a header.
const LAST_KEY: &str = "ElementDataFile";

/// Reads a volume. MetaImage has no rescale.
pub(crate) fn read(
    path: &Path,
    cancelled: &dyn Fn() -> bool,
    on_header: OnHeader,
) -> Result<Volume> {
    let mut source = Source::open(path, cancelled)?;
    let text = header_text(path, &mut source)?;
    let header = parse(path, &text)?;
    on_header(&header.geometry, header.voxel_type)?;
    match &header.data_file {
        DataFile::Local => finish(header, source),
        DataFile::Other(name) => {
            let data = data_path(path, name)?;
            finish(header, Source::open_raw(&data, cancelled)?)
        }
    }
}

/// Reads a volume that is named by the file of its voxels, from the header beside it.
pub(crate) fn read_by_voxels(
    path: &Path,
    cancelled: &dyn Fn() -> bool,
    on_header: OnHeader,
) -> Result<Volume> {
    let header = beside(path, &[".zraw"], &[".mhd"]).ok_or_else(|| {
        Error::damaged(path, "voxels without their header, a .mhd file of its name beside it")
    })?;
    read(&header, cancelled, on_header)
}

/// Reads the voxels, which follow in a file.
fn finish(header: MetaImageHeader, mut source: Source) -> Result<Volume> {
    let size = header.geometry.size();
    match header.skipped_bytes {
        Some(bytes) => source.skip(bytes, "the bytes before the voxels")?,
        None => skip_to_last(&mut source, header.voxel_type, size, 1)?,
    }
    if header.is_compressed {
        source = source.decompressed(Compression::Zlib);
    }
    let voxels = read_voxels(&mut source, header.voxel_type, size, header.format)?;
    if header.is_compressed {
        source.finish()?;
    }
    Volume::new(voxels, Rescale::IDENTITY, header.geometry)
}

/// Text of the header: the lines up to that of [`LAST_KEY`].
fn header_text(path: &Path, source: &mut Source) -> Result<String> {
    let mut text = Vec::new();
    let mut line_start = 0;
    let mut byte = [0];
    loop {
        if text.len() == MAX_HEADER_BYTES {
            return Err(Error::damaged(path, "no ElementDataFile within the first MiB"));
        }
        source.fill(&mut byte, "the MetaImage header")?;
        if byte[0] == 0 {
            return Err(Error::damaged(path, "not a MetaImage file"));
        }
        text.push(byte[0]);
        if byte[0] == b'\n' {
            let line = String::from_utf8_lossy(&text[line_start..]).trim().to_string();
            if line.split('=').next().map(str::trim) == Some(LAST_KEY) {
                return Ok(String::from_utf8_lossy(&text).to_string());
            }
            line_start = text.len();
        }
    }
}
