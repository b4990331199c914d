//! Finds the slices in a folder, or those of a file that holds or lists several.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use log::{info, warn};

use crate::error::{Error, Result, count_of};
use crate::io::ReadOptions;
use crate::io::contents::PassedOver;
use crate::io::dicom::file::DicomFile;
use crate::io::dicom::slice::{Content, Rejected, Slice};
use crate::io::dicom::{copies, directory, slice};

/// Deepest folder below the one that is given.
const MAX_DEPTH: usize = 16;

/// Largest number of files that are looked at.
const MAX_FILES: usize = 500_000;

/// Number of files that a warning names.
const MAX_NAMED: usize = 10;

/// What was found.
#[derive(Default)]
pub(crate) struct Scan {
    /// Slices without copies, sorted by file and frame.
    pub(crate) slices: Vec<Slice>,
    /// Files that are not slices.
    pub(crate) passed_over: Vec<PassedOver>,
    /// DICOM files that could not be read.
    rejected: Vec<Rejected>,
    /// First image that is no slice, which is the error where there is no slice at all.
    first_image: Option<Error>,
    has_folders: bool,
    files: usize,
}

/// Looks at a folder, or at a file with several slices or a list of files (DICOMDIR). Folders below
/// are searched where the folder itself holds no slices. Files that the options name are all that
/// is looked at.
///
/// # Errors
/// [`Error::Io`], [`Error::Cancelled`], [`Error::Unsupported`] where there are no slices.
pub(crate) fn scan(path: &Path, options: &ReadOptions) -> Result<Scan> {
    let cancelled = options.cancelled();
    let mut scan = Scan::default();
    match options.files {
        Some(files) => files.iter().try_for_each(|file| scan.file(file, false, cancelled))?,
        None if path.is_dir() => scan.folder(path, 0, &mut HashSet::new(), cancelled)?,
        None => scan.file(path, true, cancelled)?,
    }
    for (copy, original) in copies::remove_copies(&mut scan.slices) {
        let name = original.file_name().unwrap_or_default().to_string_lossy();
        scan.pass_over(&copy, format!("a copy of {name}"));
    }
    log::debug!(
        "{}: {} in {}, {} passed over",
        path.display(),
        count_of(scan.slices.len(), "slice"),
        count_of(scan.files, "file"),
        scan.passed_over.len()
    );
    if scan.slices.is_empty() {
        return Err(scan.without_slices(path));
    }
    Ok(scan)
}

impl Scan {
    fn folder(
        &mut self,
        folder: &Path,
        depth: usize,
        visited: &mut HashSet<PathBuf>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<()> {
        let failed = |source| Error::io(folder, source);
        // A link to a folder above would be searched again.
        if depth > MAX_DEPTH || !visited.insert(folder.canonicalize().map_err(failed)?) {
            return Ok(());
        }
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let hidden =
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            match () {
                () if hidden => {}
                () if path.is_dir() => folders.push(path),
                () if path.is_file() => files.push(path),
                () => {}
            }
        }
        files.sort();
        folders.sort();
        let before = self.slices.len();
        for path in &files {
            self.file(path, false, cancelled)?;
        }
        self.has_folders |= !folders.is_empty();
        if self.slices.len() == before {
            for folder in &folders {
                self.folder(folder, depth + 1, visited, cancelled)?;
            }
        }
        Ok(())
    }

    /// Looks at a file; follows a DICOMDIR that is named itself.
    fn file(&mut self, path: &Path, is_named: bool, cancelled: &dyn Fn() -> bool) -> Result<()> {
        if cancelled() {
            return Err(Error::Cancelled);
        }
        self.files += 1;
        if self.files > MAX_FILES {
            let reason = format!("more than {MAX_FILES} files; give the folder of one study");
            return Err(Error::unsupported(path, reason));
        }
        log::trace!("reading {}", path.display());
        match slice::read(path) {
            Ok(Content::Slices(slices)) => self.slices.extend(slices),
            Ok(Content::OtherImage(reason)) => {
                self.first_image.get_or_insert(Error::unsupported(path, &*reason));
                self.pass_over(path, reason);
            }
            Ok(Content::Other(reason)) => {
                if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("dcm")) {
                    let reason = format!("{reason}, though its name ends in .dcm");
                    self.first_image.get_or_insert(Error::damaged(path, &*reason));
                    self.pass_over(path, reason);
                } else {
                    info!("{}: {reason}; passed over", path.display());
                }
            }
            Ok(Content::Directory(directory)) => {
                for file in self.named_in(&directory, path).into_iter().filter(|_| is_named) {
                    self.file(&file, false, cancelled)?;
                }
            }
            Err(Rejected { error: error @ (Error::Io { .. } | Error::Cancelled), .. }) => {
                return Err(error);
            }
            Err(rejected) => self.rejected.push(rejected),
        }
        Ok(())
    }

    /// Files that a DICOMDIR names.
    fn named_in(&mut self, directory: &DicomFile, path: &Path) -> Vec<PathBuf> {
        let (files, missing) = directory::files(directory, path.parent().unwrap_or(Path::new("")));
        if missing > 0 {
            let all = files.len() + missing;
            let reason = format!(
                "{missing} of the {all} files that it names are missing; copy them along with it"
            );
            self.first_image.get_or_insert(Error::unsupported(path, &*reason));
            self.pass_over(path, reason);
        }
        files
    }

    fn pass_over(&mut self, path: &Path, reason: String) {
        self.passed_over.push(PassedOver { path: path.to_path_buf(), reason });
    }

    /// Checks that no file of this series was rejected, and passes over the other ones.
    ///
    /// # Errors
    /// The error of the file.
    pub(crate) fn check_series(&mut self, series: &str) -> Result<()> {
        let is_wanted = |rejected: &Rejected| rejected.series.as_deref() == Some(series);
        match self.rejected.iter().position(is_wanted) {
            Some(index) => Err(self.rejected.swap_remove(index).error),
            None => {
                self.pass_over_rejected();
                Ok(())
            }
        }
    }

    /// Adds the files that were rejected to those that are passed over.
    pub(crate) fn pass_over_rejected(&mut self) {
        for Rejected { error, .. } in std::mem::take(&mut self.rejected) {
            if let Error::Damaged { path, reason } | Error::Unsupported { path, reason } = error {
                self.passed_over.push(PassedOver { path, reason });
            }
        }
    }

    /// Warns of the files that are passed over, by reason.
    pub(crate) fn warn(&self, folder: &Path) {
        if self.passed_over.is_empty() {
            return;
        }
        let name = |path: &Path| {
            path.strip_prefix(folder).ok().filter(|name| !name.as_os_str().is_empty()).map_or_else(
                || path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                |name| name.to_string_lossy().into_owned(),
            )
        };
        let named = self.passed_over.iter().take(MAX_NAMED);
        let mut named: Vec<String> =
            named.map(|file| format!("{} ({})", name(&file.path), file.reason)).collect();
        if self.passed_over.len() > MAX_NAMED {
            named.push(format!("and {} more", self.passed_over.len() - MAX_NAMED));
        }
        warn!("{}: passed over {}", folder.display(), named.join("; "));
    }

    fn without_slices(self, path: &Path) -> Error {
        if let Some(rejected) = self.rejected.into_iter().next() {
            return rejected.error;
        }
        let advice = if self.has_folders { ", as are the folders below" } else { "" };
        self.first_image.unwrap_or_else(|| {
            Error::unsupported(path, format!("a folder without DICOM images{advice}"))
        })
    }
}
