//! Derived CT series: a resampled volume as DICOM files beside the series that it came from.
//!
//! [`headers`] keeps what is needed of the source; [`attributes`] lists what is taken over;
//! [`functional_groups`] makes classic slices of the frames of a multi-frame image; [`slice`] is
//! the data set of a slice, [`stored`] its stored values, [`place`] its place; [`segmentation`]
//! writes label maps as a DICOM SEG of [`segments`]; [`uids`] makes unique identifiers.

mod attributes;
mod elements;
mod functional_groups;
mod headers;
mod place;
mod segmentation;
mod segments;
mod slice;
mod stored;
mod uids;

use std::path::{Path, PathBuf};

use dicom_dictionary_std::{tags, uids as dicom_uids};
use dicom_object::FileMetaTableBuilder;
use ndarray::{ArrayView2, Axis as ArrayAxis};
use sha2::{Digest, Sha256};

pub use elements::Code;
pub use headers::DicomHeaders;
pub use segmentation::DicomSeg;
pub use segments::DicomSegment;

use crate::error::{Error, Result};
use crate::io::{atomic_folder, atomic_write};
use crate::volume::voxels::with_voxels;
use crate::volume::{Axis, SliceSource, Volume, Voxel};
use elements::{Object, put, put_decimals, text};
use headers::{Reference, SliceHeader};
use place::Place;
use slice::Origin;
use uids::Uids;

/// Name of this software in the files.
const SOFTWARE: &str = "HRINet";

/// Its version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Largest number of characters of a description.
const DESCRIPTION_LENGTH: usize = 64;

/// Largest number of characters of a derivation description.
const DERIVATION_LENGTH: usize = 1024;

/// A volume to write as a derived CT series, one file a slice.
pub struct DerivedSeries<'a> {
    /// Headers of the source.
    pub headers: &'a DicomHeaders,
    /// The source, whose slices are those of `headers`.
    pub input: &'a Volume,
    /// The volume to write: slices along k.
    pub output: &'a Volume,
    /// Source of each slice of `output`.
    pub sources: &'a [SliceSource],
    /// By how much slices are thinner than known ones, none of which is kept; `None`: as thick.
    pub thin_factor: Option<usize>,
    /// How slices were interpolated, for the derivation description: model and checksum.
    pub method: &'a str,
    /// Label maps on the grid of `output`, to be written as a DICOM SEG.
    pub segmentation: Option<DicomSeg<'a>>,
}

/// Options of [`DerivedSeries::write`].
#[derive(Clone, Default)]
pub struct DerivedSeriesOptions<'a> {
    /// Makes unique identifiers that follow from this text and the content, without a time of
    /// creation: the same job writes the same bytes. `None`: random identifiers.
    pub uid_seed: Option<&'a str>,
    /// Called repeatedly while writing; once it returns true, writing ends with
    /// [`Error::Cancelled`] and nothing is left.
    pub cancelled: Option<&'a dyn Fn() -> bool>,
}

/// What [`DerivedSeries::write`] wrote.
#[derive(Clone, Debug)]
pub struct WrittenSeries {
    /// SeriesInstanceUID of the slices.
    pub series_uid: String,
    /// Number of slices.
    pub slice_count: usize,
    /// The DICOM SEG, where there is one.
    pub segmentation: Option<PathBuf>,
}

/// Identity of the objects of one job.
struct Identity {
    study: String,
    frame_of_reference: String,
    series: String,
    /// Date and time of creation, unless identifiers follow from a seed.
    created: Option<[String; 2]>,
    uids: Uids,
}

impl DerivedSeries<'_> {
    /// Writes the series into a new or empty folder, and the segmentation into the same folder or
    /// elsewhere: all files or none.
    ///
    /// # Errors
    /// Those of [`atomic_folder::check_folder`]; [`Error::Argument`] for inputs that do not fit
    /// each other; [`Error::Geometry`] for more than 65535 rows or columns; [`Error::Io`];
    /// [`Error::Cancelled`].
    pub fn write(&self, folder: &Path, options: &DerivedSeriesOptions) -> Result<WrittenSeries> {
        self.check()?;
        let identity = self.identity(options.uid_seed);
        let references: Vec<Reference> = (0..self.sources.len())
            .map(|index| Reference {
                class: dicom_uids::CT_IMAGE_STORAGE.into(),
                instance: identity.uids.uid(&format!("image {index}")),
                frame: None,
            })
            .collect();
        let cancelled = options.cancelled.unwrap_or(&crate::io::raw_voxels::never);
        let mut segmentation = None;
        atomic_folder::write_folder_atomically(folder, |partial| {
            self.write_slices(partial, &identity, &references, cancelled)?;
            let Some(labels) = &self.segmentation else { return Ok(()) };
            let object = labels.object(self, &identity, &references, cancelled)?;
            segmentation = Some(labels.path(folder));
            match DicomSeg::is_in(labels.file, folder) {
                true => write_object(&partial.join(labels.file_name()?), object),
                false => atomic_write::write_atomically(labels.file, labels.overwrite, |out| {
                    let bytes = to_bytes(labels.file, object)?;
                    out.write_all(&bytes).map_err(|error| Error::io(labels.file, error))
                }),
            }
        })?;
        Ok(WrittenSeries {
            series_uid: identity.series,
            slice_count: self.sources.len(),
            segmentation,
        })
    }

    fn check(&self) -> Result<()> {
        let [_, _, known] = self.input.geometry().size();
        let [_, _, written] = self.output.geometry().size();
        let highest = self.sources.iter().map(|source| match *source {
            SliceSource::Known(slice) => slice,
            SliceSource::Interpolated { first, .. } => first + 1,
        });
        let highest = highest.max().unwrap_or(0);
        if known != self.headers.slices.len() || written != self.sources.len() || highest >= known {
            return Err(Error::Argument(format!(
                "{} sources for {written} slices, from {known} known slices with {} headers; a \
                 DICOM series is written along k, with a source for each slice and a header for \
                 each known slice",
                self.sources.len(),
                self.headers.slices.len(),
            )));
        }
        Ok(())
    }

    fn identity(&self, seed: Option<&str>) -> Identity {
        let first = &self.headers.first().attributes;
        let uids = seed.map_or(Uids::Random, |seed| Uids::Named(self.digest(seed)));
        let kept = |tag, name| text(first, tag).unwrap_or_else(|| uids.uid(name));
        Identity {
            study: kept(tags::STUDY_INSTANCE_UID, "study"),
            frame_of_reference: kept(tags::FRAME_OF_REFERENCE_UID, "frame of reference"),
            series: uids.uid("series"),
            created: seed.is_none().then(|| now(text(first, tags::TIMEZONE_OFFSET_FROM_UTC))),
            uids,
        }
    }

    /// Digest of all that the files depend on.
    fn digest(&self, seed: &str) -> [u8; 32] {
        let mut digest = Sha256::new_with_prefix(VERSION);
        for text in [seed, self.method, &format!("{:?}", self.output.geometry())] {
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text);
        }
        for header in &self.headers.slices {
            digest.update(format!("{:?}", header.reference));
        }
        digest.update(format!("{:?}", self.sources));
        digest.update(self.output.voxels().to_le_bytes());
        if let Some(labels) = &self.segmentation {
            for map in labels.label_maps {
                digest.update(map.voxels().to_le_bytes());
            }
        }
        digest.finalize().into()
    }

    fn write_slices(
        &self,
        folder: &Path,
        identity: &Identity,
        references: &[Reference],
        cancelled: &dyn Fn() -> bool,
    ) -> Result<()> {
        let grid = self.output.geometry();
        let first = self.headers.first();
        let mut common = slice::common(first, identity, &self.derivation());
        put(&mut common, tags::SERIES_DESCRIPTION, &self.series_description(""));
        put(&mut common, tags::SERIES_NUMBER, &series_number(first, 1000));
        let count = self.sources.len();
        let backwards = self.headers.is_numbered_backwards();
        for (index, reference) in references.iter().enumerate() {
            if cancelled() {
                return Err(Error::Cancelled);
            }
            let number = if backwards { count - index } else { index + 1 };
            let mut object = slice::derived(
                common.clone(),
                self.origin(index),
                &Place::of(grid, index)?,
                &reference.instance,
                number,
                self.pixels(index),
            );
            self.divide_thickness(&mut object);
            write_object(&folder.join(format!("IM{number:05}.dcm")), object)?;
        }
        Ok(())
    }

    /// Divides the thickness that a data set states by that of thin slices.
    fn divide_thickness(&self, object: &mut Object) {
        if let (Some(factor), Some(thickness)) =
            (self.thin_factor, elements::number(object, tags::SLICE_THICKNESS))
        {
            put_decimals(object, tags::SLICE_THICKNESS, &[thickness / factor as f64]);
        }
    }

    fn origin(&self, index: usize) -> Origin<'_> {
        let headers = &self.headers.slices;
        match self.sources[index] {
            SliceSource::Known(slice) if self.moves_slices() => Origin::Moved(&headers[slice]),
            SliceSource::Known(slice) => Origin::Known(&headers[slice]),
            SliceSource::Interpolated { first, fraction } => {
                Origin::Interpolated([&headers[first], &headers[first + 1]], fraction)
            }
        }
    }

    /// Whether slices are moved in their planes, as those of a tilted gantry onto a right-angled
    /// grid: pixels are then no copies.
    fn moves_slices(&self) -> bool {
        self.input.geometry().tilt_degrees().is_some()
            && self.output.geometry().tilt_degrees().is_none()
    }

    /// Stored values of a slice. Pixels that are padding in both neighbours of an interpolated
    /// slice are padding in it.
    fn pixels(&self, index: usize) -> Vec<u16> {
        let stored = self.origin(index).nearer().stored;
        let mut values: Vec<i32> =
            hounsfield(self.output, index).map(|hu| stored.value(hu)).collect();
        if let SliceSource::Interpolated { first, .. } = self.sources[index]
            && !self.moves_slices()
            && stored.has_padding()
        {
            let [a, b] = [first, first + 1].map(|known| {
                let stored = self.headers.slices[known].stored;
                hounsfield(self.input, known).map(move |hu| (stored, stored.value(hu)))
            });
            for (value, ((a_type, a), (b_type, b))) in values.iter_mut().zip(a.zip(b)) {
                if a_type.is_padding(a) && b_type.is_padding(b) {
                    *value = a;
                }
            }
        }
        values.into_iter().map(|value| value as u16).collect()
    }

    /// Derivation in words.
    fn derivation(&self) -> String {
        let known = match (self.thin_factor, self.moves_slices()) {
            (Some(_), _) => "All slices are thin ones: no known slice is kept.",
            (_, true) => {
                "The tilt of the gantry is taken out: all slices are moved in their plane."
            }
            (_, false) => "Known slices keep their stored values.",
        };
        let text = format!(
            "{SOFTWARE} {VERSION}: {} slices {} mm apart, interpolated from {} known slices by {}. \
             {known}",
            self.sources.len(),
            elements::decimal(rounded(self.output.geometry().spacing(Axis::K))),
            self.headers.slices.len(),
            self.method
        );
        text.chars().take(DERIVATION_LENGTH).collect()
    }

    /// Description of the source, shortened where needed, and what was done.
    fn series_description(&self, what: &str) -> String {
        let spacing = elements::decimal(rounded(self.output.geometry().spacing(Axis::K)));
        let made = format!("{SOFTWARE} {spacing} mm{what}, not for diagnosis");
        let source = text(&self.headers.first().attributes, tags::SERIES_DESCRIPTION);
        let Some(source) = source else { return made };
        let room = DESCRIPTION_LENGTH.saturating_sub(made.len() + 2);
        let is_long = source.chars().count() > room;
        // A text with escape sequences cannot be cut anywhere.
        if is_long && source.contains('\u{1b}') {
            return made;
        }
        let kept: String = source.chars().take(room).collect();
        format!("{}, {made}", kept.trim_end())
    }
}

/// A slice across k in HU, i fastest.
fn hounsfield(volume: &Volume, k: usize) -> Box<dyn Iterator<Item = f64> + '_> {
    fn plane<T: Voxel>(array: ArrayView2<'_, T>) -> Box<dyn Iterator<Item = f64> + '_> {
        Box::new(array.into_iter().map(|value| value.to_f64()))
    }
    let rescale = volume.rescale();
    let stored = with_voxels!(volume.voxels(), array => plane(array.index_axis(ArrayAxis(0), k)));
    Box::new(stored.map(move |stored| rescale.to_hu(stored)))
}

/// A distance in mm to a thousandth, for texts.
fn rounded(mm: f64) -> f64 {
    (mm * 1000.0).round() / 1000.0
}

/// Number of a new series, which follows the source's.
fn series_number(first: &SliceHeader, step: i64) -> String {
    let source = elements::number(&first.attributes, tags::SERIES_NUMBER).unwrap_or(0.0) as i64;
    let number = source + step;
    if number.abs() < 1 << 31 { number.to_string() } else { step.to_string() }
}

/// Date and time, in the time zone that a data set names, else in that of this machine.
fn now(zone: Option<String>) -> [String; 2] {
    let local = chrono::Local::now();
    let offset = zone.and_then(|zone| {
        let number: i32 = zone.parse().ok()?;
        chrono::FixedOffset::east_opt((number / 100 * 60 + number % 100) * 60)
    });
    let now = local.with_timezone(&offset.unwrap_or(*local.offset()));
    [now.format("%Y%m%d").to_string(), now.format("%H%M%S").to_string()]
}

fn write_object(path: &Path, object: Object) -> Result<()> {
    let failed = |error| Error::io(path, error);
    let bytes = to_bytes(path, object)?;
    let mut file = std::fs::File::create_new(path).map_err(failed)?;
    std::io::Write::write_all(&mut file, &bytes).map_err(failed)?;
    file.sync_data().map_err(failed)
}

/// A data set as the content of a file in explicit VR little endian.
fn to_bytes(path: &Path, object: Object) -> Result<Vec<u8>> {
    let failed = |error: &dyn std::error::Error| {
        let cause = crate::io::dicom::file::innermost(error);
        Error::Argument(format!("{}: cannot be written as DICOM ({cause})", path.display()))
    };
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(dicom_uids::EXPLICIT_VR_LITTLE_ENDIAN)
        .implementation_class_uid(uids::IMPLEMENTATION_CLASS)
        .implementation_version_name(format!("{SOFTWARE} {VERSION}"));
    let file = object.with_meta(meta).map_err(|error| failed(&error))?;
    let mut bytes = Vec::new();
    file.write_all(&mut bytes).map_err(|error| failed(&error))?;
    Ok(bytes)
}
