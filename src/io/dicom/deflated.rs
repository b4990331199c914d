//! A bound for deflated data sets: a file of a few kB may inflate to gigabytes.

use std::io::Read;
use std::path::Path;

use flate2::read::DeflateDecoder;

use crate::error::{Error, Result, bytes_in_words};
use crate::io::dicom::validate;
use crate::runtime::memory;

/// Largest data set that is inflated, larger than that of any slice.
const MAX_BYTES: u64 = 1 << 29;

/// Copies of a data set in memory while it is read.
const COPIES: u64 = 3;

/// Checks, in constant memory, that a deflated data set inflates to one that can be read. Files
/// that are not deflated pass.
///
/// # Errors
/// [`Error::Unsupported`] for one beyond any slice, [`Error::Memory`].
pub(super) fn check(path: &Path, file: &[u8]) -> Result<()> {
    let Some(deflated) = validate::deflated_part(file) else { return Ok(()) };
    let mut inflated = DeflateDecoder::new(deflated).take(MAX_BYTES + 1);
    // A damaged stream ends here; reading it tells of the damage.
    let _ = std::io::copy(&mut inflated, &mut std::io::sink());
    let bytes = MAX_BYTES + 1 - inflated.limit();
    if bytes > MAX_BYTES {
        let reason = format!(
            "a deflated data set of more than {}, larger than any slice",
            bytes_in_words(MAX_BYTES)
        );
        return Err(Error::unsupported(path, reason));
    }
    memory::check_for_file(COPIES * bytes, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::DeflateEncoder;
    use std::io::Write;

    /// A DICOM file, deflated from `bytes` zeros.
    fn file(bytes: u64) -> Vec<u8> {
        let syntax = b"1.2.840.10008.1.2.1.99";
        let mut file = [&[0; 128][..], b"DICM", b"\x02\0\0\0UL\x04\0"].concat();
        file.extend((8 + syntax.len() as u32).to_le_bytes());
        file.extend([&b"\x02\0\x10\0UI"[..], &[syntax.len() as u8, 0], syntax].concat());
        let mut encoder = DeflateEncoder::new(file, Compression::fast());
        std::io::copy(&mut std::io::repeat(0).take(bytes), &mut encoder).unwrap();
        encoder.flush().unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn inflating_stops_at_the_bound() {
        let path = Path::new("a.dcm");
        check(path, &file(3_000_000)).unwrap();
        let bomb = file(MAX_BYTES + 1);
        assert!(bomb.len() < 4_000_000);
        let text = check(path, &bomb).unwrap_err().to_string();
        assert!(text.contains("a.dcm: a deflated data set of more than 537 MB"), "{text}");
        check(path, b"no DICOM file").unwrap();
    }
}
