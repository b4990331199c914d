//! Attributes of one slice in a DICOM file.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use dicom_core::Tag;
use dicom_core::header::HasLength;
use dicom_dictionary_std::{tags, uids};
use dicom_object::file::ReadPreamble;
use dicom_object::{DefaultDicomObject, OpenFileOptions};

use crate::error::{Error, Result};
use crate::io::dicom::{deflated, validate};
use crate::io::plain_file;

/// Largest file that is read.
const MAX_BYTES: u64 = 1 << 34;

/// Attributes of a slice, without its pixels.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub(crate) path: PathBuf,
    /// SeriesInstanceUID.
    pub(crate) series: String,
    /// SeriesDescription, or empty.
    pub(crate) description: String,
    /// Modality, or empty.
    pub(crate) modality: String,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    /// ImagePositionPatient: centre of the first pixel, mm in LPS.
    pub(crate) position: [f64; 3],
    /// First direction of ImageOrientationPatient: of growing column index.
    pub(crate) row_direction: [f64; 3],
    /// Second direction of ImageOrientationPatient: of growing row index.
    pub(crate) column_direction: [f64; 3],
    /// Distance of neighbouring columns, mm.
    pub(crate) column_spacing: f64,
    /// Distance of neighbouring rows, mm.
    pub(crate) row_spacing: f64,
    /// SpacingBetweenSlices, else SliceThickness, mm.
    pub(crate) thickness: Option<f64>,
    /// RescaleSlope, 1 where missing.
    pub(crate) slope: f64,
    /// RescaleIntercept, 0 where missing.
    pub(crate) intercept: f64,
}

/// Whether a file begins with a preamble and the DICOM magic.
pub(crate) fn is_dicom(path: &Path) -> bool {
    has_dicom_magic(path).unwrap_or(false)
}

fn has_dicom_magic(path: &Path) -> Result<bool> {
    let mut start = [0; 132];
    let mut file = plain_file::open(path)?;
    match file.read_exact(&mut start) {
        Ok(()) => Ok(&start[128..] == b"DICM"),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(source) => Err(Error::io(path, source)),
    }
}

/// Reads the attributes of a slice. `None` for a file that is not a DICOM file or holds no image.
///
/// # Errors
/// [`Error::Unsupported`] for an image that is not a slice, [`Error::Damaged`] for a damaged file,
/// [`Error::Io`].
pub(crate) fn read(path: &Path) -> Result<Option<Slice>> {
    if !has_dicom_magic(path)? {
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("dcm")) {
            return Err(Error::damaged(path, "not a DICOM file, though its name ends in .dcm"));
        }
        return Ok(None);
    }
    let object = open(path, |options| options.read_until(tags::PIXEL_DATA))?;
    let attributes = Attributes { path, object: &object };
    let class = object.meta().media_storage_sop_class_uid.trim_end_matches('\0');
    let is_ct = class == uids::CT_IMAGE_STORAGE;
    let (Some(rows), Some(columns)) =
        (attributes.count(tags::ROWS)?, attributes.count(tags::COLUMNS)?)
    else {
        if is_ct {
            return Err(Error::damaged(
                path,
                "a CT slice without Rows and Columns; the file may be truncated",
            ));
        }
        return Ok(None);
    };
    attributes.reject_other_images()?;
    if !is_ct && object.get(tags::IMAGE_POSITION_PATIENT).is_none() {
        return Err(Error::unsupported(path, "an image without ImagePositionPatient"));
    }
    let [row_spacing, column_spacing] = attributes.numbers(tags::PIXEL_SPACING, "PixelSpacing")?;
    let [a, b, c, d, e, f] =
        attributes.numbers(tags::IMAGE_ORIENTATION_PATIENT, "ImageOrientationPatient")?;
    let slope = attributes.number(tags::RESCALE_SLOPE, "RescaleSlope")?.unwrap_or(1.0);
    let intercept = attributes.number(tags::RESCALE_INTERCEPT, "RescaleIntercept")?.unwrap_or(0.0);
    if slope == 0.0 {
        return Err(Error::damaged(path, "RescaleSlope is 0"));
    }
    let thickness = match attributes.number(tags::SPACING_BETWEEN_SLICES, "SpacingBetweenSlices")? {
        Some(spacing) => Some(spacing),
        None => attributes.number(tags::SLICE_THICKNESS, "SliceThickness")?,
    };
    Ok(Some(Slice {
        path: path.to_path_buf(),
        series: attributes.text(tags::SERIES_INSTANCE_UID),
        description: attributes.text(tags::SERIES_DESCRIPTION),
        modality: attributes.text(tags::MODALITY),
        columns,
        rows,
        position: attributes.numbers(tags::IMAGE_POSITION_PATIENT, "ImagePositionPatient")?,
        row_direction: [a, b, c],
        column_direction: [d, e, f],
        column_spacing,
        row_spacing,
        thickness,
        slope,
        intercept,
    }))
}

/// Parses a DICOM file.
pub(crate) fn open(
    path: &Path,
    part: impl FnOnce(OpenFileOptions) -> OpenFileOptions,
) -> Result<DefaultDicomObject> {
    let bytes = plain_file::read(path, MAX_BYTES)?;
    deflated::check(path, &bytes)?;
    let Some(intact) = validate::intact_part(&bytes) else {
        return Err(Error::damaged(
            path,
            "a damaged DICOM file (truncated, or an element of wrong length)",
        ));
    };
    part(OpenFileOptions::new().read_preamble(ReadPreamble::Always))
        .from_reader(intact)
        .map_err(|error| damaged(path, &error))
}

/// Innermost cause of an error.
pub(crate) fn innermost(error: &dyn std::error::Error) -> &dyn std::error::Error {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause
}

/// Error of a file that cannot be parsed, with the innermost cause.
pub(crate) fn damaged(path: &Path, error: &dyn std::error::Error) -> Error {
    let text = innermost(error).to_string();
    let line = text.lines().next().unwrap_or_default();
    Error::damaged(path, format!("a damaged DICOM file ({line})"))
}

/// Attributes of a file as text and numbers.
struct Attributes<'a> {
    path: &'a Path,
    object: &'a DefaultDicomObject,
}

impl Attributes<'_> {
    /// Text of an attribute, or empty.
    fn text(&self, tag: Tag) -> String {
        let text = self.object.get(tag).and_then(|element| element.to_str().ok());
        text.map(|text| text.trim_matches(['\0', ' ']).to_string()).unwrap_or_default()
    }

    /// Non-negative integer, if present.
    fn count(&self, tag: Tag) -> Result<Option<usize>> {
        let Some(element) = self.object.get(tag) else {
            return Ok(None);
        };
        let count = element.to_int().map_err(|error| damaged(self.path, &error))?;
        Ok(Some(count))
    }

    /// Finite number, if present.
    fn number(&self, tag: Tag, name: &str) -> Result<Option<f64>> {
        match self.object.get(tag) {
            Some(element) if !element.is_empty() => Ok(Some(self.numbers::<1>(tag, name)?[0])),
            _ => Ok(None),
        }
    }

    /// Exactly `N` finite numbers.
    fn numbers<const N: usize>(&self, tag: Tag, name: &str) -> Result<[f64; N]> {
        let Some(element) = self.object.get(tag).filter(|element| !element.is_empty()) else {
            return Err(Error::damaged(self.path, format!("{name} is missing")));
        };
        let values = element.to_multi_float64().ok();
        values
            .and_then(|values| <[f64; N]>::try_from(values).ok())
            .filter(|values| values.iter().all(|value| value.is_finite()))
            .ok_or_else(|| {
                let text = element.to_str().unwrap_or_default();
                Error::damaged(
                    self.path,
                    format!("{name} is {text:?}; it must be {N} finite numbers"),
                )
            })
    }

    /// Rejects images that are not slices with one value per pixel.
    fn reject_other_images(&self) -> Result<()> {
        let rejected = |reason: String| Err(Error::unsupported(self.path, reason));
        if let Some(frames) = self.count(tags::NUMBER_OF_FRAMES)?.filter(|&frames| frames != 1) {
            return rejected(format!(
                "a multi-frame image ({frames} frames); convert it to single slices, or to NIfTI"
            ));
        }
        let interpretation = self.text(tags::PHOTOMETRIC_INTERPRETATION);
        if self.count(tags::SAMPLES_PER_PIXEL)?.is_some_and(|samples| samples != 1)
            || !interpretation.starts_with("MONOCHROME")
        {
            return rejected(format!(
                "a colour image ({interpretation}); only grey values are read"
            ));
        }
        if self.object.get(tags::MODALITY_LUT_SEQUENCE).is_some() {
            return rejected(
                "a ModalityLUTSequence; only RescaleSlope and RescaleIntercept are read"
                    .to_string(),
            );
        }
        Ok(())
    }
}
