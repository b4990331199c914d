//! Reading of label maps for a volume.

use std::path::Path;

use hrinet::io::Segmentation;
use hrinet::labels::grid::on_grid;
use hrinet::volume::Volume;
use hrinet::{Error, Result, io};

use crate::interrupt;
use crate::messages::Verbosity;
use crate::progress::Progress;

/// Reads label maps, brings them to the grid of a volume, and says what is lost of them, also in
/// the file that they will be written to; returns these remarks too.
///
/// # Errors
/// As [`io::read_labels`] and [`io::check_labels_output`]; [`Error::Geometry`] where all labels are
/// outside of the volume.
pub fn read(
    path: &Path,
    output: Option<&Path>,
    volume: &Volume,
    verbosity: &Verbosity,
) -> Result<(Segmentation, Vec<String>)> {
    let busy = Progress::busy(verbosity, &format!("reading {}", path.display()));
    let segmentation = io::read_labels(path, volume, &interrupt::raised);
    busy.finish();
    let mut segmentation = segmentation?;
    output.map_or(Ok(()), |output| io::check_labels_output(output, &segmentation))?;
    let mut remarks = Vec::new();
    let (mut has_inside, mut has_outside) = (false, false);
    let mut layers = Vec::new();
    for layer in std::mem::take(&mut segmentation.layers) {
        let placed = on_grid(layer, volume.geometry())?;
        (has_inside, has_outside) =
            (has_inside || !placed.is_outside, has_outside || placed.is_outside);
        for remark in placed.remarks {
            if !remarks.contains(&remark) {
                remarks.push(remark);
            }
        }
        layers.push(placed.labels);
    }
    if has_outside && !has_inside {
        return Err(Error::Geometry(format!(
            "{}: all its labels lie outside of the volume; is it a segmentation of another CT?",
            path.display()
        )));
    }
    let loses_names = |output: &&Path| !io::keeps_segments(output);
    if let Some(output) = output.filter(loses_names).filter(|_| !segmentation.segments.is_empty()) {
        remarks.push(format!(
            "{} does not keep names and colours of segments; .seg.nrrd does",
            output.display()
        ));
    }
    for remark in &remarks {
        verbosity.say(format_args!("note: {}: {remark}", path.display()));
    }
    Ok((Segmentation { layers, ..segmentation }, remarks))
}
