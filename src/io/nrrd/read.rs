//! Reads an NRRD file.

use std::path::Path;

use crate::error::{Error, Result};
use crate::io::nrrd::header::{Encoding, parse};
use crate::io::raw_voxels::Source;
use crate::volume::{Rescale, Volume};

/// Longest header that is read.
const MAX_HEADER_BYTES: usize = 1 << 20;

/// Reads a volume. NRRD has no rescale.
pub(crate) fn read(path: &Path, cancelled: &dyn Fn() -> bool) -> Result<Volume> {
    let mut source = Source::open(path, cancelled)?;
    let text = header_text(path, &mut source)?;
    let header = parse(path, &text)?;
    if header.encoding == Encoding::Gzip {
        source = source.decompressed();
    }
    let voxels = source.voxels(header.voxel_type, header.geometry.size(), header.order)?;
    if header.encoding == Encoding::Gzip {
        source.finish()?;
    }
    Volume::new(voxels, Rescale::IDENTITY, header.geometry)
}

/// Text of the header, without the empty line that ends it.
fn header_text(path: &Path, source: &mut Source) -> Result<String> {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\n\n") && !text.ends_with(b"\n\r\n") {
        if text.len() == 4 && text != b"NRRD" {
            return Err(Error::damaged(path, "not an NRRD file"));
        }
        if text.len() == MAX_HEADER_BYTES {
            return Err(Error::damaged(path, "no empty line ends the header within its first MiB"));
        }
        source.fill(&mut byte, "the NRRD header")?;
        text.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&text).trim_end().to_string())
}
