//! The files of a command: no output is an input or another output, whatever its name.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use hrinet::io::atomic_write::target;
use hrinet::{Error, Result, io};

use crate::logging;

/// Levels of folders that are searched for inputs.
const MAX_DEPTH: usize = 3;

/// Inputs and outputs of a command, each with what it is called in messages.
#[derive(Default)]
pub struct Files {
    inputs: Vec<(String, PathBuf)>,
    /// Folders and their files that the command reads.
    folders: Vec<(String, PathBuf, Reads)>,
    outputs: Vec<Output>,
}

/// Which files of a folder are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    Dicom,
    VolumesAndDicom,
}

struct Output {
    name: String,
    path: PathBuf,
    identity: Identity,
}

/// Identity of a file: that of all paths and links that lead to it.
#[derive(PartialEq, Eq)]
enum Identity {
    /// Device and inode of a file that exists.
    File(u64, u64),
    /// A file yet to be made: device and inode of its folder, and its name.
    New(u64, u64, OsString),
}

impl Identity {
    /// The identity of a file; `None` where not even its folder exists.
    fn of(path: &Path) -> Option<Identity> {
        let path = target(path);
        if let Ok(data) = std::fs::metadata(&path) {
            return Some(Identity::File(data.dev(), data.ino()));
        }
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let data = std::fs::metadata(folder.unwrap_or(Path::new("."))).ok()?;
        Some(Identity::New(data.dev(), data.ino(), path.file_name()?.to_owned()))
    }
}

impl Files {
    /// Adds a file, or a folder with a DICOM series, that the command reads.
    pub fn input(mut self, name: &str, path: Option<&Path>) -> Files {
        let Some(path) = path else { return self };
        if path.is_dir() {
            self.folders.push((name.into(), path.into(), Reads::Dicom));
        } else {
            self.inputs.push((name.into(), path.into()));
            self.inputs.extend(io::data_files(path).into_iter().map(|data| (name.into(), data)));
        }
        self
    }

    /// Adds a file, or a folder of volumes and DICOM series, that the command reads.
    pub fn data(mut self, name: &str, path: &Path) -> Files {
        if !path.is_dir() {
            return self.input(name, Some(path));
        }
        self.folders.push((name.into(), path.into(), Reads::VolumesAndDicom));
        self
    }

    /// Adds a file that the command writes.
    pub fn output(mut self, name: &str, path: Option<&Path>) -> Files {
        let output = path.and_then(|path| {
            let identity = Identity::of(path)?;
            Some(Output { name: name.into(), path: path.into(), identity })
        });
        self.outputs.extend(output);
        self
    }

    /// Adds a volume that the command writes, with the file of its voxels where that is another.
    pub fn volume(self, name: &str, path: Option<&Path>) -> Files {
        let files = path.map(io::output_files).unwrap_or_default();
        files.iter().fold(self, |all, file| all.output(name, Some(file)))
    }

    /// Refuses outputs that would replace an input or another output.
    ///
    /// # Errors
    /// [`Error::Argument`] that names both.
    pub fn check(self) -> Result<()> {
        self.output("--log-file", logging::path()).check_all()
    }

    fn check_all(&self) -> Result<()> {
        for (index, output) in self.outputs.iter().enumerate() {
            let same = |other: &&Output| other.identity == output.identity;
            if let Some(other) = self.outputs[..index].iter().find(same) {
                return Err(output.same_file(&other.name));
            }
        }
        for (name, path) in &self.inputs {
            self.check_input(name, path)?;
        }
        // Files yet to be made are none of a folder's.
        if !self.outputs.iter().any(|output| matches!(output.identity, Identity::File(..))) {
            return Ok(());
        }
        self.folders
            .iter()
            .try_for_each(|(name, path, reads)| self.check_folder(name, path, *reads, MAX_DEPTH))
    }

    fn check_input(&self, name: &str, path: &Path) -> Result<()> {
        // One that does not exist cannot be lost: it may be the name of a model.
        let Some(identity @ Identity::File(..)) = Identity::of(path) else { return Ok(()) };
        match self.outputs.iter().find(|output| output.identity == identity) {
            Some(output) => Err(output.same_file(name)),
            None => Ok(()),
        }
    }

    fn check_folder(&self, name: &str, folder: &Path, reads: Reads, depth: usize) -> Result<()> {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                if depth > 1 {
                    self.check_folder(name, &path, reads, depth - 1)?;
                }
                continue;
            }
            if reads == Reads::VolumesAndDicom && io::is_volume_file(&path) {
                self.check_input(name, &path)?;
                io::data_files(&path).iter().try_for_each(|data| self.check_input(name, data))?;
            }
            if let Err(error) = self.check_input(name, &path)
                && io::is_dicom_file(&path)
            {
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Output {
    fn same_file(&self, other: &str) -> Error {
        Error::Argument(format!(
            "{}: {} is the same file as {other}, which would be lost; name another file",
            self.path.display(),
            self.name
        ))
    }
}
