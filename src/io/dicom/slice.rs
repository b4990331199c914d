//! Attributes of slices: an image, or the frames of a multi-frame image.

use std::path::{Path, PathBuf};

use dicom_dictionary_std::{tags, uids};

use crate::error::{Error, Result};
use crate::io::dicom::attributes::{Attributes, items, series_of};
use crate::io::dicom::file::{self, DicomFile};
use crate::io::dicom::image_plane::ImagePlane;
use crate::io::dicom::labels;

/// Attributes of a slice, without its pixels.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub(crate) path: PathBuf,
    /// Index of its frame in the file, and number of frames there.
    pub(crate) frame: usize,
    pub(crate) frames: usize,
    /// SOPInstanceUID, or empty.
    pub(crate) instance: String,
    /// SeriesInstanceUID.
    pub(crate) series: String,
    /// SeriesNumber.
    pub(crate) series_number: Option<i64>,
    /// SeriesDescription, or empty.
    pub(crate) description: String,
    /// Modality, or empty.
    pub(crate) modality: String,
    /// Whether ImageType says that it is a localizer.
    pub(crate) is_localizer: bool,
    /// What may tell the phases of a series apart.
    pub(crate) phase: PhaseAttributes,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    /// Its place in the patient.
    pub(crate) plane: ImagePlane,
    /// FrameOfReferenceUID, or empty.
    pub(crate) frame_of_reference: String,
    /// Meaning of the values by the header, where they are no HU.
    pub(crate) quantity: Option<String>,
    /// RescaleSlope, 1 where missing.
    pub(crate) slope: f64,
    /// RescaleIntercept, 0 where missing.
    pub(crate) intercept: f64,
}

/// Attributes that differ between the phases of a series.
#[derive(Clone, Debug, Default)]
pub(crate) struct PhaseAttributes {
    /// Names and values, the most telling one first; empty where missing.
    pub(crate) named: Vec<(&'static str, String)>,
    /// ContentTime, else AcquisitionTime.
    pub(crate) time: String,
    /// InstanceNumber.
    pub(crate) instance_number: Option<i64>,
}

/// Content of a file.
pub(crate) enum Content {
    /// Slices, at least one.
    Slices(Vec<Slice>),
    /// An image that is no slice, for this reason: a page of text, a screenshot.
    OtherImage(String),
    /// A file without an image, for this reason.
    Other(String),
    /// A list of the files of a medium (DICOMDIR).
    Directory(DicomFile),
}

/// Why a DICOM file could not be read.
pub(crate) struct Rejected {
    /// SeriesInstanceUID, where the file was read so far.
    pub(crate) series: Option<String>,
    pub(crate) error: Error,
}

/// Reads the attributes of the slices in a file.
///
/// # Errors
/// [`Error::Unsupported`] for images that are not slices, [`Error::Damaged`], [`Error::Io`], with
/// the series that the file belongs to.
pub(crate) fn read(path: &Path) -> std::result::Result<Content, Rejected> {
    let Some(file) = file::read(path).map_err(|error| Rejected { series: None, error })? else {
        return Ok(Content::Other("not a DICOM file".to_string()));
    };
    if file.class == uids::MEDIA_STORAGE_DIRECTORY_STORAGE {
        return Ok(Content::Directory(file));
    }
    slices(path, &file).map_err(|error| Rejected { series: series_of(&file.object), error })
}

fn slices(path: &Path, file: &DicomFile) -> Result<Content> {
    file.check(path)?;
    let attributes = Attributes::of_image(path, &file.object);
    // Its frames have places, too, but are labels.
    if labels::is_segmentation(&file.class) || attributes.text(tags::MODALITY) == "SEG" {
        return Ok(Content::OtherImage(
            "a segmentation (DICOM SEG), which --labels reads".to_string(),
        ));
    }
    let is_ct = [uids::CT_IMAGE_STORAGE, uids::ENHANCED_CT_IMAGE_STORAGE].contains(&&*file.class);
    let (Some(rows), Some(columns)) =
        (attributes.count(tags::ROWS, "Rows")?, attributes.count(tags::COLUMNS, "Columns")?)
    else {
        if is_ct {
            return Err(Error::damaged(
                path,
                "a CT slice without Rows and Columns; the file may be truncated",
            ));
        }
        return Ok(Content::Other("a DICOM file without an image".to_string()));
    };
    let frames = attributes.count(tags::NUMBER_OF_FRAMES, "NumberOfFrames")?.unwrap_or(1).max(1);
    check_frame_groups(path, file, frames)?;
    let frame = |index| Attributes::of_frame(path, &file.object, index);
    if let Some(reason) = other_image(&attributes, &frame, frames)? {
        return Ok(Content::OtherImage(reason));
    }
    if attributes.has(tags::MODALITY_LUT_SEQUENCE) {
        let reason = "a ModalityLUTSequence; only RescaleSlope and RescaleIntercept are read";
        return Err(Error::unsupported(path, reason));
    }
    if !file.has_pixels() {
        return Err(Error::damaged(path, "a slice without PixelData; the file may be truncated"));
    }
    let slice = |index| slice(path, &frame(index), [columns, rows], [index, frames]);
    Ok(Content::Slices((0..frames).map(slice).collect::<Result<_>>()?))
}

/// Checks that as many frames are described as there are.
fn check_frame_groups(path: &Path, file: &DicomFile, frames: usize) -> Result<()> {
    let groups = items(&file.object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).len();
    if groups > 0 && groups != frames {
        let reason = format!("NumberOfFrames is {frames}, but {groups} frames are described");
        return Err(Error::damaged(path, reason));
    }
    Ok(())
}

/// Why an image is not a slice with one value per pixel, or does not consist of such slices.
fn other_image<'a>(
    image: &Attributes,
    frame: &impl Fn(usize) -> Attributes<'a>,
    frames: usize,
) -> Result<Option<String>> {
    let interpretation = image.text(tags::PHOTOMETRIC_INTERPRETATION);
    let samples = image.count(tags::SAMPLES_PER_PIXEL, "SamplesPerPixel")?;
    if samples.is_some_and(|samples| samples != 1) || !interpretation.starts_with("MONOCHROME") {
        return Ok(Some(format!("a colour image ({interpretation}); only grey values are read")));
    }
    // Without functional groups all frames would have the place of the image.
    let is_placed = |index| frame(index).has(tags::IMAGE_POSITION_PATIENT);
    let is_described = frames == 1 || image.has(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    if frames > 1 && !(is_described && (0..frames).all(is_placed)) {
        return Ok(Some(format!(
            "a multi-frame image ({frames} frames) without a place for each frame; convert it to \
             single slices, or to NIfTI"
        )));
    }
    let has_direction = frame(0).has(tags::IMAGE_ORIENTATION_PATIENT);
    // With a direction alone it is a slice that lacks its place, which is an error.
    let is_page = frames == 1 && !is_placed(0) && !has_direction;
    Ok(is_page.then(|| "an image without ImagePositionPatient".to_string()))
}

fn slice(
    path: &Path,
    attributes: &Attributes,
    [columns, rows]: [usize; 2],
    [frame, frames]: [usize; 2],
) -> Result<Slice> {
    let plane = ImagePlane::read(attributes)?;
    let slope = attributes.number(tags::RESCALE_SLOPE, "RescaleSlope")?.unwrap_or(1.0);
    let intercept = attributes.number(tags::RESCALE_INTERCEPT, "RescaleIntercept")?.unwrap_or(0.0);
    if slope == 0.0 {
        return Err(Error::damaged(path, "RescaleSlope is 0"));
    }
    Ok(Slice {
        path: path.to_path_buf(),
        frame,
        frames,
        instance: attributes.text(tags::SOP_INSTANCE_UID),
        series: attributes.text(tags::SERIES_INSTANCE_UID),
        series_number: attributes.integer(tags::SERIES_NUMBER),
        description: attributes.text(tags::SERIES_DESCRIPTION),
        modality: attributes.text(tags::MODALITY),
        is_localizer: [tags::IMAGE_TYPE, tags::FRAME_TYPE]
            .iter()
            .any(|&tag| attributes.text(tag).contains("LOCALIZER")),
        phase: phase_attributes(attributes),
        columns,
        rows,
        plane,
        frame_of_reference: attributes.text(tags::FRAME_OF_REFERENCE_UID),
        quantity: quantity(attributes),
        slope,
        intercept,
    })
}

/// Modality and units of values that are no HU; `None` for those of a CT, and where the header says
/// nothing (modality OT).
fn quantity(attributes: &Attributes) -> Option<String> {
    let units = attributes.text(tags::UNITS);
    let rescale_type = attributes.text(tags::RESCALE_TYPE);
    match attributes.text(tags::MODALITY).as_str() {
        // US: unspecified.
        "CT" | "OT" | "" => (!["HU", "US", ""].contains(&rescale_type.as_str()))
            .then(|| format!("RescaleType {rescale_type}")),
        _ if rescale_type == "HU" => None,
        modality if units.is_empty() => Some(format!("Modality {modality}")),
        modality => Some(format!("Modality {modality}, Units {units}")),
    }
}

fn phase_attributes(attributes: &Attributes) -> PhaseAttributes {
    let named = [
        ("TemporalPositionIndex", tags::TEMPORAL_POSITION_INDEX),
        ("TemporalPositionIdentifier", tags::TEMPORAL_POSITION_IDENTIFIER),
        ("NominalPercentageOfCardiacPhase", tags::NOMINAL_PERCENTAGE_OF_CARDIAC_PHASE),
        ("TriggerTime", tags::TRIGGER_TIME),
        ("FrameAcquisitionNumber", tags::FRAME_ACQUISITION_NUMBER),
        ("AcquisitionNumber", tags::ACQUISITION_NUMBER),
        ("StackID", tags::STACK_ID),
        ("EchoNumbers", tags::ECHO_NUMBERS),
        ("KVP", tags::KVP),
        ("ConvolutionKernel", tags::CONVOLUTION_KERNEL),
        ("FrameType", tags::FRAME_TYPE),
        ("ImageType", tags::IMAGE_TYPE),
        ("SeriesDescription", tags::SERIES_DESCRIPTION),
        ("AcquisitionDateTime", tags::ACQUISITION_DATE_TIME),
        ("AcquisitionTime", tags::ACQUISITION_TIME),
        ("FrameReferenceDateTime", tags::FRAME_REFERENCE_DATE_TIME),
        ("ContentTime", tags::CONTENT_TIME),
    ];
    let [frame_time, content_time, acquisition_time] =
        [tags::FRAME_REFERENCE_DATE_TIME, tags::CONTENT_TIME, tags::ACQUISITION_TIME]
            .map(|tag| attributes.text(tag));
    let times = [frame_time, content_time, acquisition_time];
    PhaseAttributes {
        named: named.map(|(name, tag)| (name, attributes.text(tag))).to_vec(),
        time: times.into_iter().find(|time| !time.is_empty()).unwrap_or_default(),
        instance_number: attributes.integer(tags::INSTANCE_NUMBER),
    }
}
