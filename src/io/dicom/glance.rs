//! A look at the beginning of a DICOM file, for a search through many.

use std::path::Path;
use std::time::SystemTime;

use dicom_dictionary_std::{tags, uids};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::io::dicom::attributes::Attributes;
use crate::io::dicom::file;

/// What the beginning of a DICOM file says.
#[derive(Clone, Debug)]
pub struct Glance {
    /// SeriesInstanceUID, or empty.
    pub series: String,
    /// Modality, or empty.
    pub modality: String,
    /// Whether ImageType says that it is a localizer.
    pub is_localizer: bool,
    /// Number of frames.
    pub frames: usize,
    /// Pixels in a row, and rows; 0 where there is no image.
    pub size: [usize; 2],
    /// ImagePositionPatient, mm in LPS; `None` for several frames.
    pub position: Option<[f64; 3]>,
    /// ImageOrientationPatient: directions of rows and columns.
    pub directions: Option<[f64; 6]>,
    /// PixelSpacing: distance of rows and of columns, mm.
    pub pixel_spacing_mm: Option<[f64; 2]>,
    /// Identity of the file's content, by its length and beginning.
    pub digest: [u8; 16],
    /// Length in bytes.
    pub bytes: u64,
    /// Time of the last change.
    pub modified: SystemTime,
}

/// Looks at the beginning of a file; reads the rest only where a header is longer than usual.
/// `None` for a file that is no DICOM file, and for a list of files (DICOMDIR).
///
/// # Errors
/// [`Error::Io`]; those of a data set that inflates to more than is allowed.
pub fn glance(path: &Path) -> Result<Option<Glance>> {
    let Some((file, beginning)) = file::read_beginning(path)? else { return Ok(None) };
    if file.class == uids::MEDIA_STORAGE_DIRECTORY_STORAGE {
        return Ok(None);
    }
    let failed = |source| Error::io(path, source);
    let attributes = Attributes::of_image(path, &file.object);
    let data = std::fs::metadata(path).map_err(failed)?;
    let hash = Sha256::new().chain_update(data.len().to_le_bytes()).chain_update(&beginning);
    let mut digest = [0; 16];
    digest.copy_from_slice(&hash.finalize()[..16]);
    let count = |tag| attributes.count(tag, "").ok().flatten();
    let frames = count(tags::NUMBER_OF_FRAMES).unwrap_or(1).max(1);
    let position = attributes.numbers(tags::IMAGE_POSITION_PATIENT, "").ok();
    Ok(Some(Glance {
        series: attributes.text(tags::SERIES_INSTANCE_UID),
        modality: attributes.text(tags::MODALITY),
        is_localizer: attributes.text(tags::IMAGE_TYPE).contains("LOCALIZER"),
        frames,
        size: [tags::COLUMNS, tags::ROWS].map(|tag| count(tag).unwrap_or(0)),
        position: position.filter(|_| frames == 1),
        directions: attributes.numbers(tags::IMAGE_ORIENTATION_PATIENT, "").ok(),
        pixel_spacing_mm: attributes.numbers(tags::PIXEL_SPACING, "").ok(),
        digest,
        bytes: data.len(),
        modified: data.modified().map_err(failed)?,
    }))
}
