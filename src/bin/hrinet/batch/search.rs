//! Finds volumes: files of all formats, and DICOM series by their UIDs, in folders of any depth.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use hrinet::{Error, Result, io};

use super::series::Series;
use crate::interrupt;

/// A volume file, or a DICOM series.
#[derive(Clone)]
pub struct Found {
    /// The file, or the folder that holds the series.
    pub path: PathBuf,
    /// Its files, where it is a DICOM series.
    pub series: Option<Arc<Series>>,
}

/// File of a DICOM series, with what tells it from others.
#[derive(Clone)]
pub struct SeriesFile {
    folder: Arc<Path>,
    name: Box<OsStr>,
    pub position: Option<[f64; 3]>,
    pub digest: [u8; 16],
    pub bytes: u64,
    pub modified: SystemTime,
}

impl SeriesFile {
    /// Path of the file.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&*self.name)
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// What was found so far.
#[derive(Default)]
pub struct Search {
    /// Folders that were visited, by device and inode: a link may lead back to one.
    visited: HashSet<(u64, u64)>,
    volumes: Vec<PathBuf>,
    /// By SeriesInstanceUID, or by folder for files without.
    series: BTreeMap<String, Series>,
    /// Number of files that were looked at.
    pub files: usize,
    /// Files and folders that could not be read.
    pub unreadable: Vec<Error>,
}

impl Search {
    /// Searches a folder, and those below it except `output`; calls `on_file` with the number of
    /// files that were looked at.
    ///
    /// # Errors
    /// [`Error::Io`] of the folder itself, [`Error::Cancelled`].
    pub fn folder(
        &mut self,
        folder: &Path,
        output: &Path,
        on_file: &mut dyn FnMut(usize),
    ) -> Result<()> {
        std::fs::read_dir(folder).map_err(|error| Error::io(folder, error))?;
        let identity = |path: &Path| std::fs::metadata(path).map(|data| (data.dev(), data.ino()));
        self.visited.extend(identity(output));
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            // A link to a folder above would be searched again.
            let is_new = identity(&folder).is_ok_and(|identity| self.visited.insert(identity));
            if is_new {
                // The first one is the next.
                let mut below = self.entries(&folder, on_file)?;
                below.sort_by(|a, b| b.cmp(a));
                folders.extend(below);
            }
        }
        Ok(())
    }

    /// Looks at the files of a folder; returns the folders in it.
    fn entries(&mut self, folder: &Path, on_file: &mut dyn FnMut(usize)) -> Result<Vec<PathBuf>> {
        let (mut names, mut folders) = (Vec::new(), Vec::new());
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                self.unreadable.push(Error::io(folder, error));
                return Ok(folders);
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let kind = entry.file_type().ok();
            let kind = match kind {
                Some(kind) if kind.is_symlink() => {
                    std::fs::metadata(entry.path()).ok().map(|data| data.file_type())
                }
                kind => kind,
            };
            match kind {
                Some(kind) if kind.is_dir() => folders.push(entry.path()),
                Some(kind) if kind.is_file() => names.push(name),
                _ => {}
            }
        }
        names.sort();
        let folder: Arc<Path> = folder.into();
        for name in names {
            interrupt::check()?;
            self.file(&folder, &name);
            on_file(self.files);
        }
        Ok(folders)
    }

    /// Looks at one file.
    fn file(&mut self, folder: &Arc<Path>, name: &OsStr) {
        self.files += 1;
        let path = folder.join(name);
        if io::is_volume_file(&path) {
            // A segmentation by its name, not a CT.
            let is_segmentation = name.to_string_lossy().to_lowercase().ends_with(".seg.nrrd");
            if !is_segmentation {
                self.volumes.push(path);
            }
            return;
        }
        match io::glance(&path) {
            Ok(Some(glance)) if glance.size != [0, 0] => {
                let file = SeriesFile {
                    folder: folder.clone(),
                    name: name.into(),
                    position: glance.position,
                    digest: glance.digest,
                    bytes: glance.bytes,
                    modified: glance.modified,
                };
                let uid = match glance.series.is_empty() {
                    true => folder.to_string_lossy().into_owned(),
                    false => glance.series.clone(),
                };
                match self.series.get_mut(&uid) {
                    Some(series) => series.add(file, &glance),
                    None => {
                        self.series.insert(uid.clone(), Series::new(uid, file, &glance));
                    }
                }
            }
            Ok(_) => {}
            Err(error) => self.unreadable.push(error),
        }
    }

    /// All volumes, in the order of their paths.
    pub fn finish(self) -> (Vec<Found>, Vec<Error>) {
        let volumes = self.volumes.into_iter().map(|path| Found { path, series: None });
        let series = self.series.into_values().flat_map(Series::divide);
        let series = series
            .map(|series| Found { path: series.common_path(), series: Some(Arc::new(series)) });
        let mut found: Vec<Found> = volumes.chain(series).collect();
        found.sort_by(|a, b| (&a.path, a.uid()).cmp(&(&b.path, b.uid())));
        (found, self.unreadable)
    }
}

impl Found {
    /// SeriesInstanceUID of a DICOM series.
    pub fn uid(&self) -> Option<&str> {
        self.series.as_ref().map(|series| series.uid.as_str())
    }

    /// What is at a path: a volume file, or the series of a DICOM file.
    ///
    /// # Errors
    /// Those of [`io::glance`].
    pub fn at(path: &Path) -> Result<Vec<Found>> {
        let mut search = Search::default();
        if io::is_read_by_name(path) {
            return Ok(vec![Found { path: path.to_path_buf(), series: None }]);
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        search.file(&folder.into(), path.file_name().unwrap_or_default());
        let (found, unreadable) = search.finish();
        match unreadable.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(found),
        }
    }
}
