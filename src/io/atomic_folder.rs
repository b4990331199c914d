//! Atomic writes of a folder of files: it is written whole or not at all, as
//! [`atomic_write`](super::atomic_write) does for a file.
//!
//! The files go into a partial folder beside the target, which is then renamed to the target. It is
//! locked until then.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::atomic_write::{check_folder_around, folder, is_at, lock, partial_path};

/// Writes a folder with the files that `write` puts into the folder it is given.
///
/// A folder that exists must be empty: files are never added to others, nor replaced.
///
/// # Errors
/// Those of [`check_folder`], those of `write`, and [`Error::Io`] of the file system. In each case
/// the partial folder is deleted, and what was at `path` is unchanged.
pub fn write_folder_atomically(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let target = check_folder(path)?;
    let partial = partial_path(&target);
    // Locked until the end.
    let locked = create_folder(&target)?;
    let result = write(&partial).and_then(|()| {
        // Their names matter for a power failure only, as in `write_atomically`.
        let _ = locked.sync_all();
        // This fails where files have appeared in the folder since the check.
        fs::rename(&partial, &target).map_err(|source| Error::io(path, source))
    });
    if result.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_dir_all(&partial);
        return result;
    }
    let _ = File::open(folder(&target)).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Makes the partial folder of a path for this process alone, empty.
///
/// # Errors
/// [`Error::Argument`] where another process is writing it, [`Error::Io`].
fn create_folder(path: &Path) -> Result<File> {
    let (partial, failed) = (partial_path(path), |source| Error::io(path, source));
    loop {
        if let Ok(left) = File::open(&partial) {
            lock(&left, path)?;
            fs::remove_dir_all(&partial).map_err(failed)?;
        }
        match fs::create_dir(&partial) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            made => made.map_err(failed)?,
        }
        let Ok(folder) = File::open(&partial) else { continue };
        lock(&folder, path)?;
        if is_at(&folder, &partial) {
            return Ok(folder);
        }
    }
}

/// Checks ahead of long work that [`write_folder_atomically`] will be able to write `path`, and
/// returns the path of the folder with symbolic links resolved where it exists.
///
/// # Errors
/// [`Error::Argument`] where there is a file, a folder that is not empty or a mount point, and
/// where the folder around it does not exist; [`Error::Io`] where that is not writable.
pub fn check_folder(path: &Path) -> Result<PathBuf> {
    let refused = |reason: &str| Err(Error::Argument(format!("{}: {reason}", path.display())));
    // A trailing slash would make the path of a link that of its target.
    let path: PathBuf = path.components().collect();
    if path.file_name().is_none() {
        return refused("not the name of a folder; name a new folder");
    }
    let target = match fs::metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => path.clone(),
        // What is around it is in fact a file, which is reported below.
        Err(error) if error.kind() == ErrorKind::NotADirectory => path.clone(),
        Err(source) => return Err(Error::io(&path, source)),
        Ok(data) if !data.is_dir() => {
            return refused("a file, where a folder is to be written; choose another name");
        }
        Ok(_) => {
            let failed = |source| Error::io(&path, source);
            if fs::read_dir(&path).map_err(failed)?.next().is_some() {
                return refused(
                    "the folder holds files already, to which none are added; name a new or empty \
                     folder",
                );
            }
            let target = fs::canonicalize(&path).map_err(failed)?;
            if is_mount_point(&target).map_err(failed)? {
                return refused("the folder is a mount point; name a new folder in it");
            }
            target
        }
    };
    check_folder_around(&path, &target)?;
    let _locked = create_folder(&target)?;
    fs::remove_dir(partial_path(&target)).map_err(|source| Error::io(&target, source))?;
    Ok(target)
}

/// Whether a folder is on another file system than the one around it, so that it cannot be
/// replaced.
fn is_mount_point(path: &Path) -> std::io::Result<bool> {
    Ok(fs::metadata(path)?.dev() != fs::metadata(folder(path))?.dev())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::atomic_write::tests::listing;

    /// Writes a folder with one file.
    fn write_folder(path: &Path, text: &str) -> Result<()> {
        write_folder_atomically(path, |partial| {
            fs::write(partial.join("a"), text).map_err(|error| Error::io(partial, error))
        })
    }

    #[test]
    fn folder_is_new_or_replaces_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("empty")).unwrap();
        std::os::unix::fs::symlink("empty", folder.path().join("link")).unwrap();
        for name in ["new", "slash/", "link/"] {
            write_folder(&folder.path().join(name), "text").unwrap();
            assert_eq!(listing(&folder.path().join(name)), ["a"], "{name}");
            let text = write_folder(&folder.path().join(name), "more").unwrap_err().to_string();
            assert!(text.contains("holds files already"), "{text}");
            assert_eq!(fs::read_to_string(folder.path().join(name).join("a")).unwrap(), "text");
        }
        assert_eq!(listing(&folder.path().join("empty")), ["a"]);
        assert_eq!(listing(folder.path()), ["empty", "link", "new", "slash"]);
    }

    #[test]
    fn failed_write_of_a_folder_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (new, empty) = (folder.path().join("new"), folder.path().join("empty"));
        fs::create_dir(&empty).unwrap();
        for path in [&new, &empty] {
            let result = write_folder_atomically(path, |partial| {
                assert_eq!(partial, partial_path(path));
                fs::write(partial.join("half"), "").unwrap();
                Err(Error::Cancelled)
            });
            assert!(matches!(result, Err(Error::Cancelled)));
        }
        // Files of another appear meanwhile.
        let result = write_folder_atomically(&empty, |partial| {
            fs::write(partial.join("ours"), "").unwrap();
            fs::write(empty.join("theirs"), "").unwrap();
            Ok(())
        });
        assert!(matches!(result, Err(Error::Io { .. })), "{result:?}");
        assert_eq!(listing(folder.path()), ["empty"]);
        assert_eq!(listing(&empty), ["theirs"]);
    }

    #[test]
    fn unwritable_folders_are_rejected_by_the_check() {
        let folder = tempfile::tempdir().unwrap();
        let text = |path: &Path| check_folder(path).unwrap_err().to_string();
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(text(&folder.path().join("none/a")).contains("does not exist; create it"));
        assert!(text(&folder.path().join("file")).contains("a file, where a folder"));
        assert!(text(&folder.path().join("file/")).contains("a file, where a folder"));
        assert!(text(&folder.path().join("file/a")).contains("does not exist"));
        assert!(text(folder.path()).contains("holds files already"));
        assert!(text(Path::new("/")).contains("not the name of a folder"));
        assert!(text(Path::new("..")).contains("not the name of a folder"));
        assert!(text(Path::new("/proc")).contains("holds files"));
        check_folder(&folder.path().join("new")).unwrap();
        assert_eq!(listing(folder.path()), ["file"]);
    }
}
