//! The output folder of a run: for one run at a time, and without files of others.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::lock::lock;
use crate::io::plain_file;
use crate::network::System;
use crate::training::data::index;
use crate::training::logging::csv;
use crate::training::settings::Settings;
use crate::training::settings::config_file::ConfigFile;

/// The checkpoint in the output folder that a run resumes from.
pub const CHECKPOINT: &str = "checkpoint.safetensors";

/// The effective settings in the output folder.
pub const CONFIG: &str = "config.toml";

/// The picture of the curves in the output folder.
pub const CURVES: &str = "curves.png";

/// The folder of pictures in the output folder.
pub const PICTURES: &str = "pictures";

/// Largest text file that is compared with what a run writes.
const MAX_TEXT_BYTES: u64 = 1 << 20;

/// An output folder that this process alone uses, until it is dropped.
pub struct OutputFolder {
    path: PathBuf,
    /// Folders that were made here, from the inside out.
    made: Vec<PathBuf>,
    /// Locked.
    _folder: File,
}

impl OutputFolder {
    /// Opens the folder of a new run, or of one to `resume`; makes it where there is none.
    ///
    /// # Errors
    /// [`Error::Argument`] for a folder that another run uses, a checkpoint that is not to be
    /// resumed or is missing, and files that the run would replace but that no run wrote;
    /// [`Error::Io`].
    pub fn open(path: &Path, system: System, resume: bool) -> Result<OutputFolder> {
        let failed = |error| Error::io(path, error);
        let is_new = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let made: Vec<PathBuf> =
            path.ancestors().take_while(is_new).map(Path::to_path_buf).collect();
        if !made.is_empty() && resume {
            return Err(nothing_to_resume(path));
        }
        std::fs::create_dir_all(path).map_err(failed)?;
        let folder = File::open(path).map_err(failed)?;
        let opened = OutputFolder { path: path.to_path_buf(), made, _folder: folder };
        lock(&opened._folder, || {
            format!(
                "{}: another training is running in this folder; wait for it, or choose another \
                 folder",
                path.display()
            )
        })?;
        opened.check(system, resume)?;
        Ok(opened)
    }

    /// Path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Path of a file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Path of the checkpoint.
    pub fn checkpoint(&self) -> PathBuf {
        self.file(CHECKPOINT)
    }

    /// Path of the model of a system.
    pub fn model(&self, system: System) -> PathBuf {
        self.path.join(model_name(system))
    }

    fn check(&self, system: System, resume: bool) -> Result<()> {
        let checkpoint = self.checkpoint();
        match (checkpoint.is_file(), resume) {
            (true, true) => Ok(()),
            (true, false) => Err(Error::Argument(format!(
                "{}: a checkpoint is there already; --resume it, or choose another folder",
                checkpoint.display()
            ))),
            (false, _) if checkpoint.exists() => Err(Error::Argument(format!(
                "{}: not a file, where the checkpoint belongs; choose another folder",
                checkpoint.display()
            ))),
            (false, true) => Err(nothing_to_resume(&self.path)),
            (false, false) => self.refuse_foreign(system),
        }
    }

    /// Refuses files that the run would replace, unless a run left them that was ended before its
    /// first checkpoint.
    fn refuse_foreign(&self, system: System) -> Result<()> {
        let of_a_run = self.starts_as(index::DATA, index::HEADER);
        let foreign = |name: &str, is_own: bool| match self.file(name).exists() && !is_own {
            true => Err(Error::Argument(format!(
                "{}: is there already, and not of a run that begins here; move it, or choose \
                 another folder",
                self.file(name).display()
            ))),
            false => Ok(()),
        };
        // A run writes its model after its checkpoint.
        foreign(&model_name(system), false)?;
        foreign(index::DATA, of_a_run)?;
        foreign(CONFIG, self.has_own_config())?;
        foreign(csv::CSV, self.starts_as(csv::CSV, &csv::header()))?;
        [csv::EVENTS, CURVES, PICTURES].iter().try_for_each(|name| foreign(name, of_a_run))
    }

    fn starts_as(&self, name: &str, start: &str) -> bool {
        let text = plain_file::read_text(&self.file(name), u64::MAX);
        text.is_ok_and(|text| text.starts_with(start))
    }

    /// Whether the settings are as a run writes them, all of them.
    fn has_own_config(&self) -> bool {
        let path = self.file(CONFIG);
        let settings = ConfigFile::read(&path)
            .and_then(|file| file.apply(Settings::default_for(System::HrinetMotion)));
        let written = settings.and_then(|settings| settings.to_toml());
        let text = plain_file::read_text(&path, MAX_TEXT_BYTES);
        matches!((written, text), (Ok(written), Ok(text)) if written == text)
    }
}

impl Drop for OutputFolder {
    fn drop(&mut self) {
        // Fails where there is something in it, and around that.
        for folder in &self.made {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// Name of the model's file.
pub fn model_name(system: System) -> String {
    format!("{system}.safetensors")
}

/// Names of the files that a run writes, but its pictures.
pub fn files(system: System) -> [String; 7] {
    let names = [CHECKPOINT, CONFIG, CURVES, index::DATA, csv::CSV, csv::EVENTS];
    let [a, b, c, d, e, f] = names.map(String::from);
    [model_name(system), a, b, c, d, e, f]
}

fn nothing_to_resume(folder: &Path) -> Error {
    Error::Argument(format!(
        "{}: there is no {CHECKPOINT} to resume; leave --resume out to begin a run",
        folder.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEM: System = System::HrinetMotion;

    fn refusal(path: &Path, resume: bool) -> String {
        OutputFolder::open(path, SYSTEM, resume).err().expect("a refusal").to_string()
    }

    #[test]
    fn a_folder_is_for_one_run_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/run");
        let first = OutputFolder::open(&path, SYSTEM, false).unwrap();
        assert!(refusal(&path, false).contains("another training is running"));
        drop(first);
        let around = parent.path().join("a");
        assert!(!around.exists(), "empty folders that it made are removed");
        drop(OutputFolder::open(&path, SYSTEM, false).unwrap());
    }

    #[test]
    fn resuming_needs_a_checkpoint_and_beginning_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(refusal(folder.path(), true).contains("no checkpoint.safetensors to resume"));
        assert!(refusal(&folder.path().join("none"), true).contains("to resume"));
        std::fs::create_dir(folder.path().join(CHECKPOINT)).unwrap();
        assert!(refusal(folder.path(), false).contains("not a file"));
        std::fs::remove_dir(folder.path().join(CHECKPOINT)).unwrap();
        std::fs::write(folder.path().join(CHECKPOINT), "").unwrap();
        assert!(refusal(folder.path(), false).contains("--resume it"));
        OutputFolder::open(folder.path(), SYSTEM, true).unwrap();
    }

    #[test]
    fn files_of_others_are_not_replaced_and_those_of_an_ended_run_are() {
        let settings = Settings::default_for(SYSTEM);
        let own: [(&str, String); 3] = [
            (index::DATA, format!("{}train,a,9,40,40\n", index::HEADER)),
            (CONFIG, settings.to_toml().unwrap()),
            (csv::CSV, csv::header()),
        ];
        for name in files(SYSTEM).iter().map(String::as_str).chain([PICTURES]) {
            if name == CHECKPOINT {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join(name), "part,of,another\nsize = 96\n").unwrap();
            assert!(refusal(folder.path(), false).contains(name), "{name}");
        }
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        own.iter().for_each(|(name, text)| write(name, text));
        [csv::EVENTS, CURVES].iter().for_each(|name| write(name, ""));
        OutputFolder::open(folder.path(), SYSTEM, false).unwrap();
        write(CONFIG, "size = 96\n");
        assert!(refusal(folder.path(), false).contains(CONFIG));
    }
}
