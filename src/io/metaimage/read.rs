//! Reads a MetaImage file.

use std::path::Path;

use crate::error::{Error, Result};
use crate::io::metaimage::header::{DataFile, MetaImageHeader, parse};
use crate::io::raw_voxels::Source;
use crate::volume::{Rescale, Volume};

/// Longest header that is read, bytes.
const MAX_HEADER_BYTES: usize = 1 << 20;

/// Key of the last line of a header.
const LAST_KEY: &str = "ElementDataFile";

/// Reads a volume. MetaImage has no rescale.
pub(crate) fn read(path: &Path, cancelled: &dyn Fn() -> bool) -> Result<Volume> {
    let mut source = Source::open(path, cancelled)?;
    let text = header_text(path, &mut source)?;
    let header = parse(path, &text)?;
    match &header.data_file {
        DataFile::Local => read_voxels(header, source),
        DataFile::Other(name) => {
            let data = path.with_file_name(name);
            if !data.is_file() {
                let reason = format!(
                    "its voxels are in the file {name:?}, which does not exist; put both in one \
                     folder"
                );
                return Err(Error::damaged(path, reason));
            }
            let source = Source::open_raw(&data, cancelled)?;
            read_voxels(header, source)
        }
    }
}

fn read_voxels(header: MetaImageHeader, mut source: Source) -> Result<Volume> {
    let size = header.geometry.size();
    match header.skipped_bytes {
        Some(bytes) => source.skip(bytes, "the bytes before the voxels")?,
        None => source.skip_to_last(header.voxel_type, size)?,
    }
    if header.is_compressed {
        source = source.zlib_decompressed();
    }
    let voxels = source.voxels(header.voxel_type, size, header.order)?;
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
