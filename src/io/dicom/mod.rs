//! DICOM series, read in Hounsfield units: a folder with a file per slice, or a multi-frame file.
//!
//! [`file`](mod@file) finds the data set of a file, [`deflated`] inflates it, [`header`] reads the
//! headers of elements, [`parse`] elements, [`value`] their values. [`attributes`],
//! [`image_plane`] and [`slice`](mod@slice) read what slices need. [`scan`] looks through a folder,
//! [`directory`] through a DICOMDIR, [`glance`](mod@glance) at the beginning of a file, [`copies`]
//! finds files that are there twice. [`series`] groups slices, [`phases`] tells volumes at the same
//! places apart, [`sort`] orders slices, [`stack`] derives their geometry. [`stored_frame`] finds
//! the pixels of a frame, [`compressed`] decompresses them, [`pixels`] takes their values.
//! [`write`](mod@write) writes derived series. [`labels`] reads segmentations and structure sets.

mod attributes;
mod compressed;
mod copies;
mod deflated;
mod directory;
mod file;
pub(crate) mod glance;
mod header;
mod image_plane;
mod labels;
mod parse;
mod phases;
mod pixels;
mod scan;
mod series;
mod slice;
mod sort;
mod stack;
mod stored_frame;
mod value;
pub(crate) mod write;

pub(crate) use file::is_dicom;
pub(crate) use labels::read as read_labels;

use std::path::Path;

use crate::error::{Error, Result};
use crate::io::ReadOptions;
use crate::io::contents::FolderContents;
use crate::io::format::OnHeader;
use crate::runtime::memory;
use crate::volume::{Geometry, Rescale, Volume, VoxelType};
use pixels::{HounsfieldBuffer, PixelReader};
use slice::Slice;
use write::DicomHeaders;

/// The smallest voxel type that [`HounsfieldBuffer`] gives.
const MIN_VOXEL_TYPE: VoxelType = VoxelType::Int16;

/// Reads the only series in a folder or file, or the one that `choice` names. Its grid passes a
/// check before pixels are decoded.
pub(crate) fn read(path: &Path, options: &ReadOptions, check: OnHeader) -> Result<Volume> {
    let (slices, geometry) = sorted(path, options)?;
    check(&geometry, MIN_VOXEL_TYPE)?;
    volume(path, &slices, geometry, options.cancelled())
}

/// Like [`read`], with the headers that a derived series needs.
pub(crate) fn read_with_headers(
    path: &Path,
    options: &ReadOptions,
    check: OnHeader,
) -> Result<(Volume, DicomHeaders)> {
    let (slices, geometry) = sorted(path, options)?;
    check(&geometry, MIN_VOXEL_TYPE)?;
    let headers = DicomHeaders::of(&slices)?;
    Ok((volume(path, &slices, geometry, options.cancelled())?, headers))
}

/// The slices of a series in the order of their places, and their grid.
fn sorted(path: &Path, options: &ReadOptions) -> Result<(Vec<Slice>, Geometry)> {
    let mut scan = scan::scan(path, options)?;
    reject_single_slice(path, &scan.slices)?;
    let all = series::group(std::mem::take(&mut scan.slices));
    let series = series::choose(path, all, options.series.as_deref())?;
    scan.check_series(series.uid())?;
    scan.warn(path);
    sort::sort(series.slices)
}

/// Decodes the pixels of sorted slices.
fn volume(
    path: &Path,
    slices: &[Slice],
    geometry: Geometry,
    cancelled: &dyn Fn() -> bool,
) -> Result<Volume> {
    let count = geometry.size().iter().fold(1, |all, &side| (side as u64).saturating_mul(all));
    memory::check_for_file(count.saturating_mul(MIN_VOXEL_TYPE.bytes() as u64), path)?;
    let (mut voxels, mut reader) = (HounsfieldBuffer::new(path), PixelReader::default());
    for slice in slices {
        if cancelled() {
            return Err(Error::Cancelled);
        }
        voxels.append(reader.decode(slice)?)?;
    }
    let [i, j, k] = geometry.size();
    let first = slices.first();
    let quantity = first.and_then(|slice| slice.quantity.clone());
    let frame_of_reference = first.map(|slice| slice.frame_of_reference.clone());
    let volume = Volume::new(voxels.into_voxels([k, j, i])?, Rescale::IDENTITY, geometry)?;
    Ok(volume
        .with_quantity(quantity)
        .with_frame_of_reference(frame_of_reference.filter(|uid| !uid.is_empty())))
}

/// Lists what a folder or file holds.
pub(crate) fn contents(path: &Path, options: &ReadOptions) -> Result<FolderContents> {
    let mut scan = scan::scan(path, options)?;
    let all = series::group(std::mem::take(&mut scan.slices));
    scan.pass_over_rejected();
    let entries = all.iter().enumerate().map(|(index, series)| series.entry(index + 1));
    Ok(FolderContents { series: entries.collect(), passed_over: scan.passed_over })
}

/// A file of a series is not the series.
fn reject_single_slice(path: &Path, slices: &[Slice]) -> Result<()> {
    match slices {
        [slice] if slice.path == path && slice.frames == 1 => Err(Error::unsupported(
            path,
            "a single slice of a DICOM series; give the folder that holds the series",
        )),
        _ => Ok(()),
    }
}
