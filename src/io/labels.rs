//! Reads and writes label maps, with what is known of their segments.

use std::path::Path;

use crate::error::{Error, Result};
use crate::io::format::Format;
use crate::io::segmentation::Segmentation;
use crate::io::{
    ReadOptions, WriteOptions, atomic_write, dicom, raw_voxels, read_with, unreadable, write_with,
};
use crate::volume::Volume;

/// Reads label maps of a CT with what is known of their segments: from a file, as
/// [`read`](crate::io::read()) does, from a DICOM segmentation, or from the contours of a DICOM
/// structure set, which are filled on the grid of the CT. Others are on their own grid. Of a
/// folder, the only such object is read.
///
/// A warning is logged for a DICOM object in another frame of reference than that of the CT.
///
/// # Errors
/// Those of [`read`](crate::io::read()).
pub fn read_labels(path: &Path, ct: &Volume, cancelled: &dyn Fn() -> bool) -> Result<Segmentation> {
    if keeps_segments(path) {
        return read_segmentation(path, cancelled);
    }
    if (path.is_dir() || dicom::is_dicom(path))
        && let Some(segmentation) = dicom::read_labels(path, ct, cancelled)?
    {
        return Ok(segmentation);
    }
    let options = ReadOptions { cancelled: Some(cancelled), ..ReadOptions::default() };
    Ok(Segmentation::from(read_with(path, &options)?))
}

/// Writes label maps, with what is known of their segments where the format keeps that
/// ([`keeps_segments`]).
///
/// # Errors
/// Those of [`write`](crate::io::write()) and of [`check_labels_output`].
pub fn write_labels(
    path: &Path,
    segmentation: &Segmentation,
    options: &WriteOptions,
) -> Result<()> {
    check_labels_output(path, segmentation)?;
    let format = Format::of(path).and_then(|format| format.segmentation);
    let cancelled = options.cancelled.unwrap_or(&raw_voxels::never);
    match (format, &segmentation.layers[..]) {
        (Some(format), _) => atomic_write::write_atomically(path, options.overwrite, |out| {
            (format.write)(path, segmentation, out, cancelled)
        }),
        (None, layers) => layers.iter().try_for_each(|layer| write_with(path, layer, options)),
    }
}

/// Reads label maps from a file in a format that keeps segments ([`keeps_segments`]).
///
/// # Errors
/// Those of [`read`](crate::io::read()).
pub fn read_segmentation(path: &Path, cancelled: &dyn Fn() -> bool) -> Result<Segmentation> {
    let format = Format::of(path).and_then(|format| format.segmentation);
    let format = format.ok_or_else(|| unreadable(path))?;
    (format.read)(path, cancelled)
}

/// Whether a file describes segments, as `.seg.nrrd` files do.
pub fn has_segments(path: &Path) -> bool {
    let format = Format::of(path).and_then(|format| format.segmentation);
    format.is_some_and(|format| (format.has_segments)(path))
}

/// Whether the format of a file keeps names, colours and layers of segments.
pub fn keeps_segments(path: &Path) -> bool {
    Format::of(path).is_some_and(|format| format.segmentation.is_some())
}

/// Checks ahead of long work that [`write_labels`] can write these label maps to `path`.
///
/// # Errors
/// [`Error::Unsupported`] for several layers in a format without them.
pub fn check_labels_output(path: &Path, segmentation: &Segmentation) -> Result<()> {
    let layers = segmentation.layers.len();
    if layers <= 1 || keeps_segments(path) {
        return Ok(());
    }
    let reason = format!(
        "the segments overlap, in {layers} layers, which this format does not hold; write .seg.nrrd"
    );
    Err(Error::unsupported(path, reason))
}
