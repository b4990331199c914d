//! What one resampling reads and writes, whichever command asks for it.

use std::path::{Path, PathBuf};

use hrinet::io;

use super::dicom;

/// Files of a resampling.
#[derive(Clone, Default)]
pub struct Request {
    /// Volume file, or folder of a DICOM series.
    pub input: PathBuf,
    /// Files of the DICOM series, where they are known.
    pub files: Option<Vec<PathBuf>>,
    /// DICOM series, where there are several.
    pub series: Option<String>,
    /// Volume file, or folder for a DICOM series.
    pub output: PathBuf,
    /// Label map to read, and the file to write.
    pub labels: Option<[PathBuf; 2]>,
    /// Volume of expected errors.
    pub expected_error: Option<PathBuf>,
    /// PNG of the slices before and after.
    pub picture: Option<PathBuf>,
    /// Small PNGs of the slices before and after.
    pub thumbnails: Option<[PathBuf; 2]>,
    /// Report; - is standard output.
    pub json: Option<PathBuf>,
    /// Whether the output is a DICOM series, whatever its name.
    pub dicom: bool,
    /// Whether output files may exist.
    pub overwrite: bool,
    /// Text that the UIDs of a DICOM series are derived from.
    pub uid_seed: Option<String>,
    /// Whether the model is checked on the CT first.
    pub checks_model: bool,
    /// What reports show in place of paths; `None`: the paths.
    pub alias: Option<Alias>,
}

/// Names in reports that say nothing of where a volume came from.
#[derive(Clone)]
pub struct Alias {
    /// In place of the input.
    pub input: String,
    /// Folder below which paths are shown.
    pub root: PathBuf,
}

impl Request {
    /// Whether the output is a DICOM series in a folder.
    pub fn writes_dicom(&self) -> bool {
        self.dicom || io::is_folder_output(&self.output)
    }

    /// Whether the output is a file that may be written part by part as it is made: nothing else
    /// needs all of it.
    pub fn takes_parts(&self) -> bool {
        !self.writes_dicom() && self.picture.is_none() && self.thumbnails.is_none()
    }

    /// The label map to read, and the file to write.
    pub fn label_files(&self) -> Option<[&Path; 2]> {
        self.labels.as_ref().map(|files| files.each_ref().map(PathBuf::as_path))
    }

    /// The DICOM SEG to write, if there is one.
    pub fn segmentation_file(&self) -> Option<&Path> {
        self.label_files().map(|[_, output]| output).filter(|path| dicom::is_segmentation(path))
    }

    /// A path of the request as reports show it.
    pub fn shown(&self, path: &Path) -> String {
        match &self.alias {
            Some(alias) if path == self.input => alias.input.clone(),
            Some(alias) => path.strip_prefix(&alias.root).unwrap_or(path).display().to_string(),
            None => path.display().to_string(),
        }
    }
}
