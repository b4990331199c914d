//! The label maps of `hrinet resample`: read, brought to the grid of the volume, written.

use std::path::Path;

use hrinet::io::Segmentation;
use hrinet::volume::Volume;
use hrinet::{Result, io};

use super::request::Request;
use crate::label_maps;
use crate::messages::Verbosity;
use crate::output_file::write_file;

/// Label maps on the grid of the volume; none without `--labels`.
pub struct Labels {
    segmentation: Option<Segmentation>,
    remarks: Vec<String>,
}

impl Labels {
    /// Reads the label maps of a request, and says what may be lost of them.
    ///
    /// # Errors
    /// Those of [`label_maps::read`].
    pub fn read(request: &Request, ct: &Volume, verbosity: &Verbosity) -> Result<Labels> {
        let Some([path, output]) = request.label_files() else {
            return Ok(Labels { segmentation: None, remarks: Vec::new() });
        };
        let output = request.segmentation_file().is_none().then_some(output);
        let (segmentation, remarks) = label_maps::read(path, output, ct, verbosity)?;
        Ok(Labels { segmentation: Some(segmentation), remarks })
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
        write_file(path, request.overwrite, verbosity, |options| {
            io::write_labels(path, &resampled, options)
        })?;
        Ok(Some(path))
    }
}
