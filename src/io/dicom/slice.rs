//! What one DICOM file says of its image.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use dicom_core::Tag;
use dicom_core::header::HasLength;
use dicom_dictionary_std::{tags, uids};
use dicom_object::file::ReadPreamble;
use dicom_object::{DefaultDicomObject, OpenFileOptions};

use crate::error::{Error, Result};
use crate::io::dicom::validate;

/// One image, without its pixels.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub(crate) path: PathBuf,
    /// SeriesInstanceUID.
    pub(crate) series: String,
    /// SeriesDescription; empty where there is none.
    pub(crate) description: String,
    /// Modality; empty where there is none.
    pub(crate) modality: String,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    /// Centre of the first pixel, mm, to left, posterior, superior.
    pub(crate) position: [f64; 3],
    /// Direction in which the column number grows, as in the file.
    pub(crate) along_row: [f64; 3],
    /// Direction in which the row number grows, as in the file.
    pub(crate) along_column: [f64; 3],
    /// From one column to the next, mm.
    pub(crate) column_spacing: f64,
    /// From one row to the next, mm.
    pub(crate) row_spacing: f64,
    /// SpacingBetweenSlices or else SliceThickness, mm, where one is there.
    pub(crate) thickness: Option<f64>,
    /// Of stored numbers to Hounsfield units.
    pub(crate) slope: f64,
    /// Of stored numbers to Hounsfield units.
    pub(crate) intercept: f64,
}

/// Whether a file begins as DICOM files do.
pub(crate) fn is_dicom(path: &Path) -> bool {
    begins_as_dicom(path).unwrap_or(false)
}

fn begins_as_dicom(path: &Path) -> Result<bool> {
    let mut start = [0; 132];
    let mut file = File::open(path).map_err(|source| Error::io(path, source))?;
    match file.read_exact(&mut start) {
        Ok(()) => Ok(&start[128..] == b"DICM"),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(source) => Err(Error::io(path, source)),
    }
}

/// Reads all but the pixels. `None` for a file that is no DICOM file or holds no image.
///
/// # Errors
/// [`Error::Unsupported`] for an image that is no slice; else what is wrong with the file.
pub(crate) fn read(path: &Path) -> Result<Option<Slice>> {
    if !begins_as_dicom(path)? {
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("dcm")) {
            return Err(Error::damaged(path, "not a DICOM file, though its name ends in .dcm"));
        }
        return Ok(None);
    }
    let object = open(path, |options| options.read_until(tags::PIXEL_DATA))?;
    let header = Header { path, object: &object };
    let class = object.meta().media_storage_sop_class_uid.trim_end_matches('\0');
    let is_ct = class == uids::CT_IMAGE_STORAGE;
    let (Some(rows), Some(columns)) = (header.count(tags::ROWS)?, header.count(tags::COLUMNS)?)
    else {
        if is_ct {
            return Err(Error::damaged(path, "a CT slice without Rows and Columns: cut short?"));
        }
        return Ok(None);
    };
    header.refuse_other_images()?;
    if !is_ct && object.get(tags::IMAGE_POSITION_PATIENT).is_none() {
        return Err(Error::unsupported(path, "an image without a place in space"));
    }
    let [row_spacing, column_spacing] = header.numbers(tags::PIXEL_SPACING, "PixelSpacing")?;
    let [a, b, c, d, e, f] =
        header.numbers(tags::IMAGE_ORIENTATION_PATIENT, "ImageOrientationPatient")?;
    let slope = header.number(tags::RESCALE_SLOPE, "RescaleSlope")?.unwrap_or(1.0);
    let intercept = header.number(tags::RESCALE_INTERCEPT, "RescaleIntercept")?.unwrap_or(0.0);
    if slope == 0.0 {
        return Err(Error::damaged(path, "RescaleSlope is 0"));
    }
    let thickness = match header.number(tags::SPACING_BETWEEN_SLICES, "SpacingBetweenSlices")? {
        Some(spacing) => Some(spacing),
        None => header.number(tags::SLICE_THICKNESS, "SliceThickness")?,
    };
    Ok(Some(Slice {
        path: path.to_path_buf(),
        series: header.text(tags::SERIES_INSTANCE_UID),
        description: header.text(tags::SERIES_DESCRIPTION),
        modality: header.text(tags::MODALITY),
        columns,
        rows,
        position: header.numbers(tags::IMAGE_POSITION_PATIENT, "ImagePositionPatient")?,
        along_row: [a, b, c],
        along_column: [d, e, f],
        column_spacing,
        row_spacing,
        thickness,
        slope,
        intercept,
    }))
}

/// Parses a file that begins as DICOM files do.
pub(crate) fn open(
    path: &Path,
    part: impl FnOnce(OpenFileOptions) -> OpenFileOptions,
) -> Result<DefaultDicomObject> {
    let bytes = std::fs::read(path).map_err(|source| Error::io(path, source))?;
    let Some(sound) = validate::sound_part(&bytes) else {
        return Err(Error::damaged(path, "a damaged DICOM file (cut short, or a wrong length)"));
    };
    part(OpenFileOptions::new().read_preamble(ReadPreamble::Always))
        .from_reader(sound)
        .map_err(|error| damaged(path, &error))
}

/// What is behind an error.
pub(crate) fn innermost(error: &dyn std::error::Error) -> &dyn std::error::Error {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause
}

/// The error of a file that the parser does not understand, with the innermost cause.
pub(crate) fn damaged(path: &Path, error: &dyn std::error::Error) -> Error {
    let text = innermost(error).to_string();
    let line = text.lines().next().unwrap_or_default();
    Error::damaged(path, format!("a damaged DICOM file ({line})"))
}

/// The elements of a file by what they hold.
struct Header<'a> {
    path: &'a Path,
    object: &'a DefaultDicomObject,
}

impl Header<'_> {
    /// A text, empty where there is none.
    fn text(&self, tag: Tag) -> String {
        let text = self.object.get(tag).and_then(|element| element.to_str().ok());
        text.map(|text| text.trim_matches(['\0', ' ']).to_string()).unwrap_or_default()
    }

    /// A whole number from 0 on, where there is one.
    fn count(&self, tag: Tag) -> Result<Option<usize>> {
        let Some(element) = self.object.get(tag) else {
            return Ok(None);
        };
        let count = element.to_int().map_err(|error| damaged(self.path, &error))?;
        Ok(Some(count))
    }

    /// A finite number, where there is one.
    fn number(&self, tag: Tag, name: &str) -> Result<Option<f64>> {
        match self.object.get(tag) {
            Some(element) if !element.is_empty() => Ok(Some(self.numbers::<1>(tag, name)?[0])),
            _ => Ok(None),
        }
    }

    /// Exactly so many finite numbers.
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
                Error::damaged(self.path, format!("{name} is {text:?}, not {N} numbers"))
            })
    }

    /// Images that are no slice of scalars.
    fn refuse_other_images(&self) -> Result<()> {
        let refused = |reason: String| Err(Error::unsupported(self.path, reason));
        if let Some(frames) = self.count(tags::NUMBER_OF_FRAMES)?.filter(|&frames| frames != 1) {
            return refused(format!(
                "a multi-frame image ({frames} frames); convert it to one file a slice, or to NIfTI"
            ));
        }
        let interpretation = self.text(tags::PHOTOMETRIC_INTERPRETATION);
        if self.count(tags::SAMPLES_PER_PIXEL)?.is_some_and(|samples| samples != 1)
            || !interpretation.starts_with("MONOCHROME")
        {
            return refused(format!("a colour image ({interpretation}); only scalars are read"));
        }
        if self.object.get(tags::MODALITY_LUT_SEQUENCE).is_some() {
            return refused("numbers that go through a table (ModalityLUTSequence)".to_string());
        }
        Ok(())
    }
}
