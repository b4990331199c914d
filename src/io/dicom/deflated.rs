//! A bound for deflated data sets: a file of a few kB may inflate to gigabytes.

use std::io::Read;
use std::path::Path;

use flate2::read::DeflateDecoder;

use crate::error::{Error, Result, bytes_in_words};
use crate::runtime::memory;

/// Largest data set that is inflated, larger than that of any slice.
const MAX_BYTES: u64 = 1 << 29;

/// Copies of a data set in memory while it is read.
const COPIES: u64 = 3;

/// Inflates a data set, once it is known, in constant memory, that it inflates to one that can be
/// read. A damaged or truncated stream gives what precedes the damage.
///
/// # Errors
/// [`Error::Unsupported`] for one beyond any CT, [`Error::Memory`].
pub(super) fn inflate(path: &Path, deflated: &[u8]) -> Result<Vec<u8>> {
    let mut decoder = DeflateDecoder::new(deflated).take(MAX_BYTES + 1);
    let _ = std::io::copy(&mut decoder, &mut std::io::sink());
    let bytes = MAX_BYTES + 1 - decoder.limit();
    if bytes > MAX_BYTES {
        let reason = format!(
            "a deflated data set of more than {}, larger than any slice",
            bytes_in_words(MAX_BYTES)
        );
        return Err(Error::unsupported(path, reason));
    }
    memory::check_for_file(COPIES * bytes, path)?;
    let mut inflated = memory::reserve(bytes as usize, path)?;
    let _ = DeflateDecoder::new(deflated).take(bytes).read_to_end(&mut inflated);
    Ok(inflated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    /// Deflated zeros.
    fn deflated(bytes: u64) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        std::io::copy(&mut std::io::repeat(0).take(bytes), &mut encoder).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn inflating_stops_at_the_bound() {
        let path = Path::new("a.dcm");
        assert_eq!(inflate(path, &deflated(3_000_000)).unwrap(), vec![0; 3_000_000]);
        let bomb = deflated(MAX_BYTES + 1);
        assert!(bomb.len() < 4_000_000);
        let text = inflate(path, &bomb).unwrap_err().to_string();
        assert!(text.contains("a.dcm: a deflated data set of more than 537 MB"), "{text}");
        assert!(inflate(path, b"no deflated data").unwrap().len() < 20);
    }
}
