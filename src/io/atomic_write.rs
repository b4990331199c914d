//! Atomic writes: a file, or a folder of files, is written whole or not at all.
//!
//! Two files that belong together are written both or neither.
//!
//! The content goes into a partial file or folder beside the target, is flushed to the disk and
//! then renamed to the target. An error, a full disk or a cancelled job leaves the target
//! unchanged.

use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Path of the partial file of [`write_atomically`], or of the partial folder of
/// [`write_folder_atomically`]: `.NAME.PID.partial` beside the target.
///
/// It depends on path and process only, so that a handler of Ctrl-C can delete it. A process must
/// not write one path from two threads at once.
pub fn partial_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.partial", std::process::id()))
}

/// Writes a file with the content that `write` produces.
///
/// # Errors
/// Those of [`check`], those of `write`, and [`Error::Io`] of the file system. In each case the
/// partial file is deleted and a file that was at `path` is unchanged.
pub fn write_atomically(
    path: &Path,
    overwrite: bool,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    check(path, overwrite)?;
    write_to_partial(path, write).and_then(|()| finish(path, overwrite)).inspect_err(|_| {
        // The partial file may not exist; the first error is the one to report.
        let _ = fs::remove_file(partial_path(path));
    })
}

/// Writes two files of one folder with the contents that `write` produces, such as a header and its
/// voxels.
///
/// # Errors
/// Those of [`write_atomically`]. In each case no partial file and no single new file is left.
pub fn write_pair_atomically(
    [first, second]: [&Path; 2],
    overwrite: bool,
    write: impl FnOnce(&mut dyn Write, &mut dyn Write) -> Result<()>,
) -> Result<()> {
    check(first, overwrite)?;
    let second_existed = second.exists();
    // The second file comes first: no header without its voxels.
    write_atomically(second, overwrite, |second| {
        write_to_partial(first, |first| write(first, second))
    })
    .and_then(|()| {
        let renamed = finish(first, overwrite);
        if renamed.is_err() && !second_existed {
            let _ = fs::remove_file(second);
        }
        renamed
    })
    .inspect_err(|_| {
        let _ = fs::remove_file(partial_path(first));
    })
}

/// Writes and flushes the partial file of a path.
fn write_to_partial(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let failed = |source| Error::io(path, source);
    let file = create(&partial_path(path)).map_err(failed)?;
    let mut file = BufWriter::with_capacity(1 << 16, file);
    write(&mut file)?;
    let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)
}

/// Renames a complete partial file to its target.
fn finish(path: &Path, overwrite: bool) -> Result<()> {
    // The file may have appeared since the first check.
    check_target(path, overwrite)?;
    fs::rename(partial_path(path), path).map_err(|source| Error::io(path, source))?;
    // The file is complete. Its name on the disk matters only for a power failure right now, and
    // not every file system lets a folder be flushed.
    let _ = File::open(folder(path)).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Creates the partial file, replacing that of an earlier process with the same PID.
fn create(partial: &Path) -> std::io::Result<File> {
    match fs::remove_file(partial) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => File::create_new(partial),
    }
}

/// Checks ahead of long work that [`write_atomically`] will be able to write `path`.
///
/// # Errors
/// [`Error::Argument`] where the file exists and may not be overwritten, where it is not a regular
/// file, or where its folder does not exist; [`Error::Io`] where the folder is not writable.
pub fn check(path: &Path, overwrite: bool) -> Result<()> {
    check_target(path, overwrite)?;
    let folder = folder(path);
    if !folder.is_dir() {
        return Err(Error::Argument(format!(
            "{}: the folder {} does not exist; create it first",
            path.display(),
            folder.display()
        )));
    }
    let partial = partial_path(path);
    create(&partial)
        .and_then(|_| fs::remove_file(&partial))
        .map_err(|source| Error::io(path, source))
}

fn check_target(path: &Path, overwrite: bool) -> Result<()> {
    if path.file_name().is_none() {
        return Err(Error::Argument(format!(
            "{}: not a file name; give the path of a file",
            path.display()
        )));
    }
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        // The folder is in fact a file; the check of the folder reports it.
        Err(error) if error.kind() == ErrorKind::NotADirectory => Ok(()),
        Err(source) => Err(Error::io(path, source)),
        Ok(data) if data.is_dir() => {
            Err(Error::Argument(format!("{}: a folder; name a file in it", path.display())))
        }
        Ok(data) if !data.is_file() => Err(Error::Argument(format!(
            "{}: not a regular file; give the path of a file",
            path.display()
        ))),
        Ok(_) if !overwrite => Err(Error::Argument(format!(
            "{}: already exists; choose another name or allow overwriting",
            path.display()
        ))),
        Ok(_) => Ok(()),
    }
}

/// Folder of a file; the current folder for a bare name.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

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
    let result = create_folder(&partial)
        .map_err(|source| Error::io(path, source))
        .and_then(|()| write(&partial))
        .and_then(|()| {
            // Their names matter for a power failure only, as in `write_atomically`.
            let _ = File::open(&partial).and_then(|folder| folder.sync_all());
            // This fails where files have appeared in the folder since the check.
            fs::rename(&partial, &target).map_err(|source| Error::io(path, source))
        });
    if result.is_err() {
        // The partial folder may not exist; the first error is the one to report.
        let _ = fs::remove_dir_all(&partial);
        return result;
    }
    let _ = File::open(folder(&target)).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Creates the partial folder, replacing that of an earlier process with the same PID.
fn create_folder(partial: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(partial) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => fs::create_dir(partial),
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
    let around = folder(&target);
    if !around.is_dir() {
        return refused(&format!(
            "the folder {} does not exist; create it first",
            around.display()
        ));
    }
    let partial = partial_path(&target);
    create_folder(&partial)
        .and_then(|()| fs::remove_dir(&partial))
        .map_err(|source| Error::io(&target, source))?;
    Ok(target)
}

/// Whether a folder is on another file system than the one around it, so that it cannot be
/// replaced.
fn is_mount_point(path: &Path) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(fs::metadata(path)?.dev() != fs::metadata(folder(path))?.dev())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of the entries of a folder, sorted.
    fn listing(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn write_text(path: &Path, overwrite: bool, text: &str) -> Result<()> {
        write_atomically(path, overwrite, |file| {
            file.write_all(text.as_bytes()).map_err(|source| Error::io(path, source))
        })
    }

    #[test]
    fn existing_file_is_only_overwritten_where_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_text(&path, false, "first").unwrap();
        let text = write_text(&path, false, "second").unwrap_err().to_string();
        assert!(text.contains("a.txt") && text.contains("already exists"), "{text}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        write_text(&path, true, "second").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        assert_eq!(listing(folder.path()), ["a.txt"]);
    }

    #[test]
    fn failed_write_leaves_the_target_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, "before").unwrap();
        let seen = write_atomically(&path, true, |file| {
            file.write_all(&[7; 1 << 20]).unwrap();
            assert!(partial_path(&path).exists(), "partial_path is the path of the partial file");
            Err(Error::Cancelled)
        });
        assert!(matches!(seen, Err(Error::Cancelled)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        assert_eq!(listing(folder.path()), ["a.txt"]);
    }

    #[test]
    fn file_that_appears_during_the_write_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let result = write_atomically(&path, false, |file| {
            fs::write(&path, "of another").unwrap();
            file.write_all(b"ours").map_err(|source| Error::io(&path, source))
        });
        assert!(result.is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "of another");
        assert_eq!(listing(folder.path()), ["a.txt"]);
    }

    #[test]
    fn two_files_are_written_both_or_neither() {
        let folder = tempfile::tempdir().unwrap();
        let [header, data] = ["a.mhd", "a.raw"].map(|name| folder.path().join(name));
        let pair = [header.as_path(), data.as_path()];
        let write = |overwrite: bool, result: Result<()>| {
            write_pair_atomically(pair, overwrite, |first, second| {
                first.write_all(b"header").unwrap();
                second.write_all(b"voxels").unwrap();
                result
            })
        };
        assert!(write(false, Err(Error::Cancelled)).is_err());
        assert_eq!(listing(folder.path()), [""; 0]);
        // The header appears while the files are written.
        let appears = write_pair_atomically(pair, false, |_, _| {
            fs::write(&header, "of another").unwrap();
            Ok(())
        });
        assert!(appears.is_err());
        assert_eq!(listing(folder.path()), ["a.mhd"]);
        fs::remove_file(&header).unwrap();
        write(false, Ok(())).unwrap();
        assert_eq!(fs::read_to_string(&header).unwrap(), "header");
        assert_eq!(fs::read_to_string(&data).unwrap(), "voxels");
        fs::remove_file(&header).unwrap();
        let text = write(false, Ok(())).unwrap_err().to_string();
        assert!(text.contains("a.raw: already exists"), "{text}");
        assert_eq!(listing(folder.path()), ["a.raw"]);
        write(true, Ok(())).unwrap();
        assert_eq!(listing(folder.path()), ["a.mhd", "a.raw"]);
    }

    #[test]
    fn partial_file_of_a_killed_process_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(partial_path(&path), "half").unwrap();
        write_text(&path, false, "whole").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
        assert_eq!(listing(folder.path()), ["a.txt"]);
    }

    #[test]
    fn unwritable_paths_are_rejected_by_the_check() {
        let folder = tempfile::tempdir().unwrap();
        let text = |path: &Path| check(path, true).unwrap_err().to_string();
        assert!(text(&folder.path().join("none/a.txt")).contains("does not exist; create it"));
        assert!(text(folder.path()).contains("a folder"));
        assert!(text(Path::new("/dev/null")).contains("not a regular file"));
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(text(&folder.path().join("file/a.txt")).contains("does not exist"));
        assert!(text(Path::new("/")).contains("not a file name"));
        check(&folder.path().join("a.txt"), false).unwrap();
        assert_eq!(listing(folder.path()), ["file"]);
    }

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
