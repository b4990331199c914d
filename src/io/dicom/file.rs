//! A DICOM file: where its data set begins, how it is encoded, what is in it.

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;

use crate::error::{Error, Result};
use crate::io::dicom::deflated;
use crate::io::dicom::header::{self, Encoding};
use crate::io::dicom::parse::{self, DataSet, PixelBytes};
use crate::io::plain_file;

/// Retired transfer syntax, explicit VR big endian.
const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// Private transfer syntax of GE: implicit VR little endian, but for pixels, which are big endian.
const GE_BIG_ENDIAN_PIXELS: &str = "1.2.840.113619.5.2";

/// Largest file that is read, bytes.
const MAX_BYTES: u64 = 1 << 34;

/// Bytes of a file that are enough to recognise it.
const BEGINNING: u64 = 4096;

/// Bytes of a file that hold the header of most slices.
const HEADER: u64 = 16_384;

/// A DICOM file that was read.
pub(crate) struct DicomFile {
    /// Elements before the pixels; where the file is damaged, those before the damage.
    pub(crate) object: InMemDicomObject,
    /// UID of the transfer syntax; empty where the file states none.
    pub(crate) syntax: String,
    /// UID of the kind of object (SOPClassUID); empty where the file states none.
    pub(crate) class: String,
    /// Damage of the file, with the element and its place.
    fault: Option<String>,
    /// The file, or what was inflated.
    bytes: Vec<u8>,
    pixels: Option<PixelBytes>,
    has_big_endian_pixels: bool,
}

/// Pixels of one frame.
pub(crate) enum FrameBytes<'a> {
    /// Not compressed, little endian.
    Native(Cow<'a, [u8]>),
    /// One compressed image.
    Compressed(Vec<u8>),
}

/// Whether a file begins as DICOM files do.
pub(crate) fn is_dicom(path: &Path) -> bool {
    beginning(path, BEGINNING).is_ok_and(|(bytes, total)| data_start(&bytes, total).is_some())
}

fn beginning(path: &Path, count: u64) -> Result<(Vec<u8>, usize)> {
    let failed = |source| Error::io(path, source);
    let file = plain_file::open(path)?;
    let total = file.metadata().map_err(failed)?.len();
    let mut bytes = Vec::new();
    file.take(count).read_to_end(&mut bytes).map_err(failed)?;
    Ok((bytes, usize::try_from(total).unwrap_or(usize::MAX)))
}

/// First byte after preamble and magic, either of which may be missing.
fn data_start(bytes: &[u8], total: usize) -> Option<usize> {
    match bytes {
        _ if bytes.get(128..132) == Some(b"DICM") => Some(132),
        _ if bytes.starts_with(b"DICM") => Some(4),
        _ if header::begins_data_set(bytes, total) => Some(0),
        _ => None,
    }
}

/// Reads a DICOM file, even a damaged one up to the damage. `None` for another file.
///
/// # Errors
/// [`Error::Io`]; [`Error::Unsupported`] for a data set that inflates to more than is allowed.
pub(crate) fn read(path: &Path) -> Result<Option<DicomFile>> {
    let (bytes, total) = beginning(path, BEGINNING)?;
    match data_start(&bytes, total) {
        Some(start) => parse(path, plain_file::read(path, MAX_BYTES)?, start).map(Some),
        None => Ok(None),
    }
}

/// Reads the first elements of a DICOM file, those up to Columns at least, and gives the bytes at
/// its beginning as well. Its pixels may be missing, which is no damage then. `None` for another
/// file.
///
/// # Errors
/// Those of [`read`].
pub(crate) fn read_beginning(path: &Path) -> Result<Option<(DicomFile, Vec<u8>)>> {
    let (bytes, total) = beginning(path, HEADER)?;
    let Some(start) = data_start(&bytes, total) else { return Ok(None) };
    let file = match parse(path, bytes.clone(), start) {
        Ok(file) if file.object.get(tags::COLUMNS).is_some() || bytes.len() >= total => file,
        // A long header, or one that is deflated.
        _ => parse(path, plain_file::read(path, MAX_BYTES)?, start)?,
    };
    Ok(Some((file, bytes)))
}

/// Parses the bytes of a file, whose meta information begins at `start`.
fn parse(path: &Path, bytes: Vec<u8>, start: usize) -> Result<DicomFile> {
    let meta = parse::meta_information(&bytes, start);
    let syntax = text(&meta.object, tags::TRANSFER_SYNTAX_UID);
    let stated_class = text(&meta.object, tags::MEDIA_STORAGE_SOP_CLASS_UID);
    let stated = match syntax.as_str() {
        uids::IMPLICIT_VR_LITTLE_ENDIAN | GE_BIG_ENDIAN_PIXELS => Encoding::IMPLICIT,
        BIG_ENDIAN => Encoding { explicit: true, big: true },
        _ => Encoding::EXPLICIT,
    };
    let (bytes, start) = match is_deflated(&syntax) {
        true => (deflated::inflate(path, &bytes[meta.end..])?, 0),
        false => (bytes, meta.end),
    };
    let encoding = header::encoding_of(&bytes, start, stated);
    let DataSet { object, pixels, fault, .. } = match meta.fault {
        Some(_) => meta,
        None => parse::data_set(&bytes, start, encoding),
    };
    // That of a DICOMDIR is in the meta information alone.
    let class = match text(&object, tags::SOP_CLASS_UID) {
        class if class.is_empty() => stated_class,
        class => class,
    };
    Ok(DicomFile {
        has_big_endian_pixels: encoding.big || syntax == GE_BIG_ENDIAN_PIXELS,
        fault: fault.map(|fault| fault.to_string()),
        object,
        syntax,
        class,
        bytes,
        pixels,
    })
}

/// Reads an intact DICOM file.
///
/// # Errors
/// [`Error::Damaged`] with the element and its place, also for another file; those of [`read`].
pub(crate) fn open(path: &Path) -> Result<DicomFile> {
    let file = read(path)?.ok_or_else(|| Error::damaged(path, "not a DICOM file"))?;
    file.check(path)?;
    Ok(file)
}

/// Opens files one after another; keeps the latest, which other frames may need.
#[derive(Default)]
pub(crate) struct FileReader {
    latest: Option<(PathBuf, DicomFile)>,
}

impl FileReader {
    /// Opens a file, or gives it once more.
    ///
    /// # Errors
    /// Those of [`open`].
    pub(crate) fn open(&mut self, path: &Path) -> Result<&DicomFile> {
        let file = match self.latest.take() {
            Some((latest, file)) if latest == path => file,
            _ => open(path)?,
        };
        Ok(&self.latest.insert((path.to_path_buf(), file)).1)
    }
}

/// Innermost cause of an error.
pub(crate) fn innermost(error: &dyn std::error::Error) -> &dyn std::error::Error {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause
}

/// Whether the data set of a transfer syntax is deflated.
pub(crate) fn is_deflated(syntax: &str) -> bool {
    [
        uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        uids::JPIP_REFERENCED_DEFLATE,
        uids::JPIPHTJ2K_REFERENCED_DEFLATE,
    ]
    .contains(&syntax)
}

/// Text of an attribute, or empty.
pub(crate) fn text(object: &InMemDicomObject, tag: Tag) -> String {
    object.get(tag).map(text_of).unwrap_or_default()
}

/// Text of an element without padding, or empty.
pub(crate) fn text_of(element: &InMemElement) -> String {
    let text = element.to_str().ok();
    text.map(|text| text.trim_matches(['\0', ' ']).to_string()).unwrap_or_default()
}

impl DicomFile {
    /// Checks that the file is intact.
    ///
    /// # Errors
    /// [`Error::Damaged`] with the element and its place.
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        match &self.fault {
            Some(fault) => Err(Error::damaged(path, format!("a damaged DICOM file: {fault}"))),
            None => Ok(()),
        }
    }

    /// Whether the file has pixels.
    pub(crate) fn has_pixels(&self) -> bool {
        self.pixels.is_some()
    }

    /// Pixels of one of `frames` frames, each of `frame_bytes` bytes when not compressed. `None`
    /// where the file does not hold them.
    pub(crate) fn frame(
        &self,
        frame: usize,
        frames: usize,
        frame_bytes: usize,
    ) -> Option<FrameBytes<'_>> {
        match self.pixels.as_ref()? {
            PixelBytes::Native { bytes, words } => {
                let start = frame.checked_mul(frame_bytes)?;
                let pixels = self.bytes.get(bytes.clone())?;
                let pixels = pixels.get(start..start.checked_add(frame_bytes)?)?;
                Some(FrameBytes::Native(match self.has_big_endian_pixels {
                    true => Cow::Owned(self.little_endian(pixels, *words)),
                    false => Cow::Borrowed(pixels),
                }))
            }
            PixelBytes::Fragments { offsets, fragments } => {
                let of_frame = self.fragments_of(frame, frames, offsets, fragments)?;
                let mut image = Vec::new();
                for fragment in of_frame {
                    image.extend_from_slice(self.bytes.get(fragment.clone())?);
                }
                Some(FrameBytes::Compressed(image))
            }
        }
    }

    /// Fragments of one of `frames` frames.
    fn fragments_of<'a>(
        &self,
        frame: usize,
        frames: usize,
        offsets: &Range<usize>,
        fragments: &'a [Range<usize>],
    ) -> Option<&'a [Range<usize>]> {
        if frames == 1 {
            return Some(fragments);
        }
        if fragments.len() == frames {
            return fragments.get(frame..frame + 1);
        }
        let starts = self.frame_starts(frames, offsets, fragments)?;
        let end = starts.get(frame + 1).copied().unwrap_or(fragments.len());
        fragments.get(*starts.get(frame)?..end)
    }

    /// First fragment of each frame: by the offset table, or where an image begins.
    fn frame_starts(
        &self,
        frames: usize,
        offsets: &Range<usize>,
        fragments: &[Range<usize>],
    ) -> Option<Vec<usize>> {
        let (table, _) = self.bytes.get(offsets.clone())?.as_chunks::<4>();
        let base = fragments.first()?.start;
        let starts: Vec<usize> = if table.len() == frames {
            let at = |offset: usize| {
                fragments.binary_search_by_key(&offset, |fragment| fragment.start - base)
            };
            let offsets = table.iter().map(|&offset| u32::from_le_bytes(offset) as usize);
            offsets.map(at).collect::<std::result::Result<_, _>>().ok()?
        } else {
            // Start of a JPEG, JPEG-LS or JPEG 2000 image.
            let begins = |fragment: &Range<usize>| {
                let bytes = self.bytes.get(fragment.clone()).unwrap_or_default();
                bytes.starts_with(&[0xff, 0xd8, 0xff]) || bytes.starts_with(&[0xff, 0x4f, 0xff])
            };
            (0..fragments.len()).filter(|&index| begins(&fragments[index])).collect()
        };
        (starts.len() == frames && starts.is_sorted()).then_some(starts)
    }

    /// Pixels in little endian.
    fn little_endian(&self, pixels: &[u8], words: bool) -> Vec<u8> {
        let allocated = self.object.get(tags::BITS_ALLOCATED);
        let bits = allocated.and_then(|bits| bits.to_int::<usize>().ok()).unwrap_or(16);
        // Pixels of one byte are words, too, where the element consists of words.
        let number_bytes = (bits / 8).max(if words { 2 } else { 1 });
        let mut pixels = pixels.to_vec();
        pixels.chunks_exact_mut(number_bytes).for_each(<[u8]>::reverse);
        pixels
    }
}
