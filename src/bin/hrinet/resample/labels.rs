//! The label maps of `hrinet resample`: read, brought to the grid of the volume, written.

use std::path::Path;

use hrinet::io::Segmentation;
use hrinet::labels::grid::on_grid;
use hrinet::volume::Volume;
use hrinet::{Error, Result, io};

use super::request::Request;
use super::writing::write_file;
use crate::interrupt;
use crate::messages::Verbosity;
use crate::progress::Progress;

/// Label maps on the grid of the volume; none without `--labels`.
pub struct Labels {
    segmentation: Option<Segmentation>,
    remarks: Vec<String>,
}

impl Labels {
    /// Reads the label maps of a request, and says what may be lost of them.
    ///
    /// # Errors
    /// As [`io::read_labels`] and [`io::check_labels_output`]; [`Error::Geometry`] where all labels
    /// are outside of the volume.
    pub fn read(request: &Request, ct: &Volume, verbosity: &Verbosity) -> Result<Labels> {
        let Some([path, output]) = request.label_files() else {
            return Ok(Labels { segmentation: None, remarks: Vec::new() });
        };
        let busy = Progress::busy(verbosity, &format!("reading {}", path.display()));
        let segmentation = io::read_labels(path, ct, &interrupt::raised);
        busy.finish();
        let mut segmentation = segmentation?;
        let is_file = request.segmentation_file().is_none();
        if is_file {
            io::check_labels_output(output, &segmentation)?;
        }
        let mut remarks = Vec::new();
        let (mut has_inside, mut has_outside) = (false, false);
        let mut layers = Vec::new();
        for layer in std::mem::take(&mut segmentation.layers) {
            let placed = on_grid(layer, ct.geometry())?;
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
        if is_file && !segmentation.segments.is_empty() && !io::keeps_segments(output) {
            remarks.push(format!(
                "{} does not keep names and colours of segments; .seg.nrrd does",
                output.display()
            ));
        }
        for remark in &remarks {
            verbosity.say(format_args!("note: {}: {remark}", path.display()));
        }
        Ok(Labels { segmentation: Some(Segmentation { layers, ..segmentation }), remarks })
    }

    /// The label maps.
    pub fn maps(&self) -> &[Volume] {
        self.segmentation.as_ref().map_or(&[], |segmentation| &segmentation.layers)
    }

    /// Names and meanings for a DICOM SEG.
    pub fn dicom_segments(&self) -> Vec<io::DicomSegment> {
        let segments = self.segmentation.as_ref().map_or(&[][..], |all| &all.segments);
        segments.iter().map(io::Segment::to_dicom).collect()
    }

    /// Losses of the label maps, in words.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Writes the resampled label maps, if there are any, and returns the path.
    ///
    /// # Errors
    /// As [`io::write_labels`].
    pub fn write<'a>(
        &self,
        layers: Vec<Volume>,
        request: &'a Request,
        verbosity: &Verbosity,
    ) -> Result<Option<&'a Path>> {
        let (Some(segmentation), Some([_, path])) = (&self.segmentation, request.label_files())
        else {
            return Ok(None);
        };
        if layers.is_empty() {
            return Ok(None);
        }
        let (segments, others) = (segmentation.segments.clone(), segmentation.others.clone());
        let resampled = Segmentation { layers, segments, others };
        write_file(path, request, verbosity, |options| {
            io::write_labels(path, &resampled, options)
        })?;
        Ok(Some(path))
    }
}
